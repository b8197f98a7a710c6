"""What an outage made late: the timeouts whose legal instants lay in it, or that had to wait because of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg

from case_events.core.clock_changes import REVERSIBLE
from case_events.core.events import EVENTS
from case_events.core.evolve import UNDOABLE_AFTER
from case_events.core.timeouts import TIMEOUTS, TimedOut
from case_events.core.values import CaseId, EventId, Instant, Value, Word
from case_events.ledger.clock.outages import KnownOutage
from case_events.ledger.database import Ledger

COUNTED_MAX = 500_000
"""Timeouts a report counts; of more it says that it is not complete."""
PENDING_MAX = 10_000
LATE_LEAST_S = 60
WAITED_BEFORE, WAITED_AFTER = timedelta(days=1), timedelta(hours=1)
"""Due so long before an outage and written after its end, or due so long after it and written more than
``LATE_LEAST_S`` late: that waited because of it too."""
TIMED_OUT = [name for name, kind in TIMEOUTS.items() if issubclass(kind, TimedOut)]
UNDOABLE = [name for name, kind in TIMEOUTS.items() if kind in REVERSIBLE]
ENDS_UNDOING = [name for name, kind in EVENTS.items() if kind not in UNDOABLE_AFTER]
"""What can be undone at all, and after what no longer: the fold's own word (decision 23)."""

MADE_LATE = """
SELECT e.case_id, e.version, e.event_id, e.type, e.occurred_at AS due_at, e.recorded_at AS written_at,
    convert_from(e.payload, 'UTF8')::json AS said, c.marketplace, c.number, c.status,
    round(extract(epoch FROM e.recorded_at - e.occurred_at)::numeric, 3)::float8 AS late_s,
    e.occurred_at BETWEEN $1 AND $2 AS ended_in_it
FROM events e JOIN cases c USING (case_id)
WHERE e.who = 'scheduler' AND e.client = 'caselog' AND e.type = ANY($3::text[]) AND c.test_clock IS NULL
    AND e.occurred_at BETWEEN $4 AND $5
    AND (e.occurred_at BETWEEN $1 AND $2 OR (e.occurred_at < $1 AND e.recorded_at >= $2)
        OR (e.occurred_at > $2 AND e.recorded_at > e.occurred_at + make_interval(secs => $6)))
"""
COUNT = f"""
SELECT kind, marketplace, party, count(*) AS timeouts, count(*) FILTER (WHERE ended_in_it) AS ended_in_it,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY late_s) AS late_s_p50, max(late_s) AS late_s_max
FROM (
    SELECT said->>'kind' AS kind, marketplace, said->>'party' AS party, late_s, ended_in_it
    FROM ({MADE_LATE} LIMIT {COUNTED_MAX}) AS found
) AS one
GROUP BY GROUPING SETS ((kind, marketplace), (party), ()) ORDER BY count(*) DESC, kind, marketplace, party
"""
PENDING = f"""
SELECT count(*) FROM (
    SELECT FROM deadlines WHERE test_clock IS NULL AND NOT provisional AND next_try_at <= $2 AND due_at >= $1
    UNION ALL
    SELECT FROM deadlines
    WHERE test_clock IS NULL AND NOT provisional AND next_try_at > due_at AND due_at BETWEEN $1 AND $2
        AND next_try_at > $2
    LIMIT {PENDING_MAX}
) AS waiting
"""
PAGE = f"""
SELECT case_id, number, marketplace, status, version, event_id, type, said->>'kind' AS kind, said->>'party' AS party,
    due_at, written_at, late_s, ended_in_it, type = ANY($8::text[]) AND NOT EXISTS (
        SELECT FROM events later WHERE later.case_id = found.case_id AND later.version > found.version
            AND CASE later.type WHEN 'timeout_reversed'
                THEN EXISTS (
                    SELECT FROM events back WHERE back.case_id = found.case_id AND back.version <= found.version
                        AND back.event_id::text = convert_from(later.payload, 'UTF8')::json->>'event'
                )
                ELSE later.type = ANY($7::text[]) END
    ) AS can_be_undone
FROM ({MADE_LATE} AND (e.occurred_at, e.case_id, e.version) > ($9, $10, $11)
    ORDER BY e.occurred_at, e.case_id, e.version LIMIT $12) AS found
ORDER BY due_at, case_id, version
"""
After = tuple[Instant, CaseId, int]
"""Where a page ends: due at, case, version."""


class MadeLate(Value, frozen=True, kw_only=True):
    """How many timeouts of one kind in one marketplace, and how late they were written."""

    kind: Word
    marketplace: Word
    timeouts: int
    ended_in_it: int
    late_s_p50: float
    late_s_max: float


class Aftermath(Value, frozen=True, kw_only=True):
    """What an outage made late.

    ``ended_in_it``: those whose legal instant lay in it; the others waited because of it. ``windows``: of the first,
    how many were each party's. ``pending``: due in it and not written yet (``PENDING_MAX`` at most). ``complete``: all
    were counted.
    """

    timeouts: int
    ended_in_it: int
    late_s_p50: float | None
    late_s_max: float | None
    by_kind: tuple[MadeLate, ...]
    windows: dict[str, int]
    pending: int
    complete: bool


class LateTimeout(Value, frozen=True, kw_only=True):
    """One of them. ``can_be_undone``: it is a party's, and nothing was ruled or paid since."""

    case_id: CaseId
    number: str
    marketplace: Word
    status: Word
    version: int
    event_id: EventId
    type: Word
    kind: Word
    party: Word
    due_at: Instant
    written_at: Instant
    late_s: float
    ended_in_it: bool
    can_be_undone: bool


async def aftermath(ledger: Ledger, outage: KnownOutage) -> Aftermath:
    """The report in figures. Its cost is that of what the clocks recorded then, not of what else there is."""
    async with ledger.connection() as connection:
        rows = await connection.fetch(COUNT, *_bounds(outage))
        pending: int = await connection.fetchval(PENDING, outage.began_at, outage.ended_at)
    (total,) = [row for row in rows if row["kind"] is None and row["party"] is None]
    return Aftermath(
        timeouts=total["timeouts"],
        ended_in_it=total["ended_in_it"],
        late_s_p50=total["late_s_p50"],
        late_s_max=total["late_s_max"],
        by_kind=tuple(_made_late(row) for row in rows if row["kind"] is not None),
        windows={row["party"]: row["ended_in_it"] for row in rows if row["party"] is not None},
        pending=pending,
        complete=total["timeouts"] < COUNTED_MAX,
    )


async def made_late(ledger: Ledger, outage: KnownOutage, limit: int, after: After | None) -> tuple[LateTimeout, ...]:
    """A page of what it made late, by legal instants."""
    # Postgres walks the index from where a page begins, whatever else bounds it: so the first begins no sooner either.
    start = after or (_first(outage), UUID(int=0), 0)
    async with ledger.connection() as connection:
        rows = await connection.fetch(PAGE, *_bounds(outage), ENDS_UNDOING, UNDOABLE, *start, limit)
    return tuple(LateTimeout(**row) for row in rows)


def _bounds(outage: KnownOutage) -> tuple[object, ...]:
    last = Instant.of(outage.ended_at + WAITED_AFTER)
    return (outage.began_at, outage.ended_at, TIMED_OUT, _first(outage), last, LATE_LEAST_S)


def _first(outage: KnownOutage) -> Instant:
    return Instant.of(outage.began_at - WAITED_BEFORE)


def _made_late(row: asyncpg.Record) -> MadeLate:
    return MadeLate(**{name: row[name] for name in MadeLate.__struct_fields__})
