"""The sequencer in the scheduler: it hears a knock, looks by itself, survives what fails, and may be killed at will."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import Ticked
from case_scheduler import sequencer
from case_scheduler.clock.bell import Bell
from case_scheduler.sequencer import end_numbering, keep_numbering
from tests.conftest import Database
from tests.ledger import recording
from tests.ledger.recording import NONE, faults, feed, record
from tests.scheduler.fleet import MASTER_KEY, scheduler

NEVER_S = 3_600.0
SOON_S = 60.0
"""Until when something that takes milliseconds is waited for on a machine that is busy."""
POLL_S = 0.005
SCHEDULERS, KILLED = 6, 5
WRITERS, CASES = 4, 4
MID_TICK = r"""
SELECT substring(query FROM 'process (\d+)') FROM pg_stat_activity
WHERE datname = $1 AND wait_event = 'PgSleep' AND query LIKE '/* process %'
    AND substring(query FROM 'process (\d+)') <> ALL ($2::text[])
"""
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'caselog_scheduler' AND datname = $1"


@pytest_asyncio.fixture
async def superuser(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.superuser)
    await recording.empty(connection)
    yield connection
    await connection.close()


@asynccontextmanager
async def numbering(database: Database) -> AsyncIterator[None]:
    """The sequencer as every scheduler runs it, in this process."""
    ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    async with Bell(database.scheduler, 10) as bell:
        task = asyncio.create_task(keep_numbering(ledger, bell, lambda: False))
        yield
        await end_numbering(task)
    await ledger.close()


@pytest_asyncio.fixture
async def api(module_database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY)
    yield opened
    await opened.close()


async def until(true: Callable[[], Awaitable[object]]) -> object:
    """Wait till it is so; what it is."""
    async with asyncio.timeout(SOON_S):
        while not (found := await true()):
            await asyncio.sleep(POLL_S)
    return found


async def it_listens(superuser: asyncpg.Connection, database: Database) -> None:
    """Until the bell's own session listens, and what it found then is done with."""
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN%appended%'"
    await until(lambda: superuser.fetchval(listening, database.name))
    await asyncio.sleep(0.2)


async def test_after_a_pause_the_next_event_is_numbered_as_soon_as_its_writer_knocks(
    module_database: Database, superuser: asyncpg.Connection, api: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "IDLE_EVERY_S", NEVER_S)
    monkeypatch.setattr(sequencer, "FLOWING_S", 0.05)
    async with numbering(module_database):
        await it_listens(superuser, module_database)
        for _ in range(2):
            await asyncio.sleep(0.2)
            key = (uuid4(), 1)
            await record(superuser, *key)
            await asyncio.sleep(0.3)
            assert key not in await feed(superuser), "it looked although nobody knocked"
            api.waking._next_at = 0.0  # as if the last knock were long ago
            api.waking.appended()
            await until(lambda key=key: _is_in(superuser, key))  # type: ignore[misc]


async def _is_in(superuser: asyncpg.Connection, key: recording.Key) -> bool:
    return key in await feed(superuser)


async def test_while_events_flow_nobody_has_to_knock_and_a_lost_knock_is_made_up_for(
    module_database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "IDLE_EVERY_S", 0.3)
    keys = []
    async with numbering(module_database):
        await it_listens(superuser, module_database)
        for number in range(20):
            keys.append((uuid4(), 1))
            await record(superuser, *keys[-1])
            await asyncio.sleep(0.01 if number else 0.5)
        await until(lambda: _is_in(superuser, keys[-1]))
    assert (await feed(superuser), await faults(superuser)) == (keys, NONE)


async def test_it_goes_on_when_its_sessions_were_cut_and_when_a_tick_has_failed(
    module_database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "RETRY_S", 0.05)
    keys = [(uuid4(), 1) for _ in range(3)]
    async with numbering(module_database):
        await it_listens(superuser, module_database)
        await superuser.fetch(CUT, module_database.name)
        await record(superuser, *keys[0])
        await until(lambda: _is_in(superuser, keys[0]))
        await superuser.execute("REVOKE INSERT ON feed FROM caselog_scheduler")
        try:
            await record(superuser, *keys[1])
            await asyncio.sleep(0.3)
            assert not await _is_in(superuser, keys[1])
        finally:
            await superuser.execute("GRANT INSERT ON feed TO caselog_scheduler")
        await record(superuser, *keys[2])
        await until(lambda: _is_in(superuser, keys[2]))
    assert (await feed(superuser), await faults(superuser)) == (keys, NONE)


async def test_a_tick_that_fails_is_not_tried_again_at_once(api: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Ledger] = []

    async def fails(ledger: Ledger) -> Ticked:
        tried.append(ledger)
        await asyncio.sleep(0)
        raise ConnectionError("Postgres is away")

    monkeypatch.setattr(sequencer, "tick", fails)
    monkeypatch.setattr(sequencer, "RETRY_S", NEVER_S)
    task = asyncio.create_task(keep_numbering(api, Bell("", 10), lambda: len(tried) > 1))
    for _ in range(20):
        await asyncio.sleep(0)
    await end_numbering(task)
    assert tried == [api]


async def test_of_six_schedulers_five_are_killed_in_the_middle_of_a_tick_and_the_feed_is_whole(
    module_database: Database, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    over = asyncio.Event()
    cases = [uuid4() for _ in range(CASES)]
    async with AsyncExitStack() as stack:
        for case_id in cases:
            await record(superuser, case_id, 1)
            await superuser.execute(recording.OPEN, case_id)
        writers = [await asyncpg.connect(module_database.app) for _ in range(WRITERS)]
        for writer in writers:
            stack.push_async_callback(writer.close)
        slow = (sys.executable, "-m", "tests.scheduler.slow_ticks", str(SCHEDULERS))
        fleet = await stack.enter_async_context(scheduler(module_database.scheduler, tmp_path, "fleet", slow))
        writing = [
            asyncio.create_task(recording.write_steps(writer, cases, random.Random(seed), over))
            for seed, writer in enumerate(writers)
        ]
        killed: set[str] = set()
        for _ in range(KILLED):
            before = len(await feed(superuser))
            pid = await until(lambda: superuser.fetchval(MID_TICK, module_database.name, list(killed)))
            os.kill(int(str(pid)), signal.SIGKILL)
            killed.add(str(pid))
            await until(lambda before=before: _grown(superuser, before))  # type: ignore[misc]
        over.set()
        await asyncio.gather(*writing)
        await until(lambda: _all_numbered(superuser))
        (survivor,) = {line["name"].split(":")[1] for line in fleet.lines("started")} - killed
        os.kill(int(survivor), signal.SIGTERM)
        async with asyncio.timeout(SOON_S):
            assert await fleet.process.wait() == 0
        assert fleet.lines("tick_failed") == []
    assert await faults(superuser) == NONE


async def _grown(superuser: asyncpg.Connection, before: int) -> bool:
    return len(await feed(superuser)) > before


async def _all_numbered(superuser: asyncpg.Connection) -> bool:
    return (await faults(superuser))["missed"] == 0
