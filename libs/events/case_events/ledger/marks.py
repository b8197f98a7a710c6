"""Marks against complainants (domain A2): who complained maliciously, known by an HMAC that outlives an erasure.

Those of cases under one test clock count among themselves only, as do those of live ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from case_events.core.case import Case
from case_events.core.commands import File
from case_events.core.events import Corrected, Dismissed, Happened, Ruled
from case_events.core.values import ERASED, CaseId, Instant, Penalty, Value
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Vault

MARK = "credit_mark"
WRITE = """
INSERT INTO credit_marks (case_id, version, complainant, at, given)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bytea[], $4::timestamptz[], $5::boolean[])
"""


class Mark(Value, frozen=True, kw_only=True):
    """An event that marks the case's complainant, or (not ``given``) takes the mark back; of a case the last counts."""

    case_id: CaseId
    version: int
    complainant: bytes
    at: Instant
    given: bool


def complainant_digest(complaint: File | Case, vault: Vault) -> bytes:
    """What marks against a complainant are kept under, without saying who that is (32 bytes)."""
    who, clock = complaint.complainant, complaint.test_clock
    return vault.reserved(MARK, complaint.marketplace, who.role, who.id, str(clock) if clock else "")


def marks_of(before: Case | None, events: Iterable[Happened], after: Case, vault: Vault) -> tuple[Mark, ...]:
    """The marks that a step's events give or take back. Nobody is marked who was erased."""
    if after.complainant.id == ERASED:
        return ()
    rulings = before.rulings if before else ()
    marked, found = bool(rulings) and _marks(rulings[-1].penalties), list[Mark]()
    for one in events:
        marks = _marks_in(one.event)
        if marks is None or marks == marked:
            continue
        marked = marks
        digest = complainant_digest(after, vault)
        found.append(
            Mark(case_id=one.case_id, version=one.version, complainant=digest, at=one.effective_at, given=marks)
        )
    return tuple(found)


def _marks_in(event: object) -> bool | None:
    """Whether the complainant has a mark after this event; None: the event says nothing about it."""
    match event:
        case Dismissed():
            return event.malicious or _marks(event.penalties)
        case Ruled():
            return _marks(event.penalties)
        case Corrected(ruling=Ruled() as ruling):
            return _marks(ruling.penalties)
        case _:
            return None


def _marks(penalties: tuple[Penalty, ...]) -> bool:
    return any(one.kind == MARK and one.on == "complainant" for one in penalties)


async def write(connection: Connection, marks: Sequence[Mark]) -> None:
    """Write the marks; the caller's transaction writes the events that give them."""
    columns = [[getattr(mark, name) for mark in marks] for name in Mark.__struct_fields__]
    await connection.execute(WRITE, *columns)
