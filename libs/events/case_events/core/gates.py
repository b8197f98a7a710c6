"""Which events the state of a case lets happen now, and until when: the half of the rules that needs no content.

``decide`` asks the gate first; ``allowed_events`` and ``blocked_events`` are the same gates asked of every event.
"""

from __future__ import annotations

from collections.abc import Callable

from case_events.core.case import Case, Deadline, Post
from case_events.core.citing import cited
from case_events.core.commands import BY
from case_events.core.contesting import may_contest
from case_events.core.events import History
from case_events.core.policy import ComplaintType
from case_events.core.stages import (
    ACTION_OF,
    CLAUSE_OF,
    CLOCK_OF,
    CORRECTABLE,
    ENDS_FOR_GOOD,
    EVENTS_IN,
    OWING,
    RETURN_STEPS,
    STATUSES,
)
from case_events.core.values import ERASED, AllowedEvent, Instant, Party, Problem, Side


def refusal(name: str, case: Case, rules: ComplaintType) -> Problem | None:
    """Why the event ``name`` cannot happen in this state, or None if it can.

    Codes: ``deadline_passed`` (its clock has run out; ``due_at``), ``not_yet`` (``opens_at``), ``not_allowed_now``.
    """
    if case.status not in STATUSES[name]:
        gone = _gone(name, case)
        if gone is not None:
            return _problem(
                "deadline_passed", f"{name} was possible until {gone.due_at.rfc3339()}.", name, case, due=gone
            )
        return refused_now(f"{name} is not possible while the case is {case.status}.", name, case)
    why = _why_not(name, case, rules)
    if why is None:
        return None
    if name == "closed":
        return _problem("not_yet", why, name, case, opens=_in_time(case))
    return refused_now(why, name, case)


def _why_not(name: str, case: Case, rules: ComplaintType) -> str | None:
    """What the status alone does not tell."""
    for shut, why in _SHUT.get(name, ()):
        if shut(case, rules):
            return why
    return None


def _in_time(case: Case) -> Deadline | None:
    """The last clock of what is owed, to the complainant or to the platform, that has not run out once."""
    late = {(gone.kind, gone.party) for gone in case.expired}
    owing = [one for one in case.clocks if one.kind in OWING and (one.kind, one.party) not in late]
    return max(owing, key=lambda clock: clock.due_at, default=None)


Shut = tuple[Callable[[Case, ComplaintType], object], str]
"""Is it shut, and why."""
_SHUT: dict[str, tuple[Shut, ...]] = {
    "settled": ((lambda case, _: case.offer is None, "There is no offer to accept."),),
    "withdrawn": (
        (lambda case, _: case.rulings, "The claim was ruled on; it can no longer be withdrawn."),
        (
            lambda case, _: "complainant" in case.forged_by,
            "Evidence was forged; the claim can no longer be withdrawn (E2).",
        ),
    ),
    "merchant_replied": (
        (lambda case, _: case.respondent.role != "merchant", "The respondent is no merchant: respondent_replied."),
    ),
    "respondent_replied": (
        (lambda case, _: case.respondent.role == "merchant", "The respondent is a merchant: merchant_replied."),
    ),
    "expedited": (
        (
            lambda case, rules: case.expedites >= rules.intervention.expedites,
            "The complainant has pressed as often as the policy allows.",
        ),
    ),
    "evidence_rejected": (
        (
            lambda case, _: all(brought.by == "platform" for brought in case.evidence),
            "Neither side has brought evidence.",
        ),
    ),
    "appealed": (
        (
            lambda case, rules: not may_contest(case, rules),
            "Each side has accepted this ruling, or contested one of this case already.",
        ),
    ),
    "advance_paid": ((lambda _, rules: rules.advance is None, "The policy knows no advance for this type."),),
    "recovered": ((lambda case, _: not case.recoveries, "Nothing is owed back to the platform."),),
    "noted": (
        (
            lambda case, _: case.complainant.id == ERASED == case.respondent.id,
            "Both sides are erased: nothing more is written about them.",
        ),
    ),
    "corrected": (
        (
            lambda case, _: not legible(case) and not (case.rulings and case.status in CORRECTABLE),
            "There is nothing that could be corrected.",
        ),
    ),
    "rated": (
        (lambda case, _: case.rating is not None, "The platform was rated already."),
        (lambda case, _: case.complainant.id == ERASED, "The complainant was erased."),
    ),
    "closed": ((lambda case, _: _in_time(case), "What is owed still has time."),),
    "deadline_extended": ((lambda case, _: not case.clocks, "No clock is running."),),
    "timeout_reversed": (
        (
            lambda case, _: case.undo is None,
            "No party's timeout can be taken back: there was none, or something was decided or done on it.",
        ),
    ),
    "subject_erased": (
        (
            lambda case, _: all(
                one.id == ERASED or one.role == "platform" for one in (case.complainant, case.respondent)
            ),
            "Nobody is left who could be erased.",
        ),
    ),
}
"""By the event. Every answer asks all the gates: an event that has none must cost next to nothing."""


def legible(case: Case) -> tuple[Post, ...]:
    """The words that can be put right: not an erased side's, and once both are erased not the platform's either."""
    sides: tuple[tuple[Side, Party], ...] = (("complainant", case.complainant), ("respondent", case.respondent))
    erased = [side for side, party in sides if party.id == ERASED]
    return () if len(erased) == len(sides) else tuple(one for one in case.posts if one.by not in erased)


def too_early(case: Case, by: Side, rules: ComplaintType) -> Problem | None:
    """Why ``by`` may not call the platform in yet (domain F9, N3): ``not_yet``, with the instant from which it may."""
    if _may_call_in(case, by):
        return None
    openings = [running_clock(case, "negotiation")]
    if rules.reply is not None and rules.reply.on_timeout != "concede":
        openings.append(running_clock(case, "response"))
    opening = min((clock for clock in openings if clock), key=lambda clock: clock.due_at, default=None)
    detail = (
        "The respondent has its turn first: intervention opens when it refuses, is silent too long, or the talks stall."
    )
    return _problem("not_yet", detail, "intervention_requested", case, opens=opening)


def _may_call_in(case: Case, by: Side) -> bool:
    return by == "respondent" or case.intervention_open


_ALLOWED = {
    name: AllowedEvent(type=name, by=by) for name, by in BY.items() if name not in CLOCK_OF and name != "returned"
}
"""What is said of the events that the same sides may always post, and no clock runs for."""


def allowed_events(case: Case, rules: ComplaintType) -> tuple[AllowedEvent, ...]:
    """Every event that may be posted now, by whom, and until when where a clock runs for it."""
    return tuple(
        [
            _ALLOWED.get(name) or AllowedEvent(type=name, by=_by(name, case, rules), due_at=_until(name, case))
            for name in EVENTS_IN[case.status]
            if name not in _SHUT or _why_not(name, case, rules) is None
        ]
    )


def _by(name: str, case: Case, rules: ComplaintType) -> tuple[Side, ...]:
    """The sides that may post an event now."""
    match name:
        case "intervention_requested":
            return tuple([side for side in BY[name] if _may_call_in(case, side)])
        case "appealed":
            return may_contest(case, rules)
        case "ruling_accepted":
            return tuple(side for side in BY[name] if side not in case.accepted_by)
        case "returned":
            return _alone(return_clock(case))
        case _:
            return BY[name]


def _until(name: str, case: Case) -> Instant | None:
    """When the clock runs out that runs for an event, if one does."""
    if name == "returned":
        clock = return_clock(case)
    elif name in CLOCK_OF:
        clock = running_clock(case, CLOCK_OF[name])
    else:
        return None
    return clock.due_at if clock else None


def blocked_events(case: Case, rules: ComplaintType) -> dict[str, Problem]:
    """The problem that posting each other event now would give."""
    blocked = {name: problem for name in STATUSES if (problem := refusal(name, case, rules)) is not None}
    early = too_early(case, "complainant", rules)
    if early is not None:
        blocked.setdefault("intervention_requested", early)
    return {name: cited(problem, rules) for name, problem in blocked.items()}


def required_action_by(case: Case) -> tuple[Side, ...]:
    """Who must act now; both parties may, but neither must, while an appeal is open."""
    if case.status == "evidence_requested":
        return _alone(asked_clock(case))
    if case.status == "waiting_for_return":
        return _alone(return_clock(case))
    if case.status == "waiting_for_recovery":
        return tuple(one.party for one in case.recoveries)
    if case.status == "waiting_for_remedy":
        return _owing(case)
    if case.status == "waiting_for_complainant" and running_clock(case, "response") is not None:
        return ("complainant", "respondent")  # the talks stalled while an amended claim is to be answered (N2, N3)
    return ACTION_OF[case.status]


def _owing(case: Case) -> tuple[Side, ...]:
    """Q1: the respondent, and who has to pay back at the same time what the platform paid first (P6)."""
    back = {clock.party for clock in case.clocks if clock.kind == "recovery"}
    also = [one.party for one in case.recoveries if one.party in back and one.party != "respondent"]
    return (*ACTION_OF[case.status], *also)


def running_clock(case: Case, kind: str) -> Deadline | None:
    """The running clock of this kind, if there is one."""
    for clock in case.clocks:
        if clock.kind == kind:
            return clock
    return None


def asked_clock(case: Case) -> Deadline | None:
    """The clock of the evidence the platform waits for; not that of what a reason requires (domain E4)."""
    waited = {one.party for one in case.requested if one.back is not None}
    return next((one for one in case.clocks if one.kind == "evidence" and one.party in waited), None)


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


def stale(if_match: int | None, history: History) -> Problem | None:
    """If-Match is checked after what was overdue; a stale reader is told what it missed."""
    current = history[-1].version if history else 0
    if if_match is None or if_match == current:
        return None
    missed = tuple(
        {"version": one.version, "type": one.name, "event_id": str(one.event_id), "effective_at": one.effective_at}
        for one in history
        if one.version > if_match
    )
    detail = f"The case is at version {current}, not {if_match}."
    return Problem(code="stale", detail=detail, current_version=current, missed=missed)
