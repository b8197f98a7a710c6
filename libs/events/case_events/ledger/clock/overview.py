"""How the clock is, in one look: the watermark, what is overdue and why, how late we were, and who runs.

Every count has a bound, so that the look costs the same however much is pending, and little more however much is late.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.clock.calendars import Coverage, coverage
from case_events.ledger.clock.claims import BACK_OFF_S_MAX, HELD_S
from case_events.ledger.clock.heartbeat import FRESH_S
from case_events.ledger.clock.holds import Hold, in_force
from case_events.ledger.clock.lateness import Quantiles, quantiles
from case_events.ledger.clock.watermark import LIVE, PUT_OFF
from case_events.ledger.connection import POSTGRES_EPOCH, Connection
from case_events.ledger.database import Ledger

COUNTED_MAX = 10_000
"""Deadlines that are counted; of more it is said that there are more."""
AHEAD_MAX = 50_000
"""Deadlines of the next hour that are looked through for such as were put off to then because they failed."""
LISTED_MAX = 20
FAILING_FROM = 3
"""A deadline that was tried in vain so often does not fail by chance."""
REPLICAS_MAX = 50
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

STATE = "SELECT now() AS now, watermark, published_at, high_water, paused, whole_at FROM clock_state"
FIRST_PUT_OFF = f"SELECT * FROM deadlines WHERE {PUT_OFF} AND due_at < now() ORDER BY due_at LIMIT $1"
COUNTS = f"""
SELECT w.waiting, w.since, p.put_off, p.held, p.known FROM (
    SELECT count(*) AS waiting, min(next_try_at) AS since FROM (
        SELECT next_try_at FROM deadlines WHERE {LIVE} AND next_try_at >= $2 AND next_try_at < now()
        ORDER BY next_try_at LIMIT $1
    ) AS few
) AS w, (
    SELECT count(*) FILTER (WHERE next_try_at >= now()) AS put_off, count(*) FILTER (WHERE attempts = 0) AS held,
        count(*) AS known
    FROM ({FIRST_PUT_OFF}) AS few
) AS p
"""
ROW = "case_id, kind, party, due_at, next_try_at, attempts"
# Behind many that are held those that failed are not found by what is put off. But a hold puts nothing off for longer
# than half a minute, and an import everything for a day: what is tried in between, and is overdue, has failed.
IN_VAIN = f"""
WITH in_vain AS (
    SELECT {ROW}, set_by FROM ({FIRST_PUT_OFF}) AS few WHERE attempts > 0
    UNION
    SELECT {ROW}, set_by FROM (
        SELECT * FROM deadlines WHERE {LIVE} AND next_try_at > now() + interval '{HELD_S} s'
            AND next_try_at <= now() + interval '{BACK_OFF_S_MAX} s' ORDER BY next_try_at LIMIT {AHEAD_MAX}
    ) AS ahead WHERE attempts > 0 AND due_at < now()
)
"""
OLDEST = f"""
(SELECT {ROW} FROM deadlines WHERE {LIVE} AND next_try_at >= $2 AND next_try_at < now() ORDER BY next_try_at LIMIT $1)
UNION (SELECT {ROW} FROM deadlines WHERE {PUT_OFF} AND due_at < now() ORDER BY due_at LIMIT $1)
ORDER BY due_at, case_id LIMIT $1
"""
FAILED = f"{IN_VAIN} SELECT count(*) FROM in_vain"
FAILING = f"""
{IN_VAIN} SELECT {ROW} FROM in_vain
WHERE attempts >= {FAILING_FROM} ORDER BY attempts DESC, due_at, case_id LIMIT $2
"""
REPLICAS = f"""
SELECT name, started_at, seen_at, swept_at, offset_ms, paused, batch,
    coalesce(coalesce(seen_at, swept_at) > now() - interval '{FRESH_S} s', false) AS running
FROM schedulers ORDER BY coalesce(seen_at, swept_at) DESC NULLS LAST, name LIMIT $1
"""


class Mark(Value, frozen=True, kw_only=True):
    """The watermark: no live deadline before ``at`` is unprocessed (decision 0018); null before the first.

    ``breached``: one is all the same, since it was written with a due time that had passed (an import, a guess that was
    confirmed late), or while the database's clock had been set back. The watermark then stands still until it is
    processed. Whoever publishes finds that out within half a minute.
    """

    at: Instant | None
    lag_s: float | None
    published_at: Instant | None
    breached: bool


class ClockState(Value, frozen=True, kw_only=True):
    """The latest instant of the database's clock that was trusted, and why schedulers pause, where one does."""

    high_water: Instant | None
    paused: str | None


class OverdueRow(Value, frozen=True, kw_only=True):
    """A live deadline that has passed. ``next_try_at``: when it is tried again; ``attempts``: how often in vain."""

    case_id: CaseId
    kind: str
    party: str
    due_at: Instant
    next_try_at: Instant
    attempts: int


class Overdue(Value, frozen=True, kw_only=True):
    """Live deadlines and reminders that have passed and are not processed; ``complete``: no count has met its bound.

    ``held``: of them, those put off without having failed, by a hold or an import; ``failed``: those tried in vain.
    ``oldest``, ``failing``: a few of them, the oldest first, and of those tried in vain again and again.
    """

    count: int
    complete: bool
    held: int
    failed: int
    oldest: tuple[OverdueRow, ...]
    failing: tuple[OverdueRow, ...]


class Late(Value, frozen=True, kw_only=True):
    """How late timeouts were written, by kind: in the last hour and in the last day, each from the full hour on."""

    hour: tuple[Quantiles, ...]
    day: tuple[Quantiles, ...]


class Replica(Value, frozen=True, kw_only=True):
    """A scheduler and what it last said of itself; ``running``: that was just now.

    ``offset_ms``: the database's clock less its host's; ``paused``: why it fires nothing; ``batch``: cases at once.
    """

    name: str
    running: bool
    started_at: Instant
    seen_at: Instant | None
    swept_at: Instant | None
    offset_ms: float | None
    paused: str | None
    batch: int | None


class Overview(Value, frozen=True, kw_only=True):
    """All of it, at one instant of the database's clock; the calendar and the holds a moment later.

    ``waiting_since``: when the overdue deadline that waits longest should have been tried; what is put off does
    not wait.
    """

    now: Instant
    watermark: Mark
    clock: ClockState
    overdue: Overdue
    waiting_since: Instant | None
    lateness: Late
    schedulers: tuple[Replica, ...]
    calendar: Coverage
    holds: tuple[Hold, ...]


async def overview(ledger: Ledger) -> Overview:
    """How the clock is now. Raises one of UNAVAILABLE while Postgres is away."""
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        state = await connection.fetchrow(STATE)
        assert state is not None, "the migration made the row"
        overdue, waiting_since = await _overdue(connection, _floor(state))
        late = Late(hour=await quantiles(connection, HOUR), day=await quantiles(connection, DAY))
        replicas = tuple(Replica(**row) for row in await connection.fetch(REPLICAS, REPLICAS_MAX))
    return Overview(
        now=state["now"],
        watermark=_mark(state),
        clock=ClockState(high_water=state["high_water"], paused=state["paused"]),
        overdue=overdue,
        waiting_since=waiting_since,
        lateness=late,
        schedulers=replicas,
        calendar=await coverage(ledger),
        holds=await in_force(ledger),
    )


async def _overdue(connection: Connection, floor: Instant) -> tuple[Overdue, Instant | None]:
    counts = await connection.fetchrow(COUNTS, COUNTED_MAX, floor)
    assert counts is not None, "aggregates have a row"
    oldest, failing = list[asyncpg.Record](), list[asyncpg.Record]()
    if counts["waiting"] or counts["put_off"]:
        oldest = await connection.fetch(OLDEST, LISTED_MAX, floor)
    failed = min(COUNTED_MAX, await connection.fetchval(FAILED, COUNTED_MAX))
    if failed:
        failing = await connection.fetch(FAILING, COUNTED_MAX, LISTED_MAX)
    overdue = Overdue(
        count=min(COUNTED_MAX, counts["waiting"] + counts["put_off"]),
        complete=max(counts["waiting"], counts["known"]) < COUNTED_MAX,
        held=counts["held"],
        failed=failed,
        oldest=tuple(OverdueRow(**row) for row in oldest),
        failing=tuple(OverdueRow(**row) for row in failing),
    )
    return overdue, counts["since"]


def _mark(state: asyncpg.Record) -> Mark:
    at, now = state["watermark"], state["now"]
    lag_s = None if at is None else max(0.0, (now - at).total_seconds())
    return Mark(at=at, lag_s=lag_s, published_at=state["published_at"], breached=_breached(state))


def _breached(state: asyncpg.Record) -> bool:
    return state["watermark"] is not None and state["whole_at"] is None


def _floor(state: asyncpg.Record) -> Instant:
    """Nothing is waiting before the watermark, unless it is breached: what was fired is not walked through again."""
    return POSTGRES_EPOCH if state["watermark"] is None or _breached(state) else state["watermark"]
