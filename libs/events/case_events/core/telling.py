"""One event of a case in words: which room tells it, and its sentences in their order."""

from __future__ import annotations

from case_events.core import words
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
