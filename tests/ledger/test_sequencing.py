"""The feed numbers every event once, in an order no case contradicts, whatever is open, rolled back or cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed import sequencing
from case_events.ledger.feed.sequencing import Ticked, state, tick
from tests.conftest import Database, MakeDatabase
from tests.ledger import recording
from tests.ledger.desk import MASTER_KEY, now
from tests.ledger.recording import HORIZON, NONE, SEQUENCE, Naive, faults, feed, left_open, record


@pytest_asyncio.fixture
async def sequencer(module_database: Database, superuser: asyncpg.Connection) -> AsyncIterator[Ledger]:
    """A scheduler's ledger without any event, where the first tick, over nothing, is done."""
    await recording.empty(superuser)
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    assert await tick(opened) == Ticked(numbered=0, head=0, resynced=True)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def writer(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.app)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def slow_writer(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.app)
    yield connection
    await connection.close()


async def test_an_event_that_was_in_flight_is_numbered_when_it_commits(
    sequencer: Ledger, writer: asyncpg.Connection, slow_writer: asyncpg.Connection
) -> None:
    slow, quick = uuid4(), uuid4()
    naive = Naive(SEQUENCE)
    in_flight = slow_writer.transaction()
    await in_flight.start()
    await record(slow_writer, slow, 1)
    await record(writer, quick, 1)
    assert await tick(sequencer) == Ticked(numbered=1, head=1)
    assert await naive.read(writer) == 1
    await in_flight.commit()
    assert await tick(sequencer) == Ticked(numbered=1, head=2)
    assert await feed(writer) == [(quick, 1), (slow, 1)]
    assert await naive.read(writer) == 0, "a cursor over the sequence never sees it"


@pytest.mark.parametrize("ticks_between", [False, True])
async def test_a_transaction_that_took_its_id_early_and_wrote_late_does_not_invert_its_case(
    sequencer: Ledger, writer: asyncpg.Connection, slow_writer: asyncpg.Connection, ticks_between: bool
) -> None:
    case_id = uuid4()
    early = slow_writer.transaction()
    await early.start()
    await slow_writer.execute(recording.TAKE_ID)
    await record(writer, case_id, 1)
    if ticks_between:
        await tick(sequencer)
    await record(slow_writer, case_id, 2)
    await early.commit()
    await tick(sequencer)
    assert await feed(writer) == [(case_id, 1), (case_id, 2)]
    by_transaction = Naive(HORIZON)
    await by_transaction.read(writer)
    assert by_transaction.seen == [(case_id, 2), (case_id, 1)], "read by transaction id the case is told backwards"


async def test_nothing_that_is_open_in_this_database_or_another_holds_the_feed_up(
    sequencer: Ledger, writer: asyncpg.Connection, module_database: Database, make_database: MakeDatabase
) -> None:
    case_id, horizon = uuid4(), Naive(HORIZON)
    elsewhere = await make_database()
    for version, url in enumerate((module_database.app, elsewhere.app), start=1):
        async with left_open(url):
            await record(writer, case_id, version)
            assert await tick(sequencer) == Ticked(numbered=1, head=version)
            assert await horizon.read(writer) == 0, "whoever waits for the oldest open transaction stands still"
        assert await horizon.read(writer) == 1
    assert await feed(writer) == [(case_id, 1), (case_id, 2)]


async def test_what_is_rolled_back_leaves_no_gap(sequencer: Ledger, writer: asyncpg.Connection) -> None:
    for version in (1, 2, 3):
        undone = writer.transaction()
        await undone.start()
        await record(writer, uuid4(), version)
        await undone.rollback()
        await record(writer, uuid4(), 1)
        assert await tick(sequencer) == Ticked(numbered=1, head=version)
    assert await faults(writer) == NONE


async def test_a_tick_over_nothing_writes_nothing(sequencer: Ledger, writer: asyncpg.Connection) -> None:
    await record(writer, uuid4(), 1)
    await tick(sequencer)
    before = await writer.fetchrow("SELECT ctid, xmin, * FROM feed_state")
    for _ in range(10):
        assert await tick(sequencer) == Ticked(numbered=0, head=1)
    assert await writer.fetchrow("SELECT ctid, xmin, * FROM feed_state") == before


async def test_more_than_a_batch_is_numbered_batch_by_batch_in_the_order_it_was_recorded(
    sequencer: Ledger, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "LOOK", 4)
    monkeypatch.setattr(sequencing, "BATCH", 4)
    keys = [(uuid4(), 1) for _ in range(10)]
    for key in keys:
        await record(writer, *key)
    numbered = []
    for _ in range(3):
        ticked = await tick(sequencer)
        numbered.append((ticked.numbered, ticked.more))
        keys.append((uuid4(), 1))
        await record(writer, *keys[-1])  # what comes meanwhile has its turn after them
    assert numbered == [(4, True), (4, True), (4, True)]
    assert (await tick(sequencer)).numbered == 1
    assert (await feed(writer), await faults(writer)) == (keys, NONE)


async def test_one_tick_is_told_once_with_the_last_position(
    sequencer: Ledger, writer: asyncpg.Connection, slow_writer: asyncpg.Connection
) -> None:
    told: list[object] = []
    await slow_writer.add_listener(sequencing.FEED_CHANNEL, lambda *said: told.append(said[-1]))
    for _ in range(5):
        await record(writer, uuid4(), 1)
    await tick(sequencer)
    await tick(sequencer)
    await slow_writer.fetchval("SELECT 1")
    assert told == ["5"]


async def test_each_kind_of_event_is_kept_as_it_is_numbered(sequencer: Ledger, writer: asyncpg.Connection) -> None:
    assert await writer.fetch("SELECT * FROM event_kinds") == []
    for _ in range(2):
        await record(writer, uuid4(), 1)
        await tick(sequencer)
    assert [tuple(row) for row in await writer.fetch("SELECT * FROM event_kinds")] == [("noted", 1)]


async def test_while_one_sequencer_is_at_it_another_leaves_it_alone_and_does_not_wait(
    sequencer: Ledger, writer: asyncpg.Connection
) -> None:
    await record(writer, uuid4(), 1)
    async with sequencer.connection() as connection:
        at_it = connection.transaction()
        await at_it.start()
        assert await sequencing.number(connection) == Ticked(numbered=1, head=1)
        assert await tick(sequencer) == Ticked(numbered=0, head=0, busy=True)
        await at_it.commit()
    assert await tick(sequencer) == Ticked(numbered=0, head=1)
    assert await faults(writer) == NONE


async def test_a_tick_that_is_cut_off_before_it_commits_has_not_happened(
    sequencer: Ledger, writer: asyncpg.Connection, module_database: Database, superuser: asyncpg.Connection
) -> None:
    keys: list[tuple[UUID, int]] = []
    for position in range(1, 6):
        keys.append((uuid4(), 1))
        await record(writer, *keys[-1])
        assert await recording.killed_in_mid_tick(module_database.scheduler, superuser) == Ticked(
            numbered=1, head=position
        )
        assert len(await feed(writer)) == position - 1
        assert await tick(sequencer) == Ticked(numbered=1, head=position)
    assert (await feed(writer), await faults(writer)) == (keys, NONE)


async def test_what_waits_is_seen_and_since_when(sequencer: Ledger, writer: asyncpg.Connection) -> None:
    async with sequencer.connection() as connection:
        nothing = await state(connection)
        assert (nothing.head, nothing.waiting, nothing.waiting_since, nothing.lost) == (0, False, None, False)
        a_minute_ago = now() - timedelta(minutes=1)
        await record(writer, uuid4(), 1)
        await record(writer, uuid4(), 1, at=a_minute_ago)
        waiting = await state(connection)
        assert (waiting.head, waiting.waiting, waiting.waiting_since) == (0, True, a_minute_ago)
        await tick(sequencer)
        done = await state(connection)
        assert (done.head, done.waiting, done.waiting_since) == (2, False, None)
        assert done.ticked_at is not None
        assert nothing.ticked_at is not None
        assert done.ticked_at > nothing.ticked_at
