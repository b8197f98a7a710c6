"""The whole way, from a filing to a verified history, also on the oldest Postgres that is supported."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_events.core.values import Instant
from case_events.ledger import policy_book
from case_events.ledger.audit.audit import verify
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import open_ledger
from tests import examples
from tests.ledger.desk import MASTER_KEY, SWIFT, Desk, a_filing, one_of_each, swift_text

OLDEST = Path("/usr/lib/postgresql/15/bin")
"""Where Debian puts it; the README says 15 or newer."""


@pytest_asyncio.fixture(scope="module")
async def oldest() -> AsyncIterator[postgres.Server]:
    if not (OLDEST / "postgres").exists():
        assert not os.environ.get("CI"), f"{OLDEST} is missing: here the oldest supported Postgres must be tried"
        pytest.skip(f"{OLDEST} is not installed")
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as folder:
        Path(folder).chmod(0o711)
        server = await postgres.start(Path(folder, "data"), bin_dir=OLDEST)
        try:
            await asyncio.to_thread(bring_to_head, server.url(postgres.OWNER))
            yield server
        finally:
            await server.stop()


async def test_the_oldest_supported_postgres_records_fires_and_proves(oldest: postgres.Server) -> None:
    calendar = examples.calendar()
    app = await open_ledger(oldest.url(postgres.APP), master_key=MASTER_KEY, calendar=calendar)
    scheduler = await open_ledger(oldest.url(postgres.SCHEDULER), master_key=MASTER_KEY, calendar=calendar)
    try:
        async with app.connection() as connection:
            assert await connection.fetchval("SHOW server_version_num") < "160000"
            for text in (examples.taobao_text(), swift_text()):
                await policy_book.keep(connection, text)
        desk = Desk(app)
        cases = await one_of_each(desk)
        await evidence_at_once(desk)
        filing = a_filing()
        opened = await asyncio.gather(*(desk.ask(filing, key="k") for _ in range(4)))
        assert len({step.case_id for step in opened}) == 1
        assert sum(step.replayed for step in opened) == 3
        silent = [await desk.filed(a_filing(marketplace="swift")) for _ in range(3)]
        await asyncio.sleep(SWIFT.total_seconds() + 0.05)
        fired = await fire(scheduler, CLAIM_LIVE, limit=10)
        assert (set(fired.claimed), fired.written, fired.events) == (set(silent), 3, 6)
        verdict = await verify(app)
        assert verdict.findings == ()
        assert verdict.cases == len(cases) + 5
    finally:
        await app.close()
        await scheduler.close()


async def evidence_at_once(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    steps = await asyncio.gather(*(desk.post(case_id, examples.EVIDENCE, key=f"{number % 4}") for number in range(8)))
    assert sorted(step.answer[0].version for step in steps) == [2, 2, 3, 3, 4, 4, 5, 5]
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=5)))
    assert [one.written for one in await desk.fire_clocked(case_id)] == [1]


async def test_the_oldest_supported_postgres_refuses_to_change_what_is_recorded(oldest: postgres.Server) -> None:
    app = await open_ledger(oldest.url(postgres.APP), master_key=MASTER_KEY, calendar=examples.calendar())
    async with app.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    await Desk(app).filed()  # where nothing is recorded, nothing can be changed
    await app.close()
    for login in (*postgres.LOGINS, postgres.SUPERUSER):
        connection = await asyncpg.connect(oldest.url(login))
        try:
            for statement in ("UPDATE events SET client = 'x'", "DELETE FROM events", "TRUNCATE events"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()
