"""The scheduler's door: liveness, readiness and metrics over HTTP, in the loop that fires, answered from memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from case_scheduler.pulse import Pulse

CLOSE_S = 2
"""How long answers under way may take when the process ends."""
AT_ONCE_MAX = 20
"""Requests answered at once; probes and a scraper are few, and firing comes first."""


class CannotListen(Exception):
    """The port is not to be had; the message says why."""


def listening(host: str, port: int | None, inherited_fd: int | None) -> socket.socket | None:
    """The socket to answer on: the parent's, or one of our own; None when no port was set. Raises CannotListen."""
    if inherited_fd is not None:
        return socket.socket(fileno=inherited_fd)
    if port is None:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as fault:
        told = f"cannot listen on {host} port {port}: {fault.strerror}; CASELOG_SCHEDULER_PORT names another"
        raise CannotListen(told) from None


@asynccontextmanager
async def answering(sock: socket.socket | None, pulse: Pulse, exposed: Callable[[], bytes]) -> AsyncIterator[None]:
    """Answer on ``sock`` while the block lasts; nothing is answered without one. ``exposed``: the metrics."""
    if sock is None:
        yield
        return
    server = _Server(_config(pulse, exposed))
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="door")
    try:
        yield
    finally:
        server.end()
        await asyncio.wait([serving], timeout=2 * CLOSE_S)
        serving.cancel()


def _config(pulse: Pulse, exposed: Callable[[], bytes]) -> uvicorn.Config:
    return uvicorn.Config(
        app_of(pulse, exposed),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=AT_ONCE_MAX,
        timeout_graceful_shutdown=CLOSE_S,
    )


def app_of(pulse: Pulse, exposed: Callable[[], bytes]) -> Starlette:
    """What answers there."""

    async def alive(_: Request) -> Response:
        return _shown({"status": "ok"}) if pulse.alive() else _shown({"status": "stuck"}, ok=False)

    async def ready(_: Request) -> Response:
        told = pulse.told()
        return _shown(told, ok=told["ready"])

    async def metrics(_: Request) -> Response:
        return Response(exposed(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)])


def _shown(said: dict[str, Any], *, ok: bool = True) -> Response:
    return JSONResponse(said, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process it is a guest in, and does not wake it ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()

    def end(self) -> None:
        """Answer what is under way, and go."""
        self.should_exit = True
        self._over.set()

    async def main_loop(self) -> None:
        await self._over.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
