"""Firing: claim what is due, lock its streams, and commit the timeouts, all in one transaction and without waiting.

The claim locks the earliest due row of each case, so that two replicas never hold rows of the same case; then the
stream rows; both with SKIP LOCKED. The histories are read after the locks, in a statement of their own: a row joined
in the claim would be stale (anchors, timers 4.2, trap A).
"""

from __future__ import annotations

from uuid import UUID

from case_events.core.plan import Step, plan_timeouts
from case_events.core.timeouts import TimedOut
from case_events.core.values import CaseId, Value
from case_events.ledger.database import Ledger
from case_events.ledger.judging import world_of
from case_events.ledger.steps import commit
from case_events.ledger.store import load

BATCH = 200
"""Cases in one transaction; thousands buy little and cost the tail (measured, anchors/timers.md)."""
BACK_OFF_S_MAX = 3600

CLAIM_LIVE = """
SELECT d.case_id FROM deadlines d
WHERE d.test_clock IS NULL AND NOT d.provisional AND d.next_try_at < now() AND ($2::uuid IS NULL OR d.case_id = $2)
    AND NOT EXISTS (
        SELECT FROM deadlines e
        WHERE e.case_id = d.case_id AND NOT e.provisional
            AND (e.next_try_at, e.kind, e.party, e.set_by) < (d.next_try_at, d.kind, d.party, d.set_by)
    )
ORDER BY d.next_try_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED
"""
CLAIM_CLOCKED = """
SELECT d.case_id FROM deadlines d JOIN test_clocks t ON t.id = d.test_clock
WHERE NOT d.provisional AND d.due_at < t.at AND d.next_try_at < now() AND ($2::uuid IS NULL OR d.case_id = $2)
    AND NOT EXISTS (
        SELECT FROM deadlines e
        WHERE e.case_id = d.case_id AND NOT e.provisional
            AND (e.due_at, e.kind, e.party, e.set_by) < (d.due_at, d.kind, d.party, d.set_by)
    )
ORDER BY d.due_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED
"""
IN_TURN = "LOCK TABLE streams IN ROW SHARE MODE"
"""Before the claim: whoever writes comes to ``streams`` first, so that a switch of the tables can hold all of them."""
LOCK = "SELECT case_id FROM streams WHERE case_id = ANY($1::uuid[]) ORDER BY case_id FOR UPDATE SKIP LOCKED"
POSTPONE = """
UPDATE deadlines SET attempts = attempts + 1,
    next_try_at = now() + least(power(2, least(attempts, 20)), $2) * interval '1 second'
WHERE case_id = ANY($1::uuid[]) AND NOT provisional
    AND (CASE WHEN test_clock IS NULL THEN next_try_at < now() ELSE next_try_at < now() AND due_at < (
        SELECT at FROM test_clocks WHERE id = test_clock) END)
"""
NEXT_DUE = """
SELECT extract(epoch FROM min(next_try_at) - clock_timestamp())::float8 FROM deadlines
WHERE test_clock IS NULL AND NOT provisional
"""


class Fired(Value, frozen=True, kw_only=True):
    """What one pass did: cases claimed, written, left because they were busy; claims that proved stale; conflicts.

    ``lateness_s`` has one number for each timeout of a live case: how long after its legal instant it was written.
    """

    claimed: tuple[CaseId, ...] = ()
    written: int = 0
    events: int = 0
    busy: int = 0
    stale: int = 0
    conflicts: int = 0
    lateness_s: tuple[float, ...] = ()


async def fire(ledger: Ledger, claim: str, *, limit: int = 1, only: CaseId | None = None) -> Fired:
    """One transaction of timeouts for what ``claim`` finds due; ``only`` confines it to one case.

    Raises what the ledger raises for a case it cannot read (BrokenSeal, UnknownEvent, PolicyChanged): nothing of
    the batch is written then, and the caller fires its cases one by one.
    """
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute(IN_TURN)
        claimed = [row["case_id"] for row in await connection.fetch(claim, limit, only)]
        if not claimed:
            return Fired()
        locked = [row["case_id"] for row in await connection.fetch(LOCK, claimed)]
        loaded = await load(connection, locked, ledger.vault)
        steps = [(plan_timeouts(one.history, await world_of(ledger, connection, one)), one) for one in loaded.values()]
        due = [(step, one.head, one.keys) for step, one in steps if step.events]
        stale = [step.case_id for step, _ in steps if not step.events]
        if stale:
            await connection.execute(POSTPONE, stale, BACK_OFF_S_MAX)
        written = await commit(connection, due, ledger.vault) if due else set[CaseId]()
        return _told(claimed, locked, [step for step, _, _ in due], written, len(stale))


def _told(claimed: list[UUID], locked: list[UUID], steps: list[Step], written: set[CaseId], stale: int) -> Fired:
    done = [step for step in steps if step.case_id in written]
    lateness = [
        (one.recorded_at - one.occurred_at).total_seconds()
        for step in done
        for one in step.events
        if isinstance(one.event, TimedOut) and step.case is not None and step.case.test_clock is None
    ]
    return Fired(
        claimed=tuple(claimed),
        written=len(done),
        events=sum(len(step.events) for step in done),
        busy=len(claimed) - len(locked),
        stale=stale,
        conflicts=len(steps) - len(done),
        lateness_s=tuple(lateness),
    )


async def postpone(ledger: Ledger, case_id: CaseId) -> None:
    """Try a case's due deadlines again later, ever later: one that cannot fire must not starve the rest."""
    async with ledger.connection() as connection:
        await connection.execute(POSTPONE, [case_id], BACK_OFF_S_MAX)


async def seconds_to_next(ledger: Ledger) -> float | None:
    """Until the next live deadline is tried, on the database's clock; negative when overdue, None if there is none."""
    async with ledger.connection() as connection:
        seconds: float | None = await connection.fetchval(NEXT_DUE)
        return seconds


async def due(ledger: Ledger, claim: str, *, limit: int = BATCH) -> tuple[CaseId, ...]:
    """The cases that ``claim`` finds due now; nothing stays locked."""
    async with ledger.connection() as connection:
        return tuple(row["case_id"] for row in await connection.fetch(claim, limit, None))
