"""Trouble that is no case's: a scheduler that fires nothing says so, and nobody's deadlines pay for it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from case_events.core.values import CaseId, Instant
from case_events.ledger.clock.claims import BACK_OFF_S_MAX
from case_events.ledger.clock.firing import FOR_EVER
from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.database import Ledger
from case_scheduler.clock import clockwork, streak
from case_scheduler.clock.clockwork import Clockwork
from case_scheduler.clock.streak import Streak
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.pulse import Pulse
from tests.ledger.desk import SWIFT, Desk, a_filing
from tests.ledger.tampering import poison

NAME = "here:1:a"
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out' AND case_id = ANY($1)"
SWEPT_AT = "SELECT swept_at FROM schedulers WHERE name = $1"
WAITS_S = """
SELECT max(extract(epoch FROM next_try_at - now()))::float8 FROM deadlines WHERE case_id = ANY($1) AND due_at < now()
"""
TRY_NOW = "UPDATE deadlines SET next_try_at = due_at WHERE case_id = ANY($1) AND due_at < now()"


async def overdue(desk: Desk, count: int) -> list[CaseId]:
    cases = [await desk.filed(a_filing(marketplace="swift")) for _ in range(count)]
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    return cases


@asynccontextmanager
async def nothing_can_be_written(superuser: asyncpg.Connection) -> AsyncIterator[None]:
    """As after a grant that somebody mistyped."""
    await superuser.execute("REVOKE INSERT ON events FROM caselog_scheduler")
    try:
        yield
    finally:
        await superuser.execute("GRANT INSERT ON events TO caselog_scheduler")


def never() -> bool:
    return False


def for_ever() -> Instant:
    return FOR_EVER


async def test_a_scheduler_whose_every_pass_fails_does_not_say_that_it_swept(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork, "SAY_EVERY_S", 0.0)
    cases, pulse = await overdue(desk, 3), Pulse(NAME)
    one = Clockwork(scheduler, Gate(NAME), Sweeper(scheduler), Lateness(), pulse)
    async with nothing_can_be_written(superuser):
        await one.round(never)
        assert "sweep" in pulse.missing()
        assert await superuser.fetchval(SWEPT_AT, NAME) is None
        assert await superuser.fetchval("SELECT seen_at IS NOT NULL FROM schedulers WHERE name = $1", NAME), "it looked"
    await superuser.execute(TRY_NOW, cases)
    await one.round(never)
    assert "sweep" not in pulse.missing()
    assert await superuser.fetchval(SWEPT_AT, NAME) is not None
    assert await superuser.fetchval(FIRED, cases) == 3


async def test_a_sweep_that_wrote_something_is_one_though_a_case_of_it_failed_or_its_time_was_over(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, sweeper = await overdue(desk, 2), Sweeper(scheduler)
    healthy = await poison(superuser, cases[0], b"{")
    swept = await sweeper.sweep(never, for_ever)
    assert swept.done
    await superuser.execute(TRY_NOW, cases)
    sweeper.look_everywhere()
    assert not (await sweeper.sweep(never, for_ever)).done, "all that was tried has failed"
    assert (await sweeper.sweep(never, for_ever)).done, "nothing was to be tried"
    await poison(superuser, cases[0], healthy)
    cases += await overdue(desk, 2)
    await superuser.execute(TRY_NOW, cases)
    monkeypatch.setattr("case_scheduler.clock.timeouts.SWEEP_S", 0.001)
    sweeper.pace.batch = 1
    sweeper.look_everywhere()
    swept = await sweeper.sweep(never, for_ever)
    assert (swept.left, swept.done) == (True, True)


async def test_what_is_no_case_s_fault_is_over_for_all_of_them_seconds_after_its_end(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases, sweeper = await overdue(desk, 12), Sweeper(scheduler)
    async with nothing_can_be_written(superuser):
        with capture_logs() as told:
            for _ in range(8):
                await sweeper.sweep(never, for_ever)
            # Hours later, as it were: each has been tried so often that it would wait for an hour.
            await superuser.execute("UPDATE deadlines SET attempts = 15 WHERE case_id = ANY($1)", cases)
            await superuser.execute(TRY_NOW, cases)
            for _ in range(8):
                sweeper.look_everywhere()
                await sweeper.sweep(never, for_ever)
        assert await superuser.fetchval(FIRED, cases) == 0
        assert await superuser.fetchval(WAITS_S, cases) <= streak.SOON_S
        assert [one["error"] for one in told if one["event"] == "all_fail"] == ["InsufficientPrivilegeError"]
        assert sum(one["event"] == "case_failed" for one in told) <= streak.FEW, "then it is told no more"
    async with asyncio.timeout(2 * streak.SOON_S):
        while await superuser.fetchval(FIRED, cases) < len(cases):
            await sweeper.sweep(never, for_ever)
            await asyncio.sleep(0.1)


async def test_many_that_are_broken_alike_do_not_starve_one_that_is_well(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    *broken, well = await overdue(desk, streak.FEW + 4)
    sweeper = Sweeper(scheduler)
    healthy = [await poison(superuser, case_id, b"{") for case_id in broken]
    sweeper.pace.batch = 1
    await sweeper.sweep(never, for_ever)
    assert await superuser.fetchval(FIRED, [well]) == 1
    await superuser.execute("UPDATE deadlines SET attempts = 15 WHERE case_id = ANY($1)", broken)
    await superuser.execute(TRY_NOW, broken)
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await superuser.fetchval(WAITS_S, broken) > streak.SOON_S, "another one fired: it is their own fault"
    for case_id, payload in zip(broken, healthy, strict=True):
        await poison(superuser, case_id, payload)
    await superuser.execute("DELETE FROM deadlines WHERE case_id = ANY($1)", broken)


def test_only_what_fails_alike_and_in_a_row_is_a_streak() -> None:
    one = Streak()
    cases = [uuid4() for _ in range(2 * streak.FEW)]
    for _ in range(10):
        assert one.failed(cases[0], ValueError()), "one that is broken is one"
    for case_id in cases[1 : streak.FEW]:
        assert one.failed(case_id, ValueError())
    assert not one.of_all
    assert one.failed(cases[-1], KeyError()), "another error says something else"
    for case_id in cases:
        one.failed(case_id, asyncpg.InsufficientPrivilegeError())
    assert (one.of_all, one.back_off_s) == (True, streak.SOON_S)
    assert not one.failed(uuid4(), asyncpg.InsufficientPrivilegeError())
    one.ended()
    assert (one.of_all, one.back_off_s) == (False, BACK_OFF_S_MAX)
