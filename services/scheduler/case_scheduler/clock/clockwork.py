"""The clockwork of a scheduler: look at the clocks, fire what is due, say whether it was done; round after round."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.heartbeat import Vitals, beat
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.clock.outages import notice
from case_events.ledger.clock.watermark import publish
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_scheduler.clock.bell import Bell
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.pulse import Pulse

RETRY_S = 0.5
"""How long to wait before another round while Postgres is away, or after one that failed."""
SAY_EVERY_S = 1.0
"""While one sweep follows the other they are told of no oftener than this: each telling is a commit."""
PAUSED_EVERY_S = 1.0
"""How often the clocks are looked at while they are not believed."""

log = structlog.get_logger("case_scheduler")


class Clockwork:
    """One process has one. ``gate`` opens and shuts it, ``pulse`` says how it is."""

    def __init__(self, ledger: Ledger, gate: Gate, sweeper: Sweeper, lateness: Lateness, pulse: Pulse) -> None:
        self._ledger, self._gate, self._sweeper = ledger, gate, sweeper
        self._lateness, self._pulse = lateness, pulse
        self._say_at = 0.0
        self._done = False  # since it was last said
        self._away = True  # nobody knows yet whether others swept meanwhile

    async def keep(self, bell: Bell, stopping: Callable[[], bool]) -> None:
        """A round whenever the bell rings, until told to stop; whatever goes wrong in one, the next comes."""
        while not stopping():
            bell.ring_in(await self.round(stopping))
            if await bell.wait():
                self._sweeper.look_everywhere()
        with suppress(*UNAVAILABLE):
            await self._lateness.keep(self._ledger, at_once=True)

    async def round(self, stopping: Callable[[], bool]) -> float | None:
        """One round; in how many seconds the next is wanted (None: when the bell rings by itself)."""
        try:
            return await self._round(stopping)
        except UNAVAILABLE as error:
            self._pulse.away = f"{type(error).__name__}: {error}"
            log.warning("database_away", error=self._pulse.away)
        except Exception as error:
            log.exception("round_failed", error=type(error).__name__)
        finally:
            self._pulse.tried()
        self._away = True
        self._sweeper.look_everywhere()
        return RETRY_S

    async def _round(self, stopping: Callable[[], bool]) -> float | None:
        await self._look()
        if self._gate.paused is not None:
            self._away = True
            return PAUSED_EVERY_S
        if self._away:
            await self._notice()
        swept = await self._sweeper.sweep(stopping, self._gate.believed_until)
        if swept.done:
            self._pulse.swept()
            self._done = True
        untold_s = self._say_at - time.monotonic()
        if untold_s > 0:
            return untold_s if swept.again_in_s is None else min(untold_s, swept.again_in_s)
        await self._say()
        self._say_at = time.monotonic() + SAY_EVERY_S
        return swept.again_in_s

    async def _say(self) -> None:
        """Whether it was done, how far, and how late."""
        vitals = Vitals(swept=self._done, offset_ms=self._gate.offset_ms, batch=self._sweeper.pace.batch)
        await beat(self._ledger, self._pulse.name, vitals)
        self._done = False
        await publish(self._ledger, believed_until=self._gate.believed_until())
        await self._lateness.keep(self._ledger)

    async def _look(self) -> None:
        was = self._gate.paused
        async with self._ledger.connection() as connection:
            await self._gate.look(connection)
        self._pulse.away, self._pulse.paused, self._pulse.offset_ms = None, self._gate.paused, self._gate.offset_ms
        if was is None and self._gate.paused is not None:
            log.error("clock_paused", why=self._gate.paused, offset_ms=self._gate.offset_ms)
        elif was is not None and self._gate.paused is None:
            log.warning("clock_resumed", was=was, offset_ms=self._gate.offset_ms)

    async def _notice(self) -> None:
        """Whether nobody at all swept while this one could not: before it says that it does."""
        outage = await notice(self._ledger, self._pulse.name)
        self._away = False
        if outage is not None:
            began_at, ended_at = outage.began_at.rfc3339(), outage.ended_at.rfc3339()
            log.warning("outage_noticed", id=str(outage.id), began_at=began_at, ended_at=ended_at)
