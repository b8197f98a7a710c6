"""Firing: claim what is due, lock its streams, and commit the timeouts, all in one transaction and without waiting.

The claim locks the earliest due row of each case, so that two replicas never hold rows of the same case; then the
stream rows; both with SKIP LOCKED. The histories are read after the locks, in a statement of their own: a row joined
in the claim would be stale (anchors, timers 4.2, trap A).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC

import asyncpg

from case_events.core.plan import Step, plan_timeouts
from case_events.core.timeouts import TimedOut
from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.clock.claims import (
    AHEAD,
    BACK_OFF_S_MAX,
    BUSY_S,
    HURRY,
    IN_TURN,
    LOCK,
    OLDEST_FIRST,
    POSTPONE,
    PUT_OFF,
)
from case_events.ledger.clock.host import later
from case_events.ledger.clock.in_order import bounded, until
from case_events.ledger.codec import NOTHING
from case_events.ledger.connection import POSTGRES_EPOCH, UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import world_of
from case_events.ledger.sealing import Vault
from case_events.ledger.steps import Committing, commit
from case_events.ledger.store import Loaded, load

AT_A_TIME = 40
"""Cases read at a time: then others of this process have their turn."""
PLANNED_AT_A_TIME = 8
"""Cases planned at a time, for the same reason."""
FOR_EVER = Instant(9000, 1, 1, tzinfo=UTC)

OF_ITS_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What Postgres says of what one case wants to write; anything else is wrong with more than this case."""
ROW = re.compile(r"\(\d+,\d+\)")
"""Where a row lies: Postgres says it, in whatever language, of one that was waited for; of a table it does not."""


class Fired(Value, frozen=True, kw_only=True):
    """What one pass did: cases claimed, written, left because they were busy; claims that proved stale; conflicts.

    ``busy``: somebody else is at them, or holds a row of theirs and is looked for again in ``BUSY_S``.
    ``put_off``: cases that a hold holds. ``failed``: cases that could not be read or written, and why; they back off.
    ``late``: for each timeout of a live case its kind, and how many seconds after its legal instant it was written.
    ``last_tried_at``: the latest instant of trying that was claimed. ``took_s``: how long the pass took, in seconds;
    whoever asked for it says so.
    """

    claimed: tuple[CaseId, ...] = ()
    written: int = 0
    events: int = 0
    busy: int = 0
    stale: int = 0
    conflicts: int = 0
    put_off: int = 0
    failed: tuple[tuple[CaseId, Exception], ...] = ()
    late: tuple[tuple[str, float], ...] = ()
    last_tried_at: Instant | None = None
    took_s: float = 0.0


class Ahead(Value, frozen=True, kw_only=True):
    """``seconds`` until the next live deadline is tried (negative: overdue; None: there is none), looked at ``now``."""

    seconds: float | None
    now: Instant


async def fire(
    ledger: Ledger,
    claim: str,
    *,
    believed_until: Instant = FOR_EVER,
    floor: Instant | None = None,
    limit: int = 1,
    only: CaseId | Sequence[CaseId] | None = None,
    back_off_s: int = BACK_OFF_S_MAX,
    heard: Callable[[Sequence[CaseId]], None] | None = None,
) -> Fired:
    """One transaction of timeouts for what ``claim`` finds due; ``only`` confines it to one case, or to those named.

    Nothing fires at an instant after ``believed_until``. ``floor``: deadlines tried before it are not looked for.
    A case that cannot be read or written is found by halving, backs off, for ``back_off_s`` at most, and keeps nobody
    else from firing. Raises one of UNAVAILABLE, or what else Postgres says of the transaction as a whole; nothing is
    written then. ``heard``: is told what was claimed, before anything can go wrong with it.
    """
    began = time.monotonic()
    async with ledger.connection() as connection, connection.transaction():
        rows = await _claimed(connection, claim, limit, only, believed_until, floor)
        if not rows:
            return Fired()
        if heard is not None:
            heard(tuple(row["case_id"] for row in rows))
        in_order = only is None and bool(rows[0].get("test_clock"))
        believed = believed_until, began
        return await _worked_off(ledger, connection, rows, believed, back_off_s, in_order=in_order)


async def _worked_off(
    ledger: Ledger,
    connection: Connection,
    rows: Sequence[asyncpg.Record],
    believed: tuple[Instant, float],
    back_off_s: int,
    *,
    in_order: bool,
) -> Fired:
    """What was claimed is written, or put off.

    ``believed``: until which instant, and when here it was. ``in_order``: no case of a test clock overtakes another.
    """
    claimed = {row["case_id"]: row["again_at"] for row in rows}
    locked = [row["case_id"] for row in await connection.fetch(LOCK, list(claimed))]
    held = {one: again_at for one in locked if (again_at := claimed[one]) is not None}
    failed: dict[CaseId, Exception] = {}
    ends = await until(connection, rows) if in_order else {}
    planned = await _planned(ledger, connection, [one for one in locked if one not in held], failed, ends)
    # Nobody is judged by an instant that is not believed, not even by one that stands in the case's own history.
    until_now = later(believed[0], time.monotonic() - believed[1])
    ahead = {one.case_id: one.moment.recorded_at for _, one in planned if one.moment.recorded_at > until_now}
    judged = [(step, one) for step, one in planned if step.case_id not in ahead]
    due = [(step, one.head, one.keys) for step, one in judged if step.events]
    stale = [step.case_id for step, _ in judged if not step.events]
    written = await _written(connection, due, ledger.vault, failed)
    busy = _busy(judged, failed)
    await _put_off(connection, held | ahead | busy)
    await _back_off(connection, [*stale, *failed], back_off_s)
    done = [step for step, _, _ in due if step.case_id in written]
    ended = written | busy.keys() | failed.keys()
    return Fired(
        claimed=tuple(claimed),
        written=len(done),
        events=sum(len(step.events) for step in done),
        busy=len(claimed) - len(locked) + len(busy),
        stale=len(stale),
        conflicts=sum(step.case_id not in ended for step, _, _ in due),
        put_off=len(held) + len(ahead),
        failed=tuple(failed.items()),
        late=_late(done),
        last_tried_at=max(row["next_try_at"] for row in rows),
    )


async def _claimed(
    connection: Connection,
    claim: str,
    limit: int,
    only: CaseId | Sequence[CaseId] | None,
    believed_until: Instant,
    floor: Instant | None,
) -> list[asyncpg.Record]:
    """The rows that ``claim`` finds due, locked until the caller's transaction ends."""
    await connection.execute(f"{IN_TURN}; {OLDEST_FIRST}")
    return await connection.fetch(claim, limit, only, believed_until, floor or POSTGRES_EPOCH)


Ends = Mapping[CaseId, Instant]
"""How far a clocked case is fired in this pass."""


async def _planned(
    ledger: Ledger, connection: Connection, cases: Sequence[CaseId], failed: dict[CaseId, Exception], ends: Ends
) -> list[tuple[Step, Loaded]]:
    """What the clocks of these cases ask for; the cases for which nobody can say it are ``failed``."""
    planned: list[tuple[Step, Loaded]] = []
    for start in range(0, len(cases), AT_A_TIME):
        planned += await _planned_or_halved(ledger, connection, cases[start : start + AT_A_TIME], failed, ends)
    return planned


async def _planned_or_halved(
    ledger: Ledger, connection: Connection, cases: Sequence[CaseId], failed: dict[CaseId, Exception], ends: Ends
) -> list[tuple[Step, Loaded]]:
    planned: list[tuple[Step, Loaded]] = []
    try:
        for one in (await load(connection, cases, ledger.vault, NOTHING)).values():
            if len(planned) % PLANNED_AT_A_TIME == 0:
                await asyncio.sleep(0)
            world = bounded(await world_of(ledger, connection, one), ends.get(one.case_id))
            planned.append((plan_timeouts(one.history, world), one))
    except Exception as error:
        if _of_more_than_a_case(error):
            raise
        if len(cases) == 1:
            failed[cases[0]] = error
            return []
        halves = cases[: len(cases) // 2], cases[len(cases) // 2 :]
        return [one for half in halves for one in await _planned_or_halved(ledger, connection, half, failed, ends)]
    return planned


async def _written(
    connection: Connection, due: Sequence[Committing], vault: Vault, failed: dict[CaseId, Exception]
) -> set[CaseId]:
    """Commit under a savepoint; of what cannot be written together each half is written by itself."""
    if not due:
        return set()
    try:
        async with connection.transaction():
            return await commit(connection, due, vault)
    except Exception as error:
        if _of_more_than_a_case(error):
            raise
        if len(due) == 1:
            failed[due[0][0].case_id] = error
            return set()
        if isinstance(error, asyncpg.LockNotAvailableError):
            await connection.execute(HURRY)  # who holds the row has been waited for; which case it is of is to be found
        halves = due[: len(due) // 2], due[len(due) // 2 :]
        return {one for half in halves for one in await _written(connection, half, vault, failed)}


def _busy(judged: Sequence[tuple[Step, Loaded]], failed: dict[CaseId, Exception]) -> dict[CaseId, Instant]:
    """Those of the ``failed`` of which somebody else holds a row, and when to look again: they have not failed."""
    busy = [one for _, one in judged if isinstance(failed.get(one.case_id), asyncpg.LockNotAvailableError)]
    for one in busy:
        del failed[one.case_id]
    return {one.case_id: later(one.moment.recorded_at, BUSY_S) for one in busy}


def _of_more_than_a_case(error: Exception) -> bool:
    """Postgres is away, or has something against the transaction as a whole: its cases are not to blame."""
    if isinstance(error, asyncpg.LockNotAvailableError):
        return ROW.search(error.context or "") is None
    return isinstance(error, UNAVAILABLE) or (
        isinstance(error, asyncpg.PostgresError) and not isinstance(error, OF_ITS_DATA)
    )


async def _put_off(connection: Connection, again: Mapping[CaseId, Instant]) -> None:
    if again:
        await connection.execute(PUT_OFF, list(again), list(again.values()))


async def _back_off(connection: Connection, cases: Sequence[CaseId], back_off_s: int) -> None:
    if cases:
        await connection.execute(POSTPONE, cases, back_off_s)


def _late(steps: Sequence[Step]) -> tuple[tuple[str, float], ...]:
    return tuple(
        (one.event.kind, (one.recorded_at - one.occurred_at).total_seconds())
        for step in steps
        for one in step.events
        if isinstance(one.event, TimedOut) and step.case is not None and step.case.test_clock is None
    )


async def postpone(ledger: Ledger, *cases: CaseId, back_off_s: int = BACK_OFF_S_MAX) -> None:
    """Try the due deadlines of these again later, ever later: what cannot fire must not starve the rest."""
    async with ledger.connection() as connection:
        await _back_off(connection, cases, back_off_s)


async def look_ahead(ledger: Ledger, floor: Instant | None = None) -> Ahead:
    """When the next live deadline is tried, on the database's clock; those tried before ``floor`` are not looked at."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(AHEAD, floor or POSTGRES_EPOCH)
    assert row is not None, "an aggregate has a row"
    return Ahead(seconds=row["seconds"], now=row["now"])
