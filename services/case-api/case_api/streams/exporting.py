"""An export on its way out: pages become lines, at the pace they are taken at, until the last or until it is cut off.

An answer that has begun cannot be refused any more: one that cannot go on is broken off, which its caller sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from case_api.streams.sending import begun, ended, hung_up_on, taken
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.lists.export import Export
from case_events.ledger.read_models import CaseRow

EXPORTS_MAX = 8
EXPORTS_PER_CLIENT_MAX = 2
"""Exports under way in one process; more are told to come back."""
EXPORT_S = 3600.0
"""An export is broken off after this; who has not got it all goes on after the last case."""
CHECK_S = 5.0
"""How often an export asks whether its key is still good."""
AWAY_S = 1.0
AWAY_MAX_S = 30.0
"""So long an export waits for a database that went away."""

log = structlog.get_logger("case_api.exporting")
T = TypeVar("T")
Write = Callable[[tuple[CaseRow, ...]], AsyncIterator[bytes]]


class Exporting(Response):
    """The answer. ``told`` is awaited when it is over, with how many cases were sent and whether that was all."""

    def __init__(
        self,
        export: Export,
        first: tuple[CaseRow, ...],
        write: Write,
        *,
        head: bytes,
        media: str,
        name: str,
        allowed: Callable[[], Awaitable[bool]],
        told: Callable[[int, bool], Awaitable[None]],
    ) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
        super().__init__(media_type=media, headers=headers)
        self._export = export
        self._first = first
        self._write = write
        self._head = head
        self._allowed = allowed
        self._told = told
        self._checked_at = asyncio.get_running_loop().time()
        self._sent = 0
        self._whole = False

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(EXPORT_S):
                await hung_up_on(receive, self._send(send))
        except TimeoutError:
            raise _broken_off(f"it took {EXPORT_S:g} s") from None
        finally:
            await self._told(self._sent, self._whole)

    async def _send(self, send: Send) -> None:
        await begun(send, self)
        await taken(send, self._head)
        async for rows in self._pages():
            async for piece in self._write(rows):
                await self._check()
                await taken(send, piece)
            self._sent += len(rows)
        self._whole = True
        await ended(send)

    async def _pages(self) -> AsyncIterator[tuple[CaseRow, ...]]:
        yield self._first
        while not self._export.done:
            yield await patiently(self._export.page)

    async def _check(self) -> None:
        """Break off where the key does not open any more what it opened."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at >= CHECK_S:
            if not await patiently(self._allowed):
                raise _broken_off("its key does not open this any more")
            self._checked_at = now


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, also if the database is away for a while. Raises ClientDisconnect if it stays away."""
    now = asyncio.get_running_loop().time
    until = now() + AWAY_MAX_S
    while True:
        try:
            return await ask()
        except UNAVAILABLE as error:
            if now() >= until:
                raise _broken_off(f"the database is away: {type(error).__name__}") from None
        await asyncio.sleep(AWAY_S)


def _broken_off(why: str) -> ClientDisconnect:
    log.warning("export_broken_off", why=why)
    return ClientDisconnect()
