"""Test clocks: instants that only move forward when told to; the schedulers then fire the cases filed under them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from case_events.core.values import Instant, Value
from case_events.ledger.append_statements import DUE_CHANNEL
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7

READ = """
SELECT t.id, t.at, t.created_at, EXISTS (
    SELECT FROM deadlines d WHERE d.test_clock = t.id AND NOT d.provisional AND d.due_at < t.at
) AS advancing FROM test_clocks t WHERE t.id = $1
"""
ADVANCE = f"""
WITH moved AS (UPDATE test_clocks SET at = $2 WHERE id = $1 AND at = $3 RETURNING id)
SELECT pg_notify('{DUE_CHANNEL}', '') FROM moved
"""


class TestClock(Value, frozen=True, kw_only=True):
    """A test clock; ``advancing`` until everything due at its instant has fired, then ``ready``."""

    __test__ = False  # pytest looks for classes of this name

    id: UUID
    at: Instant
    status: Literal["advancing", "ready"]
    created_at: Instant


async def create(ledger: Ledger, at: Instant, client: str) -> TestClock:
    """A new test clock that stands at ``at``."""
    clock_id = uuid7()
    async with ledger.connection() as connection:
        await connection.execute("INSERT INTO test_clocks (id, client, at) VALUES ($1, $2, $3)", clock_id, client, at)
    made = await read(ledger, clock_id)
    assert made is not None, "it was just made, and test clocks are not deleted"
    return made


async def read(ledger: Ledger, clock_id: UUID) -> TestClock | None:
    """The test clock, or None if there is none of this id."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(READ, clock_id)
    if row is None:
        return None
    status: Literal["advancing", "ready"] = "advancing" if row["advancing"] else "ready"
    return TestClock(id=row["id"], at=row["at"], status=status, created_at=row["created_at"])


async def advance(ledger: Ledger, clock: TestClock, to: Instant) -> TestClock | None:
    """Move ``clock``, as it was read, forward to ``to``; None if somebody else has moved it since."""
    assert to >= clock.at, "a test clock only goes forward"
    async with ledger.connection() as connection:
        if await connection.fetchrow(ADVANCE, clock.id, to, clock.at) is None:
            return None
    return await read(ledger, clock.id)
