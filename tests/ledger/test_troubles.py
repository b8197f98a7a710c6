"""Trouble that is no case's: a scheduler that fires nothing says so, and nobody's deadlines pay for it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from case_events.core.values import CaseId, Instant
from case_events.ledger.clock.firing import FOR_EVER
from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.database import Ledger
from case_scheduler.clock import clockwork
from case_scheduler.clock.clockwork import Clockwork
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.pulse import Pulse
from tests.ledger.desk import SWIFT, Desk, a_filing
from tests.ledger.tampering import poison

NAME = "here:1:a"
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out' AND case_id = ANY($1)"
SWEPT_AT = "SELECT swept_at FROM schedulers WHERE name = $1"
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
