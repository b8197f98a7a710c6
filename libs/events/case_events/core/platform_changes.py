"""How what the platform's desk did changes a case."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import Case, RequestedEvidence, Ruling, TakenDown
from case_events.core.changes import (
    Change,
    asked_for,
    decided,
    given_up,
    handed_to,
    posted,
    reset_clocks,
    start_anew,
    started_by,
    turn,
    undoable,
    waiting,
)
from case_events.core.events import Happened
from case_events.core.values import ERASED

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
    | events.TimeoutReversed
    | events.Ruled
    | events.Corrected
    | events.AdvancePaid
    | events.Recovered
    | events.FollowedUp
    | events.Closed
    | events.SubjectErased
)


def _accepted(case: Case, event: events.Accepted, happened: Happened) -> None:
    case.status = turn(case.respondent)
    case.reply_started_at = happened.effective_at
    case.taken_down = "acceptance" if event.takedown else None
    reset_clocks(case, event.clocks, stop=("acceptance",))


def _dismissed(case: Case, event: events.Dismissed, _: Happened) -> None:
    given_up(case, "dismissed", event.clocks, event.recoveries)


def _rejected(case: Case, event: events.EvidenceRejected, _: Happened) -> None:
    case.rejected_evidence = (*case.rejected_evidence, *event.evidence)
    if event.forged and event.of not in case.forged_by:
        case.forged_by = (*case.forged_by, event.of)


def _assigned(case: Case, event: events.Assigned, _: Happened) -> None:
    case.assignee = event.agent
    reset_clocks(case, (), stop=("assignment",))


def _escalated(case: Case, event: events.Escalated, _: Happened) -> None:
    handed_to(case, event.to)


def _linked(case: Case, event: events.Linked, _: Happened) -> None:
    case.group = event.group
    handed_to(case, event.department or case.department)


def _noted(case: Case, event: events.Noted, happened: Happened) -> None:
    if event.outside is not None:
        case.outside = (*case.outside, event.outside)
    posted(case, happened, "platform")


def _extended(case: Case, event: events.DeadlineExtended, _: Happened) -> None:
    if event.kind == "filing":
        case.late = False
    reset_clocks(case, event.clocks)


SINCE = (
    *("version", "updated_at", "evidence", "rejected_evidence", "forged_by", "requested"),
    *("posts", "outside", "rating", "expedites", "priority", "group"),
)
"""What stays when a timeout is taken back: what was said, brought and pressed since."""
BACK = tuple(name for name in Case.__struct_fields__ if name not in SINCE)
"""What is again as it was before the timeout."""


def _reversed(case: Case, event: events.TimeoutReversed, _: Happened) -> None:
    was = next(one.was for one in undoable(case) if one.event_id == event.event)
    department = case.department
    for name in BACK:
        setattr(case, name, getattr(was, name))
    if case.group != was.group:
        # The group has its department, and a case in it does not come down again.
        handed_to(case, department)
    case.clocks, case.reminders = started_by(case.version, event.clocks, [], [])
    asked = {one.party: one.back for one in case.requested if one.back is not None}
    if case.status == "evidence_requested" and not any(
        one.kind == "evidence" and one.party in asked for one in case.clocks
    ):
        # What it waited for has come since: it goes on.
        case.status = [*asked.values()][-1]


def _advanced(case: Case, event: events.AdvancePaid, _: Happened) -> None:
    case.advances = (*case.advances, event.advance)


def _recovered(case: Case, event: events.Recovered, _: Happened) -> None:
    case.recoveries = tuple(one for one in case.recoveries if one.party != event.party)
    reset_clocks(case, event.clocks, stop=("recovery",), of=event.party)
    case.status = waiting(case)


def _followed_up(case: Case, event: events.FollowedUp, _: Happened) -> None:
    case.remedy = event.remedy
    case.owed = event.owed
    case.followed_up = True
    reset_clocks(case, event.clocks, stop=("follow_up",))
    case.status = waiting(case)
    start_anew(case)


def _closed(case: Case, event: events.Closed, happened: Happened) -> None:
    case.stage = "closed"
    case.status = "closed"
    case.outcome = event.outcome
    case.closed_at = happened.effective_at
    case.clocks = ()
    case.reminders = ()


def _erased(case: Case, event: events.SubjectErased, _: Happened) -> None:
    """The side has no name any more; whatever it said reads so, too, wherever the case is read again."""
    if event.subject == "complainant":
        case.complainant = replace(case.complainant, id=ERASED)
    else:
        case.respondent = replace(case.respondent, id=ERASED)


def _requested(case: Case, event: events.EvidenceRequested, _: Happened) -> None:
    """The platform's own clock goes on: asking for more does not give it more time."""
    before = asked_for(case, event.party)
    still = tuple(kind for kind in before.kinds if kind not in event.kinds) if before else ()
    wanted = RequestedEvidence(party=event.party, kinds=(*event.kinds, *still), back=case.status)
    case.requested = (*(one for one in case.requested if one is not before), wanted)
    case.status = "evidence_requested"
    reset_clocks(case, event.clocks)


def _ruled(case: Case, event: events.Ruled, happened: Happened) -> None:
    ruling = Ruling(
        event_id=happened.event_id,
        version=happened.version,
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
        ruled_at=happened.effective_at,
        departs=event.departs,
    )
    case.rulings = (*case.rulings, ruling)
    case.accepted_by = ()
    case.requested = ()  # it was decided without what did not come
    if event.final:
        decided(case, event.verdict, event.outcome, event.owed, event.clocks, event.recoveries)
    else:
        case.status = "appealable"
        case.taken_down = _down(case)
        reset_clocks(case, event.clocks, stop=("ruling", "assignment", "evidence"))


def _corrected(case: Case, event: events.Corrected, _: Happened) -> None:
    """The ruling reads as it should have; one that stands already changes what is owed. Words change nothing."""
    new = event.ruling
    if new is None:
        return
    case.rulings = tuple(
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
    if case.outcome is not None:
        decided(case, new.verdict, new.outcome, new.owed, event.clocks, new.recoveries)
    else:
        case.accepted_by = ()  # whoever accepted it accepted other words
        case.taken_down = _down(case)
        reset_clocks(case, event.clocks)


def _down(case: Case) -> TakenDown:
    """A listing stays down meanwhile (domain P3): from acceptance on, or as long as some ruling reads so."""
    if case.taken_down == "acceptance":
        return "acceptance"
    return "ruling" if "takedown" in [one.outcome for one in case.rulings] else None


BY_PLATFORM: dict[type[events.Event], Change] = {
    events.Accepted: _accepted,
    events.Dismissed: _dismissed,
    events.EvidenceRequested: _requested,
    events.EvidenceRejected: _rejected,
    events.Assigned: _assigned,
    events.Escalated: _escalated,
    events.Linked: _linked,
    events.Noted: _noted,
    events.DeadlineExtended: _extended,
    events.TimeoutReversed: _reversed,
    events.Ruled: _ruled,
    events.Corrected: _corrected,
    events.AdvancePaid: _advanced,
    events.Recovered: _recovered,
    events.FollowedUp: _followed_up,
    events.Closed: _closed,
    events.SubjectErased: _erased,
}
