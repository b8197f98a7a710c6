"""What the platform's desk did, in words: which sentence tells each event of its, and what fills it in."""

from __future__ import annotations

from typing import assert_never

from case_events.core import platform_words, words
from case_events.core.cast import Cast, Parts, Tale, back, kinds, outcome, owed, penalties, shares
from case_events.core.events import (
    EVENT_NAMES,
    Accepted,
    AdvancePaid,
    Assigned,
    Closed,
    Corrected,
    DeadlineExtended,
    Dismissed,
    Escalated,
    EvidenceRejected,
    EvidenceRequested,
    FollowedUp,
    Linked,
    Noted,
    Recovered,
    Ruled,
    SubjectErased,
    TimeoutReversed,
)
from case_events.core.platform_changes import PlatformEvent
from case_events.core.values import Penalty, Text
from case_events.core.vocabulary import WORDS, called


def by_platform(event: PlatformEvent, cast: Cast) -> Tale:
    name = EVENT_NAMES[type(event)]
    match event:
        case Accepted():
            turn = "reply" if any(clock.kind == "response" for clock in event.clocks) else "direct"
            return Tale(f"{name}.{turn}", {}, (platform_words.TAKEN_DOWN,) if event.takedown else ())
        case Dismissed():
            return _dismissed(name, event, cast)
        case EvidenceRequested():
            return Tale(name, {"asked": cast.side(event.party), "kinds": kinds(event.kinds)})
        case EvidenceRejected():
            found: Parts = {"side": cast.side(event.of), "count": len(event.evidence)}
            return Tale(f"{name}.{'forged' if event.forged else 'set_aside'}", found, written=event.reason)
        case Assigned():
            return Tale(name, {"department": called(event.department), "agent": event.agent})
        case Escalated():
            return Tale(name, {"department": called(event.to)}, written=event.reason)
        case Linked():
            matter = platform_words.MATTERS.get(event.by) or called(event.by)
            moved: Parts = {"matter": matter, "department": called(event.department or "")}
            return Tale(f"{name}.{'moved' if event.department else 'here'}", moved)
        case Noted():
            return _noted(name, event)
        case DeadlineExtended():
            return _extended(name, event)
        case TimeoutReversed():
            return Tale(name, {"side": cast.side(event.party)}, (), event.reason, words.WHY)
        case Ruled():
            return Tale(name, _verdict(event), _beside(event, cast), event.reasons)
        case Corrected():
            return _corrected(name, event, cast)
        case AdvancePaid():
            return Tale(f"{name}.{event.advance.ground}", {"amount": words.money(event.advance.amount)})
        case Recovered():
            return Tale(name, {"side": cast.side(event.party), "amount": words.money(event.amount)})
        case FollowedUp():
            return _followed_up(name, event)
        case Closed():
            return Tale(name, {"outcome": outcome(event.outcome)}, written=event.reason)
        case SubjectErased():
            return Tale(name, {"side": cast.side(event.subject), "basis": called(event.basis)})
        case _:
            assert_never(event)


def _dismissed(name: str, event: Dismissed, cast: Cast) -> Tale:
    sentence = "malicious" if event.malicious else "sent_back" if event.advice else "unfounded"
    more = [words.say(platform_words.ADVICE, words=words.quoted(event.advice))] if event.advice else []
    more += [*_imposed(event.penalties, cast), *back(event.recoveries, cast)]
    return Tale(f"{name}.{sentence}", {}, tuple(more), event.reason)


def _noted(name: str, event: Noted) -> Tale:
    outside: tuple[Text, ...] = ()
    if event.outside is not None:
        said = words.quoted(event.outside.result)
        authority, reference = called(event.outside.authority), event.outside.reference
        outside = (words.say(platform_words.OUTSIDE, authority=authority, reference=reference, words=said),)
    return Tale(f"{name}.{'internal' if event.internal else 'shown'}", {}, outside, event.text, words.SAID)


def _extended(name: str, event: DeadlineExtended) -> Tale:
    """A longer filing window has a word of the policy for its reason (domain F3); any other, what the desk wrote.

    What an outage gives back has no words of anybody's: it says when the outage was.
    """
    if event.outage is not None:
        began, ended = words.clock_time(event.outage.began_at), words.clock_time(event.outage.ended_at)
        return Tale(f"{name}.relief", {"began": began, "ended": ended})
    if event.kind != "filing":
        return Tale(f"{name}.clock", written=event.reason)
    if event.reason not in WORDS:
        return Tale(f"{name}.filing", written=event.reason)
    return Tale(f"{name}.filing", {}, (words.say(platform_words.LONGER, reason=called(event.reason)),))


def _verdict(event: Ruled) -> Parts:
    grants = words.NOTHING if event.verdict == "rejected" else owed(event.outcome, event.owed)
    return {"round": event.round, "verdict": words.OUTCOMES[event.verdict], "owed": grants}


def _beside(event: Ruled, cast: Cast) -> tuple[Text, ...]:
    """Who bears it, what it costs a side, what goes back to the platform, and whether it is the last word."""
    sentences = [words.say(platform_words.LIABLE, shares=shares(event.liable, cast))] if event.liable else []
    sentences += _imposed(event.penalties, cast)
    if event.departs:
        sentences.append(words.say(platform_words.DEPARTS, words=words.quoted(event.departs)))
    sentences += back(event.recoveries, cast)
    return (*sentences, platform_words.FINAL) if event.final else tuple(sentences)


def _corrected(name: str, event: Corrected, cast: Cast) -> Tale:
    if event.ruling is not None:
        reads: Parts = {"version": event.version, **_verdict(event.ruling)}
        reasons = words.say(words.REASON, words=words.quoted(event.ruling.reasons))
        return Tale(f"{name}.ruling", reads, (*_beside(event.ruling, cast), reasons), event.reason, words.WHY)
    text: Parts = {"version": event.version, "words": words.quoted(event.text or "")}
    return Tale(f"{name}.text", text, (), event.reason, words.WHY)


def _followed_up(name: str, event: FollowedUp) -> Tale:
    if event.remedy is None:
        sentence = "solved" if event.solved else "unsolved"
        return Tale(f"{name}.{sentence}", written=event.comment, introduced=words.SAID)
    imposed: Parts = {"owed": owed(event.remedy, event.owed)}
    return Tale(f"{name}.imposed", imposed, written=event.comment, introduced=words.SAID)


def _imposed(imposed: tuple[Penalty, ...], cast: Cast) -> list[Text]:
    return [words.say(platform_words.PENALTIES, penalties=penalties(imposed, cast))] if imposed else []
