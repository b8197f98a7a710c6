"""A thousand deadlines due at once, several scheduler processes, one of them killed in the middle."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from case_events.ledger.audit import audit
from case_events.ledger.database import Ledger
from tests.conftest import Database
from tests.scheduler.disputes import file_many, rush_ledger
from tests.scheduler.fleet import SCHEDULER, Scheduler, scheduler

CASES = 1_000
CONTENDED = 400
DONE_S = 60
POLL_S = 0.005
CONTENDER = (sys.executable, "-m", "tests.scheduler.contended")

TIMEOUTS = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out'"
TWICE = """
SELECT count(*) FROM (SELECT case_id FROM events WHERE type = 'merchant_response_timed_out'
    GROUP BY case_id HAVING count(*) > 1) AS twice
"""
EARLY = """
SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out' AND recorded_at <= occurred_at
"""
GAPS = "SELECT count(*) FROM streams s WHERE version <> (SELECT count(*) FROM events e WHERE e.case_id = s.case_id)"


@dataclass(frozen=True)
class Outcome:
    """What the events say afterwards, and what the schedulers counted."""

    timeouts: int
    twice: int
    early: int
    gaps: int
    at_kill: int
    stale: int
    conflicts: int
    failed: int


async def test_two_schedulers_fire_each_of_a_thousand_deadlines_once_though_one_is_killed(
    database: Database, tmp_path: Path
) -> None:
    async with rush_ledger(database.app, seconds=1) as ledger:
        await file_many(ledger, CASES)
        outcome = await _fired(database, tmp_path, CASES, [SCHEDULER] * 2)
        assert outcome == _exactly_once(CASES, outcome.at_kill)
        await _verified(ledger, CASES)


async def test_four_schedulers_in_small_batches_meet_often_and_still_fire_once(
    database: Database, tmp_path: Path
) -> None:
    async with rush_ledger(database.app, seconds=1) as ledger:
        await file_many(ledger, CONTENDED)
        outcome = await _fired(database, tmp_path, CONTENDED, [(*CONTENDER, "real")] * 4)
        assert outcome == _exactly_once(CONTENDED, outcome.at_kill)


async def test_the_joined_claim_fails_that_same_test(database: Database, tmp_path: Path) -> None:
    async with rush_ledger(database.app, seconds=1) as ledger:
        await file_many(ledger, CONTENDED)
        outcome = await _fired(database, tmp_path, CONTENDED, [(*CONTENDER, "joined")] * 4)
        assert outcome != _exactly_once(CONTENDED, outcome.at_kill)
        assert outcome.stale > 0, "a stale claim went unnoticed"
        # The histories are read again under the lock, so that even a stale claim does no harm.
        assert (outcome.timeouts, outcome.twice, outcome.gaps) == (CONTENDED, 0, 0)


def _exactly_once(cases: int, at_kill: int) -> Outcome:
    assert 0 < at_kill < cases, "the kill came in the middle"
    return Outcome(cases, twice=0, early=0, gaps=0, at_kill=at_kill, stale=0, conflicts=0, failed=0)


async def _fired(database: Database, folder: Path, cases: int, commands: Sequence[Sequence[str]]) -> Outcome:
    """Start the schedulers when everything is due, kill the first in the middle, and let the others finish."""
    admin = await asyncpg.connect(database.superuser)
    try:
        due = "SELECT count(*) FROM deadlines WHERE due_at < clock_timestamp() AND kind = 'response'"
        await _until(admin, due, cases)
        async with AsyncExitStack() as stack:
            fleet = [
                await stack.enter_async_context(scheduler(database.scheduler, folder, str(number), command))
                for number, command in enumerate(commands)
            ]
            at_kill = await _until(admin, TIMEOUTS, 1)
            await fleet[0].end(signal.SIGKILL)
            await _until(admin, TIMEOUTS, cases)
            assert [await one.end(signal.SIGTERM) for one in fleet[1:]] == [0] * (len(fleet) - 1)
        counted = {name: _sum(fleet, name) for name in ("stale", "conflicts")}
        facts = [await admin.fetchval(query) for query in (TIMEOUTS, TWICE, EARLY, GAPS)]
        failed = sum(len(one.lines(event)) for one in fleet for event in ("pass_failed", "case_failed"))
        timeouts, twice, early, gaps = facts
        return Outcome(timeouts, twice, early, gaps, at_kill, counted["stale"], counted["conflicts"], failed)
    finally:
        await admin.close()


def _sum(schedulers: Sequence[Scheduler], name: str) -> int:
    return sum(line[name] for one in schedulers for line in one.lines("fired"))


async def _until(admin: asyncpg.Connection, query: str, wanted: int) -> int:
    """Wait until the count is there; the count that was seen."""
    end, count = time.monotonic() + DONE_S, 0
    while time.monotonic() < end:
        count = int(await admin.fetchval(query))
        if count >= wanted:
            return count
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{query}: {count} of {wanted} after {DONE_S} s")


async def _verified(ledger: Ledger, cases: int) -> None:
    verdict = await audit.verify(ledger)
    assert verdict.findings == ()
    assert verdict.cases == cases
