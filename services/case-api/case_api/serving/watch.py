"""The outermost loop of a request: its trace, line and measure, and the last resort when something of ours broke."""

from __future__ import annotations

import time
import traceback
from typing import Any, Literal

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from case_api.refusals import problems
from case_api.requests.headers import trace_of
from case_api.requests.parameters import UUID_FORM
from case_api.serving.meters import Meters, method_of, route_of
from case_events import logs, tracing
from case_events.core.values import Problem
from case_events.ledger.callers.keys import Caller

IN_FLIGHT_MAX = 1_000
"""Requests answered at once by one process; more are told to come back (429)."""
ALIVE = "/healthz"
"""Answered however many there are: who is full is alive, and must not be started again for it."""
GONE = 499
"""How a caller who hung up is counted; nobody receives it."""
SLOW_S = 1.0
"""A request that took so long has a line even where only slow ones have."""
REFUSED_FROM = 400

Lines = Literal["all", "slow", "none"]

HARDENED = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""What every answer tells a browser, unless its route knows better: it is data, it is for nobody else's page."""
NO_STORE = (b"cache-control", b"no-store")
OF_THE_API = (*HARDENED, NO_STORE)
HARDENED_NAMES = frozenset(name for name, _ in OF_THE_API)
DOCS = "/docs"
DOCS_POLICY = (
    b"default-src 'none'; script-src https://cdn.jsdelivr.net 'unsafe-inline'; "
    b"style-src https://cdn.jsdelivr.net 'unsafe-inline'; img-src https://fastapi.tiangolo.com data:; "
    b"connect-src 'self'; frame-ancestors 'none'"
)
"""FastAPI's page takes its scripts from there."""
BY_HTTPS = (b"strict-transport-security", b"max-age=31536000")

log = structlog.get_logger("case_api")


class Watch:
    """Pure ASGI around the routes of ``app``, and what answers when one of them raises what has a handler there.

    ``lines``: which requests have a line in the log.
    """

    def __init__(self, app: Starlette, meters: Meters, lines: Lines) -> None:
        self._app = app
        self._routes = app.router
        self._handlers = app.exception_handlers
        self._meters = meters
        self._lines = lines
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        if scope["type"] != "http":
            await self._routes(scope, receive, send)
        elif tracing.is_on():
            await self._traced(scope, receive, send)
        else:
            await self._watched(scope, receive, _Answer(scope, send, trace_of(scope["headers"])))

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        with tracing.serving(method_of(scope), scope["headers"]) as opened:
            answer = _Answer(scope, send, tracing.trace_id_of(opened))
            try:
                await self._watched(scope, receive, answer)
            finally:
                said = {**scope["about"], "trace_id": None, "problem": scope.get("problem")}
                tracing.served(opened, method_of(scope), route_of(scope), answer.status, **said)

    async def _watched(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        token = logs.ABOUT.set(scope["about"])
        started = time.perf_counter()
        self.in_flight += 1
        try:
            await self._answered(scope, receive, answer)
        except ClientDisconnect:
            answer.status = GONE
        except Exception as fault:  # noqa: BLE001 - the outermost loop: it logs and goes on
            await _last_resort(fault, scope, receive, answer)
        finally:
            self.in_flight -= 1
            if "over" in scope:
                scope["over"]()
            took = time.perf_counter() - started
            if "caller" in scope and "key_id" not in scope["about"]:
                introduce(scope, scope["caller"])  # by the console, which knows its callers by their sessions
            self._meters.saw(scope, answer.status, took, scope.get("problem"))
            if self._lines != "none":
                self._tell(scope, answer, took)
            logs.ABOUT.reset(token)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self.in_flight > IN_FLIGHT_MAX and scope["path"] != ALIVE:
            detail = f"{IN_FLIGHT_MAX} requests are being answered at once."
            full = problems.answer(Problem(code="too_many_requests", detail=detail), scope)
            await full(scope, receive, answer)
            return
        try:
            await self._routes(scope, receive, answer)
        except Exception as fault:
            handler = next((self._handlers[kind] for kind in type(fault).__mro__ if kind in self._handlers), None)
            if handler is None or answer.status:
                raise
            response = await handler(Request(scope, receive), fault)
            await response(scope, receive, answer)

    def _tell(self, scope: Scope, answer: _Answer, took_s: float) -> None:
        """The line of a request: what it was and what became of it, and nothing that a person chose or wrote."""
        if self._lines == "slow" and took_s < SLOW_S and answer.status < REFUSED_FROM:
            return
        said: dict[str, Any] = {
            "method": method_of(scope),
            "route": route_of(scope),
            "status": answer.status,
            "ms": round(took_s * 1000, 2),
            "bytes": answer.bytes,
        }
        if "problem" in scope:
            said["code"] = scope["problem"]
        if "why" in scope:
            said["why"] = scope["why"]
        logs.request(**said)


def introduce(scope: Scope, caller: Caller) -> None:
    """From here on every line about this request says whose key sent it, and about which case it is."""
    about = scope["about"]
    about["key_id"], about["client"] = caller.key_id, caller.client
    case_id = scope.get("path_params", {}).get("case_id")
    # What stands in a path is whatever the caller wrote there, until it is the id of a case.
    if case_id is not None and UUID_FORM.fullmatch(case_id):
        about["case_id"] = case_id


class _Answer:
    """``send`` for one request: adds the headers every answer has, and remembers what was sent."""

    def __init__(self, scope: Scope, send: Send, trace_id: str) -> None:
        scope["trace_id"] = trace_id
        scope["about"] = {"trace_id": trace_id}
        self._scope = scope
        self._send = send
        self.status = 0
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])  # a number, though a route says HTTPStatus.OK
            message = {**message, "headers": _headers(self._scope, message.get("headers", ()))}
        else:
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _headers(scope: Scope, own: Any) -> list[tuple[bytes, bytes]]:
    """The headers of an answer: its own, and those every answer has where it does not say otherwise."""
    headers = list(own)
    path = scope["path"]
    more: tuple[tuple[bytes, bytes], ...] = HARDENED
    if path.startswith("/v1/"):
        more = OF_THE_API
    elif path.startswith(DOCS):
        more = (*HARDENED[:-1], (b"content-security-policy", DOCS_POLICY))
    named = [name for name, _ in headers if name in HARDENED_NAMES]
    headers += more if not named else [one for one in more if one[0] not in named]
    headers.append((b"trace-id", scope["trace_id"].encode()))
    allowance = scope.get("allowance")
    if allowance is not None:
        headers += allowance.headers()
    if scope["scheme"] == "https" or (b"x-forwarded-proto", b"https") in scope["headers"]:
        headers.append(BY_HTTPS)
    return headers


async def _last_resort(fault: Exception, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """A fault of ours. Logged as frames without its message, which may quote what a person wrote."""
    log.error(
        "request failed",
        fault=type(fault).__name__,
        trace_id=scope["trace_id"],
        method=method_of(scope),
        route=route_of(scope),
        frames=traceback.format_tb(fault.__traceback__),
    )
    if answer.status:
        raise ConnectionAbortedError("the answer had begun: the server can only hang up") from None
    problem = Problem(code="internal", detail="Something of ours broke; trace_id says where to look.")
    await problems.answer(problem, scope)(scope, receive, answer)
