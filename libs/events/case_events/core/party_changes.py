"""How what the parties did changes a case."""

from __future__ import annotations

from case_events.core import events
from case_events.core.case import Case, Rating
from case_events.core.changes import (
    DESK,
    NEGOTIATION,
    RETURN,
    Change,
    brought,
    decided,
    given_up,
    handed_to,
    posted,
    reset_clocks,
    stands,
    start_anew,
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


def _amended(case: Case, event: events.ClaimAmended, _: Happened) -> None:
    case.status = turn(case.respondent)
    case.demand = event.demand
    case.amount = event.amount
    case.offer = None
    case.decision = None
    reset_clocks(case, event.clocks)


def _evidence(case: Case, event: events.EvidenceSubmitted, _: Happened) -> None:
    brought(case, event.by, event.evidence)


def _replied(case: Case, event: events.MerchantReplied, happened: Happened) -> None:
    brought(case, "respondent", event.evidence)
    case.status = "waiting_for_complainant"
    case.offer = event.offer
    case.decision = event.decision
    if event.decision == "refuse":
        case.intervention_open = True
    posted(case, happened, "respondent")
    reset_clocks(case, (), stop=("response",))


def _settled(case: Case, event: events.Settled, _: Happened) -> None:
    outcome = "conceded" if event.basis == "concession" else "settled"
    decided(case, outcome, event.remedy, event.owed, event.clocks, event.recoveries)


def _called_in(case: Case, event: events.InterventionRequested, _: Happened) -> None:
    """A receipt that is disputed takes the decision with it."""
    case.stage = "claim"
    case.status = "under_review"
    case.outcome = None
    case.interventions += 1
    case.remedy = None
    case.owed = None
    case.recoveries = ()
    handed_to(case, event.department)
    reset_clocks(case, event.clocks, stop=TALKS)
    start_anew(case, DESK)


def _expedited(case: Case, event: events.Expedited, _: Happened) -> None:
    case.priority = event.priority
    case.expedites += 1


def _appealed(case: Case, event: events.Appealed, _: Happened) -> None:
    brought(case, event.by, event.evidence)
    case.stage = "appeal"
    case.status = "appeal_under_review"
    case.instance = event.instance
    case.contested_by = (*case.contested_by, event.by)
    reset_clocks(case, event.clocks, stop=("appeal",))
    start_anew(case, DESK)


def _accepted_ruling(case: Case, event: events.RulingAccepted, _: Happened) -> None:
    case.accepted_by = (*case.accepted_by, event.by)
    if event.stands:
        stands(case, event)


def _withdrawn(case: Case, event: events.Withdrawn, _: Happened) -> None:
    given_up(case, "withdrawn", event.clocks, event.recoveries)


def _returned(case: Case, event: events.Returned, _: Happened) -> None:
    case.freight_by = event.freight_by or case.freight_by
    reset_clocks(case, event.clocks, stop=RETURN)
    case.status = waiting(case)


def _remedied(case: Case, event: events.Remedied, _: Happened) -> None:
    case.remedy = None
    case.owed = None
    reset_clocks(case, event.clocks, stop=("remedy",))
    case.status = waiting(case)


def _messaged(case: Case, event: events.Messaged, happened: Happened) -> None:
    posted(case, happened, event.by)


def _rated(case: Case, event: events.Rated, _: Happened) -> None:
    case.rating = Rating(score=event.score, comment=event.comment)


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
