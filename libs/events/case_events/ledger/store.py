"""Reading and appending streams: one round trip to load many cases, one statement to write many cases.

The append locks each stream's row first, in case_id order, and writes a case only if its version is still the
one that was judged and the judging instant is still fresh. It returns the cases it wrote; the others are judged again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import asyncpg
from msgspec.structs import replace

from case_events.core.case import Case
from case_events.core.events import Filed, History, Recorded
from case_events.core.evolve import fold
from case_events.core.plan import Moment
from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.append_statements import (
    APPEND_FILINGS,
    APPEND_FILINGS_CLOCKED,
    APPEND_STEPS,
    APPEND_STEPS_CLOCKED,
    ENVELOPE,
    EVENT_COLUMNS,
    KEYS,
    MOVING,
    STOPPED,
)
from case_events.ledger.codec import Row, Wanted, recorded_of
from case_events.ledger.connection import POSTGRES_EPOCH, Connection
from case_events.ledger.erasing import Erasure, erase
from case_events.ledger.load_statement import HASHES, LOAD
from case_events.ledger.marks import Mark
from case_events.ledger.marks import write as write_marks
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS, CaseRow, DeadlineRow
from case_events.ledger.recent import Hashes, Recent, Remembered
from case_events.ledger.sealing import SubjectKey, Vault

TURN_EVENTS = 200
"""So many events are opened at a time, some milliseconds; then others of this process have their turn."""

Known = Mapping[CaseId, Remembered | None]


class Loaded(Value, frozen=True, kw_only=True):
    """A case as it was read: its history, the head its next event is chained onto, and the instant that judges.

    ``size``: of its events' payloads as they are stored, in bytes. ``case``: its fold, where somebody had it at hand.
    ``hidden``: its test clock was deleted; nobody reads the case or posts to it, and its events stay where they are.
    """

    case_id: CaseId
    head: bytes
    moment: Moment
    history: History
    keys: tuple[SubjectKey, ...]
    hashes: Hashes
    size: int
    case: Case | None = None
    hidden: bool = False


class Writing(Value, frozen=True, kw_only=True):
    """What one case's step writes: all of it in the same statement, or nothing.

    ``reserve`` is the digest a filing reserves its complaint under, until it is closed. ``stood_at``: where the test
    clock of the case stood when it was judged, if what is written depends on that; ``fires``: these are timeouts that
    nobody but a scheduler asked for.
    """

    case_id: CaseId
    before: int
    rows: tuple[Row, ...]
    case: CaseRow
    stopped: tuple[DeadlineRow, ...]
    started: tuple[DeadlineRow, ...]
    keys: tuple[SubjectKey, ...] = ()
    reserve: bytes | None = None
    marks: tuple[Mark, ...] = ()
    erasures: tuple[Erasure, ...] = ()
    stood_at: Instant | None = None
    fires: bool = False


async def load(
    connection: Connection,
    case_ids: Iterable[CaseId],
    vault: Vault,
    wanted: Wanted | None = None,
    recent: Recent | None = None,
) -> dict[CaseId, Loaded]:
    """Whole histories, one round trip; a case that does not exist is left out.

    ``wanted``: the texts that are opened; the others may stay sealed (None: all are opened). ``recent``: what this
    process remembers, which is not read again; of a case that is there at least the parties' ids must be wanted.
    Raises UnknownEvent, BrokenSeal.
    """
    known: Known = {
        case_id: recent.of(case_id, opened=wanted is None) if recent is not None else None for case_id in case_ids
    }
    loaded, changed = await _load(connection, known, vault, wanted)
    if changed:
        again, _ = await _load(connection, dict.fromkeys(changed), vault, wanted)
        loaded |= again
    if recent is None:
        return loaded
    unchanged = {case_id: before for case_id, before in known.items() if before and case_id not in changed}
    return {
        case_id: _at_hand(recent, one, unchanged.get(case_id), opened=wanted is None) for case_id, one in loaded.items()
    }


async def _load(
    connection: Connection, known: Known, vault: Vault, wanted: Wanted | None
) -> tuple[dict[CaseId, Loaded], list[CaseId]]:
    """The cases, and those of them whose keys are not those that are remembered: read them again."""
    ends = [one.known if one else (None, None) for one in known.values()]
    asked = (list(known), [version for version, _ in ends], [end for _, end in ends])
    by_case: dict[CaseId, list[asyncpg.Record]] = {}
    for row in await connection.fetch(LOAD, *asked):
        by_case.setdefault(row["case_id"], []).append(row)
    loaded, changed, opened = dict[CaseId, Loaded](), list[CaseId](), 0
    for case_id, rows in by_case.items():
        if opened > TURN_EVENTS:
            await asyncio.sleep(0)
            opened = 0
        opened += len(rows)
        before = known[case_id] if rows[0]["known"] else None
        keys = _keys(case_id, rows[0])
        if before is not None and {*before.keys} != {*keys}:
            changed.append(case_id)
        else:
            loaded[case_id] = _loaded(case_id, rows, keys, vault, wanted, before)
    return loaded, changed


def _keys(case_id: CaseId, row: asyncpg.Record) -> tuple[SubjectKey, ...]:
    return tuple(
        SubjectKey(key_id=key_id, case_id=case_id, side=side, wrapped=wrapped)
        for key_id, side, wrapped in row["keys"] or ()
    )


def _loaded(
    case_id: CaseId,
    rows: list[asyncpg.Record],
    keys: tuple[SubjectKey, ...],
    vault: Vault,
    wanted: Wanted | None,
    before: Remembered | None,
) -> Loaded:
    first, ring = rows[0], vault.ring(keys)
    now = max(first["now"], first["head_recorded_at"])
    since = rows if first["version"] is not None else []
    history = tuple(recorded_of(row, ring, wanted) for row in since)
    hashes, size = tuple(row[HASHES] for row in since), sum(len(row["payload"]) for row in since)
    if before is not None:
        history = (*before.history, *history) if history else before.history
        hashes, size = (*before.hashes, *hashes), before.size + size
    return Loaded(
        case_id=case_id,
        head=first["head_hash"],
        moment=Moment(recorded_at=now, effective_at=first["clock_at"] or now),
        history=history,
        keys=keys,
        hashes=hashes,
        size=size,
        hidden=_hidden(history[0], first["clock_at"]),
    )


def _at_hand(recent: Recent, loaded: Loaded, before: Remembered | None, *, opened: bool) -> Loaded:
    """The case with its fold, which is remembered for whoever asks next."""
    if before is not None and loaded.history is before.history:
        recent.keep(loaded.case_id, before)
        return replace(loaded, case=before.case)
    case = fold(loaded.history)
    assert case is not None, "a case has events"
    now = Remembered(
        history=loaded.history,
        hashes=loaded.hashes,
        keys=loaded.keys,
        case=case,
        size=loaded.size,
        opened=opened,
    )
    recent.keep(loaded.case_id, now)
    return replace(loaded, case=case)


def _hidden(filed: Recorded, clock_at: Instant | None) -> bool:
    return clock_at is None and isinstance(filed.event, Filed) and filed.event.test_clock is not None


class Contested(Exception):
    """Somebody faster opened the complaint or used the key, or is about to; nothing was written.

    Others who were to be written with it may have nothing to do with that.
    """


async def append(connection: Connection, writings: Sequence[Writing], *, wake_before: Instant) -> set[CaseId]:
    """Write many cases, the filings in one statement and the steps in another, in one transaction.

    Returns the cases that were written; the others had moved on: judge them again. Schedulers are woken when a
    live clock is due before ``wake_before``. Raises Contested (nothing at all is written then).
    """
    filings = [writing for writing in writings if writing.before == 0]
    steps = [writing for writing in writings if writing.before > 0]
    marks = [mark for writing in writings for mark in writing.marks]
    erasures = [erasure for writing in writings for erasure in writing.erasures]
    if not marks and not erasures and not (filings and steps):
        return await _append(connection, writings, wake_before)
    async with connection.transaction():
        written = await _append(connection, filings, wake_before) if filings else set[CaseId]()
        if steps:
            written |= await _append(connection, steps, wake_before)
        if marks:
            await write_marks(connection, [mark for mark in marks if mark.case_id in written])
        await erase(connection, [(case_id, side) for case_id, side in erasures if case_id in written])
        return written


async def _append(connection: Connection, writings: Sequence[Writing], wake_before: Instant) -> set[CaseId]:
    filing = writings[0].before == 0
    clocked = any(writing.case.test_clock is not None for writing in writings)
    started = [row for writing in writings for row in writing.started]
    soon = any(row.test_clock is None and not row.provisional and row.due_at < wake_before for row in started)
    try:
        written = await connection.fetch(
            APPEND[filing, clocked],
            [(_filed if filing else _moved)(writing) for writing in writings],
            [_event(row) for writing in writings for row in writing.rows],
            [_started(row) for row in started],
            [_key(key) for writing in writings for key in writing.keys]
            if filing
            else [_stopped(row) for writing in writings for row in writing.stopped],
            soon,
        )
    except asyncpg.UniqueViolationError as error:
        raise Contested from error
    except asyncpg.LockNotAvailableError as error:
        if filing and error.context is not None:  # the row that was waited for; of a table Postgres says nothing
            raise Contested from error
        raise
    return {row["case_id"] for row in written}


APPEND = {
    (True, False): APPEND_FILINGS,
    (False, False): APPEND_STEPS,
    (True, True): APPEND_FILINGS_CLOCKED,
    (False, True): APPEND_STEPS_CLOCKED,
}
"""By whether it files, and whether any of the cases goes by a test clock."""

_listed, _listed_again = attrgetter(*CASE_COLUMNS), attrgetter(*MOVING)
_envelope, _stored = attrgetter(*EVENT_COLUMNS[:ENVELOPE]), attrgetter(*EVENT_COLUMNS[ENVELOPE:])
_promised, _stopped, _key = attrgetter(*DEADLINE_COLUMNS), attrgetter(*STOPPED), attrgetter(*KEYS)
Given = tuple[Any, ...]
"""As one of the types of append_statements.GIVEN has it."""


def _filed(writing: Writing) -> Given:
    return (*_listed(writing.case), *_head(writing.rows[-1]), writing.reserve, *_clocked(writing))


def _moved(writing: Writing) -> Given:
    return (*_listed_again(writing.case), *_head(writing.rows[-1]), writing.before, *_clocked(writing))


def _head(last: Row) -> Given:
    return last.hash, last.recorded.recorded_at


def _clocked(writing: Writing) -> Given:
    return writing.case.test_clock, writing.stood_at, writing.fires


def _event(row: Row) -> Given:
    return (*_envelope(row.recorded), *_stored(row))


def _started(row: DeadlineRow) -> Given:
    return (*_promised(row), row.due_at if row.test_clock is None else POSTGRES_EPOCH)
