"""How what did not happen in time changes a case."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import timeouts
from case_events.core.case import Case, Undo
from case_events.core.changes import REMINDER, Change, asked_for, expired, given_up, ran_out, stands, waiting
from case_events.core.events import Event, Happened

Pressing = (
    timeouts.AcceptanceTimedOut
    | timeouts.RulingTimedOut
    | timeouts.RemedyTimedOut
    | timeouts.RecoveryTimedOut
    | timeouts.AssignmentTimedOut
)
"""What the platform's own side did not do in time: the case gains priority."""


def _reminded(case: Case, event: timeouts.DeadlineApproaching, _: Happened) -> Case:
    told = (event.kind + REMINDER, event.party)
    return replace(case, reminders=tuple(one for one in case.reminders if (one.kind, one.party) != told))


def _pressing(case: Case, event: Pressing, _: Happened) -> Case:
    return expired(replace(case, priority=event.priority), event)


def _evidence(case: Case, event: timeouts.EvidenceTimedOut, _: Happened) -> Case:
    asked = asked_for(case, event.party)
    back = asked.back if asked and case.status == "evidence_requested" else None
    return expired(replace(case, status=back or case.status), event)


def _return(case: Case, event: timeouts.ReturnTimedOut, happened: Happened) -> Case:
    if event.effect == "lapse":
        return _lapsed(case, event, happened)
    case = expired(case, event)
    return replace(case, status=waiting(case.remedy, case.recoveries, case.clocks))


def _lapsed(case: Case, event: timeouts.InterventionWindowExpired | timeouts.ReturnTimedOut, _: Happened) -> Case:
    return given_up(replace(case, expired=ran_out(case, event)), "lapsed", event.clocks, event.recoveries)


def _unappealed(case: Case, event: timeouts.AppealWindowExpired, _: Happened) -> Case:
    return stands(replace(case, expired=ran_out(case, event)), event)


def _silent(case: Case, event: timeouts.Timeout, _: Happened) -> Case:
    return expired(case, event)


def _reversible(change: Change) -> Change:
    """A party's timeout can be taken back for a while (design, "Late cascades"); what the platform missed cannot."""

    def changed(case: Case, event: timeouts.Timeout, happened: Happened) -> Case:
        after = change(case, event, happened)
        if event.party == "platform":
            return after
        was = case if case.undo is None else replace(case, undo=None)
        return replace(after, undo=Undo(event_id=happened.event_id, kind=event.kind, party=event.party, was=was))

    return changed


BY_CLOCK: dict[type[Event], Change] = {
    timeouts.AcceptanceTimedOut: _pressing,
    timeouts.EvidenceTimedOut: _reversible(_evidence),
    timeouts.MerchantResponseTimedOut: _reversible(_silent),
    timeouts.NegotiationStalled: _reversible(_silent),
    timeouts.InterventionWindowExpired: _reversible(_lapsed),
    timeouts.ReturnTimedOut: _reversible(_return),
    timeouts.RulingTimedOut: _pressing,
    timeouts.AppealWindowExpired: _reversible(_unappealed),
    timeouts.RemedyTimedOut: _pressing,
    timeouts.ResponseTimedOut: _reversible(_silent),
    timeouts.AssignmentTimedOut: _pressing,
    timeouts.FollowUpTimedOut: _silent,
    timeouts.RecoveryTimedOut: _pressing,
    timeouts.DeadlineApproaching: _reminded,
}
