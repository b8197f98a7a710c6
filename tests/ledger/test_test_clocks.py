"""Test clocks stand still until told, and then only go forward."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.values import Instant
from case_events.ledger.clock import test_clocks
from case_events.ledger.clock.claims import CLAIM_CLOCKED
from case_events.ledger.clock.firing import fire, look_ahead
from tests import examples
from tests.ledger.desk import CLIENT, Desk, a_filing, now

HOUR = timedelta(hours=1)


async def test_a_test_clock_stands_where_it_was_set(desk: Desk) -> None:
    made = await test_clocks.create(desk.ledger, examples.NOON, CLIENT)
    assert (made.at, made.status) == (examples.NOON, "ready")
    assert abs(now() - made.created_at) < timedelta(minutes=1)
    assert await test_clocks.read(desk.ledger, made.id) == made


async def test_a_test_clock_goes_forward_and_may_stay_but_never_goes_back(desk: Desk) -> None:
    stands = await test_clocks.create(desk.ledger, examples.NOON, CLIENT)
    later = Instant.of(examples.NOON + HOUR)
    for _ in range(2):
        moved = await test_clocks.advance(desk.ledger, stands, later)
        assert moved is not None
        assert moved.at == later
        stands = moved
    with pytest.raises(AssertionError):
        await test_clocks.advance(desk.ledger, stands, examples.NOON)
    assert await test_clocks.read(desk.ledger, stands.id) == stands


async def test_who_moves_a_clock_as_it_stood_before_another_moved_it_is_told_so(desk: Desk) -> None:
    read_before = await test_clocks.create(desk.ledger, examples.NOON, CLIENT)
    far, near = Instant.of(examples.NOON + HOUR * 5), Instant.of(examples.NOON + HOUR)
    moved = await test_clocks.advance(desk.ledger, read_before, far)
    assert await test_clocks.advance(desk.ledger, read_before, near) is None
    assert await test_clocks.read(desk.ledger, read_before.id) == moved


async def test_of_many_who_move_a_clock_at_once_one_does(desk: Desk) -> None:
    stands = await test_clocks.create(desk.ledger, examples.NOON, CLIENT)
    wanted = [Instant.of(examples.NOON + HOUR * number) for number in range(1, 9)]
    moves = await asyncio.gather(*(test_clocks.advance(desk.ledger, stands, to) for to in wanted))
    done = [move for move in moves if move is not None]
    assert done == [await test_clocks.read(desk.ledger, stands.id)]


async def test_an_unknown_test_clock_cannot_be_read_moved_or_filed_under(desk: Desk) -> None:
    assert await test_clocks.read(desk.ledger, UUID(int=7)) is None
    stands = await test_clocks.create(desk.ledger, examples.NOON, CLIENT)
    assert await test_clocks.advance(desk.ledger, replace(stands, id=UUID(int=7)), examples.NOON) is None
    step = await desk.ask(a_filing(clock=UUID(int=7)))
    assert step.problem is not None
    assert [fault.pointer for fault in step.problem.errors] == ["/test_clock"]


async def test_a_clock_is_advancing_until_everything_it_passed_has_fired(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    due = Instant.of(examples.NOON + timedelta(hours=72))

    async def status() -> str:
        stands = await test_clocks.read(desk.ledger, clock)
        assert stands is not None
        return stands.status

    await desk.advance(clock, due)
    assert await status() == "ready", "at its due time nothing is overdue"
    assert (await fire(desk.ledger, CLAIM_CLOCKED, limit=1, only=case_id)).claimed == ()
    await desk.advance(clock, Instant.of(due + examples.TICK))
    assert await status() == "advancing"
    await fire(desk.ledger, CLAIM_CLOCKED, limit=1, only=case_id)
    assert await status() == "ready"


async def test_one_long_advance_and_many_short_ones_give_the_same_history(desk: Desk) -> None:
    end = timedelta(days=20)
    clocks = [await desk.clock(), await desk.clock()]
    cases = [await desk.filed(a_filing(clock=clock)) for clock in clocks]
    await desk.advance(clocks[0], Instant.of(examples.NOON + end))
    await desk.fire_clocked(cases[0])
    for hours in range(12, int(end.total_seconds()) // 3600 + 1, 12):
        await desk.advance(clocks[1], Instant.of(examples.NOON + HOUR * hours))
        await desk.fire_clocked(cases[1])
    told = []
    history = "SELECT version, type, occurred_at, effective_at FROM events WHERE case_id = $1 ORDER BY version"
    async with desk.ledger.connection() as connection:
        for case_id in cases:
            rows = await connection.fetch(history, case_id)
            told.append([tuple(row) for row in rows])
    assert told[0] == told[1]
    assert len(told[0]) > 5


async def test_the_clocks_of_a_test_clock_s_cases_are_no_live_clocks(desk: Desk) -> None:
    waiting = (await look_ahead(desk.ledger)).seconds
    clock = await desk.clock()
    await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    assert (await look_ahead(desk.ledger)).seconds is waiting is None


async def test_what_fires_under_a_test_clock_is_not_counted_as_late(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    fired = await desk.fire_clocked(case_id)
    assert sum(one.events for one in fired) > 0
    assert [one.late for one in fired if one.late] == []


async def test_what_is_said_to_happen_later_is_refused_by_the_test_clock(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    last = Instant.of(examples.NOON + timedelta(minutes=5))
    for command, case in ((examples.EVIDENCE, case_id), (a_filing(clock=clock), None)):
        ahead = (await desk.ask(command, case, occurred_at=Instant.of(last + examples.TICK))).problem
        assert ahead is not None
        assert [fault.pointer for fault in ahead.errors] == ["/occurred_at"]
        assert (await desk.ask(command, case, occurred_at=last)).problem is None


async def test_a_refused_step_records_what_was_overdue_in_its_own_transaction(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=20)))
    refused = await desk.ask(examples.AGREE, case_id)
    assert refused.problem is not None
    assert refused.answer == ()
    rows = await superuser.fetch("SELECT tx, who, version FROM events WHERE case_id = $1 ORDER BY version", case_id)
    assert {row["who"] for row in rows[1:]} == {"scheduler"}
    assert len(rows) > 3, "a cascade of them"
    assert len({row["tx"] for row in rows[1:]}) == 1
    for table in ("streams", "cases", "deadlines"):
        written = f"SELECT DISTINCT xmin::text FROM {table} WHERE case_id = $1"  # noqa: S608 - names of ours
        assert [row["xmin"] for row in await superuser.fetch(written, case_id)] == [str(rows[-1]["tx"])], table


COMMANDS = (examples.EVIDENCE, examples.REFUSE, examples.OFFER, examples.AGREE, examples.REFUND, examples.APPEAL)


@pytest.mark.parametrize("seed", range(4))
async def test_whether_schedulers_fire_in_between_or_never_everybody_is_answered_the_same(
    desk: Desk, superuser: asyncpg.Connection, seed: int
) -> None:
    """The ledger's half of tests/core/test_lag.py, with the real firing."""
    chance = random.Random(seed)
    script = [(HOUR * chance.choice((0, 5, 40, 73, 200)), chance.choice(COMMANDS)) for _ in range(7)]
    lives = []
    for fires in (True, False):
        clock, told, at = await desk.clock(), list[object](), examples.NOON
        case_id = await desk.filed(a_filing(clock=clock))
        for gap, command in script:
            at = Instant.of(at + gap)
            await desk.advance(clock, at)
            if fires:
                await desk.fire_clocked(case_id)
            step = await desk.ask(command, case_id)
            told.append((step.problem, [one.name for one in step.answer]))
            assert step.case is not None
            told.append((step.case.status, step.case.outcome, step.case.version, step.case.clocks))
        await desk.fire_clocked(case_id)
        events = await superuser.fetch(
            "SELECT version, type, event_id, effective_at, occurred_at FROM events WHERE case_id = $1 ORDER BY version",
            case_id,
        )
        lives.append((told, [(row["version"], row["type"], row["effective_at"], row["occurred_at"]) for row in events]))
    assert lives[0] == lives[1]
