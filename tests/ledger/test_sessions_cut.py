"""A session that Postgres ends is trouble of a known kind, and the next one is good again."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.queries import read_case
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, stored

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'caselog_app' AND datname = $1"
ROUNDS = 20


async def test_a_step_whose_session_is_cut_is_unavailable_and_its_retry_is_recorded_once(
    desk: Desk, ledger: Ledger, module_database: Database, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    cut_short = 0
    for number in range(ROUNDS):
        await read_case(ledger, case_id)  # a session is open and idle
        await superuser.fetch(CUT, module_database.name)
        for _ in range(20):
            try:
                await desk.post(case_id, examples.EVIDENCE, key=f"evidence {number}")
                break
            except UNAVAILABLE:
                cut_short += 1
        else:
            raise AssertionError("Postgres is there, and never used again")
    assert cut_short > 0, "nothing was cut"
    assert len(await stored(superuser, case_id)) == 1 + ROUNDS


async def test_a_session_cut_in_the_middle_of_a_statement_is_unavailable(
    ledger: Ledger, module_database: Database, superuser: asyncpg.Connection
) -> None:
    async def slow() -> None:
        async with ledger.connection() as connection:
            await connection.execute("SELECT pg_sleep(10)")

    sleeping = asyncio.create_task(slow())
    for _ in range(300):
        if await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"):
            break
        await asyncio.sleep(0.01)
    await superuser.fetch(CUT, module_database.name)
    with pytest.raises(UNAVAILABLE):
        await sleeping


async def test_a_postgres_that_is_not_there_is_unavailable() -> None:
    nowhere = await open_ledger("postgresql://caselog_app:x@127.0.0.1:1/caselog", master_key=MASTER_KEY)
    with pytest.raises(UNAVAILABLE):
        async with nowhere.connection():
            pass
    await nowhere.close()
