"""Outages: the times in which nobody looked at the clocks, measured by the schedulers or declared by an operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from case_events.core.values import LATEST, Instant, Value
from case_events.ledger import locks
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7

OUTAGE_LEAST_S = 60
"""Who was away for less is only slow; every restart would be an outage."""
OUTAGE_MAX = timedelta(days=31)
"""No operator declares a longer one: that is a mistyped date."""
MEASURED = "no scheduler swept"
COLUMNS = "id, began_at, ended_at, source, reason, recorded_by, recorded_at"
LAST_SWEEP = """
SELECT greatest(max(swept_at), max(seen_at) FILTER (WHERE paused IS NULL AND name <> $1),
    (SELECT max(ended_at) FROM outages WHERE source = 'measured')) AS began_at, clock_timestamp() AS ended_at
FROM schedulers HAVING max(swept_at) IS NOT NULL
"""
"""Another scheduler that was seen lately and is not paused is at it: a sweep of a long backlog takes its time."""
RECORD = f"""
INSERT INTO outages (id, began_at, ended_at, source, reason, recorded_by) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING {COLUMNS}
"""
ONE = f"SELECT {COLUMNS} FROM outages WHERE id = $1"
PAGE = f"SELECT {COLUMNS} FROM outages WHERE (ended_at, id) < ($1, $2) ORDER BY ended_at DESC, id DESC LIMIT $3"
NOW = "SELECT clock_timestamp()"
LAST = (LATEST, UUID(int=2**128 - 1))


class KnownOutage(Value, frozen=True, kw_only=True):
    """An outage as it was recorded; it is never changed. ``measured``: the last sweep of all to the first after it."""

    id: UUID
    began_at: Instant
    ended_at: Instant
    source: Literal["measured", "declared"]
    reason: str
    recorded_by: str
    recorded_at: Instant


class NotYetOver(Exception):
    """An outage that ends later than now cannot be declared: ``now`` is the database's clock."""

    def __init__(self, now: Instant) -> None:
        super().__init__(f"it is {now.rfc3339()} now")
        self.now = now


class OtherOutage(Exception):
    """An outage of this id is on record already, and it is another one."""


async def notice(ledger: Ledger, name: str) -> KnownOutage | None:
    """Record that nobody swept until now, if it is so and nobody was sooner to; ``name``: the scheduler that found it.

    To be called before the first beat, at start and after Postgres was away. An outage ends at the database's clock:
    where that is later than this host believes nothing is noticed. Raises one of UNAVAILABLE.
    """
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", locks.OUTAGES)
        found = await connection.fetchrow(LAST_SWEEP, name)
        if found is None:
            return None
        began_at, ended_at = found["began_at"], found["ended_at"]
        if ended_at - began_at < timedelta(seconds=OUTAGE_LEAST_S):
            return None
        if ended_at > ledger.believed_until():
            return None
        said = (uuid7(), began_at, ended_at, "measured", MEASURED, name)
        return await _recorded(connection, "outage_noticed", said)


async def declare(
    ledger: Ledger, began_at: Instant, ended_at: Instant, reason: str, who: str, outage_id: UUID
) -> tuple[KnownOutage, bool]:
    """Record an outage that an operator tells of; whether this very one was on record before, and nothing was done.

    It began before it ended, ``OUTAGE_MAX`` at most. Raises NotYetOver, or OtherOutage.
    """
    assert timedelta(0) < ended_at - began_at <= OUTAGE_MAX, "the door refuses any other"
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", locks.OUTAGES)
        before = await connection.fetchrow(ONE, outage_id)
        said = (began_at, ended_at, "declared", reason, who)
        if before is not None:
            if tuple(before)[1:5] != said[:4]:
                raise OtherOutage
            return KnownOutage(**before), True
        now = min(await connection.fetchval(NOW), ledger.believed_until())
        if ended_at > now:
            raise NotYetOver(now)
        return await _recorded(connection, "outage_declared", (outage_id, *said)), False


async def find(ledger: Ledger, outage_id: UUID) -> KnownOutage | None:
    """The outage, or None if there is none of this id."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(ONE, outage_id)
    return KnownOutage(**row) if row is not None else None


async def listed(ledger: Ledger, limit: int, after: tuple[Instant, UUID] | None = None) -> tuple[KnownOutage, ...]:
    """The outages that ended last, or that ended before the one with this end and id; the latest first."""
    async with ledger.connection() as connection:
        return tuple(KnownOutage(**row) for row in await connection.fetch(PAGE, *(after or LAST), limit))


async def _recorded(connection: Connection, what: str, said: Sequence[object]) -> KnownOutage:
    (row,) = await connection.fetch(RECORD, *said)
    outage = KnownOutage(**row)
    lasted = round((outage.ended_at - outage.began_at).total_seconds())
    about = {"began_at": outage.began_at, "ended_at": outage.ended_at, "lasted_s": lasted, "reason": outage.reason}
    await journal.write(connection, what, outage.recorded_by, outage=outage.id, **about)
    return outage
