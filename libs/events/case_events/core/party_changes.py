"""How what the parties did changes a case."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import Case, Rating
from case_events.core.changes import (
    NEGOTIATION,
    RETURN,
    brought,
    decided,
    given_up,
    handed,
    posted,
    stands,
    ticking,
    turn,
    waiting,
)
from case_events.core.events import Recorded

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


def by_party(case: Case, event: PartyEvent, recorded: Recorded) -> Case:
    match event:
        case events.ClaimAmended():
            case = replace(case, demand=event.demand, amount=event.amount, offer=None, decision=None)
            return ticking(replace(case, status=turn(case)), event.clocks)
        case events.EvidenceSubmitted():
            return brought(case, event.by, event.evidence)
        case events.MerchantReplied():
            return _replied(posted(case, recorded), event)
        case events.Settled():
            outcome = "conceded" if event.basis == "concession" else "settled"
            return decided(case, outcome, event.remedy, event.owed, event.clocks, event.recoveries)
        case events.InterventionRequested():
            case = handed(replace(case, stage="claim", status="under_review"), event.department)
            # A receipt that is disputed takes the decision with it.
            case = replace(case, interventions=case.interventions + 1, outcome=None, remedy=None, owed=None)
            return ticking(replace(case, recoveries=()), event.clocks, stop=(*NEGOTIATION, *RETURN))
        case events.Expedited():
            return replace(case, priority=event.priority, expedites=case.expedites + 1)
        case events.Appealed():
            case = replace(case, stage="appeal", status="appeal_under_review", appealed_by=event.by)
            case = brought(replace(case, instance=event.instance), event.by, event.evidence)
            return ticking(case, event.clocks, stop=("appeal",))
        case events.RulingAccepted():
            case = replace(case, accepted_by=(*case.accepted_by, event.by))
            return stands(case, event) if event.stands else case
        case events.Withdrawn():
            return given_up(case, "withdrawn", event.clocks, event.recoveries)
        case events.Returned():
            freight_by = event.freight_by or case.freight_by
            return waiting(ticking(replace(case, freight_by=freight_by), event.clocks, stop=RETURN))
        case events.Remedied():
            return waiting(ticking(replace(case, owed=None, remedy=None), event.clocks, stop=("remedy",)))
        case events.Messaged():
            return posted(case, recorded)
        case events.Rated():
            return replace(case, rating=Rating(score=event.score, comment=event.comment))
        case _:
            assert_never(event)


def _replied(case: Case, event: events.MerchantReplied) -> Case:
    case = replace(
        brought(case, "respondent", event.evidence),
        decision=event.decision,
        offer=event.offer,
        status="waiting_for_complainant",
        intervention_open=case.intervention_open or event.decision == "refuse",
    )
    return ticking(case, (), stop=("response",))
