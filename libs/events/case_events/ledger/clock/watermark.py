"""The watermark: no live deadline before it is unprocessed; it only goes forward (decision 0018).

A deadline that nobody sees yet is being written. Whoever writes deadlines locks their table first, in the weakest
way, then finds its judgement fresh, and keeps the lock until it has committed. So once all who held that lock at an
instant are gone, whatever is still to come was judged less than ``FRESH_S`` before that instant or after it; and no
step leaves a deadline behind that is before its own judgement.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from case_events.core.values import Instant, Value
from case_events.ledger.append_statements import FRESH_S
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

EVERY_S = 1
"""The watermark is written no oftener than this, however many schedulers publish it."""
LINGER_S_MAX = 300
"""Whoever has been writing for so long is none of ours: those do a handful of statements, each with its limit, and
are cut off when they idle (database.LIMITS). It is not waited for any longer."""
WHOLE_EVERY_S = 30
"""How often deadlines before the watermark are looked for; in between, what was fired is not walked through again."""
LIVE = "test_clock IS NULL AND NOT provisional"
BEHIND = "next_try_at >= coalesce((SELECT watermark FROM clock_state), '-infinity') AND next_try_at < now()"
"""What waits to be fired: before the watermark nothing does, and what was fired there is not walked through again."""
PUT_OFF = f"next_try_at > due_at AND {LIVE}"
"""Rows that are tried later than they fell due: they failed, are held, or are being imported (deadlines_put_off)."""
OLDEST = f"""
SELECT least(
    (SELECT min(next_try_at) FROM deadlines WHERE {LIVE} AND next_try_at >= {{floor}}),
    (SELECT min(due_at) FROM deadlines WHERE {PUT_OFF} AND due_at >= {{floor}})
)
"""
"""The earliest live deadline: of one that was not put off the next try is the legal instant."""

READ = "SELECT watermark, published_at, clock_timestamp() AS now FROM clock_state"
LOOK = f"""
SELECT watermark, published_at, sampled_at, writers, lingering, clock_timestamp() AS now,
    coalesce(published_at BETWEEN clock_timestamp() - interval '{EVERY_S} s' AND clock_timestamp(), false)
        OR clock_timestamp() > coalesce($1::timestamptz, 'infinity') AS early,
    coalesce(whole_at BETWEEN clock_timestamp() - interval '{WHOLE_EVERY_S} s' AND clock_timestamp(), false) AS whole
FROM clock_state
"""
# The instant is read before the locks are: the join cannot look for them without it.
SAMPLE = """
SELECT t.at, l.writing, l.running FROM (SELECT clock_timestamp() AS at OFFSET 0) AS t CROSS JOIN LATERAL (
    SELECT
        coalesce(array_agg(DISTINCT virtualtransaction) FILTER (
            WHERE locktype = 'relation' AND relation = to_regclass('deadlines') AND mode = 'RowExclusiveLock'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ), '{}') AS writing,
        coalesce(array_agg(DISTINCT virtualtransaction) FILTER (
            WHERE locktype = 'virtualxid' AND virtualtransaction = ANY ($1::text[])
        ), '{}') AS running
    FROM pg_locks WHERE t.at IS NOT NULL
) AS l
"""
WAIT = """
UPDATE clock_state SET published_at = clock_timestamp() WHERE sampled_at = $1
RETURNING watermark, published_at, clock_timestamp() AS now
"""
PUBLISH = f"""
UPDATE clock_state c SET
    watermark = CASE WHEN $2::timestamptz IS NULL THEN c.watermark
        ELSE greatest(c.watermark, least($2::timestamptz - interval '{FRESH_S} s', s.oldest)) END,
    whole_at = CASE WHEN s.oldest < c.watermark THEN NULL WHEN $6::timestamptz IS NULL THEN s.at ELSE c.whole_at END,
    published_at = s.at, sampled_at = $3, writers = $4::text[], lingering = $5::text[]
FROM (
    SELECT clock_timestamp() AS at, ({OLDEST.format(floor="coalesce($6::timestamptz, '-infinity')")}) AS oldest
) AS s
WHERE c.sampled_at IS NOT DISTINCT FROM $1
RETURNING c.watermark, c.published_at, s.at AS now
"""


class Watermark(Value, frozen=True, kw_only=True):
    """How far everything is done: ``at`` is None before the first one; ``now`` is the database's clock."""

    at: Instant | None
    published_at: Instant | None
    now: Instant

    @property
    def lag_s(self) -> float | None:
        """How far it is behind: never less than ``FRESH_S`` while the clock goes forward."""
        return None if self.at is None else max(0.0, (self.now - self.at).total_seconds())


async def publish(ledger: Ledger, *, believed_until: Instant | None = None) -> Watermark:
    """Bring the watermark forward, if a second has passed since anybody did; where it stands now.

    ``believed_until``: nothing is written while the database's clock is past it. Raises one of UNAVAILABLE while
    Postgres is away.
    """
    async with ledger.connection() as connection:
        seen = await connection.fetchrow(LOOK, believed_until)
        assert seen is not None, "the migration made the row"
        if seen["early"]:
            return _said(seen)
        written = await _published(connection, seen)
        return _said(written) if written is not None else await _read(connection)


async def read(ledger: Ledger) -> Watermark:
    """Where the watermark stands."""
    async with ledger.connection() as connection:
        return await _read(connection)


async def _published(connection: Connection, seen: asyncpg.Record) -> asyncpg.Record | None:
    """What was written; None if another scheduler was faster."""
    before, waited_for, lingering = seen["sampled_at"], set(seen["writers"]), set(seen["lingering"])
    sample = await connection.fetchrow(SAMPLE, [*waited_for, *lingering])
    assert sample is not None, "aggregates have a row"
    running, now = set(sample["running"]), sample["at"]
    # A sample from after now was taken by another clock, before this one was set back: it says nothing any more.
    meant = before is not None and before <= now
    if meant and running & waited_for and now - before <= timedelta(seconds=LINGER_S_MAX):
        return await connection.fetchrow(WAIT, before)
    if meant:
        lingering |= waited_for  # those of them that still run
    lingering &= running
    writers = set(sample["writing"]) - lingering
    proved = (before if meant else None) if writers else now
    floor = seen["watermark"] if seen["whole"] else None
    return await connection.fetchrow(PUBLISH, before, proved, now, sorted(writers), sorted(lingering), floor)


async def _read(connection: Connection) -> Watermark:
    row = await connection.fetchrow(READ)
    assert row is not None, "the migration made the row"
    return _said(row)


def _said(row: asyncpg.Record) -> Watermark:
    return Watermark(at=row["watermark"], published_at=row["published_at"], now=row["now"])
