"""When to look: the metronome's tick, the next due instant, and the database's knock all ring one bell.

The sequencer has a knock of its own: somebody appended after a pause. Rounds and upkeep are called by the metronome.

APScheduler is the metronome only, with a memory store and a handful of jobs; it holds no business deadline. It can
stop silently, so whoever waits for the bell waits no longer than they must on the monotonic clock, looks all the same,
and winds the metronome up anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from case_events.ledger.append_statements import DUE_CHANNEL
from case_events.ledger.connection import CONNECT_TIMEOUT_S, UNAVAILABLE
from case_events.ledger.steps import WAKE_WITHIN
from case_events.ledger.waking import APPENDED_CHANNEL

TICK_S = WAKE_WITHIN.total_seconds()
SILENCE_S = 2 * TICK_S
"""Nobody waits for the bell any longer than this."""
OVERSLEPT_S = 0.5
"""So much after the next deadline was due the bell should have rung; whoever waits looks by themselves."""
RECONNECT_S = 2
UPKEEP_EVERY_S = 60

log = structlog.get_logger("case_scheduler.bell")


class Bell:
    """Rings when something may be due; listens to the database on a connection of its own.

    It also calls the rounds of what is done every ``round_s`` seconds, due or not, and those of upkeep.
    """

    def __init__(self, url: str, round_s: float) -> None:
        self._url = url
        self._round_s = round_s
        self._rung = asyncio.Event()
        self._round = asyncio.Event()
        self._upkeep = asyncio.Event()
        self._appended = asyncio.Event()
        self._knocked = False
        self._due_at = float("inf")
        self._metronome: AsyncIOScheduler | None = None
        self._listening: asyncpg.Connection | None = None

    async def __aenter__(self) -> Bell:
        self._wind_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._halt()
        if self._listening is not None and not self._listening.is_closed():
            self._listening.terminate()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, seconds: float | None) -> None:
        """Ring when the next deadline is due, unless the metronome's tick comes first."""
        if seconds is None or seconds >= TICK_S:
            self._due_at = float("inf")
            return
        seconds = max(0.0, seconds)
        self._due_at = time.monotonic() + seconds
        if self._metronome is not None:
            at = datetime.now(UTC) + timedelta(seconds=seconds)
            self._metronome.add_job(self.ring, DateTrigger(at), id="next-due", replace_existing=True)

    async def wait(self) -> bool:
        """Until the bell rings, and no longer than ``SILENCE_S``; whether the database knocked."""
        patience_s = min(SILENCE_S, max(0.0, self._due_at - time.monotonic()) + OVERSLEPT_S)
        await self._hear(self._rung, patience_s, silent=patience_s >= SILENCE_S)
        knocked, self._knocked, self._due_at = self._knocked, False, float("inf")
        return knocked

    def call_round(self) -> None:
        self._round.set()

    async def wait_for_round(self) -> None:
        """Until the next round is called, and no longer than two of them take."""
        await self._hear(self._round, 2 * self._round_s)

    def call_upkeep(self) -> None:
        self._upkeep.set()

    async def wait_for_upkeep(self) -> None:
        """Until upkeep is called, and no longer than two calls take."""
        await self._hear(self._upkeep, 2 * UPKEEP_EVERY_S)

    def knock(self) -> None:
        self._appended.set()

    async def wait_for_knock(self, seconds: float) -> bool:
        """Until somebody says that something was appended, or so long; whether somebody did."""
        try:
            async with asyncio.timeout(seconds):
                await self._appended.wait()
        except TimeoutError:
            return False
        self._appended.clear()
        return True

    async def _hear(self, called: asyncio.Event, patience_s: float, *, silent: bool = True) -> None:
        """Who was not called in time goes on; where that means that the metronome is ``silent`` it is wound up."""
        try:
            async with asyncio.timeout(patience_s):
                await called.wait()
        except TimeoutError:
            if silent:
                log.warning("metronome_silent", waited_s=patience_s)
                self._wind_up()
        called.clear()

    def _wind_up(self) -> None:
        """A metronome from the start; whatever became of the one before."""
        self._halt()
        self._metronome = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        jobs: tuple[tuple[str, Callable[..., object], float], ...] = (
            ("sweep", self.ring, TICK_S),
            ("listen", self._listen, RECONNECT_S),
            ("round", self.call_round, self._round_s),
            ("upkeep", self.call_upkeep, UPKEEP_EVERY_S),
        )
        for name, work, every_s in jobs:
            self._metronome.add_job(work, IntervalTrigger(seconds=every_s), id=name)
        self._metronome.modify_job("listen", next_run_time=datetime.now(UTC))
        self._metronome.start()

    def _halt(self) -> None:
        metronome, self._metronome = self._metronome, None
        if metronome is not None and metronome.running:
            metronome.shutdown(wait=False)

    async def _listen(self) -> None:
        """Keep a listening connection; without one, deadlines set at short notice and events wait for the next look."""
        if self._listening is not None and not self._listening.is_closed():
            return
        try:
            self._listening = await asyncpg.connect(
                self._url, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "caselog-bell"}
            )
            await self._listening.add_listener(DUE_CHANNEL, lambda *_: self._hear_knock())
            await self._listening.add_listener(APPENDED_CHANNEL, lambda *_: self.knock())
        except UNAVAILABLE as error:
            log.warning("not_listening", error=str(error))
            if self._listening is not None:
                self._listening.terminate()
            return
        self._hear_knock()
        self.knock()

    def _hear_knock(self) -> None:
        self._knocked = True
        self.ring()
