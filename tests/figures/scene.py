"""Bringing a case of any promised type to the point that is looked at, in memory and only by what parties post."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.commands import Accept, File, Posted, Reply, Respond, Rule
from case_events.core.facts import FilingFacts
from case_events.core.others import Facts
from case_events.core.policy import InForce
from case_events.core.timeouts import TimedOut
from case_events.core.values import Evidence, Goods, Instant, Money, Offer, Order, Party, Side
from tests.examples import NOON, TICK, proof
from tests.figures.promise import Length, Promise, Working, doubled, ends
from tests.spec import Dispute, When, days, hours

REMINDER = "_reminder"
PAID, FREIGHT, RETURN_FREIGHT = 100_000, 1_200, 1_500
GOODS = Goods(sku="sku-1", title="商品", category="apparel", quantity=2, price=Money(amount=48_000, currency="CNY"))
"""The order of every figure: 1000.00 paid, 12.00 freight, goods worth 2 x 480.00; sending back costs 15.00."""
PARTIES = {
    role: Party(role=role, id=f"{role}-1")
    for role in ("buyer", "merchant", "platform", "rights_holder", "carrier", "warehouse", "insurer")
}
ACCEPTED_AT, DECIDED_AT, RULED_AT = hours(1), hours(2), hours(3)
"""After filing, all of it on one Monday: when the platform takes the case, the respondent answers, and it is ruled."""


INTERVALS = 7
"""So many intervals reach every longest one, and one of half a day takes them all."""


def fen(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


@dataclass(frozen=True)
class Market:
    """The rules everything is asked under, and the working days."""

    in_force: InForce
    calendar: Calendar

    def ask_to_file(self, promise: Promise, at: Instant = NOON, *, marks: int = 0, **changes: Any) -> Dispute:
        """A complaint of this type is filed; perhaps it is refused."""
        dispute = Dispute(self.in_force, self.calendar, Facts(number="C-1", marks=marks), promise.name)
        return dispute.file(replace(filing(promise), **changes), at=at)

    def filed(self, promise: Promise, **changes: Any) -> Dispute:
        dispute = self.ask_to_file(promise, **changes)
        assert dispute.last.problem is None, dispute.last.problem
        return dispute

    def in_turn(self, promise: Promise, **changes: Any) -> Dispute:
        """The respondent is next."""
        dispute = self.filed(promise, **changes)
        return dispute if promise.acceptance is None else take(dispute, promise, "platform", Accept(), ACCEPTED_AT)

    def at_the_desk(self, promise: Promise, **changes: Any) -> Dispute:
        """The respondent refused, or has no turn; the platform is next."""
        if promise.reply is None:
            return self.filed(promise, **changes)
        refusal = answer(promise, decision="refuse", reason="不同意。")
        return take(self.in_turn(promise, **changes), promise, "respondent", refusal, DECIDED_AT)


def filing(promise: Promise) -> File:
    """A complaint of this type, filed when its window opens, with the evidence its reason requires."""
    return File(
        type=promise.type,
        subtype=promise.subtype,
        reason=promise.reason,
        marketplace="any",
        order=order(promise) if promise.status else None,
        complainant=PARTIES[promise.complainant],
        respondent=PARTIES[promise.respondent],
        demand=promise.demand,
        amount=None if promise.amount is None else fen(promise.amount),
        description="投诉。",
        evidence=tuple(proof(number, kind) for number, kind in enumerate(promise.required, start=1)),
        facts=facts(promise),
    )


def order(promise: Promise) -> Order:
    """The order, at noon as its state says; it was made and paid nine days before, where that is not what counts."""
    assert promise.status is not None, "a type about an order"
    before = Instant.of(NOON - days(9))
    dates: dict[str, Instant] = {"created_at": before, "paid_at": before, promise.counted_from: NOON}
    return Order(
        order_id="T1",
        status=promise.status,
        paid=fen(PAID),
        freight=fen(FREIGHT),
        goods=(replace(GOODS, category=promise.goods),),
        merchant_promises=promise.promises,
        **dates,
    )


def facts(promise: Promise) -> FilingFacts:
    return replace(promise.facts or FilingFacts(), return_freight=fen(RETURN_FREIGHT))


def take(dispute: Dispute, promise: Promise, side: Side, command: Posted, at: When) -> Dispute:
    """``command`` is asked by this side, and is not refused."""
    asked = ask(dispute, promise, side, command, at)
    assert asked.last.problem is None, asked.last.problem
    return asked


def ask(dispute: Dispute, promise: Promise, side: Side, command: Posted, at: When) -> Dispute:
    role = {"complainant": promise.complainant, "respondent": promise.respondent, "platform": "platform"}[side]
    return dispute.when(command, at=at, by=PARTIES[role])


def answer(promise: Promise, **said: Any) -> Posted:
    return (Reply if promise.respondent == "merchant" else Respond)(**said)


def offering(promise: Promise) -> Posted:
    assert promise.offer is not None, "a type that takes offers"
    return answer(promise, decision="offer", offer=Offer(kind=promise.offer, amount=fen(1)))


def rejecting(promise: Promise) -> Rule:
    """The claim fails; where the pickup record might say otherwise, the ruling says why."""
    departs = "另有约定。" if promise.shipping else None
    return Rule(outcome="rejected", rule=promise.clause, reasons="证据不足。", departs=departs)


def granting(promise: Promise, **said: Any) -> Rule:
    """The claim is granted whole."""
    moves_money = promise.amount is not None and promise.demand not in ("exchange", "repair")
    amount = fen(promise.amount) if promise.amount is not None and moves_money else None
    return replace(Rule(outcome=promise.demand, amount=amount, rule=promise.clause, reasons="属实。"), **said)


def running(
    dispute: Dispute, promise: Promise, target: Instant | None = None, /, **due: Instant | timedelta | Working
) -> None:
    """Exactly these clocks run, until then or so long from now, and each is reminded of as is promised (Q2)."""
    wanted = {kind: _until(dispute, at) for kind, at in due.items()}
    assert {one.kind: one.due_at for one in dispute.case.clocks} == wanted
    leads = dict(promise.reminders)
    reminders = {kind: Instant.of(at - leads[kind]) for kind, at in wanted.items() if kind in leads}
    if target is not None:
        reminders["ruling"] = target
    told = {one.kind.removesuffix(REMINDER): one.due_at for one in dispute.case.reminders}
    assert told == {kind: at for kind, at in reminders.items() if at > dispute.now}


def _until(dispute: Dispute, at: Instant | timedelta | Working) -> Instant:
    return at if isinstance(at, Instant) else ends(dispute.now, at)


def runs_out(dispute: Dispute, kind: str, event: str, at: Instant) -> Dispute:
    """This clock is in time at ``at`` itself, and has run out a microsecond later; the case then."""
    still = dispute.fork().passes(at)
    assert dispute.instant(at) in {one.due_at for one in still.case.clocks if one.kind == kind}
    assert event not in still.written
    over = dispute.fork().passes(Instant.of(at + TICK))
    assert event in over.written
    return over


def left_alone(dispute: Dispute, kind: str, at: Instant, first: Length, longest: Length) -> None:
    """What ran out at ``at`` does so again and again: each time after twice as long, up to the longest."""
    expected, length = [at], first
    for _ in range(INTERVALS):
        expected.append(ends(expected[-1], length))
        length = doubled(length, longest)
    over = dispute.fork().passes(Instant.of(expected[-1] + TICK))
    missed = [one.event for one in over.history if isinstance(one.event, TimedOut)]
    assert [event.due_at for event in missed if event.kind == kind] == expected


def due(dispute: Dispute, kind: str) -> Instant:
    """When the clock of this kind runs out; it was checked by ``running`` before."""
    return dispute.clock(kind).due_at


def shown(kind: str, shows_at: Instant, moved_at: Instant) -> Evidence:
    return replace(proof(9, kind), shows_at=shows_at, moved_at=moved_at)
