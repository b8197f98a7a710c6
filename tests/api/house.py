"""What the API's tests do with the app: open it, call it as somebody, file and post."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from case_api.app import create_app
from case_api.settings import Settings
from case_events.core.canonical import encode_hook
from case_events.core.values import Instant
from tests.conftest import Database
from tests.examples import FILING, order_that_succeeded

BUYER = {"role": "buyer", "id": "b-1"}
MERCHANT = {"role": "merchant", "id": "m-1"}
JSON = {"Content-Type": "application/json"}
_numbers = itertools.count(1)


class House:
    """An open app and the database under it."""

    def __init__(self, app: FastAPI, database: Database) -> None:
        self.app = app
        self.database = database
        self._callers: dict[str, AsyncClient] = {}

    def caller(self, role: str | None) -> AsyncClient:
        """A client with the development key of ``role``; None: without a key."""
        return self.with_key(f"dev-{role}" if role else "")

    def with_key(self, secret: str) -> AsyncClient:
        """A client with this key."""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        return self._callers.setdefault(
            secret, AsyncClient(transport=transport, base_url="http://caselog", headers=headers)
        )

    async def close(self) -> None:
        for caller in self._callers.values():
            await caller.aclose()

    async def count(self, table: str = "events") -> int:
        """How many rows there are, seen by the superuser."""
        connection = await asyncpg.connect(self.database.superuser)
        try:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name of ours
        finally:
            await connection.close()


@asynccontextmanager
async def open_house(settings: Settings, database: Database) -> AsyncIterator[House]:
    """The app with its lifespan running."""
    app = create_app(settings.model_copy(update={"database_url": database.app}))
    async with app.router.lifespan_context(app):
        house = House(app, database)
        yield house
        await house.close()


def complaint(**changes: Any) -> dict[str, Any]:
    """The body of a filing about an order of its own."""
    at = changes.pop("succeeded_at", Instant.of(datetime.now(UTC) - timedelta(days=1)))
    order = {**plain(order_that_succeeded(at)), "order_id": f"T{next(_numbers)}"}
    return {**plain(FILING), "order": order, **changes}


def plain(value: object) -> dict[str, Any]:
    """A Struct as JSON data."""
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value, enc_hook=encode_hook))
    return {name: said for name, said in data.items() if said is not None}


def happened(name: str, actor: dict[str, str] | None = None, **data: Any) -> dict[str, Any]:
    """The body of a posting."""
    return {"type": name, "data": data} | ({"actor": actor} if actor else {})


async def filed(storefront: AsyncClient, **changes: Any) -> dict[str, Any]:
    """A complaint that was just filed."""
    answer = await storefront.post("/v1/cases", json=complaint(**changes))
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


async def post(client: AsyncClient, case: dict[str, Any], body: dict[str, Any], **headers: str) -> Response:
    """Post what happened; ``if_match`` and ``idempotency_key`` become headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(f"/v1/cases/{case['case_id']}/events", json=body, headers=named)


AGREE = happened("merchant_replied", MERCHANT, decision="agree")
REFUSE = happened("merchant_replied", MERCHANT, decision="refuse", reason="物流显示本人签收。")
OFFER = happened(
    "merchant_replied",
    MERCHANT,
    decision="offer",
    offer={"kind": "partial_refund", "amount": {"amount": 5000, "currency": "CNY"}},
)
SETTLE = happened("settled", BUYER, basis="offer")
PROOF = [{"kind": "video", "uri": "https://files.example/4", "sha256": f"{4:064x}"}]
APPEAL = happened("appealed", BUYER, reason="代收点监控显示不是本人。", evidence=PROOF)
REJECT = happened("ruled", outcome="rejected", rule="delivery_proved", reasons="物流凭证证明买家已签收。")
REFUND = happened(
    "ruled",
    outcome="refund",
    amount={"amount": 12900, "currency": "CNY"},
    rule="delivery_not_proved",
    reasons="未能证明本人签收。",
)
REFUNDED = happened("remedied", MERCHANT, kind="refund", amount={"amount": 12900, "currency": "CNY"}, reference="R-1")
