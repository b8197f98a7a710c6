"""One event of a case in words: which room tells it, its sentences in their order, and the clause it goes by."""

from __future__ import annotations

from case_events.core import events, timeouts, words
from case_events.core.cast import Cast, Tale
from case_events.core.clock_telling import by_clock
from case_events.core.events import Event, Filed
from case_events.core.party_changes import PartyEvent
from case_events.core.party_telling import by_party, filed
from case_events.core.platform_telling import by_platform
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.core.values import Text


def told(event: Event, cast: Cast) -> list[Text]:
    """The sentences that tell ``event``; what a person wrote comes last, or that it was erased."""
    tale = tale_of(event, cast)
    sentences = [cast.say(words.EVENTS[tale.sentence], **tale.parts), *tale.more]
    if tale.written is None:
        return sentences
    return [*sentences, words.say(tale.introduced, words=words.quoted(tale.written))]


def tale_of(event: Event, cast: Cast) -> Tale:
    """The name of an event's sentence, its own or that of its variant, and what it says."""
    if isinstance(event, Filed):
        return filed(event)
    if isinstance(event, TimedOut | DeadlineApproaching):
        return by_clock(event, cast)
    return by_party(event, cast) if isinstance(event, PartyEvent) else by_platform(event, cast)


RULE_OF: dict[type[Event], str] = {
    events.Filed: "filing",
    events.ClaimAmended: "reply",
    events.MerchantReplied: "reply",
    events.RespondentReplied: "reply",
    events.InterventionRequested: "intervention",
    events.Expedited: "intervention",
    events.Appealed: "appeal",
    events.RulingAccepted: "appeal",
    events.Returned: "return_leg",
    events.Remedied: "remedy",
    events.Accepted: "acceptance",
    events.Dismissed: "acceptance",
    events.EvidenceRequested: "evidence",
    events.EvidenceRejected: "evidence",
    events.Assigned: "intervention",
    events.Escalated: "intervention",
    events.Linked: "intervention",
    events.AdvancePaid: "remedy",
    events.Recovered: "remedy",
    events.FollowedUp: "remedy",
    timeouts.AcceptanceTimedOut: "acceptance",
    timeouts.EvidenceTimedOut: "evidence",
    timeouts.MerchantResponseTimedOut: "reply",
    timeouts.ResponseTimedOut: "reply",
    timeouts.NegotiationStalled: "negotiation",
    timeouts.InterventionWindowExpired: "intervention",
    timeouts.ReturnTimedOut: "return_leg",
    timeouts.AssignmentTimedOut: "intervention",
    timeouts.RulingTimedOut: "ruling",
    timeouts.AppealWindowExpired: "appeal",
    timeouts.RemedyTimedOut: "remedy",
    timeouts.RecoveryTimedOut: "remedy",
    timeouts.FollowUpTimedOut: "remedy",
}
"""The clause each event goes by, where there is one; a ruling names its own."""
