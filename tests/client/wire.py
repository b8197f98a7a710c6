"""Faults between a client and a service: a wire that can be cut, and answers that are no Caselog's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

CHUNK = 65_536
OPEN_MAX = 100
Message = MutableMapping[str, Any]


class Wire:
    """A TCP wire on loopback to ``port``. It can lose answers, be cut, and be mended."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.answers_to_lose = 0
        self.lost = 0

    async def mend(self) -> None:
        """Lay it, at the port it had before if it had one."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Nobody gets through, and whoever is talking is interrupted."""
        if self._server is not None:
            self._server.close()
            for end in tuple(self._ends):
                end.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert len(self._ends) < OPEN_MAX, "more connections than any test needs"
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        ends = {writer, back}
        self._ends |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, back, answers=False))
                both.create_task(self._pass(there, writer, answers=True))
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                if answers and self.answers_to_lose:
                    # The service has answered, so what was asked has happened; nobody will hear of it.
                    self.answers_to_lose -= 1
                    self.lost += 1
                    break
                writer.write(data)
                await writer.drain()
        for end in tuple(self._ends & {writer}):
            end.transport.abort()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    """A wire, whole at first."""
    wire = Wire(port)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()


class Stranger:
    """An ASGI app that gives these answers one after the other, the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[dict[str, str], bytes]] = []

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = (await receive()).get("body", b"")
        self.asked.append(({name.decode(): value.decode() for name, value in scope["headers"]}, body))
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.headers.raw})
        await send({"type": "http.response.body", "body": answer.content})
