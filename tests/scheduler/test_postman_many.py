"""Many endpoints and few connections: what is for one of them arrives, and no hold is lost meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from case_events.ledger import database as ledgers
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.webhooks import circuits
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.waiting import Backlog
from case_scheduler.webhooks import postman as postmen
from case_scheduler.webhooks.line import KEPT, Line, NoConnection
from case_scheduler.webhooks.sending import Sender
from case_scheduler.webhooks.walks import Retries, Walk
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk
from tests.scheduler.hooks import made, numbered, walking
from tests.scheduler.receiver import receiving

MANY, CASES, POOL = 400, 12, 4
LEASE_S = 6.0
OTHERS = """
WITH made AS (
    INSERT INTO webhook_endpoints
        (id, client, url, description, types, desk, state, created_by, state_at, created_at)
    SELECT gen_random_uuid(), 'c' || n / 50, 'https://x' || n || '.example/', '', ARRAY['closed'], false, 'active',
        'test', now(), now() FROM generate_series(1, $1) AS n RETURNING id
) INSERT INTO subscriptions (name, position) SELECT 'webhook:' || id, 0 FROM made
"""
HELD = (
    "SELECT count(*) FROM subscriptions WHERE name LIKE 'webhook:%' AND owner = $1 AND held_until > clock_timestamp()"
)
BEHIND = "SELECT count(*) FROM subscriptions, feed_state WHERE name LIKE 'webhook:%' AND position < head"


@pytest_asyncio.fixture
async def narrow(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY, pool_size=POOL)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def sequencer(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


asked = circuits.circuit


async def slowly(connection: Connection, endpoint: UUID) -> Circuit:
    """As on a machine that has more to do: all rounds together take longer than a pool lets wait."""
    await connection.execute("SELECT pg_sleep(0.008)")
    return await asked(connection, endpoint)


@pytest.mark.parametrize("called_max", [postmen.CALLED_MAX, 2 * MANY])
async def test_what_is_for_one_of_hundreds_arrives_and_no_hold_is_lost(
    called_max: int,
    api: Ledger,
    narrow: Ledger,
    sequencer: Ledger,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With all of them called at each notice, and with those alone that it may be for."""
    monkeypatch.setattr(ledgers, "ACQUIRE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(postmen, "CALLED_MAX", called_max)
    monkeypatch.setattr(postmen, "LEASE_S", LEASE_S)
    monkeypatch.setattr(postmen, "LOOK_S", LEASE_S / 6)
    monkeypatch.setattr(circuits, "circuit", slowly)
    desk = Desk(api)
    async with receiving() as receiver:
        await made(api, receiver.url)
        await superuser.execute(OTHERS, MANY)
        with capture_logs() as logs:
            async with walking(narrow) as postman:
                for _ in range(CASES):
                    await desk.filed()
                    await numbered(sequencer)
                    await asyncio.sleep(0.1)
                await receiver.until(lambda: len(receiver.took) == CASES)
                async with asyncio.timeout(30):
                    while await superuser.fetchval(BEHIND):
                        await asyncio.sleep(0.05)
                assert await superuser.fetchval(HELD, postman._name) == MANY + 1
        assert len(receiver.got) == CASES, "nothing was sent twice"
    told = Counter(one["event"] for one in logs if one["log_level"] != "info")
    assert not told, told
    assert not [one for one in logs if one["event"] == "webhook_not_held"]


async def test_walks_stand_in_line_and_leave_connections_to_others(narrow: Ledger) -> None:
    line, had, under_way = Line(narrow), list[int](), 0

    async def one(number: int) -> None:
        nonlocal under_way
        async with line.connection() as connection:
            under_way += 1
            assert under_way <= POOL - KEPT
            had.append(number)
            await connection.execute("SELECT pg_sleep(0.01)")
            under_way -= 1

    async with narrow.connection(), narrow.connection():  # whoever listens, and whoever looks
        async with asyncio.timeout(20):
            await asyncio.gather(*(one(number) for number in range(40)))
    assert sorted(had) == list(range(40))
    assert all(abs(number - at) < POOL for at, number in enumerate(had)), "in the order of asking"


class Shut:
    """A line in which nobody gets a connection."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        self.asked.set()
        raise NoConnection("none")


async def test_a_round_that_got_no_connection_keeps_what_is_known_and_asks_for_nothing_again(api: Ledger) -> None:
    endpoint, _ = await made(api, "https://shop.example/", after="now")
    line: Any = Shut()
    walk = Walk(line, endpoint, "postman", Sender(loopback=True), Retries(), lambda _outcome: None)
    known = Backlog(events=0, since=None, due_in_s=None)
    walk._backlog, walk._asked = known, False
    with capture_logs() as logs:
        task = asyncio.create_task(walk.keep())
        await asyncio.wait_for(line.asked.wait(), 5)
        await asyncio.sleep(0)
        assert walk._backlog is known
        assert not walk._asked
        walk.end()
        await asyncio.wait_for(task, 5)
    assert logs == [], "whoever looks says that Postgres is away, and nobody else"
    walk._asked = True
    with pytest.raises(NoConnection):
        await walk.round()
    assert walk._asked, "what was asked for and could not be looked at is still asked for"
