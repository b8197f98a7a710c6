"""Holds: timeouts of a scope that the schedulers do not write for now, because an operator said so and why.

A hold delays when a timeout is written by the schedulers and never who wins: a command still lets everything run out
that is overdue when it is judged (design, "Overdue first"), held or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import asyncpg

from case_events.core.changes import ALL, REMINDER
from case_events.core.values import Identifier, Instant, Value, Word
from case_events.ledger import locks
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection, touched
from case_events.ledger.database import Ledger

KINDS = (*ALL, *(kind + REMINDER for kind in ALL))
"""What a hold can be of: every kind of clock, and the reminders of each."""
HOLDS_MAX = 100
"""Holds in force at once; every claim looks at all of them."""
HOLD_MAX = timedelta(days=31)
"""No hold is placed for longer: one that is forgotten ends by itself."""
LISTED_MAX = 200

HoldStatus = Literal["in_force", "ended", "released"]

SHOWN = """
id, marketplace, merchant, kind, reason, placed_by, placed_at, until, released_at, released_by,
CASE WHEN released_at IS NOT NULL THEN 'released' WHEN until <= clock_timestamp() THEN 'ended' ELSE 'in_force' END
    AS status
"""
LIVE = "released_at IS NULL AND (until IS NULL OR until > clock_timestamp())"
IN_FORCE = f"SELECT {SHOWN} FROM holds WHERE {LIVE} ORDER BY placed_at DESC, id DESC LIMIT {HOLDS_MAX}"
EVER = f"SELECT {SHOWN} FROM holds ORDER BY placed_at DESC, id DESC LIMIT {LISTED_MAX}"
ONE = f"SELECT {SHOWN} FROM holds WHERE id = $1"
COUNT = f"SELECT count(*) FROM holds WHERE {LIVE}"
PLACE = """
INSERT INTO holds (id, marketplace, merchant, kind, reason, placed_by, until)
SELECT $1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, clock_timestamp() + $8::interval) ON CONFLICT (id) DO NOTHING
"""
RELEASE = f"UPDATE holds SET released_at = clock_timestamp(), released_by = $2 WHERE id = $1 AND {LIVE}"
MARKETPLACES = "SELECT DISTINCT marketplace FROM policies ORDER BY marketplace"


class Hold(Value, frozen=True, kw_only=True, rename={"merchant": "merchant_id"}):
    """A hold and its scope: what is None there is not limited. ``ended``: its time is over; nobody need release it."""

    id: UUID
    marketplace: Word | None
    merchant: Identifier | None
    kind: Word | None
    reason: str
    placed_by: str
    placed_at: Instant
    until: Instant | None
    status: HoldStatus
    released_at: Instant | None
    released_by: str | None


class Wanted(Value, frozen=True, kw_only=True):
    """A hold to be placed: its scope, why, and ``until`` when or ``lasts`` how long from now: one of them."""

    reason: str
    marketplace: str | None = None
    merchant: str | None = None
    kind: str | None = None
    until: Instant | None = None
    lasts: timedelta | None = None


class TooMany(Exception):
    """There are HOLDS_MAX holds in force: release one first."""


class OtherHold(Exception):
    """A hold of this id is there already, and it is another one."""


async def place(ledger: Ledger, wanted: Wanted, who: str, hold_id: UUID) -> tuple[Hold, bool]:
    """Place the hold and note it in the journal; whether this very hold was there before, and nothing was done.

    Raises TooMany, or OtherHold.
    """
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", locks.HOLDS)
        before = await _found(connection, hold_id)
        if before is not None:
            if not _same(before, wanted):
                raise OtherHold
            return before, True
        if await connection.fetchval(COUNT) >= HOLDS_MAX:
            raise TooMany
        scope = (wanted.marketplace, wanted.merchant, wanted.kind)
        await connection.execute(PLACE, hold_id, *scope, wanted.reason, who, wanted.until, wanted.lasts)
        hold = await _found(connection, hold_id)
        assert hold is not None, "it was just placed"
        said = {name: getattr(hold, name) for name in ("marketplace", "merchant", "kind", "until", "reason")}
        await journal.write(connection, "hold_placed", who, hold=hold_id, **said)
        return hold, False


async def release(ledger: Ledger, hold_id: UUID, who: str, reason: str) -> Hold | None:
    """End the hold now and note it in the journal; one that is over stays as it is. None if there is none."""
    async with ledger.connection() as connection, connection.transaction():
        if touched(await connection.execute(RELEASE, hold_id, who)):
            await journal.write(connection, "hold_released", who, hold=hold_id, reason=reason)
        return await _found(connection, hold_id)


async def find(ledger: Ledger, hold_id: UUID) -> Hold | None:
    """The hold, or None if there is none of this id."""
    async with ledger.connection() as connection:
        return await _found(connection, hold_id)


async def in_force(ledger: Ledger) -> tuple[Hold, ...]:
    """The holds in force, the latest first."""
    async with ledger.connection() as connection:
        return _holds(await connection.fetch(IN_FORCE))


async def ever(ledger: Ledger) -> tuple[Hold, ...]:
    """The latest holds, in force or not; the journal has them all."""
    async with ledger.connection() as connection:
        return _holds(await connection.fetch(EVER))


async def marketplaces(ledger: Ledger) -> tuple[str, ...]:
    """The marketplaces there are policies for."""
    async with ledger.connection() as connection:
        return tuple(row["marketplace"] for row in await connection.fetch(MARKETPLACES))


async def _found(connection: Connection, hold_id: UUID) -> Hold | None:
    row = await connection.fetchrow(ONE, hold_id)
    return Hold(**row) if row is not None else None


def _holds(rows: Sequence[asyncpg.Record]) -> tuple[Hold, ...]:
    return tuple(Hold(**row) for row in rows)


def _same(hold: Hold, wanted: Wanted) -> bool:
    """Was this hold asked for in these words? One that lasts so long ends when the first of them was understood."""
    asked = (wanted.marketplace, wanted.merchant, wanted.kind, wanted.reason)
    until = wanted.until is None or wanted.until == hold.until
    return until and asked == (hold.marketplace, hold.merchant, hold.kind, hold.reason)
