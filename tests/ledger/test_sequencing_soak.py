"""The feed under load: nothing missed, nothing inverted, no gap, where the readers everybody writes first fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import Ticked, tick
from tests import examples
from tests.conftest import Database
from tests.ledger import recording
from tests.ledger.desk import MASTER_KEY, Desk
from tests.ledger.recording import HORIZON, NONE, SEQUENCE, Naive, faults, feed, killed_in_mid_tick, left_open

EVENTS = 1_000
EVERY_S = 0.01
WRITERS, CASES = 12, 8
KILLED = 5
TICKS_MAX = 3_000


@pytest_asyncio.fixture
async def two_sequencers(module_database: Database, superuser: asyncpg.Connection) -> AsyncIterator[list[Ledger]]:
    await recording.empty(superuser)
    opened = [await open_ledger(module_database.scheduler, master_key=MASTER_KEY) for _ in range(2)]
    yield opened
    for one in opened:
        await one.close()


async def keep_ticking(ledger: Ledger, until: asyncio.Event) -> list[Ticked]:
    """What the ticks did that did anything, till the end and once more."""
    ticked: list[Ticked] = []
    for _ in range(TICKS_MAX):
        over = until.is_set()
        ticked.append(await tick(ledger))
        if over:
            return [one for one in ticked if one.numbered]
        await asyncio.sleep(EVERY_S)
    raise AssertionError("nobody said that it was over")


async def keep_reading(naive: Naive, url: str, until: asyncio.Event) -> None:
    connection = await asyncpg.connect(url)
    for _ in range(TICKS_MAX):
        over = until.is_set()
        await naive.read(connection)
        if over:
            break
        await asyncio.sleep(EVERY_S)
    await connection.close()


async def test_a_feed_misses_and_inverts_nothing_while_a_third_of_all_goes_wrong(
    module_database: Database, two_sequencers: list[Ledger], superuser: asyncpg.Connection
) -> None:
    """Twelve writers, some of whom roll back or took their ids long before; somebody's transaction open all the time;
    two sequencers, and a third that is killed five times between numbering and committing."""
    over, all_read = asyncio.Event(), asyncio.Event()
    cases = [uuid4() for _ in range(CASES)]
    naive, horizon = Naive(SEQUENCE), Naive(HORIZON)
    async with AsyncExitStack() as stack:
        writers = [await asyncpg.connect(module_database.app) for _ in range(WRITERS)]
        for writer in writers:
            stack.push_async_callback(writer.close)
        for case_id in cases:
            await recording.record(writers[0], case_id, 1)
            await writers[0].execute(recording.OPEN, case_id)
        writing = [
            asyncio.create_task(recording.write_steps(writer, cases, random.Random(seed), over))
            for seed, writer in enumerate(writers)
        ]
        ticking = [asyncio.create_task(keep_ticking(one, all_read)) for one in two_sequencers]
        reading = [asyncio.create_task(keep_reading(one, module_database.app, all_read)) for one in (naive, horizon)]
        async with left_open(module_database.superuser) as open_id:
            killed = await _soaked(module_database, superuser, naive)
            stalled_at = int(horizon.tx)
        over.set()
        await asyncio.gather(*writing)
        all_read.set()
        ticked = await asyncio.gather(*ticking)
        await asyncio.gather(*reading)
    told = await feed(superuser)
    assert await faults(superuser) == NONE
    assert len(told) == len(set(told)) == sum(one.numbered for done in ticked for one in done) > EVENTS
    assert all(ticked), "both sequencers had their turns"
    assert killed >= KILLED, "it was in the middle of a tick when it was killed"
    # The same soak, for whoever remembers the last number, or the last transaction: it shows what it is there to show.
    assert set(naive.seen) < set(told), "nothing was ever in flight"
    assert stalled_at < open_id < int(horizon.tx), "that reader moved on although somebody's transaction was open"
    assert (set(horizon.seen), horizon.inverted() > 0) == (set(told), True)


async def _soaked(database: Database, superuser: asyncpg.Connection, naive: Naive) -> int:
    """Kill sequencers until ``KILLED`` took with them what they had numbered, and much was recorded; how many."""
    killed = 0
    for _ in range(TICKS_MAX):
        if killed < KILLED:
            ticked = await killed_in_mid_tick(database.scheduler, superuser)
            killed += ticked is not None and ticked.numbered > 0
        elif len(naive.seen) >= EVENTS:
            return killed
        await asyncio.sleep(EVERY_S)
    raise AssertionError(f"{len(naive.seen)} events and {killed} killed is no soak")


async def test_what_the_write_path_records_together_is_numbered_once_and_in_order(
    desk: Desk, two_sequencers: list[Ledger], superuser: asyncpg.Connection
) -> None:
    over = asyncio.Event()
    ticking = [asyncio.create_task(keep_ticking(one, over)) for one in two_sequencers]

    async def dispute() -> UUID:
        case_id = await desk.filed()
        await asyncio.gather(*(desk.post(case_id, examples.EVIDENCE) for _ in range(3)))
        await desk.post(case_id, examples.REFUSE)
        return case_id

    cases = await asyncio.gather(*(dispute() for _ in range(40)))
    over.set()
    ticked = await asyncio.gather(*ticking)
    told = await feed(superuser)
    assert await faults(superuser) == NONE
    assert len(told) == len(set(told)) == sum(one.numbered for done in ticked for one in done)
    assert {case_id for case_id, _ in told} == set(cases)
    assert len(ticked[0] + ticked[1]) > 3, "it was numbered as it came"
    assert [version for case_id, version in told if case_id == cases[0]] == list(range(1, 7))
