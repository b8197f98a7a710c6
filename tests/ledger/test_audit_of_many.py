"""Verification where there are many more cases than a request ever looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger.audit import chosen
from case_events.ledger.audit.chosen import AFTER_ALL, BEFORE_ALL, Selection, chosen_after, ends, size
from case_events.ledger.audit.kept import open_connection
from case_events.ledger.audit.positions import BEYOND
from case_events.ledger.connection import Connection
from tests.conftest import Database
from tests.ledger.desk import Desk

CASES = 5


@pytest_asyncio.fixture
async def auditor(module_database: Database) -> AsyncIterator[Connection]:
    connection = await open_connection(module_database.app)
    yield connection
    await connection.close()


async def test_an_auditor_is_not_held_to_the_limits_of_requests(auditor: Connection, module_database: Database) -> None:
    request = await asyncpg.connect(module_database.app)
    assert await request.fetchval("SHOW statement_timeout") == "15s"
    await request.close()
    assert await auditor.fetchval("SHOW statement_timeout") == "1h"


async def test_cases_that_are_named_are_found_by_their_ids(auditor: Connection) -> None:
    asked = chosen.NAMED, None, None, [UUID(int=1)]
    (plan, condition) = [row[0].strip() for row in await auditor.fetch(f"EXPLAIN {asked[0]}", *asked[1:])]
    assert plan.startswith("Index Scan using streams_pkey")
    assert condition.startswith("Index Cond: (case_id = ANY")


async def test_what_the_feed_has_beyond_its_head_is_found_by_its_position(auditor: Connection) -> None:
    plan = [row[0].strip() for row in await auditor.fetch(f"EXPLAIN {BEYOND}")]
    looked = [line for line in plan if "position" in line and line.startswith(("Index Cond", "Filter", "Join Filter"))]
    assert len(looked) == 2
    assert all(line.startswith("Index Cond") for line in looked)


async def test_cases_that_are_named_are_parted_as_all_of_them_are(
    auditor: Connection, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[CaseId] = sorted([await desk.filed() for _ in range(CASES)])
    named, everything = Selection(cases=(*reversed(cases), cases[0])), Selection()
    for parcel in (1, 2, 3, CASES, CASES + 1):
        monkeypatch.setattr(chosen, "PARCEL_EVENTS", parcel)
        for after in (BEFORE_ALL, cases[1], AFTER_ALL):
            assert await ends(auditor, named, after) == await ends(auditor, everything, after)
            assert await chosen_after(auditor, named, after, 2) == await chosen_after(auditor, everything, after, 2)
    assert await size(auditor, named) == await size(auditor, everything) == CASES
