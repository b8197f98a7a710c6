"""Who looks whether Postgres answers is not taken in by a process that stood still, and tells everybody who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger import presence
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.presence import Away, Presence
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY

SILENT_S, PROBE_S, TURN_S, LOOK_S = 0.03, 0.2, 0.02, 0.01
SOON_S = 10.0
"""No test waits for longer."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is lost soon."""
    for name, seconds in (("SILENT_S", SILENT_S), ("PROBE_S", PROBE_S), ("TURN_S", TURN_S), ("LOOK_S", LOOK_S)):
        monkeypatch.setattr(presence, name, seconds)


@pytest_asyncio.fixture
async def opened(module_database: Database) -> AsyncIterator[Ledger]:
    """A ledger whose watch the test may replace."""
    ledger = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    yield ledger
    await ledger.close()


class Aside:
    """What is asked aside: it begins, and hears nothing until it is told to."""

    def __init__(self) -> None:
        self.begun, self.answered = asyncio.Event(), asyncio.Event()
        self.asked = 0

    async def __call__(self) -> None:
        self.asked += 1
        self.begun.set()
        await self.answered.wait()


async def waiting(watched: Presence, seconds: float) -> None:
    """Somebody waits for a connection that does not come."""
    async with asyncio.timeout(seconds) as limit:
        watched.waits(limit)
        try:
            await asyncio.Event().wait()
        finally:
            watched.waited(limit)


def stand_still(seconds: float) -> None:
    """Nothing else of this process runs meanwhile."""
    time.sleep(seconds)


@pytest.mark.parametrize("stood_s", [PROBE_S + TURN_S, 3 * PROBE_S])
async def test_a_process_that_stood_still_does_not_take_postgres_for_away(stood_s: float) -> None:
    aside = Aside()
    watched = Presence(aside)
    somebody = asyncio.create_task(waiting(watched, SOON_S))
    await asyncio.wait_for(aside.begun.wait(), SOON_S)
    stand_still(stood_s)
    await asyncio.sleep(2 * TURN_S)
    assert (watched.away, aside.asked) == (False, 1)
    aside.answered.set()
    await asyncio.sleep(2 * TURN_S)
    watched.check()
    assert not somebody.done()
    somebody.cancel()
    await asyncio.wait([somebody])
    await watched.close()


async def away(watched: Presence) -> None:
    """It has been found out."""
    async with asyncio.timeout(SOON_S):
        while not watched.away:
            await asyncio.sleep(LOOK_S / 2)


async def test_everybody_is_told_even_while_somebody_whose_time_is_over_is_still_letting_go(opened: Ledger) -> None:
    aside, let_go = Aside(), asyncio.Event()
    watched = opened.presence = Presence(aside)

    async def slow_to_let_go() -> None:
        async with asyncio.timeout(LOOK_S) as limit:
            watched.waits(limit)
            try:
                await asyncio.Event().wait()
            finally:
                await let_go.wait()
                watched.waited(limit)

    async with opened.connection() as connection:
        slow = asyncio.create_task(slow_to_let_go())
        others = asyncio.create_task(waiting(watched, SOON_S))
        await away(watched)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(others, SOON_S / 2)
        with pytest.raises(asyncpg.InterfaceError):
            await connection.execute("SELECT")
        let_go.set()
        with pytest.raises(TimeoutError):
            await slow
    with pytest.raises(Away):
        watched.check()


async def test_whoever_gave_up_or_was_cancelled_heard_nothing(opened: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "SILENT_S", SOON_S)
    aside = Aside()
    watched = opened.presence = Presence(aside)
    asking: dict[int, asyncio.Timeout] = {}

    async def asks(number: int) -> None:
        async with opened.connection(), asyncio.timeout(SOON_S) as limit:
            asking[number] = limit  # they are let in in any order
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(asks(number)) for number in range(3)]
    async with asyncio.timeout(SOON_S):
        while len(asking) < len(tasks):
            await asyncio.sleep(LOOK_S)
    monkeypatch.setattr(presence, "SILENT_S", SILENT_S)
    watched.waits(asking[0])  # somebody looks
    watched.waited(asking[0])
    await asyncio.wait_for(aside.begun.wait(), SOON_S)
    asking[1].reschedule(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert watched._answered_at == 0.0, "it could not have been an answer"
    await away(watched)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
