"""What tests of a scheduler's parts share: a ledger behind the API's login, and a session that may look at anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from case_events.ledger import policy_book
from case_events.ledger.database import Ledger, open_ledger
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY


@pytest_asyncio.fixture
async def api(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with opened.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()
