"""Which clocks run in a case, which of them are overdue, and what each will ask when it runs out."""

from __future__ import annotations

from uuid import UUID

from case_events.core.case import Case, Deadline
from case_events.core.changes import AGAIN, REMINDER
from case_events.core.commands import Expire
from case_events.core.deriving import derived
from case_events.core.values import CaseId, EventId, Instant

TIMEOUT_NAMESPACE = UUID("5d9c7a52-6a1f-5f0e-9e63-0c1f3b8f7a11")
"""Never changed: the ids of all timeout events ever written derive from it."""


def deadlines_of(case: Case) -> tuple[Deadline, ...]:
    """Every running clock and reminder, the earliest first; the ledger's ``deadlines`` rows are kept equal to it."""
    if not case.reminders:
        return case.clocks
    return tuple(sorted((*case.clocks, *case.reminders), key=lambda one: one.due_at))


def overdue(case: Case, now: Instant, *, in_time: bool = False) -> Deadline | None:
    """The earliest clock that has run out: ``now <= due_at`` is in time. A provisional clock never runs out.

    A reminder whose own clock has run out too is not told any more: it stops with its clock. Under a test clock, or
    ``in_time`` (an imported history), nothing is looked at late: one long advance tells what many short ones do.
    """
    over = [one for one in (*case.clocks, *case.reminders) if one.due_at < now and not one.provisional]
    if case.test_clock is None and not in_time:
        gone = {(one.kind + REMINDER, one.party) for one in over}
        over = [one for one in over if (one.kind, one.party) not in gone]
    return min(over, key=lambda one: one.due_at, default=None)


def overdue_since(case: Case, clock: Deadline) -> Instant | None:
    """When a clock that runs again ran out for the first time; nothing while the promise was not broken yet."""
    if clock.kind not in AGAIN:
        return None
    return next((gone.due_at for gone in case.expired if (gone.kind, gone.party) == (clock.kind, clock.party)), None)


def asks(deadline: Deadline) -> Expire:
    """What a clock asks of the case when it has run out."""
    return Expire(kind=deadline.kind, party=deadline.party, due_at=deadline.due_at, set_by=deadline.set_by)


def timeout_id(case_id: CaseId, deadline: Deadline) -> EventId:
    """The id of the timeout event: derived, so that the ledger's unique key is the last guard against firing twice."""
    return derived(TIMEOUT_NAMESPACE, f"{case_id}/{deadline.kind}/{deadline.party}/{deadline.set_by}")
