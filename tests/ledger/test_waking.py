"""Whoever appends knocks for the sequencer: at once, then once a second at most, and never at the append's expense.

Schedulers are knocked for when a clock is due before they would look by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from case_events.core.plan import Step
from case_events.ledger.append_statements import DUE_CHANNEL
from case_events.ledger.bulk.importing import record
from case_events.ledger.bulk.together import submit_all
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.waking import APPENDED_CHANNEL, EVERY_S
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, asking
from tests.ledger.history import HOUR, filing, line

SOON_S = 10
POLL_S = 0.005


@pytest_asyncio.fixture
async def knocks(module_database: Database) -> AsyncIterator[list[float]]:
    """When each knock was heard."""
    heard: list[float] = []
    connection = await asyncpg.connect(module_database.scheduler)
    await connection.add_listener(APPENDED_CHANNEL, lambda *_: heard.append(asyncio.get_running_loop().time()))
    yield heard
    await connection.close()


async def test_a_thousand_appends_knock_at_once_and_then_once_a_second(ledger: Ledger, knocks: list[float]) -> None:
    for _ in range(500):
        ledger.waking.appended()
    await _heard(knocks, 1)
    await asyncio.sleep(EVERY_S + 0.1)
    assert len(knocks) == 1
    for _ in range(500):
        ledger.waking.appended()
    await _heard(knocks, 2)


async def test_schedulers_are_woken_by_a_live_clock_that_is_due_soon_and_by_no_other(
    desk: Desk, module_database: Database
) -> None:
    heard: list[str] = []
    connection = await asyncpg.connect(module_database.scheduler)
    await connection.add_listener(DUE_CHANNEL, lambda *said: heard.append(said[-1]))
    clock = await desk.clock()
    for slow in (a_filing(marketplace="swift", clock=clock), a_filing()):
        await desk.filed(slow)
    await connection.execute(f"NOTIFY {DUE_CHANNEL}, 'so far'")
    await desk.filed(a_filing(marketplace="swift"))
    await connection.execute(f"NOTIFY {DUE_CHANNEL}, 'all'")
    async with asyncio.timeout(SOON_S):
        while "all" not in heard:
            await asyncio.sleep(POLL_S)
    await connection.close()
    assert heard == ["so far", "", "all"]


async def test_a_step_knocks_when_it_is_recorded_and_a_refused_one_does_not(desk: Desk, knocks: list[float]) -> None:
    desk.ledger.waking._next_at = 0.0  # as if the last knock were long ago
    case_id = await desk.filed()
    await _heard(knocks, 1)
    desk.ledger.waking._next_at = 0.0
    refused = await desk.ask(examples.REFUNDED, case_id)
    assert refused.problem is not None
    await asyncio.sleep(0.2)
    assert len(knocks) == 1


async def test_many_steps_at_once_and_an_import_knock_too(desk: Desk, knocks: list[float]) -> None:
    desk.ledger.waking._next_at = 0.0
    async for answers in submit_all(desk.ledger, {0: asking(a_filing()), 1: asking(a_filing())}):
        assert [step.problem for step in answers.values() if isinstance(step, Step)] == [None, None]
    await _heard(knocks, 1)
    desk.ledger.waking._next_at = 0.0
    async with desk.ledger.connection() as connection:
        told = await record(desk.ledger, connection, "knocking", [line("one", HOUR, filing("knocking"))])
    assert [one.problem for one in told.values()] == [None]
    await _heard(knocks, 2)


async def _heard(knocks: list[float], count: int) -> None:
    async with asyncio.timeout(SOON_S):
        while len(knocks) < count:
            await asyncio.sleep(POLL_S)


async def test_whoever_cannot_knock_does_not_hear_of_it_and_the_next_append_knocks(
    module_database: Database, superuser: asyncpg.Connection, knocks: list[float]
) -> None:
    cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'knocker'"
    ledger = await open_ledger(module_database.app, master_key=MASTER_KEY, application="knocker", pool_size=1)
    async with ledger.connection() as connection:
        await connection.execute("SELECT 1")
    await superuser.fetch(cut)
    async with asyncio.timeout(SOON_S):
        while not knocks:
            ledger.waking.appended()
            await asyncio.sleep(POLL_S)
    await ledger.close()


async def test_a_ledger_is_closed_after_its_knock(module_database: Database, knocks: list[float]) -> None:
    ledger = await open_ledger(module_database.app, master_key=MASTER_KEY)
    ledger.waking.appended()
    await ledger.close()
    await _heard(knocks, 1)
