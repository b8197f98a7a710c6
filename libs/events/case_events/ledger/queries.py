"""Reading a case, rebuilt by replay as it is or was for whoever looks; and whether all is well.

Who reads while others do shares their round trip, as those do who post (decision 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from case_events.core.case import Case
from case_events.core.changes import REMINDER
from case_events.core.events import Filed, History, Recorded
from case_events.core.evolve import as_shown, fold
from case_events.core.plan import Moment, World, expire_overdue
from case_events.core.policy import ComplaintType
from case_events.core.values import CaseId, Instant, Value
from case_events.core.viewer import EVERYTHING, Viewer, seen
from case_events.ledger.batches import Full
from case_events.ledger.clock import calendars
from case_events.ledger.clock.watermark import BEHIND, LIVE
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import FeedState, state
from case_events.ledger.judging import outages_on_record, world_of
from case_events.ledger.store import Loaded, load

MIGRATION = "0009"
"""The migration this release needs."""

READ_ONLY = "current_setting('transaction_read_only')::boolean"
"""Said by a standby, too."""
HEALTH = f"""
SELECT (SELECT version_num FROM alembic_version) AS migration,
    (SELECT max(swept_at) FROM schedulers) AS scheduler_seen_at,
    (SELECT extract(epoch FROM clock_timestamp() - due_at) FROM deadlines
        WHERE {LIVE} AND {BEHIND}
            AND right(kind, {len(REMINDER)}) <> '{REMINDER}' ORDER BY next_try_at LIMIT 1)::bigint AS overdue_s,
    {READ_ONLY} AS read_only, clock_timestamp() AS now
"""
HEALTH_UNKNOWN = f"""
SELECT NULL AS migration, NULL AS scheduler_seen_at, NULL AS overdue_s, {READ_ONLY} AS read_only,
    clock_timestamp() AS now
"""
"""Of a database that nobody has migrated, or not as far as what is asked above."""
PAUSED = "SELECT paused FROM clock_state"


class Reading(Value, frozen=True, kw_only=True):
    """A case as it is or was: ``written`` of its history are recorded, the rest are overdue timeouts not yet written.

    Those will be recorded first, under the numbers and ids they have here; the clocks they start are provisional.
    """

    case: Case
    history: History
    written: int
    rules: ComplaintType
    now: Instant
    hashes: dict[int, tuple[bytes, bytes]]


class Health(Value, frozen=True, kw_only=True):
    """What readiness asks: is the schema ours, when did a scheduler last sweep, is a live deadline overdue.

    ``outgrown``: a newer release has migrated on, and what we ask is still there. ``clock_paused``: why a scheduler
    does not believe the clocks. ``feed`` is None where the schema is neither ours nor outgrown. ``read_only``: the
    database is closed to writers, as a standby is.
    """

    migrated: bool
    outgrown: bool
    scheduler_seen_at: Instant | None
    overdue_s: int
    read_only: bool
    clock_paused: str | None
    feed: FeedState | None
    now: Instant


async def read_case(
    ledger: Ledger,
    case_id: CaseId,
    *,
    version: int | None = None,
    at: Instant | None = None,
    known_at: Instant | None = None,
    viewer: Viewer = EVERYTHING,
) -> Reading | None:
    """The case now, as of a version, or as of an instant on either axis of time or both (docs/auditing.md).

    None when there is no such case for the viewer, it was not yet filed then, or it has no such version. Raises one
    of UNAVAILABLE, also when too many are reading.
    """
    found = await _found(ledger, case_id)
    if found is None:
        return None
    loaded, world = found
    written = _until(loaded.history, at, known_at)
    if not written:
        return None
    world = await _as_of(ledger, loaded, world, written[-1], at, known_at)
    case = loaded.case if loaded.case is not None and written == loaded.history else fold(written)
    history = written
    if version is None or version > len(written):
        overdue, case = expire_overdue(written, case, world)
        history = (*written, *overdue)
    if version is not None:
        if not 1 <= version <= len(history):
            return None
        history, written = history[:version], written[:version]
        case = fold(history)
    # What was overdue is judged on all there is; what is shown is folded from what the viewer sees.
    history, case = _as_seen(history, case, viewer)
    if case is None:
        return None
    return Reading(
        case=_guessed(case, len(written)),
        history=history,
        written=len(written),
        rules=world.in_force.type_of(case.type, case.subtype),
        now=world.moment.effective_at,
        hashes={index + 1: pair for index, pair in enumerate(loaded.hashes[: len(written)])},
    )


async def _found(ledger: Ledger, case_id: CaseId) -> tuple[Loaded, World] | None:
    """A case that somebody may see, and what it is judged by now."""
    try:
        return await ledger.readings.add(case_id, partial(_together, ledger))
    except Full as full:
        raise TimeoutError("too many are reading") from full


async def _together(ledger: Ledger, case_ids: Sequence[CaseId]) -> list[tuple[Loaded, World] | None]:
    async with ledger.connection() as connection:
        loaded = await load(connection, case_ids, ledger.vault, recent=ledger.recent)
        shown = [one for one in loaded.values() if not one.hidden]
        found = {one.case_id: (one, await world_of(ledger, connection, one)) for one in shown}
    return [found.get(case_id) for case_id in case_ids]


async def _as_of(
    ledger: Ledger, loaded: Loaded, world: World, last: Recorded, at: Instant | None, known_at: Instant | None
) -> World:
    """What the case is judged by as of these instants; ``last``: the last event that had happened then."""
    if known_at is not None:
        async with ledger.connection() as connection:
            outages = await outages_on_record(ledger, connection, world.in_force, known_at)
            world = replace(world, outages=outages, calendar=await calendars.known_at(ledger, connection, known_at))
    filed = loaded.history[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    return replace(world, moment=_moment(believed(ledger, loaded), last, filed.test_clock, at, known_at))


def _as_seen(history: History, case: Case | None, viewer: Viewer) -> tuple[History, Case | None]:
    shown = seen(history, viewer)
    if shown == history or case is None:
        return history, case
    return shown, as_shown(case, shown)


def _until(history: History, at: Instant | None, known_at: Instant | None) -> History:
    """What had happened by ``at`` (``effective_at``) and was recorded by ``known_at`` (``recorded_at``)."""
    return tuple(
        one
        for one in history
        if (at is None or one.effective_at <= at) and (known_at is None or one.recorded_at <= known_at)
    )


def believed(ledger: Ledger, loaded: Loaded) -> Moment:
    """The instant of a reading, as late as this host believes: a clock that runs ahead shows nothing as run out.

    What is recorded already was recorded then, whatever the host says.
    """
    now, recorded_last = loaded.moment, loaded.history[-1].recorded_at
    believed = max(ledger.believed_until(), recorded_last)
    if now.recorded_at <= believed:
        return now
    clocked = now.effective_at != now.recorded_at
    return Moment(recorded_at=believed, effective_at=now.effective_at if clocked else believed)


def _moment(now: Moment, last: Recorded, clock: UUID | None, at: Instant | None, known_at: Instant | None) -> Moment:
    """The moment a reading is of. Nobody knows the future: an instant that is yet to come is now."""
    recorded_at = now.recorded_at if known_at is None else min(known_at, now.recorded_at)
    effective_at = recorded_at if clock is None else now.effective_at
    if clock is not None and at is None and recorded_at < now.recorded_at:
        # Where the test clock stood then is not kept; it had come at least as far as what was recorded last.
        effective_at = last.effective_at
    return Moment(recorded_at=recorded_at, effective_at=effective_at if at is None else min(at, effective_at))


def _guessed(case: Case, written: int) -> Case:
    """Due times set by timeouts that are not written yet may still be lengthened by the minimum notice."""
    clocks = tuple(replace(clock, provisional=True) if clock.set_by > written else clock for clock in case.clocks)
    return replace(case, clocks=clocks) if clocks != case.clocks else case


async def health(ledger: Ledger) -> Health:
    """How the database and the schedulers are. Raises one of UNAVAILABLE while Postgres is away."""
    async with ledger.connection() as connection:
        try:
            row = await connection.fetchrow(HEALTH)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            row = await connection.fetchrow(HEALTH_UNKNOWN)
        assert row is not None, "the query has no FROM"
        migrated, outgrown = row["migration"] == MIGRATION, _is_newer(row["migration"])
        feed = await state(connection) if migrated or outgrown else None
        paused = await connection.fetchval(PAUSED) if migrated or outgrown else None
    return Health(
        migrated=migrated,
        outgrown=outgrown,
        scheduler_seen_at=row["scheduler_seen_at"],
        overdue_s=row["overdue_s"] or 0,
        read_only=row["read_only"],
        clock_paused=paused,
        feed=feed,
        now=row["now"],
    )


def _is_newer(migration: str | None) -> bool:
    return migration is not None and migration.isdigit() and int(migration) > int(MIGRATION)
