"""How what the platform's desk did changes a case."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import Case, RequestedEvidence, Ruling, TakenDown
from case_events.core.changes import (
    Change,
    anew,
    asked_for,
    clocks_after,
    decided,
    given_up,
    kept_by,
    posted,
    started_by,
    turn,
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


def _accepted(case: Case, event: events.Accepted, happened: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks, stop=("acceptance",))
    return replace(
        case,
        status=turn(case.respondent),
        reply_started_at=happened.effective_at,
        taken_down="acceptance" if event.takedown else None,
        clocks=clocks,
        reminders=reminders,
    )


def _dismissed(case: Case, event: events.Dismissed, _: Happened) -> Case:
    return given_up(case, "dismissed", event.clocks, event.recoveries)


def _rejected(case: Case, event: events.EvidenceRejected, _: Happened) -> Case:
    rejected = (*case.rejected_evidence, *event.evidence)
    forged = (*case.forged_by, event.of) if event.forged and event.of not in case.forged_by else case.forged_by
    return replace(case, rejected_evidence=rejected, forged_by=forged)


def _assigned(case: Case, event: events.Assigned, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, (), stop=("assignment",))
    return replace(case, assignee=event.agent, clocks=clocks, reminders=reminders)


def _escalated(case: Case, event: events.Escalated, _: Happened) -> Case:
    return replace(case, department=event.to, assignee=kept_by(case, event.to))


def _linked(case: Case, event: events.Linked, _: Happened) -> Case:
    department = event.department or case.department
    return replace(case, group=event.group, department=department, assignee=kept_by(case, department))


def _noted(case: Case, event: events.Noted, happened: Happened) -> Case:
    outside = (event.outside,) if event.outside else ()
    return replace(case, outside=(*case.outside, *outside), posts=posted(case, happened))


def _extended(case: Case, event: events.DeadlineExtended, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks)
    return replace(case, late=case.late and event.kind != "filing", clocks=clocks, reminders=reminders)


SINCE = (
    *("version", "updated_at", "evidence", "rejected_evidence", "forged_by", "requested"),
    *("posts", "outside", "expedites", "priority", "group"),
)
"""What stays when a timeout is taken back: what was said, brought and pressed since."""


def _reversed(case: Case, event: events.TimeoutReversed, _: Happened) -> Case:
    assert case.undo is not None, "only a timeout that could be taken back was"
    was = case.undo.was
    if case.group != was.group:
        # The group has its department, and a case in it does not come down again.
        was = replace(was, department=case.department, assignee=kept_by(was, case.department))
    since = {name: getattr(case, name) for name in SINCE}
    clocks, reminders = started_by(case.version, event.clocks, [], [])
    return _waited_for(replace(was, **since, clocks=clocks, reminders=reminders))


def _waited_for(case: Case) -> Case:
    """A case that waited for evidence goes on where that has come since and no clock waits for it any more."""
    asked = {one.party: one.back for one in case.requested if one.back is not None}
    if case.status != "evidence_requested" or any(one.kind == "evidence" and one.party in asked for one in case.clocks):
        return case
    return replace(case, status=[*asked.values()][-1])


def _advanced(case: Case, event: events.AdvancePaid, _: Happened) -> Case:
    return replace(case, advances=(*case.advances, event.advance))


def _recovered(case: Case, event: events.Recovered, _: Happened) -> Case:
    left = tuple(one for one in case.recoveries if one.party != event.party)
    clocks, reminders = clocks_after(case, event.clocks, stop=("recovery",), of=event.party)
    status = waiting(case.remedy, left, clocks)
    return replace(case, status=status, recoveries=left, clocks=clocks, reminders=reminders)


def _followed_up(case: Case, event: events.FollowedUp, _: Happened) -> Case:
    clocks, reminders = clocks_after(case, event.clocks, stop=("follow_up",))
    return replace(
        case,
        status=waiting(event.remedy, case.recoveries, clocks),
        remedy=event.remedy,
        owed=event.owed,
        followed_up=True,
        clocks=clocks,
        reminders=reminders,
        expired=anew(case),
    )


def _closed(case: Case, event: events.Closed, happened: Happened) -> Case:
    return replace(
        case,
        stage="closed",
        status="closed",
        outcome=event.outcome,
        closed_at=happened.effective_at,
        clocks=(),
        reminders=(),
    )


def _erased(case: Case, event: events.SubjectErased, _: Happened) -> Case:
    """The side has no name any more; whatever it said reads so, too, wherever the case is read again."""
    if event.subject == "complainant":
        return replace(case, complainant=replace(case.complainant, id=ERASED))
    return replace(case, respondent=replace(case.respondent, id=ERASED))


def _requested(case: Case, event: events.EvidenceRequested, _: Happened) -> Case:
    """The platform's own clock goes on: asking for more does not give it more time."""
    before = asked_for(case, event.party)
    still = tuple(kind for kind in before.kinds if kind not in event.kinds) if before else ()
    wanted = RequestedEvidence(party=event.party, kinds=(*event.kinds, *still), back=case.status)
    others = tuple(one for one in case.requested if one is not before)
    clocks, reminders = clocks_after(case, event.clocks)
    requested = (*others, wanted)
    return replace(case, status="evidence_requested", requested=requested, clocks=clocks, reminders=reminders)


def _ruled(case: Case, event: events.Ruled, happened: Happened) -> Case:
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
    rulings = (*case.rulings, ruling)
    if event.final:
        case = replace(case, rulings=rulings, accepted_by=())
        return decided(case, event.verdict, event.outcome, event.owed, event.clocks, event.recoveries)
    clocks, reminders = clocks_after(case, event.clocks, stop=("ruling", "assignment", "evidence"))
    return replace(
        case,
        status="appealable",
        rulings=rulings,
        accepted_by=(),
        taken_down=_down(case, rulings),
        clocks=clocks,
        reminders=reminders,
    )


def _corrected(case: Case, event: events.Corrected, _: Happened) -> Case:
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
    if case.outcome is None:
        # Whoever accepted it accepted other words.
        down, (clocks, reminders) = _down(case, rulings), clocks_after(case, event.clocks)
        return replace(case, rulings=rulings, accepted_by=(), taken_down=down, clocks=clocks, reminders=reminders)
    case = replace(case, rulings=rulings)
    return decided(case, new.verdict, new.outcome, new.owed, event.clocks, new.recoveries)


def _down(case: Case, rulings: tuple[Ruling, ...]) -> TakenDown:
    """A listing stays down meanwhile (domain P3): from acceptance on, or as long as some ruling reads so."""
    if case.taken_down == "acceptance":
        return "acceptance"
    return "ruling" if "takedown" in [one.outcome for one in rulings] else None


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
