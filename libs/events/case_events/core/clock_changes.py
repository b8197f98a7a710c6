"""How what did not happen in time changes a case."""

from __future__ import annotations

from copy import copy

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


def _reminded(case: Case, event: timeouts.DeadlineApproaching, _: Happened) -> None:
    told = (event.kind + REMINDER, event.party)
    case.reminders = tuple(one for one in case.reminders if (one.kind, one.party) != told)


def _pressing(case: Case, event: Pressing, _: Happened) -> None:
    case.priority = event.priority
    expired(case, event)


def _evidence(case: Case, event: timeouts.EvidenceTimedOut, _: Happened) -> None:
    asked = asked_for(case, event.party)
    if asked is not None and asked.back is not None and case.status == "evidence_requested":
        case.status = asked.back
    expired(case, event)


def _return(case: Case, event: timeouts.ReturnTimedOut, happened: Happened) -> None:
    if event.effect == "lapse":
        _lapsed(case, event, happened)
    else:
        expired(case, event)
        case.status = waiting(case)


def _lapsed(case: Case, event: timeouts.InterventionWindowExpired | timeouts.ReturnTimedOut, _: Happened) -> None:
    ran_out(case, event)
    given_up(case, "lapsed", event.clocks, event.recoveries)


def _unappealed(case: Case, event: timeouts.AppealWindowExpired, _: Happened) -> None:
    ran_out(case, event)
    stands(case, event)


def _silent(case: Case, event: timeouts.Timeout, _: Happened) -> None:
    expired(case, event)


def _reversible(change: Change) -> Change:
    """A party's timeout can be taken back for a while (design, "Late cascades"); so can those before it."""

    def changed(case: Case, event: timeouts.Timeout, happened: Happened) -> None:
        was = copy(case)
        change(case, event, happened)
        case.undo = Undo(event_id=happened.event_id, kind=event.kind, party=event.party, was=was)

    return changed


REVERSIBLE: dict[type[Event], Change] = {
    timeouts.EvidenceTimedOut: _evidence,
    timeouts.MerchantResponseTimedOut: _silent,
    timeouts.ResponseTimedOut: _silent,
    timeouts.NegotiationStalled: _silent,
    timeouts.InterventionWindowExpired: _lapsed,
    timeouts.ReturnTimedOut: _return,
    timeouts.AppealWindowExpired: _unappealed,
}
"""What cost a party something; of the others there is nothing to take back."""
BY_CLOCK: dict[type[Event], Change] = {
    timeouts.AcceptanceTimedOut: _pressing,
    timeouts.RulingTimedOut: _pressing,
    timeouts.RemedyTimedOut: _pressing,
    timeouts.AssignmentTimedOut: _pressing,
    timeouts.FollowUpTimedOut: _silent,
    timeouts.RecoveryTimedOut: _pressing,
    timeouts.DeadlineApproaching: _reminded,
    **{kind: _reversible(change) for kind, change in REVERSIBLE.items()},
}
