"""The wiring: settings become an open ledger, routes, and answers; no route reads a setting by itself."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from case_api.callers.tokens import tokens_of
from case_api.console import wiring as console
from case_api.documents import openapi
from case_api.door import Door, door_of
from case_api.evidence.store import configured
from case_api.refusals import problems
from case_api.refusals.problems import Refused
from case_api.routes import (
    audit,
    batch,
    calendars,
    cases,
    clocks,
    cloud_events,
    deadlines,
    documents,
    dossier,
    evidence,
    export,
    feed,
    health,
    keys,
    operating,
    policies,
    reading,
    scheduler,
    simulations,
    stats,
    webhook_errands,
    webhooks,
)
from case_api.serving.heads import Heads
from case_api.serving.meters import Meters
from case_api.serving.watch import Watch
from case_api.settings import Settings
from case_api.streams.fanout import Fanout
from case_api.upkeep import days, keys_used
from case_api.upkeep.measuring import measuring
from case_events import logs, tracing
from case_events.collecting import collect_rarely
from case_events.core.values import Problem
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import open_ledger
from case_events.ledger.feed.reader import UnreadableEvent
from case_events.ledger.readable import holds_newer
from case_events.ledger.recent import Recent
from case_events.ledger.sealing import read_master_key

KEEP_ALIVE_S = 75
"""Longer than the usual load balancer keeps an idle connection, so that it never meets a closed one."""
SHUTDOWN_S = 10
"""How long requests under way may take after SIGTERM."""
BACKLOG = 2048
BUSIEST = "/v1/cases"
"""The paths that are matched first."""
ENDLESS = frozenset({"/v1/events/stream", "/v1/export/cases"})
"""What goes on as long as somebody listens, or for very long: of these there is no HEAD."""

log = structlog.get_logger("case_api")


class Plain(APIRoute):
    """A route whose endpoint takes the request and answers bytes: none of FastAPI's own reading and writing."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what matched; of the right path with another method Starlette says so."""
        if self.answers(scope["method"]):
            response: Response = await self.endpoint(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await super().handle(scope, receive, send)

    def answers(self, method: str) -> bool:
        """HEAD as well, wherever GET is (RFC 9110, section 9.1); the server leaves out what was answered with."""
        methods = self.methods or ()
        return method in methods or (method == "HEAD" and "GET" in methods and self.path not in ENDLESS)


def create_app(settings: Settings) -> FastAPI:
    """The API as these settings want it; its ledger is open while its lifespan lasts."""
    app = FastAPI(
        title="Caselog",
        lifespan=_opened(settings),
        redoc_url=None,
        redirect_slashes=False,
        # Its own traces would quote paths and its logs what a person wrote; ours are watch.py's.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.route_class = Plain
    app.state.meters = Meters(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    app.state.evidence = configured(settings)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http_fault)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _away)
    app.add_exception_handler(UnknownEvent, _unknown)
    app.add_exception_handler(UnreadableEvent, _unreadable)
    for routes in (cases, batch, reading, feed, dossier, deadlines, stats, evidence, policies, audit, simulations):
        routes.add_to(app)
    for routes in (documents, scheduler, operating, keys, calendars, cloud_events, export, webhooks, webhook_errands):
        routes.add_to(app)
    health.add_to(app)
    if settings.env != "production":
        clocks.add_to(app)
    console.add_to(app, settings)
    app.router.routes.sort(key=lambda route: not getattr(route, "path", "").startswith(BUSIEST))
    # In place of FastAPI's own layers, which prepare for every request what no route of ours uses.
    app.middleware_stack = app.state.watch = Watch(app, app.state.meters, settings.log_requests)
    app.openapi = functools.cache(lambda: openapi.document(app.routes))  # type: ignore[method-assign]  # its own way
    return app


def server_of(settings: Settings) -> uvicorn.Server:
    """The server of one process; it ends on SIGTERM when the requests under way are answered."""
    logs.configure(settings.log)
    logs.listen_to("uvicorn", logging.INFO)
    tracing.configure(settings.otlp_endpoint, "caselog-api")
    app = create_app(settings)
    collect_rarely()
    config = uvicorn.Config(
        app.state.watch,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Heads,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    return Server(config, app)


class Server(uvicorn.Server):
    """A server that ends its streams before it waits for the requests under way, which these would not let end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end what is under way, and go."""
        self._app.state.fanout.close()
        await super().shutdown(sockets)


def inherited() -> list[socket.socket] | None:
    """The listening socket a parent process handed down, so that the port stays open while workers come and go."""
    fd = os.environ.get("CASELOG_LISTEN_FD")
    return [socket.socket(fileno=int(fd))] if fd else None


def _opened(settings: Settings) -> Callable[[FastAPI], Any]:
    url, master_key = _url(settings), _master_key(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ledger = await open_ledger(url, master_key=master_key, application="caselog-api")
        ledger.clock_tolerance_s = settings.clock_tolerance_s
        ledger.recent = Recent()
        app.state.door = door = Door(
            ledger,
            app.state.evidence,
            sandbox=settings.env != "production",
            loopback=settings.env == "development",
            tokens=tokens_of(settings),
            rate_per_minute=settings.rate_per_minute,
        )
        try:
            async with (
                days.kept(ledger),
                keys_used.noted(ledger, door.callers.used),
                Fanout(ledger) as app.state.fanout,
                measuring(app),
            ):
                yield
        finally:
            await door.close()
            await ledger.close()
            # The signal that ended the server ends the process as soon as this is done.
            await asyncio.to_thread(tracing.close)
            logs.flush()

    return lifespan


def _url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SystemExit("CASELOG_DATABASE_URL is not set; `caselog up` brings a Postgres of its own.")
    return settings.database_url


def _master_key(settings: Settings) -> bytes:
    if settings.master_key_file is None:
        raise SystemExit("CASELOG_MASTER_KEY_FILE is not set: 32 bytes in base64.")
    try:
        return read_master_key(settings.master_key_file)
    except (OSError, ValueError) as fault:
        raise SystemExit(str(fault)) from None


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused), "it is registered for no other"
    if refused.problem.code == "store_unavailable" and refused.__cause__ is not None:
        request.scope["why"] = logs.why(refused.__cause__)
    return problems.answer(refused.problem, request.scope, refused.headers)


async def _http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException), "it is registered for no other"
    headers = dict(fault.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(_methods_here(request)))
    return problems.answer(problems.for_status(fault.status_code), request.scope, headers)


def _methods_here(request: Request) -> set[str]:
    """What is possible at this path: each of its methods may have a route of its own, and one knows of no other."""
    here = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    head = {"HEAD"} if any(isinstance(route, Plain) and route.answers("HEAD") for route in here) else set[str]()
    return head.union(*(getattr(route, "methods", None) or () for route in here))


async def _away(request: Request, fault: Exception) -> Response:
    request.scope["why"] = logs.why(fault)
    problem = Problem(code="unavailable", detail="The database is away; send it again in a moment, with the same key.")
    return problems.answer(problem, request.scope)


async def _unknown(request: Request, fault: Exception) -> Response:
    """A newer release wrote in the case while this process runs: its successor can answer, or another one now."""
    if not await holds_newer(door_of(request).ledger):
        raise fault
    detail = "A newer release wrote in this case, and this process cannot read it; send it again, with the same key."
    return problems.answer(Problem(code="unavailable", detail=detail), request.scope)


async def _unreadable(request: Request, fault: Exception) -> Response:
    """The feed ends here, for who asks for what comes next: nobody is led past an event."""
    assert isinstance(fault, UnreadableEvent), "it is registered for no other"
    log.error("event_unreadable", position=fault.position, case_id=str(fault.case_id), why=fault.why)
    newer = isinstance(fault.__cause__, UnknownEvent) and await holds_newer(door_of(request).ledger)
    problem = Problem(code="unavailable" if newer else "internal", detail=f"Nothing more is told before this: {fault}.")
    return problems.answer(problem, request.scope)
