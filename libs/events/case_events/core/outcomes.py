"""Steps that several rules end in: the platform comes in, a settlement stands, a decided case waits or closes."""

from __future__ import annotations

from case_events.core import promises
from case_events.core.case import Case
from case_events.core.events import Basis, Closed, Event, Ground, InterventionRequested, Settled
from case_events.core.promises import Rulebook
from case_events.core.values import Fault, Instant, Money, Problem, Side

Events = tuple[Event, ...]
THINGS = ("exchange", "repair")
"""Demands and offers that move no money (domain F13, N4)."""


def brought_in(
    ground: Ground, by: Side, start: Instant, book: Rulebook, reason: str | None = None
) -> InterventionRequested:
    """The platform becomes the arbiter and its time to rule runs from ``start``."""
    return InterventionRequested(
        ground=ground,
        by=by,
        department=book.rules.intervention.department,
        reason=reason,
        clocks=(promises.ruling(start, book),),
    )


def settled(
    basis: Basis, kind: str, owed: Money | None, start: Instant, book: Rulebook, written: Instant | None = None
) -> Settled:
    """The parties agree, or silence was taken as agreement; the remedy's clock runs from ``start``."""
    return Settled(basis=basis, remedy=kind, owed=owed, clocks=(promises.owing(kind, start, book, written),))


def claimed(case: Case) -> Money | None:
    """The money a claim that is granted whole moves: none where a thing was asked for."""
    return None if case.demand in THINGS else case.amount


def closed(case: Case, reason: str | None = None) -> Closed:
    """The end of a case whose outcome is fixed."""
    assert case.outcome is not None, "only a decided case waits for its remedy"
    return Closed(outcome=case.outcome, reason=reason)


def invalid(faults: list[Fault], case: Case, clause: str) -> Problem:
    """All faults of what was asked, under the clause that asks for it."""
    return Problem(
        code="invalid",
        detail=f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in what was asked.",
        rule=case.policy.clause(f"{case.type}.{clause}"),
        current_version=case.version,
        errors=tuple(faults),
    )
