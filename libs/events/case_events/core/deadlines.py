"""Which clocks run in a case, which of them are overdue, and what each will ask when it runs out."""

from __future__ import annotations

from uuid import UUID, uuid5

from case_events.core.case import Case, Deadline
from case_events.core.commands import Expire
from case_events.core.values import CaseId, EventId, Instant

TIMEOUT_NAMESPACE = UUID("5d9c7a52-6a1f-5f0e-9e63-0c1f3b8f7a11")
"""Never changed: the ids of all timeout events ever written derive from it."""


def deadlines_of(case: Case) -> tuple[Deadline, ...]:
    """Every running clock, the earliest first; what the ledger's ``deadlines`` rows are kept equal to."""
    return case.clocks


def overdue(case: Case, now: Instant) -> Deadline | None:
    """The earliest clock that has run out: ``now <= due_at`` is in time. A provisional clock never runs out."""
    for deadline in case.clocks:
        if deadline.due_at < now and not deadline.provisional:
            return deadline
    return None


def asks(deadline: Deadline) -> Expire:
    """What a clock asks of the case when it has run out."""
    return Expire(kind=deadline.kind, party=deadline.party, due_at=deadline.due_at, set_by=deadline.set_by)


def timeout_id(case_id: CaseId, deadline: Deadline) -> EventId:
    """The id of the timeout event: derived, so that the ledger's unique key is the last guard against firing twice."""
    return uuid5(TIMEOUT_NAMESPACE, f"{case_id}/{deadline.kind}/{deadline.party}/{deadline.set_by}")
