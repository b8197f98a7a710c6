"""Who is who in a case's telling, and what every sentence about it needs: sides, sums, shares, kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from case_events.core import platform_words, words
from case_events.core.case import Case
from case_events.core.policy import ComplaintType
from case_events.core.values import (
    BASIS_POINTS,
    ClockParty,
    Evidence,
    Liable,
    Money,
    Penalty,
    Recovery,
    Text,
    Value,
    Who,
)
from case_events.core.vocabulary import SIDES, called, role

SHARED = "shared_liability"
Parts = Mapping[str, Text | str | int]


class Tale(NamedTuple):
    """One event: the name of its sentence, what fills it in, what is said beside, and what a person wrote."""

    sentence: str
    parts: Parts = MappingProxyType({})
    more: tuple[Text, ...] = ()
    written: str | None = None
    introduced: Text = words.REASON


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
    """Who is who: by role, or where both have the same, by side."""
    if case.complainant.role == case.respondent.role:
        return Cast(**SIDES, title=rules.title)
    return Cast(
        complainant=role(case.complainant.role, "complainant"),
        respondent=role(case.respondent.role, "respondent"),
        title=rules.title,
    )


def owed(kind: str, amount: Money | None) -> Text:
    """What is owed: ``退款 ¥129.00``; ``换货`` where it is no money; of what is shared, what the complainant gets."""
    if kind == SHARED and amount is not None:
        return words.say(words.SHARED, kind=called(kind), amount=words.money(amount))
    return words.thing(called(kind), amount)


def claimed(demand: str, amount: Money) -> Text:
    """What is asked for; a claim of no money names the thing alone."""
    return owed(demand, amount if amount.amount else None)


def outcome(word: str) -> Text:
    """How a case ended; outcomes are open, one we do not know stands as it is."""
    return words.OUTCOMES.get(word) or called(word)


def kinds(found: Iterable[str]) -> Text:
    return words.listed([called(kind) for kind in dict.fromkeys(found)])


def pieces(evidence: tuple[Evidence, ...]) -> Parts:
    return {"count": len(evidence), "kinds": kinds(item.kind for item in evidence)}


def shares(liable: tuple[Liable, ...], cast: Cast) -> Text:
    """``商家 70%（¥90.30）``; shares in basis points, without needless zeros; what a sole bearer owes was said."""
    return words.listed([_share(one, cast.side(one.party), alone=len(liable) == 1) for one in liable])


def penalties(imposed: tuple[Penalty, ...], cast: Cast) -> Text:
    """``扣分 6 分``; whose it is where it is not the respondent's."""
    return words.listed([_penalty(one, cast) for one in imposed])


def back(due: tuple[Recovery, ...], cast: Cast) -> tuple[Text, ...]:
    """What each side pays back to the platform: ``商家 ¥50.00``; no sentence where nobody does."""
    if not due:
        return ()
    shown = words.listed([_debt(one.amount, cast.side(one.party)) for one in due])
    return (words.say(platform_words.RECOVERIES, recoveries=shown),)


def _debt(amount: Money, side: Text) -> Text:
    return Text(zh=f"{side.zh} {words.money(amount)}", en=f"{words.money(amount)} by {side.en}")


def sums(due: tuple[Recovery, ...]) -> str:
    return ", ".join(words.money(one.amount) for one in due)


def _share(one: Liable, side: Text, *, alone: bool) -> Text:
    whole, rest = divmod(one.share * 100, BASIS_POINTS)
    percent = f"{whole}.{rest // 100:02d}".rstrip("0") if rest else str(whole)
    amount = words.money(one.amount) if one.amount and not alone else None
    return Text(
        zh=f"{side.zh} {percent}%" + (f"（{amount}）" if amount else ""),
        en=f"{side.en} {percent}%" + (f" ({amount})" if amount else ""),
    )


def _penalty(one: Penalty, cast: Cast) -> Text:
    named = called(one.kind)
    zh = named.zh if one.points is None else f"{named.zh} {one.points} 分"
    en = named.en if one.points is None else f"{named.en} ({one.points})"
    if one.on == "respondent":
        return Text(zh=zh, en=en)
    side = cast.side(one.on)
    return Text(zh=f"{zh}（{side.zh}）", en=f"{en} for {side.en}")
