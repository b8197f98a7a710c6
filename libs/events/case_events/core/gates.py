"""Which events the state of a case lets happen now, and until when: the half of the rules that needs no content.

``decide`` asks the gate first; ``allowed_events`` and ``blocked_events`` are the same gates asked of every event.
"""

from __future__ import annotations

from case_events.core.case import Case, Deadline
from case_events.core.commands import BY
from case_events.core.policy import ComplaintType
from case_events.core.values import AllowedEvent, Problem, Side, Word

PARLEY = ("waiting_for_merchant", "waiting_for_complainant")
BEFORE_RULING = ("waiting_for_acceptance", *PARLEY, "under_review")
AT_THE_DESK = ("waiting_for_acceptance", "under_review", "appeal_under_review")
"""The platform is next. While it waits for evidence it asked for it neither accepts nor rules."""

STATUSES: dict[str, tuple[str, ...]] = {
    "accepted": ("waiting_for_acceptance",),
    "dismissed": ("waiting_for_acceptance",),
    "evidence_requested": AT_THE_DESK,
    "escalated": AT_THE_DESK,
    "claim_amended": PARLEY,
    "evidence_submitted": (*BEFORE_RULING, "evidence_requested", "appeal_under_review"),
    "merchant_replied": PARLEY,
    "settled": ("waiting_for_complainant",),
    "intervention_requested": PARLEY,
    "ruled": ("under_review", "appeal_under_review"),
    "appealed": ("appealable",),
    "withdrawn": (*BEFORE_RULING, "evidence_requested"),
    "returned": ("waiting_for_return",),
    "remedied": ("waiting_for_remedy",),
    "closed": ("waiting_for_remedy",),
    "deadline_extended": (
        *BEFORE_RULING,
        "evidence_requested",
        "appealable",
        "appeal_under_review",
        "waiting_for_return",
        "waiting_for_remedy",
    ),
}
"""In which statuses each posted event can happen at all."""

CLOCK_OF: dict[str, str] = {
    "accepted": "acceptance",
    "dismissed": "acceptance",
    "evidence_submitted": "evidence",
    "merchant_replied": "response",
    "intervention_requested": "intervention",
    "ruled": "ruling",
    "appealed": "appeal",
    "remedied": "remedy",
}
"""The clock that runs against each event."""

ENDS_FOR_GOOD = ("response", "intervention", "appeal")
"""Clocks that do not run again: once they are over, the refusal is ``deadline_passed``. Others raise priority."""

CLAUSE_OF: dict[str, str] = {
    "accepted": "acceptance",
    "dismissed": "acceptance",
    "evidence_requested": "ruling",
    "escalated": "intervention",
    "claim_amended": "reply",
    "evidence_submitted": "ruling",
    "merchant_replied": "reply",
    "settled": "negotiation",
    "intervention_requested": "intervention",
    "ruled": "ruling",
    "appealed": "appeal",
    "withdrawn": "negotiation",
    "returned": "return_leg",
    "remedied": "remedy",
    "closed": "remedy",
    "deadline_extended": "filing",
}
"""The clause of the policy that a refusal of each event cites."""

RETURN_STEPS = {"return_address": "address", "return_shipment": "shipped", "return_receipt": "received"}
"""The step each clock of the return waits for, in their order (domain N8)."""

ACTION_OF: dict[str, tuple[Side, ...]] = {
    "waiting_for_acceptance": ("platform",),
    "waiting_for_merchant": ("respondent",),
    "waiting_for_complainant": ("complainant",),
    "evidence_requested": (),  # whom the platform asked
    "under_review": ("platform",),
    "appealable": (),
    "appeal_under_review": ("platform",),
    "waiting_for_return": (),  # whose step is next
    "waiting_for_remedy": ("respondent",),
    "closed": (),
}
"""Who has to act in each status."""


def refusal(name: str, case: Case) -> Problem | None:
    """Why the event ``name`` cannot happen in this state, or None if it can.

    Codes: ``deadline_passed`` (its clock has run out; ``due_at``), ``not_yet`` (``opens_at``), ``not_allowed_now``.
    """
    if case.status not in STATUSES[name]:
        gone = _gone(name, case)
        if gone is not None:
            return _problem(
                "deadline_passed", f"{name} was possible until {gone.due_at.rfc3339()}.", name, case, due=gone
            )
        return _problem("not_allowed_now", f"{name} is not possible while the case is {case.status}.", name, case)
    match name:
        case "settled" if case.offer is None:
            return _problem("not_allowed_now", "There is no offer to accept.", name, case)
        case "withdrawn" if case.stage == "appeal":
            return _problem("not_allowed_now", "The claim was ruled on; it can no longer be withdrawn.", name, case)
        case "closed" if not any(gone.kind == "remedy" for gone in case.expired):
            running = running_clock(case, "remedy")
            return _problem("not_yet", "The remedy still has time.", name, case, opens=running)
        case "deadline_extended" if not case.clocks:
            return _problem("not_allowed_now", "No clock is running.", name, case)
        case _:
            return None


def too_early(case: Case, by: Side, rules: ComplaintType) -> Problem | None:
    """Why ``by`` may not call the platform in yet (domain F9, N3): ``not_yet``, with the instant from which it may."""
    if by == "respondent" or case.intervention_open:
        return None
    openings = [running_clock(case, "negotiation")]
    if rules.reply.on_timeout != "concede":
        openings.append(running_clock(case, "response"))
    opening = min((clock for clock in openings if clock), key=lambda clock: clock.due_at, default=None)
    detail = (
        "The respondent has its turn first: intervention opens when it refuses, is silent too long, or the talks stall."
    )
    return _problem("not_yet", detail, "intervention_requested", case, opens=opening)


def allowed_events(case: Case, rules: ComplaintType) -> tuple[AllowedEvent, ...]:
    """Every event that may be posted now, by whom, and until when where a clock runs for it."""
    allowed = []
    for name in STATUSES:
        if refusal(name, case) is not None:
            continue
        by = BY[name]
        if name == "intervention_requested":
            by = tuple(side for side in by if too_early(case, side, rules) is None)
        clock = running_clock(case, CLOCK_OF.get(name, ""))
        if name == "returned":
            clock = return_clock(case)
            by = _alone(clock)
        allowed.append(AllowedEvent(type=name, by=by, due_at=clock.due_at if clock else None))
    return tuple(allowed)


def blocked_events(case: Case, rules: ComplaintType) -> dict[str, Problem]:
    """The problem that posting each other event now would give."""
    blocked = {name: problem for name in STATUSES if (problem := refusal(name, case)) is not None}
    early = too_early(case, "complainant", rules)
    if early is not None:
        blocked.setdefault("intervention_requested", early)
    return blocked


def required_action_by(case: Case) -> tuple[Side, ...]:
    """Who must act now; both parties may, but neither must, while an appeal is open."""
    if case.status == "evidence_requested":
        return _alone(running_clock(case, "evidence"))
    if case.status == "waiting_for_return":
        return _alone(return_clock(case))
    return ACTION_OF[case.status]


def missing_evidence(case: Case) -> tuple[Word, ...]:
    """The kinds the platform asked for and did not get, while anybody can still look at them (domain A3)."""
    return case.requested.kinds if case.requested and case.status != "closed" else ()


def running_clock(case: Case, kind: str) -> Deadline | None:
    """The running clock of this kind, if there is one."""
    return next((clock for clock in case.clocks if clock.kind == kind), None)


def return_clock(case: Case) -> Deadline | None:
    """The clock of the return's next step, while goods are on their way back (domain N8)."""
    return next((clock for clock in case.clocks if clock.kind in RETURN_STEPS), None)


def refused_now(detail: str, name: str, case: Case) -> Problem:
    """``not_allowed_now`` under the clause of the event ``name``."""
    return _problem("not_allowed_now", detail, name, case)


def _alone(clock: Deadline | None) -> tuple[Side, ...]:
    return (clock.party,) if clock is not None and clock.party != "both" else ()


def _gone(name: str, case: Case) -> Deadline | None:
    kind = CLOCK_OF.get(name)
    if kind not in ENDS_FOR_GOOD:
        return None
    return next((gone for gone in reversed(case.expired) if gone.kind == kind), None)


def _problem(
    code: str, detail: str, name: str, case: Case, due: Deadline | None = None, opens: Deadline | None = None
) -> Problem:
    return Problem(
        code=code,
        detail=detail,
        rule=case.policy.clause(f"{case.type}.{CLAUSE_OF[name]}"),
        due_at=due.due_at if due else None,
        opens_at=opens.due_at if opens else None,
        current_version=case.version,
    )
