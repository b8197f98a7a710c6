"""One event of a case in words: which sentence tells it, and what fills that sentence in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from case_events.core import words
from case_events.core.case import Case
from case_events.core.events import (
    EVENT_NAMES,
    Accepted,
    Appealed,
    ClaimAmended,
    Closed,
    DeadlineExtended,
    Dismissed,
    Escalated,
    Event,
    EvidenceList,
    EvidenceRequested,
    EvidenceSubmitted,
    Filed,
    InterventionRequested,
    MerchantReplied,
    Remedied,
    Returned,
    Ruled,
    Settled,
    Withdrawn,
)
from case_events.core.policy import ComplaintType, Text
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    EvidenceTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RemedyTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
)
from case_events.core.values import BASIS_POINTS, ClockParty, Money, Value, Who
from case_events.core.vocabulary import called, role

Parts = dict[str, Text | str | int]


class Cast(Value, frozen=True, kw_only=True):
    """What the parties of a case are called, and the title its policy gives the complaint."""

    complainant: Text
    respondent: Text
    title: Text

    def say(self, sentence: Text, **parts: Text | str | int) -> Text:
        return words.say(sentence, complainant=self.complainant, respondent=self.respondent, title=self.title, **parts)

    def side(self, who: Who | ClockParty) -> Text:
        return self.say(words.PARTIES[who])


def cast_of(case: Case, rules: ComplaintType) -> Cast:
    return Cast(
        complainant=role(case.complainant.role, "complainant"),
        respondent=role(case.respondent.role, "respondent"),
        title=rules.title,
    )


def told(event: Event, cast: Cast) -> list[Text]:
    """The sentences that tell ``event``; what a person wrote comes last, or that it was erased."""
    sentences = [cast.say(words.EVENTS[sentence_of(event)], **_parts(event, cast))]
    if isinstance(event, Ruled):
        sentences += _ruled(event, cast)
    if isinstance(event, Filed | MerchantReplied) and event.evidence:
        sentences.append(words.say(words.ATTACHED, **_pieces(event.evidence)))
    written = _written(event)
    if written is None:
        return sentences
    introduced = words.SAID if isinstance(event, Filed | Returned) else words.REASON
    return [*sentences, words.say(introduced, words=words.quoted(written))]


def owed(kind: str, amount: Money | None) -> Text:
    """What is owed: ``退款 ¥129.00``; ``换货`` where it is no money."""
    return words.thing(called(kind), amount)


def outcome(word: str) -> Text:
    """How a case ended; outcomes are open, one we do not know stands as it is."""
    return words.OUTCOMES.get(word) or called(word)


def sentence_of(event: Event) -> str:
    """The name of the sentence that tells an event: its own, or that of its variant."""
    name = EVENT_NAMES[type(event)]
    match event:
        case MerchantReplied():
            return f"{name}.{event.decision}"
        case Settled():
            return f"{name}.{event.basis}"
        case InterventionRequested():
            return f"{name}.{event.ground}"
        case Returned():
            return f"{name}.{event.step}"
        case ReturnTimedOut():
            return f"{name}.{event.effect}"
        case Dismissed():
            return f"{name}.{'malicious' if event.malicious else 'unfounded'}"
        case _:
            return name


def _parts(event: Event, cast: Cast) -> Parts:
    match event:
        case Filed():
            return {"reason": called(event.reason), "claim": owed(event.demand, event.amount)}
        case ClaimAmended():
            return {"claim": owed(event.demand, event.amount)}
        case EvidenceSubmitted() | Appealed():
            return {"by": cast.side(event.by), **_pieces(event.evidence)}
        case MerchantReplied():
            return {"offer": owed(event.offer.kind, event.offer.amount) if event.offer else ""}
        case EvidenceRequested():
            return {"asked": cast.side(event.party), "kinds": _kinds(event.kinds)}
        case Escalated():
            return {"department": called(event.to)}
        case Returned():
            return {}
        case EvidenceTimedOut() | ReturnTimedOut():
            return {"asked": cast.side(event.party), "due": words.clock_time(event.due_at)}
        case Settled():
            return {"owed": owed(event.remedy, event.owed)}
        case InterventionRequested():
            return {"by": cast.side(event.by), "department": called(event.department)}
        case Ruled():
            grants = words.NOTHING if event.verdict == "rejected" else owed(event.outcome, event.owed)
            return {"round": event.round, "verdict": words.OUTCOMES[event.verdict], "owed": grants}
        case Remedied():
            return {"by": cast.side(event.by), "owed": owed(event.kind, event.amount)}
        case Closed():
            return {"outcome": outcome(event.outcome)}
        case AcceptanceTimedOut() | RulingTimedOut() | RemedyTimedOut():
            return {"due": words.clock_time(event.due_at), "priority": event.priority}
        case MerchantResponseTimedOut() | NegotiationStalled() | InterventionWindowExpired() | AppealWindowExpired():
            return {"due": words.clock_time(event.due_at)}
        case Accepted() | Dismissed() | Withdrawn() | DeadlineExtended():
            return {}
        case _:
            assert_never(event)


def _pieces(evidence: EvidenceList) -> Parts:
    kinds = list(dict.fromkeys(item.kind for item in evidence))
    return {"count": len(evidence), "kinds": _kinds(kinds)}


def _kinds(kinds: Iterable[str]) -> Text:
    return words.listed([called(kind) for kind in kinds])


def _ruled(event: Ruled, cast: Cast) -> list[Text]:
    """Who bears it, what it costs the merchant, and whether it is the last word."""
    shares = [_share(cast.side(one.party), one.share) for one in event.liable]
    sentences = [words.say(words.LIABLE, shares=words.listed(shares))] if shares else []
    if event.penalties:
        penalties = words.listed([called(penalty) for penalty in event.penalties])
        sentences.append(words.say(words.PENALTIES, penalties=penalties))
    if event.departs:
        sentences.append(words.say(words.DEPARTS, words=words.quoted(event.departs)))
    return [*sentences, words.FINAL] if event.final else sentences


def _share(side: Text, share: int) -> Text:
    """``商家 70%``; a share in basis points, without needless zeros."""
    whole, rest = divmod(share * 100, BASIS_POINTS)
    percent = f"{whole}.{rest // 100:02d}".rstrip("0") if rest else str(whole)
    return Text(zh=f"{side.zh} {percent}%", en=f"{side.en} {percent}%")


def _written(event: Event) -> str | None:
    match event:
        case Filed():
            return event.description
        case Ruled():
            return event.reasons
        case MerchantReplied() | InterventionRequested() | Appealed() | Withdrawn() | Closed() | DeadlineExtended():
            return event.reason
        case Returned():
            return event.address or event.tracking
        case Dismissed() | Escalated():
            return event.reason
        case _:
            return None
