"""Several postmen: each has its share of the endpoints, whoever comes and goes, and no event is told out of turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.subscriptions import hold_free
from case_events.ledger.webhooks import postmen
from case_scheduler.webhooks import postman, rounds, sending
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk
from tests.scheduler.hooks import attempts, disputed, made, walking
from tests.scheduler.receiver import HANGS, Receiver, receiving

ENDPOINTS, CASES, EVIDENCE = 6, 4, 4
EVENTS = CASES * (1 + EVIDENCE)
SOON_S = 20.0
OWNERS = "SELECT owner FROM subscriptions WHERE name LIKE 'webhook:%' AND held_until > clock_timestamp()"


@pytest_asyncio.fixture
async def scheduler(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY, pool_size=20)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "LOOK_S", 0.05)


async def until_shared(superuser: asyncpg.Connection, wanted: Callable[[Mapping[str, int]], bool]) -> Mapping[str, int]:
    """How many endpoints each postman has, when it is as it should be."""
    async with asyncio.timeout(SOON_S):
        while not wanted(found := Counter(row["owner"] for row in await superuser.fetch(OWNERS))):
            await asyncio.sleep(0.01)
    return found


def of(*shares: int) -> Callable[[Mapping[str, int]], bool]:
    return lambda found: sorted(found.values()) == sorted(shares)


async def test_endpoints_are_shared_out_anew_when_a_postman_comes_or_goes(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    for number in range(ENDPOINTS):
        await made(api, f"https://{number}.example/", after="now")
    async with walking(scheduler) as first:
        await until_shared(superuser, of(6))
        async with walking(scheduler) as second:
            halves = await until_shared(superuser, of(3, 3))
            assert halves.keys() == {first._name, second._name}
            await asyncio.sleep(0.3)
            assert await until_shared(superuser, of(3, 3)) == halves, "and there it stays"
            async with walking(scheduler):
                await until_shared(superuser, of(2, 2, 2))
            await until_shared(superuser, of(3, 3))
        await until_shared(superuser, of(6))
    assert await superuser.fetchval("SELECT count(*) FROM subscriptions WHERE name LIKE 'postman:%'") == 0


async def test_an_endpoint_that_is_handed_over_in_the_middle_is_sent_each_event_once_and_in_order(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "ROUND_S", 0.1)
    await disputed(Desk(api), scheduler, CASES, EVIDENCE)
    async with AsyncExitStack() as stack:
        there = [await stack.enter_async_context(receiving()) for _ in range(2)]
        names = [(await made(api, receiver.url))[0] for receiver in there]
        for receiver in there:
            receiver.delay_s = 0.3
        first = await stack.enter_async_context(walking(scheduler))
        await until_shared(superuser, of(2))
        await there[0].until(lambda: all(receiver.got for receiver in there))
        second = await stack.enter_async_context(walking(scheduler))
        assert (await until_shared(superuser, of(1, 1))).keys() == {first._name, second._name}
        assert any(len(receiver.got) < EVENTS for receiver in there), "in the middle"
        for receiver in there:
            receiver.delay_s = 0.0
            await receiver.until(lambda receiver=receiver: len(receiver.took) == EVENTS)  # type: ignore[misc]
        for receiver in there:
            assert in_order(receiver)
            assert len(receiver.got) == EVENTS, "nothing was broken off, nothing sent twice"
    for endpoint in names:
        assert {row["outcome"] for row in await attempts(superuser, endpoint.id)} == {"delivered"}


def in_order(receiver: Receiver) -> bool:
    return all(positions == sorted(positions) for positions in receiver.by_case().values())


async def test_what_one_that_stands_still_had_is_the_others_share_when_its_leases_run_out(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    names = [(await made(api, f"https://{number}.example/", after="now"))[0] for number in range(ENDPOINTS)]
    async with scheduler.connection() as connection:
        assert await postmen.count(connection, "still", 60.0) == 1
        held = await hold_free(connection, [one.subscription for one in names], "still", 60.0, 4)
    assert len(held) == 4
    async with walking(scheduler):
        assert (await until_shared(superuser, of(2, 4)))["still"] == 4
        await superuser.execute("UPDATE subscriptions SET held_until = clock_timestamp() WHERE owner = 'still'")
        assert (await until_shared(superuser, of(6))).keys() != {"still"}
    assert await superuser.fetchval("SELECT count(*) FROM subscriptions WHERE name LIKE 'postman:%'") == 0


async def test_what_cannot_be_held_any_longer_is_broken_off(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> dict[str, bool]:
        raise ConnectionError("Postgres is away")

    async with receiving(lambda _: HANGS) as receiver:
        await made(api, receiver.url)
        await disputed(Desk(api), scheduler, 1, 0)
        # Long before the receiver's own time is over, which would end it too.
        async with walking(scheduler) as first, asyncio.timeout(sending.WHOLE_S / 2):
            await receiver.until(lambda: bool(receiver.got))
            monkeypatch.setattr(postman, "LEASE_S", 0.2)
            monkeypatch.setattr(postman, "hold_on", away)
            while first._walks:
                await asyncio.sleep(0.01)
        assert len(receiver.got) == 1
    assert await superuser.fetchval("SELECT count(*) FROM webhook_attempts") == 0, "nobody knows what came of it"
