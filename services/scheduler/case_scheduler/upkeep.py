"""Upkeep: what is done now and then beside firing, once in each of its slots, however many schedulers there are.

On connections of its own, a little at a time, and never waited for: firing comes first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from case_events.ledger.clock import calendars, upkeep
from case_events.ledger.clock.upkeep import ABANDONED_S, CameTo, Turn
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_scheduler.clock.bell import Bell

JOB_S_MAX = ABANDONED_S - 300
"""No job takes longer; before anybody else may take it for left, it has ended."""

CALENDARS, CALENDARS_EVERY_S = "calendars", calendars.REFRESH_S / 2
"""What keeps this process's days the published ones, as it is counted among the jobs, and how often it looks."""

Stopping = Callable[[], bool]
Ended = Callable[[str, bool], None]
Work = Callable[[Ledger, Stopping, str | None], Awaitable[CameTo]]
"""Given the ledger, whether to stop, and where the last turn said to go on; what it came to."""

log = structlog.get_logger("case_scheduler.upkeep")


class Job(NamedTuple):
    """Something to be done once in every ``every_s`` seconds, by whoever comes first."""

    name: str
    every_s: float
    work: Work


async def keep_calendars(ledgers: Sequence[Ledger], stop: asyncio.Event, ended: Ended) -> None:
    """Look at the published days for these again and again until told to stop, however long a job of upkeep takes.

    ``ended`` hears that it failed; where Postgres was away, once the days are older than anybody may go by.
    """
    fresh_at = time.monotonic()
    while not stop.is_set():
        try:
            for ledger in ledgers:
                await calendars.refresh(ledger)
            fresh_at = time.monotonic()
            ended(CALENDARS, True)
        except UNAVAILABLE as error:
            log.warning("database_away", job=CALENDARS, error=f"{type(error).__name__}: {error}")
            if time.monotonic() - fresh_at > calendars.REFRESH_S:
                ended(CALENDARS, False)
        except Exception as error:
            log.exception("upkeep_failed", job=CALENDARS, error=type(error).__name__)
            ended(CALENDARS, False)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CALENDARS_EVERY_S)


class Upkeep:
    """The jobs of one process."""

    def __init__(
        self, ledger: Ledger, name: str, jobs: Sequence[Job], ended: Ended = lambda _name, _well: None
    ) -> None:
        """``ended``: hears of every job that ended here or could not be begun, and whether it ended well."""
        self._ledger, self._name = ledger, name
        self._jobs, self._ended = jobs, ended

    async def keep(self, bell: Bell, stopping: Stopping) -> None:
        """A round whenever the bell calls one, until told to stop; whatever goes wrong in one, the next comes."""
        while not stopping():
            await self.round(stopping)
            await bell.wait_for_upkeep()

    async def round(self, stopping: Stopping) -> None:
        """Everything that is to be done now."""
        for job in self._jobs:
            if stopping():
                return
            await self._surely(self._in_turn(job, stopping), job.name)

    async def _surely(self, work: Awaitable[None], name: str) -> None:
        try:
            await work
        except UNAVAILABLE as error:
            log.warning("database_away", job=name, error=f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("upkeep_failed", job=name, error=type(error).__name__)
            self._ended(name, False)

    async def _in_turn(self, job: Job, stopping: Stopping) -> None:
        async with self._ledger.connection() as connection:
            until = self._ledger.believed_until()
            turn = await upkeep.take(connection, job.name, job.every_s, self._name, until)
            go_on_at = await upkeep.go_on_at(connection, job.name) if turn else None
        if turn is None:
            return
        well, limit = False, asyncio.timeout(JOB_S_MAX)
        try:
            async with limit:
                came_to = await job.work(self._ledger, stopping, go_on_at)
            well = True
        except Exception as error:
            if isinstance(error, UNAVAILABLE) and not limit.expired():
                raise  # it is nobody's turn any more, and in a while anybody's again
            log.exception("upkeep_failed", job=job.name, error=type(error).__name__)
            came_to = CameTo(outcome=f"failed: {type(error).__name__}: {error}", go_on_at=go_on_at)
        finally:
            self._ended(job.name, well)
        await self._end(turn, came_to)

    async def _end(self, turn: Turn, came_to: CameTo) -> None:
        async with self._ledger.connection() as connection:
            ours = await upkeep.end(connection, turn, came_to)
        log.info("upkeep_done", job=turn.job, slot=turn.slot.rfc3339(), outcome=came_to.outcome, ours=ours)
