"""What was asked of a case, taken back from its events: the command, who asked it and when, step by step.

A step that recorded several events was one command; what the clocks recorded, and what published days made sure, was
asked by nobody. Where the rules left no choice, what was asked is what they say: whoever paid what was owed pays what
is owed now, and the desk that granted the policy's figure grants the figure of another policy, too.

Nobody is named: the sides have stand-ins, so that no text need be opened and an erased one is no hindrance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from case_events.core import commands as asked
from case_events.core import events, promises
from case_events.core.amounts import amount_of
from case_events.core.calendar import elapsed
from case_events.core.case import Case
from case_events.core.changes import undoable
from case_events.core.commands import POSTED, File, Posted
from case_events.core.correcting import granted, shares
from case_events.core.events import Event, Filed, History, Recorded, Ruled
from case_events.core.others import Facts, Previous, listed
from case_events.core.plan import OURSELVES
from case_events.core.policy import ComplaintType, InForce
from case_events.core.promises import Rulebook
from case_events.core.values import Instant, Money, Party, Value

Step = tuple[Recorded, ...]
"""The events of one step, in their order."""
ALL_OF_IT = ("refund", "return_and_refund")
"""Rulings that grant what was claimed, and never another sum (domain R3)."""


class Rules(Value, frozen=True, kw_only=True):
    """What a case was judged by, ``then``, and what it is judged by now."""

    then: Rulebook
    now: Rulebook


def steps_of(history: History) -> Iterator[Step]:
    """The steps that somebody asked for, oldest first."""
    for _, step in groupby(history, attrgetter("correlation")):
        events_of_it = tuple(step)
        if not _by_itself(events_of_it[0]):
            yield events_of_it


def _by_itself(first: Recorded) -> bool:
    """Did the clocks record it, or published days that made a guessed deadline sure?"""
    confirmed = first.client == OURSELVES and isinstance(first.event, events.DeadlineExtended)
    return first.who == "scheduler" or confirmed


def actor_of(first: Recorded, filed: Filed) -> Party:
    """Who asked it, by the stand-in of the side."""
    sides: dict[str, Party] = {"complainant": filed.complainant, "respondent": filed.respondent}
    return stand_in(sides[first.who], first.who) if first.who in sides else Party(role="platform", id="platform")


def stand_in(party: Party, side: str) -> Party:
    return replace(party, id=side)


def filing_of(step: Step, then: InForce) -> tuple[File, Facts]:
    """The filing, and what was known then of other cases; ``then``: the policy it was filed under.

    That the complainant stays unnamed is only wished where the policy did not see to it. A wish for the money at once
    that was not granted is not in the record.
    """
    filed = step[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    always = then.type_of(filed.type, filed.subtype).anonymity == "always"
    command = File(
        type=filed.type,
        subtype=filed.subtype,
        channel=filed.channel,
        reason=filed.reason,
        marketplace=filed.marketplace,
        order=filed.order,
        complainant=stand_in(filed.complainant, "complainant"),
        respondent=stand_in(filed.respondent, "respondent"),
        complainant_entity=filed.complainant_entity,
        respondent_entity=filed.respondent_entity,
        demand=filed.demand,
        amount=filed.amount if filed.amount.amount else None,
        description=filed.description,
        evidence=filed.evidence,
        facts=filed.facts,
        anonymous=filed.anonymous and not always,
        instant_refund=any(isinstance(one.event, events.AdvancePaid) for one in step),
        previous=filed.previous,
        external_ref=filed.external_ref,
        test_clock=filed.test_clock,
    )
    return command, Facts(number=filed.number, marks=filed.marks, previous=_previous(command))


def _previous(command: File) -> Previous | None:
    """The complaint that is taken up again could be: so much is known of it."""
    if command.previous is None:
        return None
    return Previous(
        case_id=command.previous,
        closed=True,
        complainant=command.complainant,
        respondent=command.respondent,
        order_id=command.order.order_id if command.order else None,
        listing=listed(command.facts),
    )


def asked_in(step: Step, case: Case, rules: Rules) -> Posted:
    """What a step after the filing asked for, of the ``case`` as it stands by the rules of now."""
    event = step[0].event
    if isinstance(event, events.DeadlineExtended) and event.kind == "filing":
        return asked.Accept()  # of a complaint that was filed late (domain F3)
    kind = POSTED[step[0].name]
    said = {name: getattr(event, name) for name in kind.__struct_fields__ if hasattr(event, name)}
    by_hand = BY_HAND.get(type(event))
    return kind(**said) if by_hand is None else kind(**said | by_hand(event, step[0].effective_at, case, rules))


def _remedied(_event: events.Remedied, _at: Instant, case: Case, _rules: Rules) -> dict[str, Any]:
    return {"kind": case.remedy, "amount": case.owed} if case.remedy is not None else {}


def _recovered(event: events.Recovered, _at: Instant, case: Case, _rules: Rules) -> dict[str, Any]:
    owed = next((one.amount for one in case.recoveries if one.party == event.party), event.amount)
    return {"amount": owed}


def _assigned(_event: events.Assigned, _at: Instant, case: Case, _rules: Rules) -> dict[str, Any]:
    return {"department": case.department}


def _advanced(event: events.AdvancePaid, _at: Instant, _case: Case, _rules: Rules) -> dict[str, Any]:
    return {"amount": event.advance.amount, "recover_from": event.advance.recover_from}


def _followed_up(event: events.FollowedUp, _at: Instant, _case: Case, _rules: Rules) -> dict[str, Any]:
    return {"amount": event.owed}


def _ruled(ruled: Ruled, _at: Instant, case: Case, rules: Rules) -> dict[str, Any]:
    then, now = rules.then.rules, rules.now.rules
    return {
        "amount": _amount(ruled, case, then, now),
        "liable": shares(ruled),
        "penalties": _penalties(ruled, then, now),
    }


def _amount(ruled: Ruled, case: Case, then: ComplaintType, now: ComplaintType) -> Money | None:
    """R3: what was claimed, or the policy's figure, where it was that; else the sum that the desk found right."""
    found = granted(ruled)
    formula = now.ruling.amounts.get(ruled.outcome)
    if found is None:
        return None
    if ruled.outcome in ALL_OF_IT:
        return case.amount
    if formula is None or ruled.departs is not None or ruled.outcome not in then.ruling.amounts:
        return found
    return replace(found, amount=amount_of(formula, case.order, case.facts))


def _penalties(ruled: Ruled, then: ComplaintType, now: ComplaintType) -> asked.PenaltyList:
    """M2: what the clause brought is what it brings now; the others are the desk's own."""
    brought, brings = (one.ruling.sanctions.get(ruled.rule, ()) for one in (then, now))
    if ruled.departs is not None or brought == brings:
        return ruled.penalties
    own = tuple(one for one in ruled.penalties if one not in brought)
    return (*own, *(one for one in brings if one not in own))


def _corrected(corrected: events.Corrected, at: Instant, case: Case, rules: Rules) -> dict[str, Any]:
    """Of a ruling all that it reads now, whether that was put right or not."""
    ruling = corrected.ruling
    if ruling is None:
        return {"fields": asked.Correction(text=corrected.text)}
    reads = {name: getattr(ruling, name) for name in ("outcome", "rule", "reasons", "departs")}
    return {"fields": asked.Correction(**reads | _ruled(ruling, at, case, rules))}


def _reversed(event: events.TimeoutReversed, at: Instant, case: Case, rules: Rules) -> dict[str, Any]:
    """The same party's timeout of the same kind, where there is one: another version may have set its clock."""
    about = (event.kind, event.party)
    until = next(one.due_at for one in event.clocks if (one.kind, one.party) == about)
    usual = until == at + elapsed(rules.then.minimum_notice)
    same = [one.event_id for one in undoable(case) if (one.kind, one.party) == about]
    return {"due_at": None if usual else until} | ({"event": same[0]} if same else {})


def _requested(event: events.EvidenceRequested, at: Instant, _case: Case, rules: Rules) -> dict[str, Any]:
    """In the policy's time where it was that, else in as much as the desk gave."""
    clock = next(one for one in event.clocks if one.kind == "evidence")
    terms = rules.then.rules.evidence
    usual = terms is not None and promises.evidence(event.party, at, None, rules.then).due_at == clock.due_at
    return {"within": None if usual or clock.provisional else clock.due_at - at}


ByHand = Callable[[Any, Instant, Case, Rules], dict[str, Any]]
BY_HAND: dict[type[Event], ByHand] = {
    events.Remedied: _remedied,
    events.Recovered: _recovered,
    events.Assigned: _assigned,
    events.AdvancePaid: _advanced,
    events.FollowedUp: _followed_up,
    events.Ruled: _ruled,
    events.Corrected: _corrected,
    events.TimeoutReversed: _reversed,
    events.EvidenceRequested: _requested,
}
"""What a command says that its event says in another way, or that the rules leave no choice about."""
