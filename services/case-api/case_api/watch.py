"""The outermost loop of a request: its trace id, its measure, and the last resort when something of ours broke."""

from __future__ import annotations

import time
import traceback
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from case_api import problems
from case_api.headers import trace_of
from case_events.core.values import Problem

IN_FLIGHT_MAX = 1_000
"""Requests answered at once by one process; more are told to come back (429)."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
GONE = 499
"""How a caller who hung up is counted; nobody receives it."""
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)

log = structlog.get_logger("case_api")


class Meters:
    """What one process has counted."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "caselog_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "caselog_http_request_seconds",
            "Time from a request's head to its answer's end.",
            ("method", "route"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._seen: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.streams = Gauge("caselog_streams", "Event streams that are open.", registry=self._registry)

    def exposed(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

    def saw(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        kind = (method, getattr(scope.get("route"), "path", "unknown"), status)
        requests, took = self._seen.get(kind) or self._seen.setdefault(kind, self._labelled(*kind))
        requests.inc()
        took.observe(seconds)

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, str(status)), self.seconds.labels(method, route)


class Watch:
    """Pure ASGI around everything."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        started = time.perf_counter()
        self._in_flight += 1
        try:
            await self._answered(scope, receive, answer)
        except ClientDisconnect:
            answer.status = GONE
        except Exception as fault:  # noqa: BLE001 - the outermost loop: it logs and goes on
            await _last_resort(fault, scope, receive, answer)
        finally:
            self._in_flight -= 1
            self._meters.saw(scope, answer.status, time.perf_counter() - started)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._in_flight <= IN_FLIGHT_MAX:
            await self._app(scope, receive, answer)
            return
        detail = f"{IN_FLIGHT_MAX} requests are being answered at once."
        full = problems.answer(Problem(code="too_many_requests", detail=detail), scope)
        await full(scope, receive, answer)


class _Answer:
    """``send`` for one request: adds the headers every answer has, and remembers the status."""

    def __init__(self, scope: Scope, send: Send) -> None:
        scope["trace_id"] = trace_of(scope["headers"])
        self._extra = [(b"trace-id", scope["trace_id"].encode())]
        if scope["path"].startswith("/v1/"):
            self._extra.append((b"cache-control", b"no-store"))
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = list(message.get("headers", ()))
            message = {**message, "headers": headers + self._extra}
        await self._send(message)


async def _last_resort(fault: Exception, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """A fault of ours. Logged as frames without its message, which may quote what a person wrote."""
    log.error(
        "request failed",
        fault=type(fault).__name__,
        trace_id=scope["trace_id"],
        method=scope["method"],
        route=getattr(scope.get("route"), "path", "unknown"),
        frames=traceback.format_tb(fault.__traceback__),
    )
    if answer.status:
        raise ConnectionAbortedError("the answer had begun: the server can only hang up") from None
    problem = Problem(code="internal", detail="Something of ours broke; trace_id says where to look.")
    await problems.answer(problem, scope)(scope, receive, answer)
