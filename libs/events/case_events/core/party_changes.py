"""How what the parties did changes a case."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import Case, Rating
from case_events.core.changes import (
    NEGOTIATION,
    RETURN,
    Change,
    brought,
    clocks_after,
    decided,
    given_up,
    kept_by,
    posted,
    stands,
    turn,
    waiting,
)
from case_events.core.events import Happened

TALKS = (*NEGOTIATION, *RETURN)
"""The clocks that stop when the platform is called in."""

PartyEvent = (
    events.ClaimAmended
    | events.EvidenceSubmitted
    | events.MerchantReplied
    | events.Settled
    | events.InterventionRequested
    | events.Expedited
    | events.Appealed
    | events.RulingAccepted
    | events.Withdrawn
    | events.Returned
    | events.Remedied
    | events.Messaged
    | events.Rated
)


def _amended(case: Case, event: events.ClaimAmended, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks)
    return replace(
        case,
        status=turn(case.respondent),
        demand=event.demand,
        amount=event.amount,
        offer=None,
        decision=None,
        clocks=clocks,
        reminders=reminders,
    )


def _evidence(case: Case, event: events.EvidenceSubmitted, _: Happened) -> Case:
    return brought(case, event.by, event.evidence)


def _replied(case: Case, event: events.MerchantReplied, happened: Happened) -> Case:
    case = brought(case, "respondent", event.evidence)
    clocks, reminders = clocks_after(case, (), stop=("response",))
    return replace(
        case,
        status="waiting_for_complainant",
        offer=event.offer,
        decision=event.decision,
        intervention_open=case.intervention_open or event.decision == "refuse",
        posts=posted(case, happened),
        clocks=clocks,
        reminders=reminders,
    )


def _settled(case: Case, event: events.Settled, _: Happened) -> Case:
    outcome = "conceded" if event.basis == "concession" else "settled"
    return decided(case, outcome, event.remedy, event.owed, event.clocks, event.recoveries)


def _called_in(case: Case, event: events.InterventionRequested, _: Happened) -> Case:
    """A receipt that is disputed takes the decision with it."""
    clocks, reminders = clocks_after(case, event.clocks, stop=TALKS)
    return replace(
        case,
        stage="claim",
        status="under_review",
        outcome=None,
        department=event.department,
        interventions=case.interventions + 1,
        assignee=kept_by(case, event.department),
        remedy=None,
        owed=None,
        recoveries=(),
        clocks=clocks,
        reminders=reminders,
    )


def _expedited(case: Case, event: events.Expedited, _: Happened) -> Case:
    return replace(case, priority=event.priority, expedites=case.expedites + 1)


def _appealed(case: Case, event: events.Appealed, _: Happened) -> Case:
    case = brought(case, event.by, event.evidence)
    clocks, reminders = clocks_after(case, event.clocks, stop=("appeal",))
    return replace(
        case,
        stage="appeal",
        status="appeal_under_review",
        instance=event.instance,
        appealed_by=event.by,
        clocks=clocks,
        reminders=reminders,
    )


def _accepted_ruling(case: Case, event: events.RulingAccepted, _: Happened) -> Case:
    case = replace(case, accepted_by=(*case.accepted_by, event.by))
    return stands(case, event) if event.stands else case


def _withdrawn(case: Case, event: events.Withdrawn, _: Happened) -> Case:
    return given_up(case, "withdrawn", event.clocks, event.recoveries)


def _returned(case: Case, event: events.Returned, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks, stop=RETURN)
    return replace(
        case,
        status=waiting(case.remedy, case.recoveries, clocks),
        freight_by=event.freight_by or case.freight_by,
        clocks=clocks,
        reminders=reminders,
    )


def _remedied(case: Case, event: events.Remedied, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks, stop=("remedy",))
    status = waiting(None, case.recoveries, clocks)
    return replace(case, status=status, remedy=None, owed=None, clocks=clocks, reminders=reminders)


def _messaged(case: Case, _: events.Messaged, happened: Happened) -> Case:
    return replace(case, posts=posted(case, happened))


def _rated(case: Case, event: events.Rated, _: Happened) -> Case:
    return replace(case, rating=Rating(score=event.score, comment=event.comment))


BY_PARTY: dict[type[events.Event], Change] = {
    events.ClaimAmended: _amended,
    events.EvidenceSubmitted: _evidence,
    events.MerchantReplied: _replied,
    events.RespondentReplied: _replied,
    events.Settled: _settled,
    events.InterventionRequested: _called_in,
    events.Expedited: _expedited,
    events.Appealed: _appealed,
    events.RulingAccepted: _accepted_ruling,
    events.Withdrawn: _withdrawn,
    events.Returned: _returned,
    events.Remedied: _remedied,
    events.Messaged: _messaged,
    events.Rated: _rated,
}
