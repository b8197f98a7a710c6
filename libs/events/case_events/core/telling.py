"""One event of a case in words: which room tells it, and its sentences in their order."""

from __future__ import annotations

from case_events.core import events, timeouts, words
from case_events.core.cast import Cast, Tale
from case_events.core.clock_telling import by_clock
from case_events.core.events import Event
from case_events.core.party_telling import by_party, filed
from case_events.core.platform_telling import by_platform
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
    match event:
        case events.Filed():
            return filed(event)
        case timeouts.TimedOut() | timeouts.DeadlineApproaching():
            return by_clock(event, cast)
        case (
            events.ClaimAmended()
            | events.EvidenceSubmitted()
            | events.MerchantReplied()
            | events.Settled()
            | events.InterventionRequested()
            | events.Expedited()
            | events.Appealed()
            | events.RulingAccepted()
            | events.Withdrawn()
            | events.Returned()
            | events.Remedied()
            | events.Messaged()
            | events.Rated()
        ):
            return by_party(event, cast)
        case _:
            return by_platform(event, cast)
