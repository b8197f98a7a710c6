"""Reading and appending streams: one round trip to load many cases, one statement to write many cases.

The append locks each stream's row first, in case_id order, and writes a case only if its version is still the
one that was judged and the judging instant is still fresh. It returns the cases it wrote; the others are judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import asyncpg

from case_events.core.events import History, Recorded
from case_events.core.plan import Moment
from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.append_statements import APPEND_FILINGS, APPEND_STEPS, MOVING
from case_events.ledger.codec import Row, event_of
from case_events.ledger.connection import POSTGRES_EPOCH, Connection
from case_events.ledger.marks import Mark
from case_events.ledger.marks import write as write_marks
from case_events.ledger.read_models import CASE_COLUMNS, CaseRow, DeadlineRow
from case_events.ledger.sealing import Keys, SubjectKey, Vault, by_id

LOAD = """
SELECT e.case_id, e.version, e.event_id, e.type, e.schema, e.occurred_at, e.effective_at, e.recorded_at, e.who,
    e.agent, e.client, e.correlation, e.causation, e.asked, e.payload, e.payload_hash, e.hash,
    CASE WHEN e.version = 1 THEN s.head_hash END AS head_hash,
    CASE WHEN e.version = 1 THEN s.recorded_at END AS head_recorded_at,
    CASE WHEN e.version = 1 THEN (SELECT clock_timestamp()) END AS now,
    CASE WHEN e.version = 1 THEN (
        SELECT array_agg(ROW (k.key_id, k.side, k.wrapped)) FROM subject_keys k WHERE k.case_id = e.case_id
    ) END AS keys,
    CASE WHEN e.version = 1 THEN (
        SELECT t.at FROM test_clocks t JOIN cases c ON c.test_clock = t.id WHERE c.case_id = e.case_id
    ) END AS clock_at
FROM streams s JOIN events e USING (case_id)
WHERE s.case_id = ANY($1::uuid[])
ORDER BY e.case_id, e.version
"""


class Loaded(Value, frozen=True, kw_only=True):
    """A case as it was read: its history, the head its next event is chained onto, and the instant that judges."""

    case_id: CaseId
    head: bytes
    moment: Moment
    history: History
    keys: tuple[SubjectKey, ...]
    hashes: tuple[tuple[bytes, bytes], ...]


class Writing(Value, frozen=True, kw_only=True):
    """What one case's step writes: all of it in the same statement, or nothing.

    ``reserve`` is the digest a filing reserves its complaint under; ``release`` frees it at closing.
    """

    case_id: CaseId
    before: int
    rows: tuple[Row, ...]
    case: CaseRow
    stopped: tuple[DeadlineRow, ...]
    started: tuple[DeadlineRow, ...]
    keys: tuple[SubjectKey, ...] = ()
    reserve: bytes | None = None
    release: bool = False
    marks: tuple[Mark, ...] = ()


async def load(connection: Connection, case_ids: Iterable[CaseId], vault: Vault) -> dict[CaseId, Loaded]:
    """Whole histories, one round trip; a case that does not exist is left out. Raises UnknownEvent, BrokenSeal."""
    by_case: dict[CaseId, list[asyncpg.Record]] = {}
    for row in await connection.fetch(LOAD, list(case_ids)):
        by_case.setdefault(row["case_id"], []).append(row)
    return {case_id: _loaded(case_id, rows, vault) for case_id, rows in by_case.items()}


def _loaded(case_id: CaseId, rows: list[asyncpg.Record], vault: Vault) -> Loaded:
    first = rows[0]
    keys = tuple(
        SubjectKey(key_id=key_id, case_id=case_id, side=side, wrapped=wrapped)
        for key_id, side, wrapped in first["keys"] or ()
    )
    known = by_id(keys)
    now = max(first["now"], first["head_recorded_at"])
    return Loaded(
        case_id=case_id,
        head=first["head_hash"],
        moment=Moment(recorded_at=now, effective_at=first["clock_at"] or now),
        history=tuple(recorded_of(row, known, vault) for row in rows),
        keys=keys,
        hashes=tuple((row["payload_hash"], row["hash"]) for row in rows),
    )


def recorded_of(row: asyncpg.Record, keys: Keys, vault: Vault) -> Recorded:
    """The event in a row of ``events``, unsealed, in its envelope."""
    return Recorded(
        case_id=row["case_id"],
        version=row["version"],
        event_id=row["event_id"],
        event=event_of(row["type"], row["schema"], row["payload"], row["event_id"], keys, vault),
        occurred_at=row["occurred_at"],
        effective_at=row["effective_at"],
        recorded_at=row["recorded_at"],
        who=row["who"],
        agent=row["agent"],
        client=row["client"],
        correlation=row["correlation"],
        causation=row["causation"],
        asked=row["asked"],
    )


async def append(connection: Connection, writings: Sequence[Writing], *, wake_before: Instant) -> set[CaseId]:
    """Write many cases, the filings in one statement and the steps in another, in one transaction.

    Returns the cases that were written; the others had moved on: judge them again. Schedulers are woken when a
    live clock is due before ``wake_before``. Raises asyncpg.UniqueViolationError when a filing's complaint is
    already open (nothing at all is written then).
    """
    filings = [writing for writing in writings if writing.before == 0]
    steps = [writing for writing in writings if writing.before > 0]
    marks = [mark for writing in writings for mark in writing.marks]
    if not marks and not (filings and steps):
        return await _append(connection, APPEND_FILINGS if filings else APPEND_STEPS, writings, wake_before)
    async with connection.transaction():
        written = await _append(connection, APPEND_FILINGS, filings, wake_before) if filings else set[CaseId]()
        if steps:
            written |= await _append(connection, APPEND_STEPS, steps, wake_before)
        await write_marks(connection, [mark for mark in marks if mark.case_id in written])
        return written


async def _append(connection: Connection, sql: str, writings: Sequence[Writing], wake_before: Instant) -> set[CaseId]:
    started = [row for writing in writings for row in writing.started]
    keys = [key for writing in writings for key in writing.keys]
    arguments = [
        *_heads(writings),
        *_events([row for writing in writings for row in writing.rows]),
        *_columns([writing.case for writing in writings], CASE_COLUMNS if sql is APPEND_FILINGS else MOVING),
        *_columns([row for writing in writings for row in writing.stopped], ("case_id", "kind", "party", "set_by")),
        *_started(started),
    ]
    if sql is APPEND_FILINGS:
        arguments += _columns(keys, ("case_id", "key_id", "side", "wrapped"))
    soon = any(row.test_clock is None and not row.provisional and row.due_at < wake_before for row in started)
    return {row["case_id"] for row in await connection.fetch(sql, *arguments, soon)}


def _heads(writings: Sequence[Writing]) -> list[list[Any]]:
    return [
        [writing.case_id for writing in writings],
        [writing.before for writing in writings],
        [writing.rows[-1].recorded.version for writing in writings],
        [writing.rows[-1].hash for writing in writings],
        [writing.rows[-1].recorded.recorded_at for writing in writings],
        [writing.reserve for writing in writings],
        [writing.release for writing in writings],
    ]


ENVELOPE = "case_id version event_id occurred_at effective_at recorded_at who agent client correlation causation asked"


def _events(rows: Sequence[Row]) -> list[list[Any]]:
    columns = _columns([row.recorded for row in rows], ENVELOPE.split())
    names, schemas = _columns(rows, ("type", "schema"))
    return [*columns[:3], names, schemas, *columns[3:], *_columns(rows, ("payload", "payload_hash", "hash"))]


def _started(rows: Sequence[DeadlineRow]) -> list[list[Any]]:
    fixed = _columns(rows, ("case_id", "kind", "party", "set_by", "due_at"))
    first_try = [row.due_at if row.test_clock is None else POSTGRES_EPOCH for row in rows]
    return [*fixed, first_try, *_columns(rows, ("provisional", "minimum_notice", "test_clock"))]


def _columns(rows: Sequence[Any], names: Sequence[str]) -> list[list[Any]]:
    return [list(map(attrgetter(name), rows)) for name in names]
