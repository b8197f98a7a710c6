"""The bell: APScheduler is the metronome and may stop; whoever waits for it looks all the same and winds it up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.append_statements import DUE_CHANNEL
from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.database import Ledger, open_ledger
from case_scheduler.clock import bell as bells
from case_scheduler.clock.bell import Bell
from case_scheduler.clock.clockwork import Clockwork
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.pulse import Pulse
from tests.conftest import Database
from tests.scheduler.fleet import MASTER_KEY

SILENCE_S = 0.3
SOON_S = 20


@pytest_asyncio.fixture
async def ledger(module_database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def bell(module_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bell]:
    """It would ring by itself after an hour."""
    monkeypatch.setattr(bells, "TICK_S", 3600.0)
    monkeypatch.setattr(bells, "SILENCE_S", SILENCE_S)
    async with Bell(module_database.scheduler, 3600) as hung:
        yield hung


async def heard_first_knock(bell: Bell) -> None:
    """It listens: whatever was due before is looked for once."""
    async with asyncio.timeout(SOON_S):
        while not await bell.wait():
            pass


async def test_when_the_metronome_stops_sweeps_go_on_by_themselves_and_it_is_wound_up(
    ledger: Ledger, bell: Bell, module_database: Database
) -> None:
    over = asyncio.Event()
    pulse = Pulse("here:1:a")
    clockwork = Clockwork(ledger, Gate(pulse.name), Sweeper(ledger), Lateness(), pulse)
    assert bell._metronome is not None
    stopped = bell._metronome
    stopped.shutdown(wait=False)
    working = asyncio.create_task(clockwork.keep(bell, over.is_set))
    superuser = await asyncpg.connect(module_database.superuser)
    swept = set[object]()
    async with asyncio.timeout(SOON_S):
        while len(swept) < 4:
            swept.add(await superuser.fetchval("SELECT swept_at FROM schedulers"))
            await asyncio.sleep(0.05)
    over.set()
    bell.ring()
    await working
    await superuser.close()
    assert bell._metronome is not None
    assert bell._metronome is not stopped
    assert bell._metronome.running, "wound up anew"


async def test_it_rings_when_the_next_deadline_is_due_and_a_silent_metronome_delays_that_by_half_a_second_at_most(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "SILENCE_S", 30.0)
    await heard_first_knock(bell)
    for silent, latest_s in ((False, 0.3), (True, 0.1 + bells.OVERSLEPT_S + 0.3)):
        bell.ring_in(0.1)
        if silent:
            assert bell._metronome is not None
            bell._metronome.remove_all_jobs()
        began = time.monotonic()
        assert await bell.wait() is False
        assert 0.09 < time.monotonic() - began < latest_s


async def test_the_database_knocks_when_something_is_due_sooner_than_anybody_would_look(
    bell: Bell, module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "SILENCE_S", 30.0)
    await heard_first_knock(bell)
    writer = await asyncpg.connect(module_database.app)
    await writer.execute(f"NOTIFY {DUE_CHANNEL}")
    assert await bell.wait() is True
    bell.ring()
    assert await bell.wait() is False, "a knock is heard once"
    await writer.close()


async def test_whoever_waits_for_a_round_that_is_not_called_goes_on(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "UPKEEP_EVERY_S", 0.1)
    monkeypatch.setattr(bell, "_round_s", 0.1)
    bell._halt()
    await bell.wait_for_round()
    bell._halt()
    await bell.wait_for_upkeep()
