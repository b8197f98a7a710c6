"""The wiring: settings become an open ledger, routes, and answers; settings are read here and nowhere else."""

from __future__ import annotations

import base64
import binascii
import functools
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from case_api import openapi, problems
from case_api.door import Door
from case_api.evidence import open_store
from case_api.problems import Refused
from case_api.routes import cases, clocks, deadlines, dossier, evidence, health, policies, reading, stats
from case_api.settings import Settings
from case_api.watch import Meters, Watch
from case_events import logs
from case_events.core.values import Problem
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import open_ledger

KEEP_ALIVE_S = 75
"""Longer than the usual load balancer keeps an idle connection, so that it never meets a closed one."""
SHUTDOWN_S = 10
"""How long requests under way may take after SIGTERM."""
BACKLOG = 2048


class Plain(APIRoute):
    """A route whose endpoint takes the request and answers bytes: none of FastAPI's own reading and writing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


def create_app(settings: Settings) -> FastAPI:
    """The API as these settings want it; its ledger is open while its lifespan lasts."""
    app = FastAPI(
        title="Caselog",
        lifespan=_opened(settings),
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"logs": False},  # it would log what a person wrote
    )
    app.router.route_class = Plain
    app.state.meters = Meters()
    app.state.evidence = open_store(
        settings.evidence_url,
        settings.data_dir / "evidence",
        bytes_max=settings.evidence_bytes_max,
        media_types=settings.evidence_media_types,
    )
    app.add_middleware(Watch, meters=app.state.meters)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http_fault)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _away)
    for routes in (cases, reading, dossier, deadlines, stats, evidence, policies, health):
        routes.add_to(app)
    if settings.env != "production":
        clocks.add_to(app)
    app.openapi = functools.cache(lambda: openapi.document(app.routes))  # type: ignore[method-assign]  # its own way
    return app


def server_of(settings: Settings) -> uvicorn.Server:
    """The server of one process; it ends on SIGTERM when the requests under way are answered."""
    _set_up_log(settings)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
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
    return uvicorn.Server(config)


def inherited() -> list[socket.socket] | None:
    """The listening socket a parent process handed down, so that the port stays open while workers come and go."""
    fd = os.environ.get("CASELOG_LISTEN_FD")
    return [socket.socket(fileno=int(fd))] if fd else None


def _opened(settings: Settings) -> Callable[[FastAPI], Any]:
    url, master_key = _url(settings), _master_key(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ledger = await open_ledger(url, master_key=master_key, application="caselog-api")
        app.state.door = Door(ledger, sandbox=settings.env != "production")
        try:
            yield
        finally:
            await ledger.close()

    return lifespan


def _url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SystemExit("CASELOG_DATABASE_URL is not set; `caselog up` brings a Postgres of its own.")
    return settings.database_url


def _master_key(settings: Settings) -> bytes:
    if settings.master_key_file is None:
        raise SystemExit("CASELOG_MASTER_KEY_FILE is not set: 32 bytes in base64.")
    try:
        return base64.b64decode(settings.master_key_file.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as fault:
        raise SystemExit(f"{settings.master_key_file}: {type(fault).__name__}; 32 bytes in base64 are wanted") from None


class _Lines(logging.Handler):
    """What uvicorn has to say, written as our own lines are."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)


def _set_up_log(settings: Settings) -> None:
    logs.configure(settings.log)
    uvicorns = logging.getLogger("uvicorn")
    uvicorns.handlers, uvicorns.propagate = [_Lines(logging.INFO)], False
    uvicorns.setLevel(logging.INFO)


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused), "it is registered for no other"
    return problems.answer(refused.problem, request.scope)


async def _http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException), "it is registered for no other"
    return problems.answer(problems.for_status(fault.status_code), request.scope, dict(fault.headers or {}))


async def _away(request: Request, _: Exception) -> Response:
    problem = Problem(code="unavailable", detail="The database is away; send it again in a moment, with the same key.")
    return problems.answer(problem, request.scope)
