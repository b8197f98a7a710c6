"""A scheduler that comes before its tables waits for them, alive and not ready, and says what it waits for."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import asyncpg
import httpx
import pytest

from case_events.ledger.queries import MIGRATION
from tests.conftest import Database
from tests.scheduler.fleet import scheduler
from tests.serving import free_port

SOON_S = 40
AT = "UPDATE alembic_version SET version_num = $1"


async def test_it_waits_for_the_migrations_and_then_begins(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("CASELOG_SCHEDULER_PORT", str(port))
    superuser = await asyncpg.connect(database.superuser)
    await superuser.execute(AT, "0004")
    async with (
        scheduler(database.scheduler, tmp_path, "early") as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as probe,
        asyncio.timeout(SOON_S),
    ):
        while await _missing(probe) != {"migrations", "sweep", "feed"}:
            await asyncio.sleep(0.05)
        assert (await probe.get("/healthz")).status_code == 200
        metrics = (await probe.get("/metrics")).text
        assert re.search(r"^caselog_sweep_age_seconds \d", metrics, re.MULTILINE), "how long it has fired nothing"
        assert await superuser.fetchval("SELECT count(*) FROM schedulers") == 0
        await superuser.execute(AT, MIGRATION)
        while await _missing(probe) != set():
            await asyncio.sleep(0.05)
        assert [line["why"] for line in running.lines("not_ready")] == ["the tables are not this release's"]
        assert await running.end(signal.SIGTERM) == 0
    await superuser.close()


async def test_it_waits_for_a_database_that_has_no_tables_at_all(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("CASELOG_SCHEDULER_PORT", str(port))
    superuser = await asyncpg.connect(database.superuser)
    await superuser.execute("ALTER SCHEMA public RENAME TO later")
    async with (
        scheduler(database.scheduler, tmp_path, "early") as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as probe,
        asyncio.timeout(SOON_S),
    ):
        while await _missing(probe) != {"migrations", "sweep", "feed"}:
            await asyncio.sleep(0.05)
        await superuser.execute("ALTER SCHEMA later RENAME TO public")
        while await _missing(probe) != set():
            await asyncio.sleep(0.05)
        assert [line["why"] for line in running.lines("not_ready")] == ["the tables are not this release's"]
        assert await running.end(signal.SIGTERM) == 0
    await superuser.close()


async def _missing(probe: httpx.AsyncClient) -> set[str] | None:
    try:
        return set((await probe.get("/readyz")).json()["missing"])
    except httpx.TransportError:
        return None
