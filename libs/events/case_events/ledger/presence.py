"""Whether Postgres answers: a server that hangs is found out, and nobody else waits for it.

A server that is stopped, or refuses, is no trouble: connecting fails at once, and the first connection that succeeds is
the end of it. One that hangs (a frozen machine, a cut network) answers nothing at all, and everything waits as long as
it may. So while something is asked and nothing has been answered for a while, one connection is made aside and asked
something; when that is not answered either, everybody who waits is told, and nobody else is let wait until it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

import asyncpg

from case_events.ledger.connection import UNAVAILABLE, Connection

SILENT_S = 1.0
"""How long nothing may have been answered before somebody asks aside."""
PROBE_S = 2.0
"""How long that may take. Who waits hears after both at most, and a little."""
AGAIN_S = 0.25
"""How soon it is asked again while it is away."""
LOOK_S = 0.25
TURN_S = 0.1
"""A probe is waited for in turns of this length. One that took longer was kept up by this very process, and counts no
more than this: a loop that stands still is no sign that Postgres does."""


class Away(ConnectionError):
    """Postgres hangs: others have waited for it in vain just now."""


class Presence:
    """What is asked of one server now, and when it last answered. ``probe`` asks it something on its own connection."""

    def __init__(self, probe: Callable[[], Awaitable[None]]) -> None:
        self.away = False
        self._probe = probe
        self._answered_at = 0.0
        self._using: dict[Connection, float] = {}
        self._held: set[Connection] = set()
        self._waiting: dict[asyncio.Timeout, float] = {}
        self._looking: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raises Away while the server hangs."""
        if self.away:
            self._look_out()
            raise Away("Postgres does not answer")

    def waits(self, limit: asyncio.Timeout) -> None:
        """Somebody waits for a connection, for no longer than ``limit``, which is shortened when it hangs."""
        self._waiting[limit] = time.monotonic()
        self._look_out()

    def waited(self, limit: asyncio.Timeout) -> None:
        """They have one, or gave up."""
        self._waiting.pop(limit, None)

    def uses(self, connection: Connection, *, held: bool) -> None:
        """Somebody asks on this one; ``held``: for as long as they like, and mostly nothing."""
        if held:
            self._held.add(connection)
        else:
            self._using[connection] = time.monotonic()

    def done(self, connection: Connection, *, answered: bool) -> None:
        """They go; ``answered``, whatever it was: who was cancelled or had no more time did not hear anything."""
        self._held.discard(connection)
        if self._using.pop(connection, None) is None or not answered:
            return
        with suppress(asyncpg.InterfaceError):  # one that was lost has left its pool, and cannot even say so
            if not connection.is_closed():
                self._answered_at = time.monotonic()

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _look_out(self) -> None:
        if self._looking is None or self._looking.done():
            # Its own context: what it does is nobody's request.
            self._looking = asyncio.create_task(self._look(), name="presence", context=Context())

    async def _look(self) -> None:
        """As long as anybody waits or asks, and until a server that hung answers again."""
        while self._waiting or self._using or self.away:
            if not self._silent():
                await asyncio.sleep(LOOK_S)
                continue
            asked_at = time.monotonic()
            if await self._answers():
                self.away, self._answered_at = False, time.monotonic()
            elif self._answered_at < asked_at:
                self.away = True
                self._tell_everybody()
                await asyncio.sleep(AGAIN_S)

    def _silent(self) -> bool:
        """Nothing was answered for a while although something was asked."""
        if self.away:
            return True
        asked_at = min((*self._waiting.values(), *self._using.values()))
        return time.monotonic() - max(asked_at, self._answered_at) > SILENT_S

    async def _answers(self) -> bool:
        probe = asyncio.ensure_future(self._probe())
        left = PROBE_S
        try:
            while left > 0 and not probe.done():
                began = time.monotonic()
                await asyncio.wait([probe], timeout=min(TURN_S, left))
                left -= min(TURN_S, time.monotonic() - began)
            if not probe.done():
                return False
            probe.result()
        except asyncpg.PostgresError:
            return True  # it said no, but it said something
        except UNAVAILABLE as fault:
            # Refused at once is no hanging: whoever asks finds out as fast.
            return not isinstance(fault, TimeoutError)
        finally:
            if not probe.done():
                probe.cancel()
                await asyncio.gather(probe, return_exceptions=True)
        return True

    def _tell_everybody(self) -> None:
        for connection in (*self._using, *self._held):
            connection.terminate()
        now = asyncio.get_running_loop().time()
        for limit in self._waiting:
            if not limit.expired():  # whose time is over hears it anyway, and a limit that expires cannot be moved
                limit.reschedule(now)
        self._waiting.clear()
