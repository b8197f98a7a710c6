"""How events change a case; no rules: evolve never judges and never computes a date."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from case_events.core import events
from case_events.core.case import Case, RequestedEvidence
from case_events.core.changes import Change, started_by, turn, whose
from case_events.core.clock_changes import BY_CLOCK
from case_events.core.events import Event, Happened
from case_events.core.party_changes import BY_PARTY
from case_events.core.platform_changes import BY_PLATFORM

UNDOABLE_AFTER = {
    *(events.EvidenceSubmitted, events.Messaged, events.Noted, events.Assigned, events.Escalated, events.Linked),
    *(events.Expedited, events.InterventionRequested, events.Rated, events.DeadlineExtended, events.TimeoutReversed),
    *BY_CLOCK,
}
"""After these a party's timeout can still be taken back; after anything else something was decided or done on it."""

STANDING = ("version", "status", "clocks", "reminders", "requested")
"""What of a case nothing is held back of, whoever looks."""
CHANGES: dict[type[Event], Change] = BY_PARTY | BY_PLATFORM | BY_CLOCK
"""How every event but the first changes a case (a test holds that none is missing)."""


def fold(history: Iterable[Happened]) -> Case | None:
    """The case after ``history``, oldest first; None for no history."""
    case: Case | None = None
    for happened in history:
        case = _filed(happened) if case is None else _changed(case, happened)
    return case


def evolve(case: Case | None, happened: Happened) -> Case:
    """The case after one more event; the one before it stays as it was.

    The first is ``Filed`` and no other is (an assertion: the ledger keeps it so).
    """
    return _filed(happened) if case is None else _changed(copy(case), happened)


def as_shown(case: Case, shown: Iterable[Happened]) -> Case | None:
    """``case`` for somebody who is shown this much of its history; None for whom it does not exist.

    Where it stands, until when, and what is still waited for is the same for all: evidence for the platform only ends
    a waiting as well. Its version, too: If-Match wants the one there really is.
    """
    seen = fold(shown)
    if seen is not None:
        for name in STANDING:
            setattr(seen, name, getattr(case, name))
    return seen


def _changed(case: Case, happened: Happened) -> Case:
    """The same case, which nobody else has, after one more event."""
    event = happened.event
    change = CHANGES.get(type(event))
    assert change is not None, "a case is filed once"
    if case.undo is not None and type(event) not in UNDOABLE_AFTER:
        case.undo = None
    case.version = happened.version
    case.updated_at = happened.effective_at
    change(case, event, happened)
    return case


def _filed(happened: Happened) -> Case:
    event = happened.event
    assert isinstance(event, events.Filed), "nothing happens before filing"
    accepted = "acceptance" not in [clock.kind for clock in event.clocks]
    clocks, reminders = started_by(happened.version, event.clocks, [], [])
    return Case(
        case_id=happened.case_id,
        number=event.number,
        version=happened.version,
        stage="inquiry",
        status=turn(event.respondent) if accepted else "waiting_for_acceptance",
        outcome=None,
        type=event.type,
        reason=event.reason,
        marketplace=event.marketplace,
        policy=event.policy,
        order=event.order,
        complainant=event.complainant,
        respondent=event.respondent,
        demand=event.demand,
        amount=event.amount,
        description=event.description,
        anonymous=event.anonymous,
        external_ref=event.external_ref,
        test_clock=event.test_clock,
        department=event.department,
        filed_at=happened.effective_at,
        updated_at=happened.effective_at,
        subtype=event.subtype,
        kind=event.kind,
        channel=event.channel,
        facts=event.facts,
        complainant_entity=event.complainant_entity,
        respondent_entity=event.respondent_entity,
        marks=event.marks,
        previous=event.previous,
        late=event.late,
        reply_started_at=happened.effective_at if accepted else None,
        evidence=whose("complainant", event.evidence),
        requested=(RequestedEvidence(party="complainant", kinds=event.missing, back=None),) if event.missing else (),
        clocks=clocks,
        reminders=reminders,
    )
