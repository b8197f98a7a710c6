"""Every kind of complaint there is, ready to be filed: each type and subtype of the policies shipped and landed."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from msgspec.structs import replace

from case_events.core.amounts import cap_of
from case_events.core.commands import File
from case_events.core.facts import (
    ContractFacts,
    DocumentFacts,
    FilingFacts,
    ListingFacts,
    RefundFacts,
    ReviewFacts,
    RightsFacts,
)
from case_events.core.policy import ComplaintType, InForce
from case_events.core.values import Instant, Money, Order, Party
from case_events.policies import load, shipped
from tests import examples as ex
from tests.spec import TEST_CLOCK, Dispute, given

ROLES = {"platform": ex.PLATFORM}


class Subject(NamedTuple):
    """What a complaint is about; ``instant``: its complainant asks for the money at once (domain P6)."""

    in_force: InForce
    type: str
    subtype: str | None = None
    reason: str | None = None
    demand: str | None = None
    circumstance: str | None = None
    channel: str | None = None
    instant: bool = False

    @property
    def rules(self) -> ComplaintType:
        return self.in_force.type_of(self.type, self.subtype)


@functools.cache
def policies() -> dict[str, InForce]:
    """The shipped policies and the one that landed before them, by name and version."""
    loaded = [load(text) for text in (*shipped(), ex.taobao_text())]
    return {f"{one.ref.name}@{one.ref.version}": one for one in loaded}


@functools.cache
def subjects() -> dict[str, Subject]:
    """Every type and subtype of every policy, and the ways of filing it that take another course; by name."""
    found = {f"landed, {name}": Subject(ex.policy(*changes), "not_received") for name, changes in ex.POLICIES.items()}
    found["landed, with return"] = found["landed, with return"]._replace(demand="return_and_refund")
    for policy, in_force in policies().items():
        for name, rules in in_force.policy.types.items():
            for subtype in tuple(rules.subtypes) or (None,):
                plain = Subject(in_force, name, subtype)
                title = " ".join(filter(None, (policy, name, subtype)))
                found |= {" ".join((title, *said)): one for said, one in _ways(plain)}
    return found


def _ways(plain: Subject) -> Iterator[tuple[tuple[str, ...], Subject]]:
    rules = plain.rules
    yield (), plain
    for demand in rules.demands[1:]:
        yield (demand,), plain._replace(demand=demand)
    for circumstance in rules.filing.circumstances[1:]:
        yield (circumstance,), plain._replace(circumstance=circumstance)
    for channel in rules.ruling.channels:
        yield (channel,), plain._replace(channel=channel)
    if rules.advance is not None and rules.advance.instant_up_to is not None:
        yield ("at once",), plain._replace(instant=True, reason=(rules.advance.instant_reasons or rules.reasons)[0])


def filed(subject: Subject, at: Instant, *, clocked: bool = False) -> Dispute:
    """The complaint, filed as its policy wants it."""
    dispute = given(subject.in_force).file(filing(subject, at, clocked=clocked), at=at)
    assert dispute.last.problem is None, dispute.last.problem
    return dispute


def filing(subject: Subject, at: Instant, *, clocked: bool = False) -> File:
    rules, reason = subject.rules, subject.reason or subject.rules.reasons[0]
    order = _order(rules, at) if rules.filing.order_states else None
    facts = _facts(subject, at)
    demands = rules.demands_of.get(reason, rules.demands)
    return File(
        type=subject.type,
        subtype=subject.subtype,
        reason=reason,
        marketplace=subject.in_force.policy.marketplace,
        order=order,
        complainant=_party("complainant", rules.complainants[0]),
        respondent=_party("respondent", rules.respondents[0]),
        demand=subject.demand if subject.demand in demands else demands[0],
        amount=_amount(rules, order, facts),
        description="事情的经过。",
        channel=subject.channel,
        facts=facts,
        evidence=(ex.proof(1),),
        instant_refund=subject.instant,
        test_clock=TEST_CLOCK if clocked else None,
    )


def _party(side: str, role: str) -> Party:
    return ROLES.get(role) or Party(role=role, id=f"{side}-1")


def _order(rules: ComplaintType, at: Instant) -> Order:
    """Created five days ago; what of its course is not needed does no harm."""

    def ago(days: float) -> Instant:
        return Instant.of(at - timedelta(days=days))

    return replace(
        ex.ORDER,
        status=rules.filing.order_states[0],
        created_at=ago(5),
        paid_at=ago(5),
        shipped_at=ago(4),
        succeeded_at=ago(2),
        closed_at=ago(1),
    )


def _facts(subject: Subject, at: Instant) -> FilingFacts:
    terms = subject.rules.filing
    applied = Instant.of(at - timedelta(days=1, hours=2))
    circumstance = subject.circumstance or next(iter(terms.circumstances), None)
    return FilingFacts(
        refund=RefundFacts(applied_at=applied, succeeded_at=applied) if terms.refund_after else None,
        review=ReviewFacts(rating="negative", in_effect=True) if "review" in terms.needs else None,
        listing=ListingFacts(listing_id="l-1") if "listing" in terms.needs else None,
        rights=RightsFacts(kind=terms.rights[0] if terms.rights else "trademark") if "rights" in terms.needs else None,
        contract=ContractFacts(amount=ex.yuan(80), accuracy=9_990) if "contract" in terms.needs else None,
        document=DocumentFacts(type=terms.documents[0], number="D-1") if terms.documents else None,
        circumstance=circumstance,
        loss=ex.yuan(60),
        trusted=subject.instant,
    )


def _amount(rules: ComplaintType, order: Order | None, facts: FilingFacts) -> Money | None:
    if rules.cap == "nothing":
        return None
    cap = cap_of(rules.cap, order, facts)
    most = ex.yuan(129).amount if cap is None else min(cap, ex.yuan(129).amount)
    return Money(amount=most, currency="CNY")
