"""Durable subscriptions: one reader at a time, at least once, in order, never back; what fails is set aside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.core.viewer import Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import subscriptions
from case_events.ledger.feed.reader import BeyondFeed
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.feed.subscriptions import NotHeld
from tests import examples
from tests.ledger.desk import Desk

MOMENT_S = 0.05
"""A hold that runs out while a test looks."""
LONG_S = 60.0
STANDING = """
SELECT position, CASE WHEN held_until > clock_timestamp() THEN owner END,
    (SELECT count(*) FROM parked WHERE subscription = name)
FROM subscriptions WHERE name = $1
"""


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk, scheduler: Ledger) -> list[CaseId]:
    """Ten events of five cases, numbered."""
    made = [await desk.filed() for _ in range(5)]
    for case_id in made:
        await desk.post(case_id, examples.EVIDENCE)
    while (await tick(scheduler)).more:
        pass  # until all is numbered
    return made


@pytest_asyncio.fixture
async def connection(scheduler: Ledger, cases: list[CaseId]) -> AsyncIterator[Connection]:
    """The postman's."""
    async with scheduler.connection() as opened:
        yield opened


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A subscription's name, each test its own."""
    return str(request.node.name)


async def held(connection: Connection, name: str, owner: str, for_s: float = LONG_S) -> bool:
    """Whether this owner holds the subscription from now on, as a postman would: if it is free, or the owner's."""
    return name in await subscriptions.hold_free(connection, [name], owner, for_s, 1)


async def held_out(connection: Connection, name: str, owner: str) -> None:
    """This owner held the subscription, and the hold ran out."""
    assert await held(connection, name, owner, MOMENT_S)
    await asyncio.sleep(2 * MOMENT_S)


async def stands(connection: Connection, name: str) -> tuple[int, str | None, int] | None:
    """How far the subscription has read, who holds it now, and how much it has set aside; None: there is none."""
    row = await connection.fetchrow(STANDING, name)
    return None if row is None else tuple(row)


async def batch(connection: Connection, ledger: Ledger, name: str, owner: str, limit: int = 4) -> list[int]:
    page = await subscriptions.next_batch(connection, ledger.vault, name, owner, limit=limit)
    return [one.position for one in page.told]


async def test_whoever_holds_it_reads_on_from_where_it_stands(
    connection: Connection, ledger: Ledger, name: str
) -> None:
    assert await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")
    assert await batch(connection, ledger, name, "one") == [1, 2, 3, 4]
    # Nothing is done with until it is said so.
    assert await batch(connection, ledger, name, "one") == [1, 2, 3, 4]
    assert await subscriptions.advance(connection, name, "one", 4) == 4
    assert await batch(connection, ledger, name, "one", limit=100) == [5, 6, 7, 8, 9, 10]
    assert await stands(connection, name) == (4, "one", 0)


async def test_two_compete_and_one_holds_it(scheduler: Ledger, connection: Connection, name: str) -> None:
    await subscriptions.subscribe(connection, name)

    async def compete(owner: str) -> bool:
        async with scheduler.connection() as own:
            return await held(own, name, owner)

    for _ in range(10):
        won = await asyncio.gather(compete("one"), compete("two"), compete("one more"))
        assert won.count(True) == 1
        owner = ("one", "two", "one more")[won.index(True)]
        assert await held(connection, name, owner)  # and goes on holding
        assert await subscriptions.release(connection, name, owner)


async def test_who_holds_several_longer_takes_none_of_anybody_else_s(connection: Connection, name: str) -> None:
    ours, theirs, free = names = [f"{name} {number}" for number in range(3)]
    for one in names:
        await subscriptions.subscribe(connection, one)
    assert await held(connection, ours, "we")
    assert await held(connection, theirs, "they")
    assert await subscriptions.hold_on(connection, names, "we", LONG_S) == {ours: True}
    assert await subscriptions.hold_free(connection, names, "they", LONG_S, 3) == {theirs: True, free: True}
    assert not await held(connection, free, "we")


async def test_a_hold_that_ran_out_is_taken_over_and_its_owner_comes_too_late(
    connection: Connection, ledger: Ledger, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    await held_out(connection, name, "dead")
    assert await held(connection, name, "next")
    assert await subscriptions.advance(connection, name, "next", 2) == 2
    with pytest.raises(NotHeld):
        await subscriptions.advance(connection, name, "dead", 5)
    with pytest.raises(NotHeld):
        await subscriptions.park(connection, name, "dead", 3, "late")
    with pytest.raises(NotHeld):
        await subscriptions.unpark(connection, name, "dead", [3])
    with pytest.raises(NotHeld):
        await batch(connection, ledger, name, "dead")
    assert not await subscriptions.release(connection, name, "dead")
    assert not await held(connection, name, "dead")
    assert await stands(connection, name) == (2, "next", 0)


async def test_a_hold_that_ran_out_is_worth_nothing_even_if_nobody_took_it(connection: Connection, name: str) -> None:
    await subscriptions.subscribe(connection, name)
    await held_out(connection, name, "slow")
    with pytest.raises(NotHeld):
        await subscriptions.advance(connection, name, "slow", 1)
    with pytest.raises(NotHeld):
        await subscriptions.park(connection, name, "slow", 1, "late")
    assert await held(connection, name, "slow")
    assert await subscriptions.advance(connection, name, "slow", 1) == 1


async def test_a_long_transaction_does_not_make_a_hold_last_longer(connection: Connection, name: str) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "slow", 2 * MOMENT_S)
    async with connection.transaction():
        await connection.execute("SELECT 1")
        await asyncio.sleep(4 * MOMENT_S)
        with pytest.raises(NotHeld):
            await subscriptions.advance(connection, name, "slow", 1)


async def test_who_waited_for_the_row_until_the_hold_ran_out_comes_too_late(
    scheduler: Ledger, connection: Connection, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "slow", 4 * MOMENT_S)
    async with scheduler.connection() as other, other.transaction():
        await other.execute("SELECT FROM subscriptions WHERE name = $1 FOR UPDATE", name)
        late = asyncio.create_task(subscriptions.advance(connection, name, "slow", 3))
        await asyncio.sleep(6 * MOMENT_S)
        # Whoever has the row takes the subscription over in it.
        assert await held(other, name, "next")
    with pytest.raises(NotHeld):
        await late
    assert await stands(connection, name) == (0, "next", 0)


WORKER = """
import asyncio, sys
import asyncpg
from case_events.ledger.feed import subscriptions
from case_events.ledger.connection import teach
from case_events.ledger.sealing import Vault

async def work(url, name):
    connection = await asyncpg.connect(url)
    await teach(connection)
    await subscriptions.hold_free(connection, [name], "killed", 0.5, 1)
    for _ in range(2):
        page = await subscriptions.next_batch(connection, Vault(bytes(range(32))), name, "killed", limit=3)
        print(*(one.position for one in page.told), flush=True)
        sys.stdin.readline()
        await subscriptions.advance(connection, name, "killed", page.next)

asyncio.run(work(*sys.argv[1:]))
"""


async def test_a_worker_killed_between_its_work_and_advancing_leaves_the_same_events_to_the_next(
    connection: Connection, ledger: Ledger, module_database: object, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, module_database.scheduler, name),  # type: ignore[attr-defined]
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"1 2 3\n"
    worker.stdin.write(b"go on\n")
    assert await worker.stdout.readline() == b"4 5 6\n"
    worker.kill()
    await worker.wait()
    for _ in range(100):
        if await held(connection, name, "next"):
            break
        await asyncio.sleep(MOMENT_S / 2)
    assert await stands(connection, name) == (3, "next", 0)  # what was advanced to is kept
    assert await batch(connection, ledger, name, "next", limit=3) == [4, 5, 6]


async def test_what_is_parked_does_not_stop_the_rest_and_is_tried_again(
    connection: Connection, ledger: Ledger, cases: list[CaseId], name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")
    done = list[int]()
    for _ in range(10):
        positions = await batch(connection, ledger, name, "one", limit=3)
        for position in positions:
            if position in (2, 7):
                await subscriptions.park(connection, name, "one", position, f"no answer to {position}\0" + "x" * 5_000)
            else:
                done.append(position)
        if positions:
            await subscriptions.advance(connection, name, "one", positions[-1])
    assert done == [1, 3, 4, 5, 6, 8, 9, 10]
    first, second = await subscriptions.parked(connection, name, limit=10)
    assert (first.position, first.attempts, first.error[:16], len(first.error)) == (2, 1, "no answer to 2xx", 2_000)
    assert (second.position, second.case_id) == (7, cases[1])
    assert await subscriptions.parked(connection, name, limit=1) == (first,)
    assert await subscriptions.park(connection, name, "one", 2, "again no answer") == 2
    assert await subscriptions.unpark(connection, name, "one", [2])
    assert not await subscriptions.unpark(connection, name, "one", [2])
    assert await subscriptions.parked(connection, name, limit=10) == (second,)
    with pytest.raises(NotHeld):
        await subscriptions.park(connection, name, "one", 999, "an event that is none")


async def test_a_position_never_goes_back_nor_beyond_the_feed(connection: Connection, name: str) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")
    assert await subscriptions.advance(connection, name, "one", 6) == 6
    assert await subscriptions.advance(connection, name, "one", 2) == 6
    with pytest.raises(BeyondFeed):
        await subscriptions.advance(connection, name, "one", 11)


async def test_work_in_the_same_transaction_is_done_once_or_not_at_all(
    connection: Connection, superuser: asyncpg.Connection, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")

    async def work_and_fail() -> None:
        async with connection.transaction():
            await subscriptions.park(connection, name, "one", 1, "the work itself")
            await subscriptions.advance(connection, name, "one", 1)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await work_and_fail()
    assert await stands(connection, name) == (0, "one", 0)


async def test_it_begins_where_it_is_told_to_and_is_made_once(
    connection: Connection, ledger: Ledger, name: str
) -> None:
    assert await subscriptions.subscribe(connection, name, "now")
    assert not await subscriptions.subscribe(connection, name, 3)
    assert await held(connection, name, "one")
    assert await stands(connection, name) == (10, "one", 0)
    assert await batch(connection, ledger, name, "one") == []
    assert await subscriptions.subscribe(connection, f"{name} from 3", 3)
    with pytest.raises(BeyondFeed):
        await subscriptions.subscribe(connection, f"{name} from 11", 11)
    for wrong in ("", "x" * 201, "two\nlines"):
        with pytest.raises(ValueError, match="name"):
            await subscriptions.subscribe(connection, wrong)


async def test_it_reads_only_what_its_viewer_may_and_still_gets_on(
    connection: Connection, ledger: Ledger, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")
    viewer = Viewer(merchants=("another",), desk=False)
    page = await subscriptions.next_batch(connection, ledger.vault, name, "one", viewer=viewer, limit=3)
    assert (page.told, page.next) == ((), 10)
    assert await subscriptions.advance(connection, name, "one", page.next) == 10


async def test_what_is_removed_is_gone_with_what_it_set_aside(
    connection: Connection, ledger: Ledger, name: str
) -> None:
    await subscriptions.subscribe(connection, name)
    assert await held(connection, name, "one")
    await subscriptions.park(connection, name, "one", 1, "no answer")
    assert await subscriptions.remove(connection, name)
    assert not await subscriptions.remove(connection, name)
    assert await stands(connection, name) is None
    assert not await held(connection, name, "one")
    with pytest.raises(NotHeld):
        await batch(connection, ledger, name, "one")
    await subscriptions.subscribe(connection, name)
    assert await subscriptions.parked(connection, name, limit=10) == ()
