"""Test clocks: instants that only move forward when told to; the schedulers then fire the cases filed under them.

Whoever moves, freezes or deletes a clock holds it alone for that moment; whoever writes under it shares it. So nothing
that was judged before is written after, and nothing fires once a clock was frozen or deleted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

import asyncpg

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger import locks
from case_events.ledger.append_statements import DUE_CHANNEL
from case_events.ledger.clock import journal
from case_events.ledger.clock.claims import IN_TURN
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7

PAGE_MAX = 500
HOLD_S = 3
"""How long who moves a clock waits for those who write under it; each is done in a moment."""
HOLD_LASTS = f"SELECT set_config('lock_timeout', '{HOLD_S}s', true)"
HOLD = f"SELECT pg_advisory_xact_lock({locks.CLOCK}, hashtext($1::uuid::text))"
LAST = UUID(int=2**128 - 1)

# What waits takes effect when it was due, or when it was set if that was later: before it nothing more is recorded.
SHOWN = """
t.id, t.name, t.at, t.created_at, t.frozen_at, t.deleted_at, (
    SELECT min(greatest(d.due_at, e.effective_at)) FROM deadlines d
    JOIN events e ON e.case_id = d.case_id AND e.version = d.set_by
    WHERE d.test_clock = t.id AND NOT d.provisional AND d.due_at < t.at
) AS waiting_since
"""
READ = f"SELECT {SHOWN} FROM test_clocks t WHERE t.id = $1 AND t.deleted_at IS NULL"
LIST = f"SELECT {SHOWN} FROM test_clocks t WHERE t.id < $1 AND t.deleted_at IS NULL ORDER BY t.id DESC LIMIT $2"
CREATE = "INSERT INTO test_clocks (id, client, at, name) VALUES ($1, $2, $3, $4)"
KNOCK = f"SELECT pg_notify('{DUE_CHANNEL}', '')"
ADVANCE = """
UPDATE test_clocks SET at = $2 WHERE id = $1 AND at = $3 AND frozen_at IS NULL AND deleted_at IS NULL RETURNING id
"""
FREEZE = """
UPDATE test_clocks SET frozen_at = clock_timestamp() WHERE id = $1 AND frozen_at IS NULL AND deleted_at IS NULL
RETURNING id
"""
UNFREEZE = """
UPDATE test_clocks SET frozen_at = NULL WHERE id = $1 AND frozen_at IS NOT NULL AND deleted_at IS NULL RETURNING id
"""
READ_ANY = f"SELECT {SHOWN} FROM test_clocks t WHERE t.id = $1"
DELETE = "SELECT delete_test_clock($1)"
DUE_KEY = "due_at, case_id, kind, party, set_by"
DUE = f"""
SELECT {", ".join(f"d.{name}" for name in DUE_KEY.split(", "))}, c.number FROM (
    SELECT {DUE_KEY} FROM deadlines
    WHERE test_clock = $1 AND NOT provisional AND ($2::timestamptz IS NULL OR due_at < $2)
        AND ($3::timestamptz IS NULL OR ({DUE_KEY}) > ($3, $4::uuid, $5::text, $6::text, $7::integer))
    ORDER BY {DUE_KEY} LIMIT $8
) AS d JOIN cases c USING (case_id)
ORDER BY {", ".join(f"d.{name}" for name in DUE_KEY.split(", "))}
"""


ClockStatus = Literal["advancing", "ready", "frozen", "deleted"]


class TestClock(Value, frozen=True, kw_only=True):
    """A test clock: ``advancing`` until everything due at its instant has fired, then ``ready``; or ``frozen``, and
    ``deleted`` once and for all.

    ``watermark``: nothing that takes effect before it is still to be recorded; it never goes back, and is ``at`` once
    everything has fired.
    """

    __test__ = False  # pytest looks for classes of this name

    id: UUID
    name: str | None
    at: Instant
    status: ClockStatus
    watermark: Instant
    created_at: Instant
    frozen_at: Instant | None


class Due(Value, frozen=True, kw_only=True):
    """A running clock of a case: it fires once the test clock has passed ``due_at``."""

    case_id: CaseId
    number: str
    kind: str
    party: str
    due_at: Instant
    set_by: int


AfterDue = tuple[Instant, UUID, str, str, int]
"""Where a page of what is due ends: due at, case, kind, party, set by."""


class Frozen(Exception):
    """The clock is frozen: it goes nowhere before it is unfrozen."""


class Held(Exception):
    """Others were writing under the clock for longer than anybody waits; nothing was changed."""


async def create(ledger: Ledger, at: Instant, client: str, name: str | None = None) -> TestClock:
    """A new test clock that stands at ``at``."""
    clock_id = uuid7()
    async with ledger.connection() as connection:
        await connection.execute(CREATE, clock_id, client, at, name)
        row = await connection.fetchrow(READ, clock_id)
    assert row is not None, "it was just made, and nobody knows it yet"
    return _clock(row)


async def read(ledger: Ledger, clock_id: UUID) -> TestClock | None:
    """The test clock, or None if there is none of this id, or no more."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(READ, clock_id)
    return None if row is None else _clock(row)


async def list_clocks(ledger: Ledger, *, limit: int, after: UUID | None = None) -> tuple[tuple[TestClock, ...], bool]:
    """A page of the test clocks there are, the newest first, behind the one of id ``after``; and are there more?"""
    assert 1 <= limit <= PAGE_MAX
    async with ledger.connection() as connection:
        rows = await connection.fetch(LIST, after or LAST, limit + 1)
    return tuple(_clock(row) for row in rows[:limit]), len(rows) > limit


async def list_due(
    ledger: Ledger, clock_id: UUID, *, before: Instant | None = None, limit: int, after: AfterDue | None = None
) -> tuple[tuple[Due, ...], bool]:
    """A page of what fires when the clock is advanced to ``before`` (None: ever), in legal order; and is there more?

    What follows from it starts clocks of its own, which are not known yet. A provisional deadline never fires.
    """
    assert 1 <= limit <= PAGE_MAX
    start = after or (None, None, None, None, None)
    async with ledger.connection() as connection:
        rows = await connection.fetch(DUE, clock_id, before, *start, limit + 1)
    return tuple(Due(**dict(row)) for row in rows[:limit]), len(rows) > limit


async def advance(ledger: Ledger, clock: TestClock, to: Instant) -> TestClock | None:
    """Move ``clock``, as it was read, forward to ``to``; None if somebody else has moved or deleted it since.

    Raises Frozen, and Held.
    """
    assert to >= clock.at, "a test clock only goes forward"
    async with _alone(ledger, clock.id) as connection:
        moved = await connection.fetchval(ADVANCE, clock.id, to, clock.at)
        if moved is not None:
            await connection.execute(KNOCK)
        row = await connection.fetchrow(READ, clock.id)
    if moved is None and row is not None and row["frozen_at"] is not None:
        raise Frozen(clock.id)
    return None if moved is None or row is None else _clock(row)


async def freeze(ledger: Ledger, clock_id: UUID, who: str) -> TestClock | None:
    """Let the clock stand where it is: nothing of it fires. None if there is no such clock. Raises Held."""
    async with _alone(ledger, clock_id) as connection:
        if await connection.fetchval(FREEZE, clock_id) is not None:
            await journal.write(connection, "test_clock_frozen", who, test_clock=clock_id)
        row = await connection.fetchrow(READ, clock_id)
    return None if row is None else _clock(row)


async def unfreeze(ledger: Ledger, clock_id: UUID, who: str) -> TestClock | None:
    """Let the clock go on; what it had passed fires now. None if there is no such clock. Raises Held."""
    async with _alone(ledger, clock_id) as connection:
        if await connection.fetchval(UNFREEZE, clock_id) is not None:
            await journal.write(connection, "test_clock_unfrozen", who, test_clock=clock_id)
            await connection.execute(KNOCK)
        row = await connection.fetchrow(READ, clock_id)
    return None if row is None else _clock(row)


async def delete(ledger: Ledger, clock_id: UUID, who: str) -> TestClock | None:
    """Hide the clock and its cases for good; their events stay. Twice is the same as once. Raises Held.

    None: there never was such a clock.
    """
    async with _alone(ledger, clock_id) as connection:
        if await connection.fetchval(DELETE, clock_id):
            await journal.write(connection, "test_clock_deleted", who, test_clock=clock_id)
        row = await connection.fetchrow(READ_ANY, clock_id)
    return None if row is None else _clock(row)


@asynccontextmanager
async def _alone(ledger: Ledger, clock_id: UUID) -> AsyncIterator[Connection]:
    """A transaction in which nobody writes under the clock; it comes to ``streams`` first, as whoever writes does."""
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute(HOLD_LASTS)
        try:
            await connection.execute(IN_TURN)
            await connection.execute(HOLD, clock_id)
        except asyncpg.LockNotAvailableError as error:
            raise Held(clock_id) from error
        yield connection


def _clock(row: asyncpg.Record) -> TestClock:
    waiting_since, status = row["waiting_since"], _status(row)
    return TestClock(
        id=row["id"],
        name=row["name"],
        at=row["at"],
        status=status,
        watermark=row["at"] if waiting_since is None else min(row["at"], waiting_since),
        created_at=row["created_at"],
        frozen_at=row["frozen_at"],
    )


def _status(row: asyncpg.Record) -> ClockStatus:
    if row["deleted_at"] is not None:
        return "deleted"
    if row["frozen_at"] is not None:
        return "frozen"
    return "ready" if row["waiting_since"] is None else "advancing"
