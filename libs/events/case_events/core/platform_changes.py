"""How what the platform's desk did changes a case."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import Case, RequestedEvidence, Ruling
from case_events.core.changes import ALL, anew, asked_for, decided, given_up, handed, posted, ticking, turn, waiting
from case_events.core.events import Recorded

PlatformEvent = (
    events.Accepted
    | events.Dismissed
    | events.EvidenceRequested
    | events.EvidenceRejected
    | events.Assigned
    | events.Escalated
    | events.Linked
    | events.Noted
    | events.DeadlineExtended
    | events.Ruled
    | events.Corrected
    | events.AdvancePaid
    | events.Recovered
    | events.FollowedUp
    | events.Closed
)


def by_platform(case: Case, event: PlatformEvent, recorded: Recorded) -> Case:
    match event:
        case events.Accepted():
            taken = "acceptance" if event.takedown else None
            case = replace(case, status=turn(case), reply_started_at=recorded.effective_at, taken_down=taken)
            return ticking(case, event.clocks, stop=("acceptance",))
        case events.Dismissed():
            return given_up(case, "dismissed", event.clocks, event.recoveries)
        case events.EvidenceRequested():
            return _requested(case, event)
        case events.EvidenceRejected():
            rejected = (*case.rejected_evidence, *event.evidence)
            forged = (*case.forged_by, event.of) if event.forged and event.of not in case.forged_by else case.forged_by
            return replace(case, rejected_evidence=rejected, forged_by=forged)
        case events.Assigned():
            return ticking(replace(case, assignee=event.agent), (), stop=("assignment",))
        case events.Escalated():
            return handed(case, event.to)
        case events.Linked():
            return handed(replace(case, group=event.group), event.department or case.department)
        case events.Noted():
            outside = (event.outside,) if event.outside else ()
            return posted(replace(case, outside=(*case.outside, *outside)), recorded)
        case events.DeadlineExtended():
            return ticking(replace(case, late=case.late and event.kind != "filing"), event.clocks)
        case events.Ruled():
            return _ruled(case, event, recorded)
        case events.Corrected():
            return _corrected(case, event)
        case events.AdvancePaid():
            return replace(case, advances=(*case.advances, event.advance))
        case events.Recovered():
            left = tuple(one for one in case.recoveries if one.party != event.party)
            return waiting(ticking(replace(case, recoveries=left), event.clocks, stop=("recovery",), of=event.party))
        case events.FollowedUp():
            case = replace(anew(case), followed_up=True, remedy=event.remedy, owed=event.owed)
            return waiting(ticking(case, event.clocks, stop=("follow_up",)))
        case events.Closed():
            case = replace(case, stage="closed", status="closed", outcome=event.outcome)
            return ticking(replace(case, closed_at=recorded.effective_at), (), stop=ALL)
        case _:
            assert_never(event)


def _requested(case: Case, event: events.EvidenceRequested) -> Case:
    """The platform's own clock goes on: asking for more does not give it more time."""
    before = asked_for(case, event.party)
    still = tuple(kind for kind in before.kinds if kind not in event.kinds) if before else ()
    wanted = RequestedEvidence(party=event.party, kinds=(*event.kinds, *still), back=case.status)
    others = tuple(one for one in case.requested if one is not before)
    return ticking(replace(case, status="evidence_requested", requested=(*others, wanted)), event.clocks)


def _ruled(case: Case, event: events.Ruled, recorded: Recorded) -> Case:
    ruling = Ruling(
        event_id=recorded.event_id,
        version=recorded.version,
        round=event.round,
        outcome=event.outcome,
        verdict=event.verdict,
        rule=event.rule,
        reasons=event.reasons,
        owed=event.owed,
        liable=event.liable,
        penalties=event.penalties,
        evidence=event.evidence,
        final=event.final,
        ruled_at=recorded.effective_at,
        departs=event.departs,
    )
    case = replace(case, rulings=(*case.rulings, ruling), accepted_by=())
    if event.final:
        return decided(case, event.verdict, event.outcome, event.owed, event.clocks, event.recoveries)
    case = _taken_down(replace(case, status="appealable"))
    return ticking(case, event.clocks, stop=("ruling", "assignment", "evidence"))


def _corrected(case: Case, event: events.Corrected) -> Case:
    """The ruling reads as it should have; one that stands already changes what is owed. Words change nothing."""
    new = event.ruling
    if new is None:
        return case
    rulings = tuple(
        replace(
            one,
            outcome=new.outcome,
            verdict=new.verdict,
            rule=new.rule,
            reasons=new.reasons,
            owed=new.owed,
            liable=new.liable,
            penalties=new.penalties,
            departs=new.departs,
            corrected_by=case.version,
        )
        if one.event_id == event.event
        else one
        for one in case.rulings
    )
    case = replace(case, rulings=rulings)
    if case.outcome is None:
        # Whoever accepted it accepted other words.
        return ticking(_taken_down(replace(case, accepted_by=())), event.clocks)
    return decided(case, new.verdict, new.outcome, new.owed, event.clocks, new.recoveries)


def _taken_down(case: Case) -> Case:
    """A listing stays down meanwhile (domain P3): from acceptance on, or as long as some ruling reads so."""
    ruled_off = any(one.outcome == "takedown" for one in case.rulings)
    return case if case.taken_down == "acceptance" else replace(case, taken_down="ruling" if ruled_off else None)
