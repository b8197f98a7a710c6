"""What is wrong with what is kept of one case: everything computed anew from its events and compared; pure.

Each finding names the case and, where it has one, the version; never what somebody wrote or who they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import astuple

from case_events.core.canonical import canonical
from case_events.core.case import Case
from case_events.core.events import Event, Filed, Happened, SubjectErased
from case_events.core.evolve import evolve
from case_events.core.values import ERASED, CaseId, Value
from case_events.ledger.audit.kept import Kept
from case_events.ledger.codec import GENESIS, Envelope, UnknownEvent, chained, event_of
from case_events.ledger.marks import Mark, marks_of
from case_events.ledger.read_models import CASE_COLUMNS, case_row, deadline_rows
from case_events.ledger.reserving import reservation
from case_events.ledger.sealing import SUBJECTS, BrokenSeal, Vault

MARKING = {"dismissed": 2, "ruled": 2, "corrected": 1}
"""The events that may give a mark or take it back, and the schema version since which there are marks at all."""
UNREADABLE = (
    UnknownEvent,
    BrokenSeal,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What reading or folding a history that was tampered with can raise."""


class Finding(Value, frozen=True, kw_only=True):
    """Something that is not as it was written, at the exact case, version or position of the feed."""

    case_id: CaseId | None
    version: int | None
    what: str
    position: int | None = None


def findings_of(kept: Kept, vault: Vault) -> list[Finding]:
    """Everything that is wrong with a case; nothing is trusted but the rules and the master key."""
    found = list(_feed(kept))
    if kept.twice:
        found.append((None, f"something stands more than once, in {', '.join(kept.twice)}"))
    if kept.stream is None:
        found += _without_stream(kept)
    else:
        found += _chain(kept)
        found += _keys(kept)
        found += _replay(kept, vault)
    return [
        Finding(case_id=kept.case_id, version=version, what=what, position=position[0] if position else None)
        for version, what, *position in found
    ]


Found = tuple[int | None, str] | tuple[int | None, str, int]
"""A version, what is wrong there, and perhaps a position."""


def _without_stream(kept: Kept) -> Iterator[Found]:
    tables = {
        "events": kept.events,
        "subject_keys": kept.keys,
        "cases": kept.case,
        "deadlines": kept.deadlines,
        "open_complaints": kept.reservations,
        "credit_marks": kept.marks,
    }
    left = [name for name, rows in tables.items() if rows]
    if left:
        yield None, f"rows without a stream: {', '.join(left)}"
    elif not kept.positions:
        yield None, "nothing is kept of this case"


def _feed(kept: Kept) -> Iterator[Found]:
    """Each position has its event, each event older than the last tick its position, and they rise together."""
    versions = {row[1] for row in kept.events}
    last = 0
    for version, position in kept.positions:
        if version not in versions:
            yield version, f"position {position} of the feed points to an event that is not there", position
        if position <= last:
            yield version, f"position {position} of the feed comes before that of the event before it", position
        last = position
    for version in sorted(kept.behind):
        yield version, "the event has no position in the feed, although the sequencer has passed it"


def link(head: bytes, row: Any) -> bytes:
    """What the ledger chained for a row of ``kept.EventRow``'s columns: the hash of its envelope after ``head``."""
    (
        case_id,
        version,
        event_id,
        name,
        schema,
        occurred_at,
        effective_at,
        recorded_at,
        who,
        agent,
        client,
        correlation,
        causation,
        asked,
        _,
        payload_hash,
        _,
    ) = row
    recorded = _told(recorded_at)
    effective = recorded if effective_at == recorded_at else _told(effective_at)
    occurred = effective if occurred_at == effective_at else _told(occurred_at)
    envelope = Envelope(
        agent=agent,
        asked=asked.hex() if asked is not None else None,
        case_id=case_id,
        causation=causation,
        client=client,
        correlation=correlation,
        effective_at=effective,
        event_id=event_id,
        occurred_at=occurred,
        payload_hash=payload_hash.hex(),
        recorded_at=recorded,
        schema=schema,
        type=name,
        version=version,
        who=who,
    )
    return chained(head, envelope)


def _told(instant: Any) -> str:
    """What ``Instant.rfc3339`` says, a tenth as dear of a plain datetime; msgspec leaves out a fraction of zero."""
    said = canonical(instant)[1:-1].decode()
    return said if "." in said else f"{said[:-1]}.000000Z"


def _chain(kept: Kept) -> Iterator[Found]:
    """What is wrong with the hashes, the numbers and the times, version by version."""
    head, recorded_at = GENESIS, None
    for number, row in enumerate(kept.events, 1):
        if row[1] != number:
            # What comes after a gap is chained onto what is gone: nothing more can be said of it.
            yield number, f"version {number} is missing"
            return
        if hashlib.sha256(row[14]).digest() != row[15]:
            yield number, "the payload is not the one that was hashed"
        if link(head, row) != row[16]:
            yield number, "the chain is broken: the envelope or the event before it was changed"
        if recorded_at is not None and row[7] < recorded_at:
            yield number, "recorded before the event before it"
        head, recorded_at = row[16], row[7]
    if not kept.events:
        yield None, "the stream has no events"
    elif kept.stream != (len(kept.events), head, recorded_at):
        yield len(kept.events), "the stream's head is not its last event"


def _keys(kept: Kept) -> Iterator[Found]:
    """One key per side. That it is the right one is seen when it opens what was sealed under it at the filing."""
    sides = sorted(key.side for key in kept.keys)
    if sides != sorted(SUBJECTS):
        yield None, f"there is not one key for each side: {', '.join(sides) or 'there is none'}"


def _replay(kept: Kept, vault: Vault) -> Iterator[Found]:
    """Read and fold the events, and compare what is kept of their end; the first that cannot be replayed ends it."""
    ring, marks = vault.ring(kept.keys), list[Mark]()
    marking: dict[int, bool] = {}
    erased: dict[str, int] = {}
    case: Case | None = None
    filed: Event | None = None
    for row in kept.events:
        case_id, version, event_id, name, schema, _, effective_at = row[:7]
        try:
            event = event_of(name, schema, row[14], event_id, ring)
            happened = Happened(
                case_id=case_id, version=version, event_id=event_id, event=event, effective_at=effective_at
            )
            before, case = case, evolve(case, happened)
            if name in MARKING:
                marks += marks_of(before, (happened,), case, vault)
                marking[version] = schema >= MARKING[name]
        except UNREADABLE as error:
            yield version, f"cannot be replayed: {_said(error)}"
            return
        if isinstance(event, SubjectErased):
            erased[event.subject] = version
        filed = filed or event
    if case is not None:
        assert isinstance(filed, Filed), "evolve begins with nothing else"
        if case.policy not in kept.policies:
            yield 1, f"the policy it was filed under, {case.policy.name}@{case.policy.version}, is not kept as it was"
        yield from _erased(kept, case, erased)
        yield from ((case.version, what) for what in _rows(kept, case))
        yield from _reserved(kept, case, filed, vault)
        yield from _marked(kept, case, marks, marking)


def _erased(kept: Kept, case: Case, erased: Mapping[str, int]) -> Iterator[Found]:
    """Whoever was erased, at which version, has no key any more; and everybody else has one."""
    for key in kept.keys:
        if key.side in erased and key.wrapped is not None:
            yield erased[key.side], f"the {key.side} was erased, and the key is still there"
        elif key.side not in erased and key.wrapped is None:
            yield case.version, f"the {key.side}'s key was destroyed, and no event says so"


def _said(error: Exception) -> str:
    """Our own words name nobody; anybody else's may quote what was written."""
    ours = isinstance(error, UnknownEvent | BrokenSeal | AssertionError)
    return str(error) if ours and str(error) else type(error).__name__


def _rows(kept: Kept, case: Case) -> Iterator[str]:
    if case.test_clock in kept.deleted_clocks:
        if kept.case is not None or kept.deadlines:
            yield "its test clock was deleted, and it is still listed"
        return
    expected = astuple(case_row(case))
    if kept.case != expected:
        yield "the row in cases is not the fold of the events" + _differing(kept.case, expected)
    if kept.deadlines != {astuple(row) for row in deadline_rows(case)}:
        yield "the rows in deadlines are not the clocks of the fold"


def _differing(row: tuple[Any, ...] | None, folded: tuple[Any, ...]) -> str:
    if row is None:
        return ": there is none"
    pairs = zip(CASE_COLUMNS, row, folded, strict=True)
    return ": " + ", ".join(name for name, there, wanted in pairs if there != wanted)


def _reserved(kept: Kept, case: Case, filed: Filed, vault: Vault) -> Iterator[Found]:
    """An open complaint is reserved, under what was filed unless that was erased; a closed one no more."""
    held = len(kept.reservations)
    if case.stage == "closed" or case.test_clock in kept.deleted_clocks:
        if held:
            over = "closed" if case.stage == "closed" else "hidden"
            yield case.version, f"the complaint is {over}, and still reserved"
    elif held != 1:
        yield case.version, f"the complaint is open, and reserved {held} times"
    elif ERASED not in (filed.complainant.id, filed.respondent.id) and kept.reservations != (
        reservation(filed, vault),
    ):
        yield case.version, "the complaint is reserved under another one's digest"


def _marked(kept: Kept, case: Case, marks: Iterable[Mark], marking: Mapping[int, bool]) -> Iterator[Found]:
    """The marks are those that the events give; of an erased complainant only that these events may give one.

    ``marking``: the versions that may give one, and whether there were marks when each was recorded.
    """
    if case.complainant.id == ERASED:
        wrong = {one.version for one in kept.marks} - marking.keys()
    else:
        # What was recorded before there were marks gave none then, and may have been given one since.
        beyond, missing = {*kept.marks} - {*marks}, {*marks} - {*kept.marks}
        wrong = {one.version for one in beyond} | {one.version for one in missing if marking[one.version]}
    for version in sorted(wrong):
        yield version, "the rows in credit_marks are not the marks that the event gives"
