"""What a receiver refuses for good holds up its own cases and nothing else, however often it opens the circuit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.webhooks import circuits, errands
from case_events.ledger.webhooks.endpoints import Endpoint
from case_scheduler.webhooks.walks import Retries
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk
from tests.scheduler.hooks import SOON_S, disputed, made, state_of, waiting_count, walking
from tests.scheduler.receiver import Delivery, Receiver, receiving

SCALE = 100.0
REAL_S = Retries().after_s
SCALED = Retries(after_s=tuple(seconds / SCALE for seconds in REAL_S))
FAILURES = "SELECT coalesce((SELECT failures FROM webhook_circuits WHERE endpoint = $1), 0)"


@pytest_asyncio.fixture
async def scheduler(database: Database, api: Ledger) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY, calendar=api.calendar)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours pass in seconds, and probes come as much sooner."""
    monkeypatch.setattr(circuits, "PROBE_S", circuits.PROBE_S / SCALE)
    monkeypatch.setattr(circuits, "PROBE_S_MAX", circuits.PROBE_S_MAX / SCALE / 10)


class Refusing:
    """A receiver's answer: 422 for ever to some cases, and whatever is sent of the others is taken."""

    def __init__(self) -> None:
        self.cases: set[str] = set()

    def __call__(self, one: Delivery) -> int:
        return 422 if one.case in self.cases else 204

    def these(self, cases: Sequence[CaseId]) -> None:
        self.cases = {str(case_id) for case_id in cases}


async def until_open(superuser: asyncpg.Connection, endpoint: Endpoint) -> None:
    async with asyncio.timeout(SOON_S):
        while await superuser.fetchval(FAILURES, endpoint.id) < circuits.FAILURES_MAX:
            await asyncio.sleep(0.005)


def all_in_order(receiver: Receiver) -> bool:
    return all(positions == sorted(positions) for positions in receiver.by_case().values())


@pytest.mark.parametrize("refused", [1, 6])
async def test_what_is_new_is_delivered_by_a_probe_while_all_that_waits_is_refused_for_good(
    refused: int, api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    quick = Retries(after_s=(0.02,) * 8 + REAL_S)  # so that one case opens a quiet shop's circuit by itself
    bad = Refusing()
    async with receiving(bad) as receiver:
        endpoint, _ = await made(api, receiver.url)
        there = await disputed(Desk(api), scheduler, 10, 1)
        bad.these(there[-refused:])
        good = 2 * (10 - refused)
        async with walking(scheduler, quick):
            await receiver.until(lambda: len(receiver.took) == good)
            await until_open(superuser, endpoint)
            await disputed(Desk(api), scheduler, 5, 1)
            await receiver.until(lambda: len(receiver.took) == good + 10)
        assert all_in_order(receiver)
        assert await waiting_count(superuser, endpoint.id) == 2 * refused
        assert await state_of(api, endpoint) == "active"


async def test_what_waits_and_was_never_tried_is_delivered_although_all_before_it_is_refused_for_good(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    bad = Refusing()
    async with receiving(bad) as receiver:
        receiver.delay_s = 0.005
        endpoint, _ = await made(api, receiver.url)
        there = await disputed(Desk(api), scheduler, 40, 2)
        bad.these(there[:12])
        async with walking(scheduler, SCALED):
            await receiver.until(lambda: len(receiver.took) == 3 * 28)
        assert all_in_order(receiver)
        assert not bad.cases & {one.case for one in receiver.took}
        assert await waiting_count(superuser, endpoint.id) == 3 * 12
        assert await state_of(api, endpoint) == "active"


async def test_what_is_refused_while_others_are_taken_comes_to_the_end_of_its_tries(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    bad, desk = Refusing(), Desk(api)
    async with receiving(bad) as receiver:
        endpoint, _ = await made(api, receiver.url)
        bad.these(await disputed(desk, scheduler, 6, 0))
        async with walking(scheduler, Retries(after_s=(0.1,) * 6)):
            await until_open(superuser, endpoint)
            for _ in range(200):
                await disputed(desk, scheduler, 1, 0)
                if await state_of(api, endpoint) == "paused":
                    break
                await asyncio.sleep(0.02)
        assert await state_of(api, endpoint) == "paused"
        assert receiver.took


async def test_a_receiver_that_recovers_is_found_by_what_it_refused_before(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    well = asyncio.Event()
    async with receiving(lambda _: 204 if well.is_set() else 500) as receiver:
        endpoint, _ = await made(api, receiver.url)
        await disputed(Desk(api), scheduler, 12, 1)
        async with walking(scheduler, Retries(after_s=(600.0,) * 9)):
            await until_open(superuser, endpoint)
            async with asyncio.timeout(SOON_S):
                while len({one.case for one in receiver.got}) < 12:
                    await asyncio.sleep(0.01)
            well.set()
            await receiver.until(lambda: len(receiver.took) == 24)
        assert all_in_order(receiver)
        assert await waiting_count(superuser, endpoint.id) == 0


async def test_a_test_that_is_taken_closes_the_circuit_and_what_waits_is_tried_at_once(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuits, "PROBE_S", 600.0)
    monkeypatch.setattr(circuits, "PROBE_S_MAX", 600.0)
    well = asyncio.Event()
    async with receiving(lambda _: 204 if well.is_set() else 500) as receiver:
        endpoint, _ = await made(api, receiver.url)
        await disputed(Desk(api), scheduler, 8, 1)
        async with walking(scheduler, Retries(after_s=(600.0,) * 9)):
            await until_open(superuser, endpoint)
            well.set()
            async with api.connection() as connection, connection.transaction():
                await errands.ask(connection, endpoint, uuid4(), "test")
            await receiver.until(lambda: len(receiver.took) == 1 + 16)
        assert receiver.took[0].body["type"] == "caselog.webhook_test.v1"
        assert await waiting_count(superuser, endpoint.id) == 0
        assert await superuser.fetchval(FAILURES, endpoint.id) == 0
