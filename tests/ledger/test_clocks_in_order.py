"""However far a test clock is moved at once, everything happens in legal order, and nothing before its watermark."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from case_events.core.values import CaseId, Instant
from case_events.ledger.clock import test_clocks
from case_events.ledger.clock.claims import CLAIM_CLOCKED
from case_events.ledger.clock.firing import fire
from case_events.ledger.clock.test_clocks import Due
from case_events.ledger.database import Ledger
from tests import examples
from tests.ledger.desk import CLIENT, Desk, a_filing

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
CASES, PASS = 12, 5
IN_ORDER = """
SELECT e.case_id, e.version, e.type, e.occurred_at, e.effective_at FROM events e JOIN cases c USING (case_id)
WHERE c.test_clock = $1 AND e.who = 'scheduler' ORDER BY e.seq
"""
TOLD = """
SELECT e.version, e.type, e.occurred_at, e.effective_at, e.payload FROM events e JOIN cases c USING (case_id)
WHERE c.test_clock = $1 ORDER BY c.order_id, e.version
"""


async def several(desk: Desk, clock: UUID) -> list[CaseId]:
    """Cases filed some minutes apart, some of them answered, so that their clocks run out in turns."""
    cases = []
    for number in range(CASES):
        at = Instant.of(examples.NOON + timedelta(minutes=7 * number))
        await desk.advance(clock, at)
        cases.append(await desk.filed(a_filing(clock=clock, at=at)))
    for case_id in cases[::3]:
        await desk.post(case_id, examples.REFUSE)
    return cases


async def until_ready(desk: Desk, clock: UUID) -> list[tuple[Instant, int]]:
    """Fire a few cases at a time; the watermark before each pass, and how many events there were."""
    seen = []
    for _ in range(200):
        found = await test_clocks.read(desk.ledger, clock)
        assert found is not None
        async with desk.ledger.connection() as connection:
            written = len(await connection.fetch(IN_ORDER, clock))
        seen.append((found.watermark, written))
        if found.status == "ready":
            assert found.watermark == found.at
            return seen
        await fire(desk.ledger, CLAIM_CLOCKED, limit=PASS)
    raise AssertionError("it never gets ready")


async def test_one_long_advance_fires_in_legal_order_over_all_cases_of_the_clock(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    cases = await several(desk, clock)
    await desk.advance(clock, Instant.of(examples.NOON + MONTH))
    seen = await until_ready(desk, clock)
    rows = await superuser.fetch(IN_ORDER, clock)
    assert {row["case_id"] for row in rows} == set(cases)
    assert len(rows) > 2 * CASES
    told = [row["effective_at"] for row in rows]
    assert told == sorted(told)
    assert all(row["effective_at"] - row["occurred_at"] == examples.TICK for row in rows if row["type"] != "closed")
    watermarks = [watermark for watermark, _ in seen]
    assert watermarks == sorted(watermarks)
    for watermark, written in seen:
        assert all(at >= watermark for at in told[written:]), "nothing is recorded before what was said to be done"


async def test_many_short_advances_over_many_cases_give_the_same_feed(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clocks = [await desk.clock(), await desk.clock()]
    for clock in clocks:
        await several(desk, clock)
    end = Instant.of(examples.NOON + MONTH)
    await desk.advance(clocks[0], end)
    await until_ready(desk, clocks[0])
    at = Instant.of(examples.NOON + timedelta(days=2))
    while at < end:
        at = min(end, Instant.of(at + timedelta(hours=29)))
        await desk.advance(clocks[1], at)
        await until_ready(desk, clocks[1])
    long, short = [[tuple(row) for row in await superuser.fetch(TOLD, clock)] for clock in clocks]
    assert len(long) == len(short) > 4 * CASES
    assert [row[:4] for row in long] == [row[:4] for row in short]
    long, short = [[row["effective_at"] for row in await superuser.fetch(IN_ORDER, clock)] for clock in clocks]
    assert long == short


async def test_clocks_that_advance_at_once_share_every_pass(desk: Desk) -> None:
    clocks = [await desk.clock() for _ in range(3)]
    of = {await desk.filed(a_filing(clock=clock)): clock for clock in clocks for _ in range(6)}
    for clock in clocks:
        await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    fired = await fire(desk.ledger, CLAIM_CLOCKED, limit=9)
    assert sorted(of[case_id] for case_id in fired.claimed) == sorted(clock for clock in clocks for _ in range(3))
    await desk.fire_clocked()


@asynccontextmanager
async def claiming(ledger: Ledger) -> AsyncIterator[None]:
    """Somebody who has claimed what is due, and is about to fire it."""
    async with ledger.connection() as connection, connection.transaction():
        assert await connection.fetch(CLAIM_CLOCKED, 1, None, examples.NOON + 100 * MONTH, examples.NOON - 1000 * MONTH)
        yield


async def test_one_replica_at_a_time_works_at_a_clock_and_the_next_one_goes_on(desk: Desk, scheduler: Ledger) -> None:
    clock = await desk.clock()
    cases = {await desk.filed(a_filing(clock=clock)) for _ in range(3)}
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    async with claiming(desk.ledger):
        assert (await fire(scheduler, CLAIM_CLOCKED, limit=9)).claimed == ()
    assert set((await fire(scheduler, CLAIM_CLOCKED, limit=9)).claimed) == cases


async def test_a_clock_has_a_name_and_is_listed_the_newest_first(desk: Desk) -> None:
    made = []
    for number in range(3):
        made.append(await test_clocks.create(desk.ledger, examples.NOON, CLIENT, f"clock {number}"))
        await asyncio.sleep(0.002)  # they are sorted by their ids, which tell milliseconds
    first, more = await test_clocks.list_clocks(desk.ledger, limit=2)
    assert ([one.name for one in first], more) == (["clock 2", "clock 1"], True)
    rest, _ = await test_clocks.list_clocks(desk.ledger, limit=1, after=first[-1].id)
    assert rest == (made[0],)


async def test_what_would_fire_is_listed_in_legal_order_up_to_where_it_is_asked(desk: Desk) -> None:
    clock = await desk.clock()
    cases = await several(desk, clock)
    whole, more = await test_clocks.list_due(desk.ledger, clock, limit=500)
    assert not more
    assert {one.case_id for one in whole} == set(cases)
    assert [one.due_at for one in whole] == sorted(one.due_at for one in whole)
    before = whole[10].due_at
    paged: list[Due] = []
    after = None
    for _ in range(20):
        page, more = await test_clocks.list_due(desk.ledger, clock, before=before, limit=3, after=after)
        paged += page
        if not more:
            break
        last = page[-1]
        after = (last.due_at, last.case_id, last.kind, last.party, last.set_by)
    assert tuple(paged) == tuple(one for one in whole if one.due_at < before)
    await desk.advance(clock, before)
    passes = await desk.fire_clocked()
    assert {case_id for one in passes for case_id in one.claimed} == {one.case_id for one in paged}


async def test_the_watermark_is_where_the_clock_stands_once_all_has_fired(desk: Desk) -> None:
    clock = await desk.clock()
    await desk.filed(a_filing(clock=clock))
    due = Instant.of(examples.NOON + 72 * HOUR)
    for to, watermark in ((due, due), (Instant.of(due + HOUR), due)):
        await desk.advance(clock, to)
        found = await test_clocks.read(desk.ledger, clock)
        assert found is not None
        assert found.watermark == watermark
    await desk.fire_clocked()
    found = await test_clocks.read(desk.ledger, clock)
    assert found is not None
    assert found.watermark == due + HOUR


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_how_many_fire_at_a_time_changes_nothing_of_the_order(desk: Desk, limit: int) -> None:
    clock = await desk.clock()
    for minutes in (9, 3, 6):
        at = Instant.of(examples.NOON + timedelta(minutes=minutes))
        found = await test_clocks.read(desk.ledger, clock)
        assert found is not None
        await desk.advance(clock, max(at, found.at))
        await desk.filed(a_filing(clock=clock, at=max(at, found.at)))
    await desk.advance(clock, Instant.of(examples.NOON + MONTH))
    for _ in range(60):
        if not (await fire(desk.ledger, CLAIM_CLOCKED, limit=limit)).claimed:
            break
    async with desk.ledger.connection() as connection:
        told = [row["effective_at"] for row in await connection.fetch(IN_ORDER, clock)]
    assert told == sorted(told)
    assert len(told) >= 6


async def test_a_case_that_fails_keeps_its_clock_from_being_ready_and_nobody_else_from_firing(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    failing = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + 73 * HOUR))
    await superuser.execute(
        "UPDATE deadlines SET next_try_at = now() + interval '1 hour', attempts = 9 WHERE case_id = $1 AND due_at < $2",
        failing,
        examples.NOON + 73 * HOUR,
    )
    at = Instant.of(examples.NOON + MONTH)
    await desk.advance(clock, at)
    other = await desk.filed(a_filing(clock=clock, at=at))
    await desk.advance(clock, Instant.of(at + MONTH))
    passes = await desk.fire_clocked()
    assert {case_id for one in passes for case_id in one.claimed} == {other}
    found = await test_clocks.read(desk.ledger, clock)
    assert found is not None
    assert (found.status, found.watermark) == ("advancing", examples.NOON + 72 * HOUR)
