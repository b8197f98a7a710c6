"""Every sum and count a policy names: caps, amounts, points, what is paid first, and how late is late."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from case_events.core.commands import PayAdvance, Withdraw
from case_events.core.facts import ContractFacts
from case_events.core.values import Instant, Penalty
from tests.examples import TICK
from tests.figures.promise import Owed, Promise
from tests.figures.scene import (
    RETURN_FREIGHT,
    RULED_AT,
    Market,
    ask,
    facts,
    fen,
    granting,
    order,
    rejecting,
    running,
    shown,
    take,
)


def cap(promise: Promise, market: Market) -> None:
    """F6, R3: so much may be claimed, and not a fen more."""
    assert promise.cap is not None
    market.filed(promise, amount=fen(promise.cap))
    market.ask_to_file(promise, amount=fen(promise.cap + 1)).faults("/amount/amount")


def owed(promise: Promise, market: Market) -> None:
    """R3, L5-L11, B2: a ruling grants the formula's amount, no fen more and no fen less."""
    for one in promise.owed:
        _owed(promise, market, one)


def _owed(promise: Promise, market: Market, one: Owed) -> None:
    bought = order(promise)
    if one.category is not None:
        bought = replace(bought, goods=(replace(bought.goods[0], category=one.category),))
    said = replace(one.facts, return_freight=fen(RETURN_FREIGHT), refund=facts(promise).refund)
    claim: dict[str, Any] = {"order": bought, "facts": said, "amount": fen(one.fen)}
    if one.capped:
        market.ask_to_file(promise, **{**claim, "amount": fen(one.fen + 1)}).faults("/amount/amount")
    dispute = market.at_the_desk(promise, **claim)
    for wrong in (one.fen - 1, one.fen + 1):
        ruling = granting(promise, outcome=one.outcome, amount=fen(wrong))
        problem = ask(dispute.fork(), promise, "platform", ruling, RULED_AT).refused("invalid")
        assert str(one.fen) in next(fault.detail for fault in problem.errors if fault.pointer == "/data/amount")
    take(dispute, promise, "platform", granting(promise, outcome=one.outcome, amount=fen(one.fen)), RULED_AT)


def points(promise: Promise, market: Market) -> None:
    """M2, R2: the clause costs exactly so many points."""
    assert promise.points is not None
    clause, count = promise.points
    dispute = market.at_the_desk(promise)
    for other in (count - 1, count + 1):
        ruling = granting(promise, rule=clause, penalties=(Penalty(kind="points", points=other),))
        ask(dispute.fork(), promise, "platform", ruling, RULED_AT).faults("/data/penalties")
    ruling = granting(promise, rule=clause, penalties=(Penalty(kind="points", points=count),))
    take(dispute, promise, "platform", ruling, RULED_AT)


def advance(promise: Promise, market: Market) -> None:
    """P6: the platform pays first so much, and not a fen more; who fails gives it back in its time, reminded of it."""
    assert promise.advance is not None
    assert promise.cap is not None
    dispute = market.at_the_desk(promise, amount=fen(promise.cap))
    more = PayAdvance(amount=fen(promise.advance + 1))
    ask(dispute.fork(), promise, "platform", more, RULED_AT).faults("/data/amount/amount")
    take(dispute, promise, "platform", PayAdvance(amount=fen(promise.advance)), RULED_AT)
    take(dispute, promise, "complainant", Withdraw(), RULED_AT)
    running(dispute, promise, recovery=promise.remedy)


def instant(promise: Promise, market: Market) -> None:
    """P6: a trusted complainant is refunded at filing up to so much, and not a fen more."""
    assert promise.instant is not None
    trusted = replace(facts(promise), trusted=True)
    claim: dict[str, Any] = {"reason": promise.instant_reason, "facts": trusted, "instant_refund": True}
    paid = market.filed(promise, **claim, amount=fen(promise.instant))
    assert "advance_paid" in paid.written
    assert [one.amount for one in paid.case.advances] == [fen(promise.instant)]
    market.ask_to_file(promise, **claim, amount=fen(promise.instant + 1)).faults("/instant_refund")


def accuracy(promise: Promise, market: Market) -> None:
    """L10: a contract that promises so much, and none that promises less."""
    assert promise.accuracy is not None
    promised = ContractFacts(accuracy=promise.accuracy)
    market.filed(promise, facts=replace(facts(promise), contract=promised))
    less = ContractFacts(accuracy=promise.accuracy - 1)
    market.ask_to_file(promise, facts=replace(facts(promise), contract=less)).refused("not_eligible")


def shipping(promise: Promise, market: Market) -> None:
    """E5, M1: picked up at the last instant and moved at the last instant is in time; a microsecond later is late."""
    assert promise.shipping is not None
    paid = order(promise).paid_at
    assert paid is not None
    ship_by = Instant.of(paid + promise.shipping.ship_within)
    moves_by = Instant.of(ship_by + promise.shipping.moves_within)
    reject = replace(rejecting(promise), departs=None)
    for picked_up, moved, late in (
        (ship_by, moves_by, False),
        (Instant.of(ship_by + TICK), Instant.of(moves_by), True),
        (ship_by, Instant.of(moves_by + TICK), True),
    ):
        dispute = market.at_the_desk(promise, evidence=(shown("pickup_record", picked_up, moved),))
        ruled = ask(dispute, promise, "platform", reject, RULED_AT)
        if late:
            ruled.faults("/data/outcome")
        else:
            assert ruled.last.problem is None, ruled.last.problem


def says(promise: Promise, market: Market) -> None:
    """A figure that decides nothing by itself, as it stands in the clause: the longer of two always wins (F3)."""
    rules = market.in_force.type_of(promise.type, promise.subtype)
    for clause, zh, en in promise.says:
        assert zh in rules.clauses[clause].zh
        assert en in rules.clauses[clause].en
