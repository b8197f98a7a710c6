"""Acceptance 5: many append at once and name no version. Rows are counted, not statuses.

Control: the append that reads a version, takes the next one, and lets ON CONFLICT DO NOTHING settle a race. It tells
everybody that all went well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import pytest_asyncio

from case_events.core.plan import Step
from case_events.core.values import CaseId
from case_events.ledger.audit.audit import verify
from case_events.ledger.database import Ledger, open_ledger
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, stored

WRITERS = 8
EACH = 5
TRIES_MAX = 50

NEXT = "SELECT max(version) + 1 FROM events WHERE case_id = $1"
CARELESS = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, agent,
    client, correlation, causation, asked, payload, payload_hash, hash)
SELECT case_id, $2, $3, type, schema, occurred_at, effective_at, recorded_at, who, agent,
    client, correlation, causation, asked, payload, payload_hash, hash
FROM events WHERE case_id = $1 AND version = 1
ON CONFLICT DO NOTHING
"""


@pytest_asyncio.fixture(scope="module")
async def processes(module_database: Database, ledger: Ledger) -> AsyncIterator[list[Desk]]:
    """As many ledgers as there would be processes: what one ledger is asked of a case it does one after the other."""
    async with AsyncExitStack() as stack:
        desks = []
        for _ in range(WRITERS):
            opened = await open_ledger(
                module_database.app, master_key=MASTER_KEY, pool_size=1, calendar=ledger.calendar
            )
            stack.push_async_callback(opened.close)
            desks.append(Desk(opened))
        yield desks


async def test_every_append_that_was_acknowledged_is_a_row_although_all_came_at_once(
    desk: Desk, processes: list[Desk], superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()

    async def write(number: int) -> list[str]:
        steps = [await _until_answered(processes[number], case_id, f"{number}-{one}") for one in range(EACH)]
        return [str(one.event_id) for step in steps for one in step.answer]

    acknowledged = [event_id for told in await asyncio.gather(*map(write, range(WRITERS))) for event_id in told]
    rows = await stored(superuser, case_id)
    assert len(acknowledged) == WRITERS * EACH
    assert sorted(acknowledged) == sorted(str(row["event_id"]) for row in rows[1:])
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    assert (await verify(desk.ledger, case_id)).findings == ()


async def _until_answered(desk: Desk, case_id: CaseId, key: str) -> Step:
    """Asked again while it is told that too many are at the case, as a client would."""
    for _ in range(TRIES_MAX):
        step = await desk.ask(examples.EVIDENCE, case_id, key=key)
        if step.problem is None:
            return step
        assert step.problem.code == "busy"
    raise AssertionError(f"busy {TRIES_MAX} times")


async def test_an_append_that_lets_conflicts_pass_acknowledges_what_it_lost(
    desk: Desk, processes: list[Desk], superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    told = await asyncio.gather(*(_careless(one, case_id) for one in processes))
    assert sum(told) == WRITERS * EACH, "everybody was told that it is recorded"
    assert 1 < len(await stored(superuser, case_id)) < 1 + WRITERS * EACH


async def _careless(desk: Desk, case_id: CaseId) -> int:
    """How many appends it says were done."""
    for _ in range(EACH):
        async with desk.ledger.connection() as connection:
            version = await connection.fetchval(NEXT, case_id)
            await connection.execute(CARELESS, case_id, version, uuid4())
    return EACH
