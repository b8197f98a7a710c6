"""How what did not happen in time changes a case."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from case_events.core import timeouts
from case_events.core.case import Case
from case_events.core.changes import REMINDER, asked_for, expired, given_up, stands, waiting


def timed_out(case: Case, event: timeouts.Timeout | timeouts.DeadlineApproaching) -> Case:
    match event:
        case timeouts.DeadlineApproaching():
            told = (event.kind + REMINDER, event.party)
            return replace(case, reminders=tuple(one for one in case.reminders if (one.kind, one.party) != told))
        case (
            timeouts.AcceptanceTimedOut()
            | timeouts.RulingTimedOut()
            | timeouts.RemedyTimedOut()
            | timeouts.RecoveryTimedOut()
            | timeouts.AssignmentTimedOut()
        ):
            return expired(replace(case, priority=event.priority), event)
        case timeouts.EvidenceTimedOut():
            asked = asked_for(case, event.party)
            back = asked.back if asked and case.status == "evidence_requested" else None
            return expired(replace(case, status=back or case.status), event)
        case timeouts.ReturnTimedOut() if event.effect == "lapse":
            return given_up(expired(case, event), "lapsed", event.clocks, event.recoveries)
        case timeouts.ReturnTimedOut():
            return waiting(expired(case, event))
        case timeouts.InterventionWindowExpired():
            return given_up(expired(case, event), "lapsed", event.clocks, event.recoveries)
        case timeouts.AppealWindowExpired():
            return stands(expired(case, event), event)
        case timeouts.MerchantResponseTimedOut() | timeouts.NegotiationStalled() | timeouts.FollowUpTimedOut():
            return expired(case, event)
        case _:
            assert_never(event)
