"""A scheduler that is stopped by force holds its rows for seconds only; one that is told to stop ends in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from case_events.ledger.audit.audit import verify
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import IDLE_S, LIMITS, Ledger, open_ledger
from case_scheduler.chores import JOBS
from tests.conftest import Database
from tests.scheduler.disputes import file_many, rush_ledger
from tests.scheduler.fleet import MASTER_KEY, Scheduler, scheduler
from tests.serving import free_port

CASES = 30
SOON_S = 40
HURRIED_S = 5
STOPS_ITSELF = (sys.executable, "-m", "tests.scheduler.stops_itself")
DUE = "SELECT count(*) FROM deadlines WHERE kind = 'response' AND due_at < clock_timestamp()"
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out'"
HOLDING = """
SELECT count(DISTINCT a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
WHERE a.datname = current_database() AND a.state = 'idle in transaction' AND l.relation = 'deadlines'::regclass
"""
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'caselog_scheduler'
    AND wait_event_type = 'Lock'
"""


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON_S):
        while not await true():
            await asyncio.sleep(0.02)


async def counts(superuser: asyncpg.Connection, query: str, wanted: int) -> None:
    async def there() -> bool:
        return int(await superuser.fetchval(query)) >= wanted

    await until(there)


async def test_others_fire_what_a_stopped_scheduler_holds_and_when_it_wakes_it_does_no_harm(
    database: Database, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    async with rush_ledger(database.app, seconds=1) as ledger:
        await file_many(ledger, CASES)
        await counts(superuser, DUE, CASES)
        async with scheduler(database.scheduler, tmp_path, "stopped", STOPS_ITSELF) as stopped:
            await until(lambda: _stopped(stopped))
            assert await superuser.fetchval(HOLDING) >= 1  # and perhaps the watermark in the making
            held_from = time.monotonic()
            async with scheduler(database.scheduler, tmp_path, "other") as other:
                await counts(superuser, FIRED, CASES)
                assert time.monotonic() - held_from < 6 * IDLE_S
                assert await _stopped(stopped), "it is not to blame for what was fired"
                os.kill(stopped.process.pid, signal.SIGCONT)
                await until(lambda: _said(stopped, "database_away"))
                assert [await one.end(signal.SIGTERM) for one in (stopped, other)] == [0, 0]
            assert await superuser.fetchval(FIRED) == CASES
            assert (await verify(ledger)).findings == ()


async def _stopped(one: Scheduler) -> bool:
    return Path(f"/proc/{one.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"


async def _said(one: Scheduler, event: str, times: int = 1) -> bool:
    return len(one.lines(event)) >= times


async def test_the_services_sessions_have_limits_and_what_they_cut_off_is_tried_again(database: Database) -> None:
    ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    async with ledger.connection() as connection:
        for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"):
            assert await connection.fetchval("SELECT current_setting($1)", name) == LIMITS[name]
    with pytest.raises(UNAVAILABLE):  # as if Postgres were away: it is tried again
        await _idled(ledger)
    await ledger.close()


async def _idled(ledger: Ledger) -> None:
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
        await asyncio.sleep(0.3)
        await connection.execute("SELECT 1")


@asynccontextmanager
async def hanging(
    database: Database, superuser: asyncpg.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Scheduler, httpx.AsyncClient]]:
    """A scheduler that waits for a table that the superuser holds, in the middle of something, until that ends."""
    port = free_port()
    monkeypatch.setenv("CASELOG_SCHEDULER_PORT", str(port))
    async with (
        scheduler(database.scheduler, folder, "hanging") as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as probe,
    ):
        await until(lambda: _said(running, "upkeep_done", len(JOBS)))
        await superuser.execute("BEGIN; LOCK TABLE deadlines IN ACCESS EXCLUSIVE MODE")
        await counts(superuser, WAITING, 1)
        yield running, probe


async def test_told_to_stop_it_says_so_first_and_ends_what_is_under_way(
    database: Database, superuser: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hanging(database, superuser, tmp_path, monkeypatch) as (running, probe):
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: _stopping(probe))
        assert running.process.returncode is None, "what is under way is not broken off"
        await superuser.execute("COMMIT")
        async with asyncio.timeout(SOON_S):
            assert await running.process.wait() == 0
    assert running.lines("broken_off") == []
    assert running.lines("stopped") != []


async def test_a_second_signal_hurries(
    database: Database, superuser: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hanging(database, superuser, tmp_path, monkeypatch) as (running, probe):
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: _stopping(probe))
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(HURRIED_S):
            assert await running.process.wait() == 0
        await superuser.execute("ROLLBACK")
    assert len(running.lines("broken_off")) == 1


async def _stopping(probe: httpx.AsyncClient) -> bool:
    return "running" in (await probe.get("/readyz")).json()["missing"]
