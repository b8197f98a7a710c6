"""No live deadline before the watermark is unprocessed: whoever is writing, whoever stands by, whatever clocks do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import Instant
from case_events.ledger.append_statements import APPEND_FILINGS, APPEND_STEPS, FRESH, FRESH_S
from case_events.ledger.clock import watermark
from case_events.ledger.clock.watermark import LINGER_S_MAX, Watermark, publish
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger, open_ledger
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY

FRESH_FOR = timedelta(seconds=FRESH_S)
MARGIN = timedelta(seconds=1)
"""How long a judgement is still fresh in these tests: enough for a busy machine to write it."""
WRITE = """
INSERT INTO deadlines VALUES ($1, 'response', 'respondent', 1, $2::timestamptz, coalesce($3, $2), $4, false, $5, 0)
"""
# As the append does: the table is locked, then the judgement found fresh, then the row written.
APPEND = f"""
WITH asked AS (SELECT $1::uuid AS case_id, $2::timestamptz AS due_at, $3::timestamptz AS recorded_at)
INSERT INTO deadlines SELECT case_id, 'response', 'respondent', 1, due_at, due_at, false, false, NULL, 0
FROM asked a WHERE {FRESH} RETURNING case_id
"""  # noqa: S608 - text of ours
BEGIN_ANEW = "DELETE FROM deadlines; DELETE FROM clock_state; INSERT INTO clock_state (one) VALUES (true)"
FORGET_WHEN = "UPDATE clock_state SET published_at = NULL"

Connect = Callable[[], Awaitable[asyncpg.Connection]]


@pytest_asyncio.fixture
async def place(module_database: Database) -> Database:
    """A database in which nothing was ever written or published."""
    superuser = await asyncpg.connect(module_database.superuser)
    await superuser.execute(BEGIN_ANEW)
    await superuser.close()
    return module_database


@pytest_asyncio.fixture
async def ours(place: Database) -> AsyncIterator[Ledger]:
    """A scheduler's ledger."""
    opened = await open_ledger(place.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def connect(place: Database) -> AsyncIterator[Connect]:
    """More sessions, as the superuser: a writer's, a stranger's, an operator's."""
    opened = []

    async def another() -> asyncpg.Connection:
        connection = await asyncpg.connect(place.superuser)
        await teach(connection)
        opened.append(connection)
        return connection

    yield another
    for connection in opened:
        connection.terminate()


@pytest_asyncio.fixture
async def operator(connect: Connect) -> asyncpg.Connection:
    return await connect()


async def write(
    connection: asyncpg.Connection,
    due_at: Instant,
    *,
    next_try_at: Instant | None = None,
    provisional: bool = False,
    test_clock: UUID | None = None,
) -> UUID:
    """A row of ``deadlines``, just so."""
    case_id = uuid4()
    await connection.execute(WRITE, case_id, due_at, next_try_at, provisional, test_clock)
    return case_id


async def published(ours: Ledger, operator: asyncpg.Connection, times: int = 2) -> Watermark:
    """Where it stands after so many schedulers have published it, each a second after the other."""
    for _ in range(times - 1):
        await operator.execute(FORGET_WHEN)
        await publish(ours)
    await operator.execute(FORGET_WHEN)
    return await publish(ours)


async def clock(connection: asyncpg.Connection, ago: timedelta = timedelta(0)) -> Instant:
    now: Instant = await connection.fetchval("SELECT clock_timestamp()")
    return Instant.of(now - ago)


def marked(mark: Watermark) -> Instant:
    assert mark.at is not None
    return mark.at


async def test_where_nothing_waits_it_follows_the_clock_as_far_as_a_judgement_may_be_old(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    before = await clock(operator, FRESH_FOR)
    mark = await published(ours, operator, 1)
    assert before < marked(mark) < mark.now - FRESH_FOR
    assert mark.lag_s is not None
    assert FRESH_S < mark.lag_s < FRESH_S + 2


async def test_it_stops_at_the_earliest_deadline_that_was_not_processed_and_goes_on_after_it(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    due = await clock(operator, timedelta(hours=2))
    first = await write(operator, due)
    await write(operator, Instant.of(due + timedelta(hours=1)))
    assert (await published(ours, operator)).at == due
    await operator.execute("DELETE FROM deadlines WHERE case_id = $1", first)
    assert (await published(ours, operator)).at == due + timedelta(hours=1)


async def test_one_that_failed_or_is_held_holds_it_by_its_legal_instant(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    due = await clock(operator, timedelta(hours=2))
    later = Instant.of(due + timedelta(hours=3))
    await write(operator, due, next_try_at=later)
    assert (await published(ours, operator)).at == due


async def test_provisional_ones_and_those_of_test_clocks_do_not_hold_it(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    long_ago = await clock(operator, timedelta(days=2))
    await write(operator, long_ago, provisional=True)
    await write(operator, long_ago, test_clock=uuid4())
    assert marked(await published(ours, operator)) > long_ago + timedelta(days=1)


async def test_whoever_writes_slowly_is_waited_for(
    ours: Ledger, operator: asyncpg.Connection, connect: Connect
) -> None:
    slow = await connect()
    judged_at = await clock(operator, FRESH_FOR - MARGIN)
    async with slow.transaction():
        assert await slow.fetch(APPEND, uuid4(), judged_at, judged_at)
        await asyncio.sleep(MARGIN.total_seconds() + 0.2)
        for _ in range(4):
            mark = await published(ours, operator)
            assert mark.at is None or mark.at <= judged_at, "what it writes is not seen yet"
    assert (await published(ours, operator)).at == judged_at


async def test_a_judgement_may_be_written_as_long_as_it_is_fresh(ours: Ledger, operator: asyncpg.Connection) -> None:
    mark = marked(await published(ours, operator, 3))
    judged_at = await clock(operator, FRESH_FOR - MARGIN)
    assert await operator.fetch(APPEND, uuid4(), judged_at, judged_at)
    assert mark < judged_at
    assert mark < marked(await published(ours, operator)) <= judged_at


@pytest.mark.parametrize("statement", [APPEND_FILINGS, APPEND_STEPS])
async def test_whoever_appends_locks_the_table_though_it_starts_no_deadline_and_says_so_until_it_is_over(
    place: Database, operator: asyncpg.Connection, statement: str
) -> None:
    assert FRESH in statement
    app = await asyncpg.connect(place.app)
    async with app.transaction():
        append = await app.prepare(statement)
        nothing: list[Any] = [[] if kind.kind == "array" else False for kind in append.get_parameters()]
        await append.fetch(*nothing)
        held = "SELECT count(*) FROM pg_locks WHERE relation = 'deadlines'::regclass AND mode = 'RowExclusiveLock'"
        assert await operator.fetchval(held) == 1
    await app.close()


async def test_an_open_transaction_that_writes_no_deadlines_is_not_waited_for(
    ours: Ledger, operator: asyncpg.Connection, connect: Connect
) -> None:
    stranger = await connect()
    async with stranger.transaction():
        await stranger.execute("INSERT INTO journal (what, who, data) VALUES ('looked', 'a stranger', '{}')")
        await stranger.fetch("SELECT * FROM deadlines LIMIT 1")
        assert await stranger.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        before = await clock(operator, FRESH_FOR)
        assert marked(await published(ours, operator, 3)) > before


async def test_one_that_writes_them_by_hand_and_stays_open_stops_it_for_minutes_and_not_for_ever(
    ours: Ledger, operator: asyncpg.Connection, connect: Connect
) -> None:
    stranger = await connect()
    async with stranger.transaction():
        await stranger.execute("LOCK TABLE deadlines IN ROW EXCLUSIVE MODE")
        assert (await published(ours, operator, 3)).at is None
        long = f"{LINGER_S_MAX + 1} s"
        await operator.execute(f"UPDATE clock_state SET sampled_at = sampled_at - interval '{long}'")  # noqa: S608
        first = marked(await published(ours, operator, 1))
        before = await clock(operator, FRESH_FOR)
        assert first < marked(await published(ours, operator, 2)), "nor is it waited for again"
        assert marked(await published(ours, operator, 2)) > before
    await published(ours, operator)
    assert await operator.fetchval("SELECT lingering FROM clock_state") == [], "and forgotten when it is gone"


async def test_it_survives_those_who_publish_it(
    ours: Ledger, place: Database, operator: asyncpg.Connection, connect: Connect
) -> None:
    gone = await connect()
    judged_at = await clock(operator)
    started = gone.transaction()
    await started.start()
    await gone.fetch(APPEND, uuid4(), judged_at, judged_at)
    before = await published(ours, operator)
    await ours.close()
    await operator.execute("SELECT pg_terminate_backend($1, 5000)", gone.get_server_pid())
    again = await open_ledger(place.scheduler, master_key=MASTER_KEY)
    try:
        after = await published(again, operator, 3)
    finally:
        await again.close()
    assert before.at is None, "it waited"
    assert marked(after) >= judged_at - FRESH_FOR, "who was cut off writes nothing any more"


async def test_of_many_who_publish_at_once_one_does_and_it_never_goes_back(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    await published(ours, operator)
    writes, seen = set[Instant | None](), list[Instant]()
    for _ in range(10):
        for mark in await asyncio.gather(*(publish(ours) for _ in range(4))):
            writes.add(mark.published_at)
            seen.append(marked(mark))
        await asyncio.sleep(0.03)
    assert len(writes) <= 2, "a second has hardly passed"
    assert seen == sorted(seen)


SKEWED = """
CREATE SCHEMA skewed;
GRANT USAGE ON SCHEMA skewed TO PUBLIC;
CREATE TABLE skewed.by (off interval NOT NULL);
GRANT SELECT ON skewed.by TO PUBLIC;
INSERT INTO skewed.by VALUES ('0');
CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + off FROM skewed.by';
"""


async def test_a_clock_that_was_set_back_moves_it_nowhere_and_one_that_is_not_believed_neither(
    place: Database, operator: asyncpg.Connection
) -> None:
    await operator.execute(SKEWED)
    path = "skewed, pg_catalog, public"
    await operator.execute(f"ALTER ROLE caselog_scheduler IN DATABASE {place.name} SET search_path = {path}")
    ours = await open_ledger(place.scheduler, master_key=MASTER_KEY)
    try:
        mark = marked(await published(ours, operator, 3))
        await operator.execute("UPDATE skewed.by SET off = '-1 hour'")
        back = await published(ours, operator, 3)
        assert back.now < mark, "the clock is back"
        assert back.at == mark
        assert back.lag_s == 0
        await operator.execute("UPDATE skewed.by SET off = '1 hour'")
        await operator.execute(FORGET_WHEN)
        trusted = await clock(operator, timedelta(minutes=-1))
        for _ in range(3):
            assert (await publish(ours, believed_until=trusted)).at == mark
        await operator.execute("UPDATE skewed.by SET off = '0'")
        assert marked(await published(ours, operator, 3)) > mark, "and goes on"
    finally:
        await operator.execute(f"ALTER ROLE caselog_scheduler IN DATABASE {place.name} RESET search_path")
        await ours.close()


async def test_what_comes_before_it_all_the_same_makes_it_stand_still_until_it_is_processed(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    mark = marked(await published(ours, operator))
    imported = await write(operator, await clock(operator, timedelta(days=30)))
    await operator.execute("UPDATE clock_state SET whole_at = NULL")
    for _ in range(3):
        assert (await published(ours, operator)).at == mark
    await operator.execute("DELETE FROM deadlines WHERE case_id = $1", imported)
    assert marked(await published(ours, operator)) > mark


async def test_what_was_fired_is_not_walked_through_again_at_every_look(
    ours: Ledger, operator: asyncpg.Connection
) -> None:
    await published(ours, operator, 3)
    assert await operator.fetchval("SELECT whole_at IS NOT NULL FROM clock_state")
    looked = await operator.fetchval("SELECT whole_at FROM clock_state")
    await published(ours, operator)
    assert await operator.fetchval("SELECT whole_at FROM clock_state") == looked
    every = f"{watermark.WHOLE_EVERY_S + 1} s"
    await operator.execute(f"UPDATE clock_state SET whole_at = whole_at - interval '{every}'")  # noqa: S608
    await published(ours, operator)
    assert await operator.fetchval("SELECT whole_at FROM clock_state") > looked


async def test_nothing_that_anybody_writes_in_time_ever_comes_before_it(
    ours: Ledger, operator: asyncpg.Connection, connect: Connect
) -> None:
    """Six write what was judged up to five seconds before, and take their time; two schedulers publish as often."""
    dice = random.Random(18)
    stop, written = asyncio.Event(), 0

    async def writing(connection: asyncpg.Connection) -> None:
        nonlocal written
        for _ in range(60):
            age, rest = timedelta(seconds=dice.uniform(4.3, 4.9)), dice.uniform(0, 0.3)
            due = await clock(connection, age)
            async with connection.transaction():
                written += len(await connection.fetch(APPEND, uuid4(), due, due))
                await asyncio.sleep(rest)
            mark = await watermark.read(ours)
            assert mark.at is None or mark.at <= due, "committed, and not processed"
            await connection.execute("DELETE FROM deadlines WHERE due_at = $1", due)
            if stop.is_set():
                return

    async def publishing(connection: asyncpg.Connection) -> list[Instant]:
        seen = []
        while not stop.is_set():
            await connection.execute(FORGET_WHEN)
            mark = await publish(ours)
            seen += [mark.at] if mark.at else []
        return seen

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(writing(await connect()))
        publishers = [group.create_task(publishing(await connect())) for _ in range(2)]
        await asyncio.sleep(3)
        stop.set()
    for seen in (one.result() for one in publishers):
        assert seen == sorted(seen)
        assert len(set(seen)) > 5, "it went forward all the while"
    assert written > 10
