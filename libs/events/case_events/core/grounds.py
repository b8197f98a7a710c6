"""Which clause of its policy an event that happened goes by, where one of them is about it."""

from __future__ import annotations

from collections.abc import Mapping

from case_events.core import events, timeouts
from case_events.core.events import (
    AdvancePaid,
    DeadlineExtended,
    Dismissed,
    Event,
    EvidenceRejected,
    Ground,
    InterventionRequested,
    Ruled,
)
from case_events.core.values import Text

RULE_OF: dict[type[Event], tuple[str, ...]] = {
    events.Filed: ("filing",),
    events.ClaimAmended: ("reply",),
    events.MerchantReplied: ("reply",),
    events.RespondentReplied: ("reply",),
    events.Expedited: ("expedite", "intervention"),
    events.Appealed: ("appeal",),
    events.RulingAccepted: ("appeal",),
    events.Returned: ("return_leg",),
    events.Remedied: ("remedy",),
    events.Accepted: ("acceptance",),
    events.EvidenceRequested: ("evidence",),
    events.Assigned: ("intervention",),
    events.Escalated: ("departments", "intervention"),
    events.Linked: ("collective", "intervention"),
    events.Recovered: ("advance", "remedy"),
    events.FollowedUp: ("follow_up", "remedy"),
    timeouts.AcceptanceTimedOut: ("acceptance",),
    timeouts.EvidenceTimedOut: ("evidence",),
    timeouts.MerchantResponseTimedOut: ("reply",),
    timeouts.ResponseTimedOut: ("reply",),
    timeouts.NegotiationStalled: ("negotiation",),
    timeouts.InterventionWindowExpired: ("intervention",),
    timeouts.ReturnTimedOut: ("return_leg",),
    timeouts.AssignmentTimedOut: ("intervention",),
    timeouts.RulingTimedOut: ("ruling",),
    timeouts.AppealWindowExpired: ("appeal",),
    timeouts.RemedyTimedOut: ("remedy",),
    timeouts.RecoveryTimedOut: ("advance", "remedy"),
    timeouts.FollowUpTimedOut: ("follow_up", "remedy"),
}
"""The clauses, the most exact first: not every policy has each."""
OF_GROUND: dict[Ground, tuple[str, ...]] = {"direct": ("reply",), "forged": ("forged_evidence",)}
"""Why the platform steps in before the respondent had its turn, which the clause about stepping in asks for."""


def ground_of(event: Event, clauses: Mapping[str, Text]) -> str | None:
    """The name of the clause an event goes by, among those its type has; a ruling names its own."""
    return next((name for name in _about(event) if name in clauses), None)


def _about(event: Event) -> tuple[str, ...]:
    match event:
        case Ruled():
            return (event.rule,)
        case Dismissed():
            return ("acceptance",) if event.advice else ("malicious_complaint", "acceptance")
        case InterventionRequested():
            return (*OF_GROUND.get(event.ground, ()), "intervention")
        case EvidenceRejected():
            return ("forged_evidence", "evidence") if event.forged else ("evidence",)
        case AdvancePaid():
            instant = event.advance.ground == "instant"
            return ("instant_refund", "advance", "remedy") if instant else ("advance", "remedy")
        case DeadlineExtended():
            return ("extension",) if event.kind == "filing" else ()
        case _:
            return RULE_OF.get(type(event), ())
