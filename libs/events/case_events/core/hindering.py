"""What other cases say about a filing: the one it takes up, the one that is open, marks of malice (domain A2, F14)."""

from __future__ import annotations

from case_events.core.commands import File
from case_events.core.others import Facts, Previous, listed
from case_events.core.outcomes import GRANTED
from case_events.core.policy import ComplaintType, InForce
from case_events.core.values import Fault, Problem


def previous_faults(command: File, facts: Facts) -> list[Fault]:
    """F14: only the same complainant's own complaint about the same is taken up again; of others nothing is told."""
    if command.previous is None:
        return []
    before = facts.previous
    if before is not None and before.complainant == command.complainant and _about_the_same(command, before):
        return []
    return [Fault(pointer="/previous", detail="no complaint of this complainant about the same")]


def _about_the_same(command: File, before: Previous) -> bool:
    """The same order; of a report, which has none, the same listing, and without one the same respondent (F8)."""
    order_id, listing = command.order.order_id if command.order else None, listed(command.facts)
    if order_id is not None or before.order_id is not None:
        return order_id == before.order_id
    if listing is not None or before.listing is not None:
        return listing == before.listing
    return command.respondent == before.respondent


def hindered(command: File, in_force: InForce, rules: ComplaintType, facts: Facts) -> Problem | None:
    """A2, F14: what other cases say against this one. It names no case but the complainant's own."""
    clause = in_force.ref.clause(f"{command.type}.filing")
    if facts.open_complaint is not None:
        return Problem(
            code="already_open",
            detail="This complainant already has an open complaint of this type about this order.",
            rule=clause,
            location=f"/v1/cases/{facts.open_complaint}",
        )
    credit = in_force.policy.credit
    if credit is not None and facts.marks >= credit.refused_at:
        detail = f"The complainant's credit has {facts.marks} marks for malicious complaints (A2)."
        named = "malicious_complaint" if "malicious_complaint" in rules.clauses else "filing"
        return Problem(code="not_eligible", detail=detail, rule=in_force.ref.clause(f"{command.type}.{named}"))
    if facts.previous is not None and not facts.previous.closed:
        detail = "The complaint this one takes up is still open (F14)."
        location = f"/v1/cases/{facts.previous.case_id}"
        return Problem(code="already_open", detail=detail, rule=clause, location=location)
    if facts.previous is not None and _resolved(facts.previous):
        detail = f"The complaint this one takes up ended {facts.previous.outcome}; only what is unresolved is (F14)."
        return Problem(code="not_eligible", detail=detail, rule=clause)
    return None


def _resolved(before: Previous) -> bool:
    """F14: was it rejected for good, or granted or agreed on, with nothing left to be done?"""
    return before.outcome == "rejected" or (before.outcome in GRANTED and before.remedied)
