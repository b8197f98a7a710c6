"""A desk that does the simplest thing each time it is asked: from any state it brings a case to its end."""

from __future__ import annotations

from case_events.core.commands import ExtendDeadline, Posted
from case_events.core.gates import refusal
from case_events.core.values import Instant
from tests import examples as ex
from tests.core import moves
from tests.spec import Dispute

STEPS_MAX = 500
"""No case takes more platform steps and clocks than this to its end: some thirty, and two for each working day that was
not published yet and went by while a ruling was late."""


def closes_by_itself(dispute: Dispute) -> Dispute:
    """Clocks run out and the platform acts where it is its turn; nobody else says a word. Bounded."""
    for _ in range(STEPS_MAX):
        if dispute.case.status == "closed":
            return dispute
        step = _of_the_desk(dispute)
        if step is None:
            sure = [clock.due_at for clock in dispute.case.clocks if not clock.provisional]
            assert sure, f"{dispute.case.status}: nothing would ever happen"
            dispute.passes(max(Instant.of(min(sure) + ex.TICK), dispute.now))
        else:
            dispute.when(step, at=dispute.now)
            assert dispute.last.problem is None, dispute.last.problem
    raise AssertionError(f"stuck in {dispute.case.status} with {dispute.case.clocks}")


def _of_the_desk(dispute: Dispute) -> Posted | None:
    """The platform's simplest step, or None: a clock must run out first."""
    case, in_force = dispute.case, dispute.in_force
    rules = moves.rules_of(case, in_force)
    provisional = next((clock for clock in case.clocks if clock.provisional), None)
    if provisional is not None:
        # The notice of the days is loaded: the deadline is confirmed where it stands.
        return ExtendDeadline(
            kind=provisional.kind, party=provisional.party, due_at=provisional.due_at, reason="放假安排已公布。"
        )
    match case.status:
        case "waiting_for_acceptance":
            return ex.ACCEPT
        case "under_review" | "appeal_under_review":
            return moves.simplest_ruling(case, in_force)
        case "waiting_for_remedy" | "waiting_for_recovery":
            return ex.CLOSE if refusal("closed", case, rules) is None else None
        case _:
            return None
