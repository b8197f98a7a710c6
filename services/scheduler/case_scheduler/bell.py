"""When to look: the metronome's tick, the next due instant, and the database's knock all ring one bell.

The sequencer has a knock of its own: somebody appended after a pause.

APScheduler is the metronome only, with a memory store and a handful of jobs; it holds no business deadline. It can
stop silently, so whoever waits for the bell waits no longer than ``SILENCE_S`` on the monotonic clock and then looks
all the same.
"""

from __future__ import annotations

import asyncio
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

SILENCE_S = 2 * WAKE_WITHIN.total_seconds()
RECONNECT_S = 2

log = structlog.get_logger("case_scheduler.bell")


class Bell:
    """Rings when something may be due; listens to the database on a connection of its own.

    It also calls the rounds of what is done every ``round_s`` seconds, due or not.
    """

    def __init__(self, url: str, round_s: float) -> None:
        self._url = url
        self._round_s = round_s
        self._rung = asyncio.Event()
        self._round = asyncio.Event()
        self._appended = asyncio.Event()
        self._metronome = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._listening: asyncpg.Connection | None = None

    async def __aenter__(self) -> Bell:
        self._metronome.add_job(self.ring, IntervalTrigger(seconds=int(WAKE_WITHIN.total_seconds())), id="sweep")
        listen = IntervalTrigger(seconds=RECONNECT_S)
        self._metronome.add_job(self._listen, listen, id="listen", next_run_time=datetime.now(UTC))
        self._metronome.add_job(self.call_round, IntervalTrigger(seconds=self._round_s), id="round")
        self._metronome.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._metronome.shutdown(wait=False)
        if self._listening is not None and not self._listening.is_closed():
            self._listening.terminate()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, seconds: float | None) -> None:
        """Ring when the next deadline is due, unless the metronome's tick comes first."""
        if seconds is None or seconds >= WAKE_WITHIN.total_seconds():
            return
        at = datetime.now(UTC) + timedelta(seconds=max(0.0, seconds))
        self._metronome.add_job(self.ring, DateTrigger(at), id="next-due", replace_existing=True)

    async def wait(self) -> None:
        """Until the bell rings, and no longer than ``SILENCE_S``."""
        try:
            async with asyncio.timeout(SILENCE_S):
                await self._rung.wait()
        except TimeoutError:
            log.warning("metronome_silent", waited_s=SILENCE_S)
        self._rung.clear()

    def call_round(self) -> None:
        self._round.set()

    async def wait_for_round(self) -> None:
        """Until the next round is called, and no longer than two of them take: the metronome can stop silently."""
        try:
            async with asyncio.timeout(2 * self._round_s):
                await self._round.wait()
        except TimeoutError:
            log.warning("metronome_silent", waited_s=2 * self._round_s)
        self._round.clear()

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

    async def _listen(self) -> None:
        """Keep a listening connection; without one, deadlines set at short notice and events wait for the next look."""
        if self._listening is not None and not self._listening.is_closed():
            return
        try:
            self._listening = await asyncpg.connect(
                self._url, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "caselog-bell"}
            )
            await self._listening.add_listener(DUE_CHANNEL, lambda *_: self.ring())
            await self._listening.add_listener(APPENDED_CHANNEL, lambda *_: self.knock())
        except UNAVAILABLE as error:
            log.warning("not_listening", error=str(error))
            if self._listening is not None:
                self._listening.terminate()
            return
        self.ring()
        self.knock()
