"""Ledgers opened through the services' own logins, and the superuser who tampers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger import policy_book
from case_events.ledger.audit.audit import Verdict, verify
from case_events.ledger.database import Ledger, open_ledger
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, swift_text, tmall_text


@pytest_asyncio.fixture(scope="module")
async def ledger(module_database: Database) -> AsyncIterator[Ledger]:
    """A ledger for all tests of a module, as the API opens it; each has cases of its own in it."""
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with opened.connection() as connection:
        for text in (examples.taobao_text(), swift_text(), tmall_text()):
            await policy_book.keep(connection, text)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def scheduler(module_database: Database, ledger: Ledger) -> AsyncIterator[Ledger]:
    """The same database, through the scheduler's login."""
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=ledger.calendar)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)


@pytest_asyncio.fixture(scope="module")
async def superuser(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    """Whoever owns the server: nothing stops them, so they must be found out."""
    connection = await asyncpg.connect(module_database.superuser)
    yield connection
    await connection.close()


Audited = Callable[..., Awaitable[Verdict]]
"""Verifies one case, or all of them."""


@pytest.fixture
def audited(module_database: Database) -> Audited:
    """Verification by somebody who was not there: nothing of what was written is remembered."""

    async def verified(case_id: CaseId | None = None) -> Verdict:
        auditor = await open_ledger(module_database.app, master_key=MASTER_KEY, pool_size=1)
        try:
            return await verify(auditor, case_id)
        finally:
            await auditor.close()

    return verified
