"""`caselog up` on a Postgres that somebody else runs: the oldest version we promise, with the three logins."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest_asyncio

from case_api.cli import postgres
from tests.scenarios.perform import perform
from tests.scenarios.script import scenarios
from tests.serving import serving

OLDEST = Path("/usr/lib/postgresql/15/bin")
ASK_S = 30.0
LOGINS = "SELECT DISTINCT usename, application_name FROM pg_stat_activity WHERE usename LIKE 'caselog%'"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[postgres.Server]:
    """A server of Postgres 15 with the logins of deploy/roles.sql and an empty database."""
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as folder:
        Path(folder).chmod(0o711)
        running = await postgres.start(Path(folder, "data"), bin_dir=OLDEST)
        yield running
        await running.stop()


async def test_caselog_up_serves_on_postgres_15_through_three_logins(server: postgres.Server, tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(b"k" * 32).decode())
    with serving(
        CASELOG_DATABASE_URL=server.url(postgres.APP),
        CASELOG_MIGRATION_URL=server.url(postgres.OWNER),
        CASELOG_SCHEDULER_URL=server.url(postgres.SCHEDULER),
        CASELOG_MASTER_KEY_FILE=str(key),
    ) as running:
        async with httpx.AsyncClient(base_url=running.url, timeout=ASK_S) as client:
            await perform(scenarios()["amended_then_silence"], client)
        assert not (running.data / "postgres").exists(), "no server of its own was started"
        admin = await asyncpg.connect(server.url(postgres.SUPERUSER))
        version = await admin.fetchval("SHOW server_version_num")
        logins = await admin.fetch(LOGINS)
        await admin.close()
    assert version.startswith("15")
    seen = {(row["usename"], row["application_name"]) for row in logins}
    assert seen >= {("caselog_app", "caselog-api"), ("caselog_scheduler", "caselog-scheduler")}
