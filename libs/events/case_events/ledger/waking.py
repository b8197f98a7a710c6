"""The knock at the sequencer's door: sent after an append and outside of it, at once, and then once a second at most.

A NOTIFY in every commit would cost most of the throughput, because Postgres commits those one after the other. Once
knocked, the sequencer looks often enough for longer than a second: an append that does not knock waits for nothing.
"""

from __future__ import annotations

import asyncio
import time

import asyncpg

from case_events.ledger.connection import CONNECT_TIMEOUT_S, UNAVAILABLE

APPENDED_CHANNEL = "caselog_appended"
"""Where the sequencers listen for somebody who has appended after a pause."""
EVERY_S = 1.0
KNOCK = f"SELECT pg_notify('{APPENDED_CHANNEL}', '')"


class Waking:
    """Knocks on a connection of the pool, one knock at a time; who appended neither waits nor hears of it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._next_at = 0.0
        self._knocking: asyncio.Task[None] | None = None

    def appended(self) -> None:
        """Something was committed. Never blocks, never raises; called on the event loop of the pool."""
        if time.monotonic() < self._next_at or (self._knocking is not None and not self._knocking.done()):
            return
        self._next_at = time.monotonic() + EVERY_S
        self._knocking = asyncio.create_task(self._knock(), name="knock")

    async def close(self) -> None:
        """The knock under way is waited for; it takes no longer than getting a connection and one statement."""
        if self._knocking is not None:
            await self._knocking

    async def _knock(self) -> None:
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                await connection.execute(KNOCK)
        except UNAVAILABLE:
            self._next_at = 0.0  # unheard: the next append knocks again, and the sequencer looks by itself anyway
