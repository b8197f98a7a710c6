"""A database whose clock is ahead of the host's judges nobody: nothing is recorded, and nothing is shown as run out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest_asyncio

from case_events.core.values import Instant
from case_events.ledger.clock.host import host_clock, later
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.queries import read_case
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, SWIFT, Desk, a_filing

TOLERANCE_S = 0.5


@pytest_asyncio.fixture(scope="module")
async def doubting(module_database: Database, ledger: Ledger) -> AsyncIterator[Ledger]:
    """Another process on the same database, whose clock a test sets."""
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    opened.clock_tolerance_s = TOLERANCE_S
    yield opened
    await opened.close()


def stands_at(ledger: Ledger, instant: Instant) -> None:
    ledger.host_clock = lambda: instant


async def test_what_has_run_out_only_by_the_clock_that_is_ahead_is_neither_shown_nor_recorded(
    desk: Desk, doubting: Ledger
) -> None:
    case_id = await desk.filed(a_filing(marketplace="swift"))
    before = await read_case(desk.ledger, case_id)
    assert before is not None
    stands_at(doubting, later(before.now, -TOLERANCE_S))
    await asyncio.sleep(SWIFT.total_seconds() + 0.1)

    shown = await read_case(doubting, case_id)
    assert shown is not None
    assert (shown.case.version, shown.case.status) == (before.case.version, before.case.status)
    step = await Desk(doubting).ask(examples.AGREE, case_id)
    assert step.problem is not None
    assert (step.problem.code, step.events) == ("clock_disagrees", ())
    written = await read_case(desk.ledger, case_id)
    assert written is not None
    assert written.written == before.written, "a command that is refused records what is overdue, this one nothing"
    assert written.case.version > before.case.version, "who has no doubts sees that it ran out"

    doubting.host_clock = host_clock
    step = await Desk(doubting).ask(examples.AGREE, case_id)
    assert step.problem is not None
    assert step.problem.code == "deadline_passed"
    assert step.events, "by a clock that is believed the same is judged, and what was overdue recorded"


async def test_no_complaint_is_filed_by_a_clock_that_is_ahead_and_the_same_key_files_it_later(
    ledger: Ledger, doubting: Ledger
) -> None:
    filing = a_filing()
    stands_at(doubting, later(host_clock(), -3600))
    desk = Desk(doubting)
    step = await desk.ask(filing, key="once")
    assert step.problem is not None
    assert step.problem.code == "clock_disagrees"
    assert await read_case(ledger, step.case_id) is None
    doubting.host_clock = host_clock
    again = await desk.ask(filing, key="once")
    assert again.problem is None
    stands_at(doubting, later(host_clock(), -3600))
    replayed = await desk.ask(filing, key="once")
    assert replayed.problem is not None, "nor is anything answered by it that was recorded before"


async def test_a_clock_that_is_behind_judges_by_what_was_recorded_last_and_never_goes_back(
    desk: Desk, doubting: Ledger
) -> None:
    """The host is ahead: as after a failover to a server that is behind. It is late, and refuses nothing."""
    case_id = await desk.filed(a_filing())
    stands_at(doubting, later(host_clock(), 3600))
    step = (await Desk(doubting).post(case_id, examples.REFUSE)).events
    shown = await read_case(doubting, case_id)
    assert shown is not None
    recorded = [one.recorded_at for one in shown.history]
    assert recorded == sorted(recorded)
    assert step[-1].recorded_at - host_clock() < timedelta(seconds=1)


async def test_no_event_is_recorded_before_the_one_before_it_though_the_database_s_clock_was_set_back(
    desk: Desk, doubting: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed(a_filing())
    ahead = "UPDATE streams SET recorded_at = recorded_at + interval '10 min' WHERE case_id = $1 RETURNING recorded_at"
    last = await superuser.fetchval(ahead, case_id)
    stands_at(doubting, later(host_clock(), 3600))
    shown = await read_case(doubting, case_id)
    assert shown is not None
    assert shown.now == last
    step = await Desk(doubting).post(case_id, examples.REFUSE)
    assert {one.recorded_at for one in step.events} == {last}


async def test_a_test_clock_is_read_where_it_stands_whatever_the_other_clocks_say(desk: Desk, doubting: Ledger) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(hours=72) + examples.TICK))
    stands_at(doubting, later(host_clock(), -3600))
    shown = await read_case(doubting, case_id)
    assert shown is not None
    assert len(shown.history) > shown.written
