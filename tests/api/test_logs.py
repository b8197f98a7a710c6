"""What the log says of a request: which route, what became of it, whose key and which case; nothing a person wrote."""

from __future__ import annotations

import ast
import errno
import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest
import structlog
from httpx import AsyncClient

from case_api.cli import postgres
from case_api.routes import reading
from case_api.serving import watch
from case_api.settings import Settings
from case_events import logs
from tests.api.house import (
    APPEAL,
    BUYER,
    MERCHANT,
    REFUND,
    REFUSE,
    House,
    complaint,
    filed,
    happened,
    open_house,
    post,
)
from tests.api.test_evidence_files import upload
from tests.conftest import Database

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MS_MAX = 60_000
ROOT = Path(__file__).resolve().parents[2]
LOGGING = {f"log.{level}" for level in ("debug", "info", "warning", "error", "exception", "critical")}


class Out:
    """Where a process would write its lines."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def lines(self) -> list[dict[str, Any]]:
        logs.flush()
        return [json.loads(line) for line in self.buffer.getvalue().splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == logs.REQUEST]


@pytest.fixture
def out(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Out]:
    """The lines of the house, as JSON."""
    told, before = Out(), structlog.get_config()
    monkeypatch.setattr(sys, "stdout", told)
    monkeypatch.setattr(logs, "_write_request", None)
    monkeypatch.setattr(logs, "_lines", None)
    monkeypatch.setattr(house.app.state.watch, "_lines", "all")
    logs.configure("json")
    # A logger that was used once would go on writing as it is now, also in whatever test comes next.
    structlog.configure(**structlog.get_config() | {"cache_logger_on_first_use": False})
    yield told
    structlog.configure(**before)


async def test_a_request_has_a_line_with_its_route_its_trace_its_key_and_its_case(house: House, out: Out) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    traced = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = await storefront.get(f"/v1/cases/{case['case_id']}?version=1", headers=traced)
    filing, line = out.requests()
    assert (filing["method"], filing["route"], filing["status"]) == ("POST", "/v1/cases", 201)
    assert 0 < line.pop("ms") < MS_MAX
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/cases/{case_id}",
        "status": 200,
        "bytes": len(answer.content),
        "trace_id": TRACE,
        "key_id": "dev-storefront",
        "client": "dev",
        "case_id": case["case_id"],
    }


async def test_a_refusal_says_its_code(house: House, out: Out) -> None:
    await house.caller("storefront").get("/v1/cases/00000000-0000-4000-8000-000000000000")
    await house.with_key("nobody's").get("/v1/cases")
    missing, unknown = out.requests()
    assert (missing["status"], missing["code"], missing["key_id"]) == (404, "not_found", "dev-storefront")
    assert (unknown["status"], unknown["code"]) == (401, "unauthenticated")
    assert "key_id" not in unknown


WRITTEN = (
    "张三丰",
    "买家写的话",
    "merchant-secret-77",
    "buyer-secret-88",
    "13800138000",
    "T-order-99",
    "https://photo.example/77",
)


async def test_nothing_that_a_person_chose_or_wrote_is_ever_in_the_log(house: House, out: Out) -> None:
    """A dispute from filing to appeal, with refusals, wrong paths and a fault of ours on its way."""
    storefront, platform = house.caller("storefront"), house.caller("platform")
    buyer, merchant = {**BUYER, "id": WRITTEN[3]}, {**MERCHANT, "id": WRITTEN[2]}
    proof = [{"kind": "photo", "uri": WRITTEN[6], "sha256": f"{7:064x}"}]
    body = complaint(description=f"{WRITTEN[0]}{WRITTEN[1]}{WRITTEN[4]}", complainant=buyer, respondent=merchant)
    body["order"]["order_id"] = WRITTEN[5]
    case = (await storefront.post("/v1/cases", json=body, headers={"Idempotency-Key": WRITTEN[4]})).json()
    steps = [
        (storefront, {**REFUSE, "actor": merchant, "data": {"decision": "refuse", "reason": WRITTEN[1]}}),
        (storefront, happened("intervention_requested", buyer, ground="refused", reason=WRITTEN[0])),
        (storefront, happened("evidence_submitted", buyer, evidence=proof)),
        (platform, {**REFUND, "data": {**REFUND["data"], "reasons": WRITTEN[1]}}),
        (storefront, {**APPEAL, "actor": buyer}),
        (storefront, happened("messaged", buyer, text=WRITTEN[0], nonsense=WRITTEN[1])),
    ]
    for client, step in steps:
        version = (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["version"]
        await post(client, case, step, if_match=f'"{version}"')
    await _wander(storefront)
    batch = [{**body, "id": WRITTEN[4]}, {"type": WRITTEN[0]}]
    assert (await storefront.post("/v1/events:batch", json=batch)).status_code == 207
    told = out.buffer.getvalue().decode() + json.dumps(out.lines(), ensure_ascii=False)
    assert len(out.requests()) >= 2 * len(steps) + 5
    assert not [word for word in WRITTEN if word in told or word.encode("unicode_escape").decode() in told]


async def _wander(storefront: AsyncClient) -> None:
    """Personal words where a client may put them by mistake."""
    await storefront.get("/v1/cases", params={"order_id": WRITTEN[5], "merchant_id": WRITTEN[2]})
    await storefront.get(f"/v1/cases/{WRITTEN[5]}")
    await storefront.get(f"/{WRITTEN[3]}", headers={"User-Agent": WRITTEN[4], "X-Name": WRITTEN[2]})


async def test_a_fault_of_ours_names_the_request_it_broke(
    house: House, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(WRITTEN[0])

    case = await filed(house.caller("storefront"))
    monkeypatch.setattr(reading, "read_case", broken)
    answer = await house.caller("storefront").get(f"/v1/cases/{case['case_id']}")
    fault, line = out.lines()[-2:]
    assert fault["event"] == "request failed"
    assert fault["trace_id"] == line["trace_id"] == answer.json()["trace_id"]
    assert (fault["key_id"], fault["case_id"]) == ("dev-storefront", case["case_id"])
    assert (line["status"], line["code"]) == (500, "internal")
    assert WRITTEN[0] not in out.buffer.getvalue().decode()


async def test_what_is_refused_because_the_database_is_away_says_what_postgres_said(
    house: House, prepared: Database, postgres_server: postgres.Server, out: Out
) -> None:
    superuser = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
    try:
        await superuser.execute(f"ALTER DATABASE {prepared.name} ALLOW_CONNECTIONS false")
        await superuser.execute(ended, prepared.name)
        for _ in range(3):  # a session that was ended is noticed as it is used
            await house.caller("ops").get("/v1/cases")
        await house.caller(None).get("/readyz")
    finally:
        await superuser.execute(f"ALTER DATABASE {prepared.name} ALLOW_CONNECTIONS true")
        await superuser.close()
    *_, refused, unready = out.requests()
    assert (refused["code"], unready["code"]) == ("unavailable", "not_ready")
    assert refused["why"] == unready["why"]
    assert refused["why"].startswith("ObjectNotInPrerequisiteStateError: database ")


async def test_what_is_refused_because_the_store_is_away_says_what_the_store_said(
    settings: Settings, prepared: Database, out: Out, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"where the store was")
    away = settings.model_copy(update={"evidence_url": f"file://{tmp_path}/file", "log_requests": "all"})
    async with open_house(away, prepared) as house:
        storefront = house.caller("storefront")
        await upload(storefront, await filed(storefront))
    line = out.requests()[-1]
    assert line["code"] == "store_unavailable"
    assert line["why"].startswith("FileExistsError: ")


def test_what_a_url_asks_with_is_not_in_the_log() -> None:
    said = logs.why(
        ConnectionError("PUT https://b.example/c/d?sig=secret&se=1 in 3 ms - refused\nDebug source: secret")
    )
    assert said == "ConnectionError: PUT https://b.example/c/d?… in 3 ms - refused"


async def test_where_only_slow_ones_have_lines_a_refusal_has_one_too(
    house: House, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.app.state.watch, "_lines", "slow")
    await house.caller("storefront").get("/v1/cases?limit=1")
    await house.caller("storefront").get("/v1/nothing")
    monkeypatch.setattr(watch, "SLOW_S", 0.0)
    await house.caller("storefront").get("/v1/cases?limit=2")
    monkeypatch.setattr(house.app.state.watch, "_lines", "none")
    await house.caller("storefront").get("/v1/nothing")
    assert [(line["status"], line["route"]) for line in out.requests()] == [(404, "unknown"), (200, "/v1/cases")]


async def test_a_status_is_a_number_however_a_route_says_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(logs, "request", lambda **line: said.append(repr(line["status"])))
    monkeypatch.setattr(house.app.state.watch, "_lines", "all")
    await house.caller("storefront").get("/v1/cases?limit=2")
    await house.caller(None).get("/healthz")
    assert said == ["200", "200"]


def test_lines_for_people_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    told, before = Out(), structlog.get_config()
    monkeypatch.setattr(sys, "stdout", told)
    monkeypatch.setattr(logs, "_write_request", None)
    monkeypatch.setattr(logs, "_lines", None)
    logs.configure("console")
    try:
        logs.request(method="GET", route="/v1/cases", status=200)
        structlog.get_logger().warning("something", said="a b\nc", nothing=None)
        first, second = told.buffer.getvalue().decode().splitlines()
    finally:
        structlog.configure(**before)
    assert first.endswith("method=GET route=/v1/cases status=200")
    assert "[info    ] request " in first
    assert second.endswith("said='a b\\nc' nothing=None"), "nobody writes a line of ours by what they send"


def test_what_a_library_says_of_a_fault_is_one_line_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    told, before = Out(), structlog.get_config()
    monkeypatch.setattr(sys, "stdout", told)
    monkeypatch.setattr(logs, "_write_request", None)
    monkeypatch.setattr(logs, "_lines", None)
    logs.configure("json")
    library = logging.getLogger("asyncio")
    try:
        said = "Task exception was never retrieved\nfuture: <Task exception='what somebody wrote'>"
        library.error(said, exc_info=ValueError("what somebody wrote"))
        (line,) = told.buffer.getvalue().splitlines()
    finally:
        library.handlers, library.propagate = [], True
        structlog.configure(**before)
    assert json.loads(line)["event"] == "Task exception was never retrieved"
    assert json.loads(line)["fault"] == "ValueError"
    assert b"somebody" not in line


class _Disk(io.RawIOBase):
    """What a log is written to; while it is full it takes nothing."""

    def __init__(self) -> None:
        self.full, self.taken = True, b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.taken += bytes(data)
        return len(data)


def test_a_log_whose_disk_is_full_stops_nobody_and_goes_on_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    told, disk, before = Out(), _Disk(), structlog.get_config()
    monkeypatch.setattr(told, "buffer", io.BufferedWriter(disk))
    monkeypatch.setattr(sys, "stdout", told)
    monkeypatch.setattr(logs, "_write_request", None)
    monkeypatch.setattr(logs, "_lines", None)
    logs.configure("json")
    log = structlog.get_logger()
    try:
        for n in range(1_000):
            log.warning("swept", n=n)
        disk.full = False
        log.warning("swept", n="again")
    finally:
        structlog.configure(**before)
    assert json.loads(disk.taken.splitlines()[-1])["n"] == "again"


@contextmanager
def _logged(log: Any) -> Iterator[None]:
    try:
        yield
    except RuntimeError:
        log.exception("round_failed")
        raise


@pytest.mark.parametrize("form", ["json", "console"])
def test_of_a_row_that_postgres_refuses_a_line_says_why_and_not_what_is_in_it(
    monkeypatch: pytest.MonkeyPatch, form: Literal["json", "console"]
) -> None:
    out, before = Out(), structlog.get_config()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(logs, "_write_request", None)
    monkeypatch.setattr(logs, "_lines", None)
    logs.configure(form)
    refused = {"C": "23502", "M": 'null value in column "later"', "D": f"Failing row contains ({WRITTEN[3]})."}
    row, fault = asyncpg.PostgresError.new(refused), RuntimeError("not written")
    fault.__cause__, row.__context__ = row, fault
    log = structlog.get_logger()
    try:
        log.error("case_failed", exc_info=row)
        with pytest.raises(RuntimeError), _logged(log):
            raise fault
    finally:
        structlog.configure(**before)
    said = out.buffer.getvalue().decode()
    assert WRITTEN[3] not in said
    assert said.count("NotNullViolationError: null value in column") == 2
    assert "RuntimeError: not written" in said
    assert 'test_logs.py\\", line' in said if form == "json" else 'test_logs.py", line' in said, "and where"


def test_every_module_that_logs_says_events_not_sentences_with_data() -> None:
    """What varies stands in fields: a sentence made of data could hold anything."""
    said = dict[str, ast.expr]()
    for path in (one for folder in ("libs", "services") for one in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in LOGGING:
                said[f"{path.name}:{node.lineno}"] = node.args[0]
    assert len(said) > 40
    assert [place for place, event in said.items() if not isinstance(event, ast.Constant)] == []


UNREAD = """
import asyncio, sys
from pathlib import Path
import structlog
from case_events import logs

async def main():
    logs.configure("json")
    log = structlog.get_logger()
    for number in range(20_000):
        log.info("line", number=number, filling="x" * 100)
    Path(sys.argv[1]).write_text("went on")
    sys.stdin.buffer.read(1)
    for _ in range(100):
        await asyncio.sleep(0.02)
        log.info("again")

asyncio.run(main())
"""


def test_who_reads_our_lines_no_more_stops_nobody_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    told = tmp_path / "told"
    command, pipe = (sys.executable, "-c", UNREAD, str(told)), subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        try:
            for _ in range(600):
                if told.exists() or process.poll() is not None:
                    break
                time.sleep(0.05)
            assert told.read_text() == "went on"
            written, _ = process.communicate(b"x", timeout=30)
        finally:
            process.kill()
    lines = [json.loads(line) for line in written.splitlines()]
    numbers = [one["number"] for one in lines if one["event"] == "line"]
    lost = sum(one["lines"] for one in lines if one["event"] == "log_lines_lost")
    assert numbers == sorted(set(numbers)), "none twice, and none before one before it"
    assert (len(numbers) + lost, lost > 0) == (20_000, True)
    assert sum(one["event"] == "again" for one in lines) == 100
