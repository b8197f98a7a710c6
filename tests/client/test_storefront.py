"""The example storefront runs against a whole Caselog: it files, replies, and hears by webhook what became of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from caselog_client import Caselog, Webhook
from tests.client.test_receiving import BODY, signed
from tests.serving import Serving, free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/storefront"
LINES_MAX = 149
SOON_S, POLL_S = 30.0, 0.05


class Shop:
    """The example as its buyers and merchants meet it."""

    def __init__(self, http: httpx.Client, log: Path) -> None:
        self.http = http
        self._log = log

    def asks(self, method: str, path: str, status: int, **body: Any) -> Any:
        answer = self.http.request(method, path, json=body or None)
        assert answer.status_code == status, (answer.text, self._log.read_text()[-2000:])
        return answer.json() if answer.content else None

    def told(self, order_id: str, *types: str) -> Any:
        """The dispute of the order, once the webhooks have told of these events."""
        said = until(lambda: self.asks("GET", f"/orders/{order_id}", 200), lambda said: said["told"] == [*types])
        return said["dispute"]

    def is_open(self) -> bool:
        try:
            return self.http.get("/docs").status_code == 200
        except httpx.TransportError:
            return False


def until(read: Callable[[], Any], there: Callable[[Any], bool]) -> Any:
    """What is read, once it is as it should be."""
    ends = time.monotonic() + SOON_S
    while not there(said := read()):
        assert time.monotonic() < ends, said
        time.sleep(POLL_S)
    return said


@contextmanager
def shop_open(caselog: Serving, folder: Path, port: int, merchant: str) -> Iterator[Shop]:
    """The example in a process of its own, as its page says to start it."""
    url, log = f"http://127.0.0.1:{port}", folder / "shop.log"
    said = {"CASELOG_URL": caselog.url, "STOREFRONT_URL": url, "STOREFRONT_MERCHANT": merchant}
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE), "app:app", "--port", str(port)]
    environment = {**os.environ, **said, "STOREFRONT_DB": str(folder / "shop.db")}
    with log.open("ab") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            with httpx.Client(base_url=url, timeout=SOON_S) as http:
                shop = Shop(http, log)
                until(shop.is_open, lambda there: bool(there) or process.poll() is not None)
                assert process.poll() is None, log.read_text()
                yield shop
        finally:
            process.kill()


def outcomes_of(storefront: Caselog, hook: Webhook, reason: str, case_id: str | None = None) -> list[str]:
    """What came of what was sent to the endpoint for this reason."""
    return [one.outcome for one in storefront.webhooks.attempts(hook.id, case_id=case_id) if one.reason == reason]


@pytest.fixture
def merchant(storefront: Caselog) -> Iterator[str]:
    """A merchant of this shop's own; its endpoint is deleted in the end, so that nobody is sent anything any more."""
    merchant = f"m-{uuid4().hex[:8]}"
    yield merchant
    for hook in storefront.webhooks.list():
        if hook.merchants == (merchant,):
            storefront.webhooks.delete(hook.id)


def test_the_example_files_replies_and_hears_what_became_of_it(
    caselog: Serving, storefront: Caselog, merchant: str, tmp_path: Path
) -> None:
    port = free_port()
    with shop_open(caselog, tmp_path, port, merchant) as shop:
        order = shop.asks("POST", "/orders", 201, title="毛衣", fen=12900, buyer="b-7")["order_id"]
        assert shop.asks("GET", f"/orders/{order}", 200)["dispute"] is None
        shop.asks("POST", f"/orders/{order}/reply", 409, decision="agree", reason="好的。")

        filed = shop.asks("POST", f"/orders/{order}/complaint", 201)
        assert shop.asks("POST", f"/orders/{order}/complaint", 201)["case_id"] == filed["case_id"], "pressed twice"
        dispute = shop.told(order, "filed")
        case = storefront.case(filed["case_id"])
        assert (dispute["status"], dispute["next"]) == ("waiting_for_merchant", ["respondent"])
        assert dispute["until"] == min(one.due_at for one in case.deadlines).isoformat()

        replied = shop.asks("POST", f"/orders/{order}/reply", 200, decision="refuse", reason="物流显示已签收。")
        assert replied["events"] == ["merchant_replied", "intervention_requested"]
        assert shop.told(order, "filed", *replied["events"])["status"] == "under_review"
        refused = shop.asks("POST", f"/orders/{order}/reply", 422, decision="agree", reason="还是算了。")
        assert refused["code"] == "id_reused"

        answer = shop.http.post("/hooks", content=BODY, headers=signed())
        assert answer.status_code == 400, "signed, but not with this endpoint's secret"
        (hook,) = (one for one in storefront.webhooks.list() if one.merchants == (merchant,))
        storefront.webhooks.pause(hook.id, "the shop moves")
    # The shop is killed, misses what happens, and hears of it when it is back; what it heard before it knows still.
    storefront.post(filed["case_id"], "withdrawn", {"reason": "已经收到了。"}, {"role": "buyer", "id": "b-7"})
    with shop_open(caselog, tmp_path, port, merchant) as shop:
        heard = ("filed", "merchant_replied", "intervention_requested", "withdrawn", "closed")
        assert storefront.webhooks.resume(hook.id).state == "active"
        storefront.webhooks.test(hook.id)
        dispute = shop.told(order, *heard)
        assert (dispute["status"], dispute["next"], dispute["until"]) == ("closed", [], None)

        stands = until(lambda: storefront.webhooks.get(hook.id), lambda said: said.lag == said.waiting == 0)
        storefront.webhooks.redeliver(hook.id, first=1, last=stands.position)
        again = ["delivered"] * len(heard)
        until(lambda: outcomes_of(storefront, hook, "redelivery", filed["case_id"]), lambda said: said == again)
        assert shop.asks("GET", f"/orders/{order}", 200)["told"] == [*heard], "each event once"
        until(lambda: outcomes_of(storefront, hook, "test"), lambda said: said == ["delivered"])


def test_the_example_is_short_enough_to_read() -> None:
    assert len((EXAMPLE / "app.py").read_text(encoding="utf-8").splitlines()) <= LINES_MAX
