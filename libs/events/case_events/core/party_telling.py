"""What the parties did, in words: which sentence tells each event of theirs, and what fills it in."""

from __future__ import annotations

from typing import assert_never

from case_events.core import party_words, words
from case_events.core.cast import Cast, Parts, Tale, back, claimed, kinds, owed, pieces
from case_events.core.events import (
    EVENT_NAMES,
    Appealed,
    ClaimAmended,
    EvidenceSubmitted,
    Expedited,
    Filed,
    InterventionRequested,
    MerchantReplied,
    Messaged,
    Rated,
    Remedied,
    Returned,
    RulingAccepted,
    Settled,
    Withdrawn,
)
from case_events.core.party_changes import PartyEvent
from case_events.core.values import Text
from case_events.core.vocabulary import called

INSTANCES = ("appeal", "reconsideration", "arbitration")
"""The further looks that have a sentence of their own (domain P1, P3, I4)."""


def filed(event: Filed) -> Tale:
    """The filing, and what sets it apart: unnamed, late, taken up again, lacking evidence."""
    kind = words.KINDS.get(event.kind) or Text(zh=called(event.kind).zh, en=f"a case ({called(event.kind).en})")
    parts: Parts = {"kind": kind, "reason": called(event.reason), "claim": claimed(event.demand, event.amount)}
    more = [party_words.ANONYMOUS] if event.anonymous else []
    more += [party_words.FILED_LATE] if event.late else []
    more += [party_words.TAKES_UP] if event.previous else []
    more += [words.say(party_words.ATTACHED, **pieces(event.evidence))] if event.evidence else []
    more += [words.say(party_words.LACKS, kinds=kinds(event.missing))] if event.missing else []
    return Tale("filed", parts, tuple(more), event.description or None, words.SAID)


def by_party(event: PartyEvent, cast: Cast) -> Tale:
    name = EVENT_NAMES[type(event)]
    match event:
        case ClaimAmended():
            return Tale(name, {"claim": claimed(event.demand, event.amount)})
        case EvidenceSubmitted():
            return Tale(name, {"by": cast.side(event.by), **pieces(event.evidence)})
        case MerchantReplied():
            return _replied(name, event)
        case Settled():
            return Tale(f"{name}.{event.basis}", {"owed": owed(event.remedy, event.owed)}, back(event.recoveries, cast))
        case InterventionRequested():
            parts: Parts = {"by": cast.side(event.by), "department": called(event.department)}
            return Tale(f"{name}.{event.ground}", parts, written=event.reason)
        case Expedited():
            return Tale(name, {"priority": event.priority}, written=event.reason)
        case Appealed():
            return _appealed(name, event, cast)
        case RulingAccepted():
            sentence = f"{name}.{'stands' if event.stands else 'waits'}"
            return Tale(sentence, {"by": cast.side(event.by)}, back(event.recoveries, cast))
        case Withdrawn():
            return Tale(name, {}, back(event.recoveries, cast), event.reason)
        case Returned():
            return _returned(name, event, cast)
        case Remedied():
            return Tale(name, {"by": cast.side(event.by), "owed": owed(event.kind, event.amount)})
        case Messaged():
            return Tale(name, {"by": cast.side(event.by)}, written=event.text, introduced=words.SAID)
        case Rated():
            return Tale(name, {"score": event.score}, written=event.comment, introduced=words.SAID)
        case _:
            assert_never(event)


def _replied(name: str, event: MerchantReplied) -> Tale:
    parts: Parts = {"offer": owed(event.offer.kind, event.offer.amount) if event.offer else ""}
    more = (words.say(party_words.ATTACHED, **pieces(event.evidence)),) if event.evidence else ()
    return Tale(f"{name}.{event.decision}", parts, more, event.reason)


def _appealed(name: str, event: Appealed, cast: Cast) -> Tale:
    sentence = event.instance if event.instance in INSTANCES else "other"
    brought = words.say(party_words.BROUGHT, **pieces(event.evidence)) if event.evidence else ""
    parts: Parts = {"by": cast.side(event.by), "brought": brought, "instance": called(event.instance)}
    return Tale(f"{name}.{sentence}", parts, written=event.reason)


def _returned(name: str, event: Returned, cast: Cast) -> Tale:
    step = "disputed" if event.received is False else event.step
    borne = (words.say(party_words.FREIGHT_BY, side=cast.side(event.freight_by)),) if event.freight_by else ()
    return Tale(f"{name}.{step}", {}, borne, event.address or event.pickup or event.tracking, words.SAID)
