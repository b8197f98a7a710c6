"""Traces: one from the caller over HTTP to each statement, to whoever takes them; and nobody ever waits for that."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from case_api.routes import reading
from case_api.settings import Settings
from case_events import tracing
from tests.api.house import AGREE, House, filed, open_house, post
from tests.conftest import Database

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
WRITTEN = "买家写的话"


class Collector:
    """Takes traces over OTLP/HTTP, as a real one does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()
        self.url = ""

    def spans(self) -> list[Span]:
        found = []
        for body in self.bodies:
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            found += [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
        return found


@contextmanager
def collecting(hold: threading.Event | None = None) -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hold is not None:
                hold.wait(10)
            collector.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            collector.paths.add(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that is there, and a process that tells it."""
    with collecting() as there:
        tracing.configure(there.url, "caselog-test")
        yield there
        tracing.close()


@pytest_asyncio.fixture
async def traced(collector: Collector, settings: Settings, prepared: Database) -> AsyncIterator[House]:
    """A house whose connections were made while traces are taken."""
    async with open_house(settings, prepared) as opened:
        yield opened


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_one_trace_leads_from_the_caller_to_each_statement(traced: House, collector: Collector) -> None:
    storefront = traced.caller("storefront")
    case = await filed(storefront, description=WRITTEN)
    path = f"/v1/cases/{case['case_id']}/events"
    answer = await storefront.post(path, json=AGREE, headers=TRACED)
    assert (answer.status_code, answer.headers["trace-id"]) == (201, TRACE)
    tracing.close()
    assert collector.paths == {"/v1/traces"}
    ours = [span for span in collector.spans() if span.trace_id.hex() == TRACE]
    (served,) = [span for span in ours if span.parent_span_id.hex() == PARENT]
    assert served.name == "POST /v1/cases/{case_id}/events"
    assert served.kind == Span.SPAN_KIND_SERVER
    said = attributes(served)
    assert (said["http.route"], said["http.response.status_code"]) == ("/v1/cases/{case_id}/events", 201)
    assert (said["caselog.case_id"], said["caselog.key_id"]) == (case["case_id"], "dev-storefront")
    parents = {span.span_id: span.parent_span_id for span in ours}
    statements = [span for span in ours if span.kind == Span.SPAN_KIND_CLIENT]
    assert {"SELECT", "UPDATE", "INSERT"} & {span.name.split()[0] for span in statements} >= {"SELECT"}
    assert len(statements) >= 2, "it was loaded and written"
    names = {span.span_id: span.name for span in ours}
    for span in statements:
        line = [names[one] for one in _up(span.span_id, parents) if one in names]
        assert line[-1] == served.name, line
    assert {"ledger.submit", "ledger.batch", "ledger.judge", "ledger.commit"} <= {span.name for span in ours}


def _up(span_id: bytes, parents: dict[bytes, bytes]) -> Iterator[bytes]:
    for _ in range(20):
        yield span_id
        if span_id not in parents:
            return
        span_id = parents[span_id]


async def test_a_trace_says_nothing_that_a_person_chose_or_wrote(
    traced: House, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(WRITTEN)

    storefront = traced.caller("storefront")
    case = await filed(storefront, description=WRITTEN, complainant={"role": "buyer", "id": "buyer-secret-88"})
    await storefront.get("/v1/cases", params={"order_id": "order-secret-99"})
    await storefront.get("/v1/path-secret-77")
    monkeypatch.setattr(reading, "read_case", broken)
    assert (await storefront.get(f"/v1/cases/{case['case_id']}", headers=TRACED)).status_code == 500
    tracing.close()
    (failed,) = [span for span in collector.spans() if span.trace_id.hex() == TRACE and span.kind == 2]
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failed)["caselog.problem"] == "internal"
    told = b"".join(collector.bodies)
    assert not [word for word in (WRITTEN, "buyer-secret-88", "order-secret-99", "secret-77") if word.encode() in told]


def test_of_an_error_only_its_kind_is_told(collector: Collector) -> None:
    with pytest.raises(RuntimeError), tracing.span("ledger.submit", case_id="x"):
        raise RuntimeError(WRITTEN)
    tracing.close()
    (failed,) = collector.spans()
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failed)["error.type"] == "RuntimeError"
    assert WRITTEN.encode() not in b"".join(collector.bodies)


async def test_without_a_caller_s_trace_the_answer_names_the_trace_that_was_begun(
    traced: House, collector: Collector
) -> None:
    answer = await traced.caller("storefront").get("/v1/nothing")
    tracing.close()
    (span,) = [span for span in collector.spans() if span.kind == Span.SPAN_KIND_SERVER]
    assert span.trace_id.hex() == answer.headers["trace-id"] == answer.json()["trace_id"]
    assert span.name == "GET unknown"


async def test_what_no_request_asked_for_is_no_trace(traced: House, collector: Collector) -> None:
    async with traced.app.state.door.ledger.connection() as connection:
        await connection.fetchval("SELECT 1")
    tracing.close()
    assert collector.spans() == []


async def test_who_takes_no_traces_in_time_delays_nobody(
    settings: Settings, prepared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "CLOSE_MS", 100)
    hold = threading.Event()
    with collecting(hold) as stuck:
        tracing.configure(stuck.url, "caselog-test")
        async with open_house(settings, prepared) as house:
            for _ in range(5):
                assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200
            began = time.monotonic()
            assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200
            assert time.monotonic() - began < 1
        hold.set()
    assert not tracing.is_on(), "the house ended it as it closed"


async def test_steps_that_shared_a_transaction_are_named_by_it(traced: House, collector: Collector) -> None:
    storefront = traced.caller("storefront")
    cases = [await filed(storefront) for _ in range(6)]
    spans = [f"00-{TRACE[:-1]}{number}-{PARENT}-01" for number in range(6)]
    await asyncio.gather(
        *(post(storefront, case, AGREE, traceparent=span) for case, span in zip(cases, spans, strict=True))
    )
    tracing.close()
    batches = [span for span in collector.spans() if span.name == "ledger.batch"]
    shared = [span for span in batches if attributes(span)["caselog.together"] > 1]
    assert shared, "some of them went together"
    assert all(len(span.links) == attributes(span)["caselog.together"] - 1 for span in shared)


async def test_readers_who_shared_a_round_trip_are_named_by_it(traced: House, collector: Collector) -> None:
    storefront = traced.caller("storefront")
    case = await filed(storefront)
    spans = [f"00-{TRACE[:-1]}{number}-{PARENT}-01" for number in range(6)]
    path = f"/v1/cases/{case['case_id']}"
    await asyncio.gather(*(storefront.get(path, headers={"traceparent": span}) for span in spans))
    tracing.close()
    shared = [span for span in collector.spans() if span.name == "ledger.read"]
    assert 0 < len(shared) < len(spans)
    assert sum(attributes(span)["caselog.together"] for span in shared) == len(spans)
    for span in shared:
        assert len(span.links) == attributes(span)["caselog.together"] - 1
        asked = {one.name for one in collector.spans() if one.parent_span_id == span.span_id}
        assert {name.split()[0] for name in asked} == {"SELECT"}


def test_off_no_span_is_made() -> None:
    assert not tracing.is_on()
    with tracing.span("nothing", case_id="x"), tracing.span("nothing more"):
        assert tracing.span("another") is tracing.span("nothing", case_id="x"), "all are one, which was there before"
    assert tracing.outgoing() == {}
    assert tracing.here() is None


@pytest.mark.parametrize(
    ("statement", "short"),
    [
        ("SELECT a FROM cases WHERE id = $1", "SELECT cases"),
        ("WITH x AS (SELECT 1 FROM streams FOR UPDATE) INSERT INTO events SELECT * FROM x", "INSERT events"),
        ("UPDATE api_keys SET name = 'someone'", "UPDATE api_keys"),
        ("DELETE FROM rate_limits", "DELETE rate_limits"),
        ("BEGIN;", "BEGIN"),
        ("SELECT pg_notify('x', 'y')", "SELECT"),
    ],
)
def test_a_statement_is_told_in_two_words(statement: str, short: str) -> None:
    assert tracing.summary(statement) == short
