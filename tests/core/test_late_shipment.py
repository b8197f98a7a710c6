"""Late shipment: what must have gone before it (F4), and five percent of the order for it (M1, R3)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.amounts import amount_of
from case_events.core.commands import File, Rule
from case_events.core.events import Filed, Ruled
from case_events.core.facts import FilingFacts, RefundFacts
from case_events.core.formulas import Formula
from case_events.core.values import Instant, Money
from tests.examples import ACCEPT, FILING, NOON, ORDER, REFUSE, REJECT, TICK
from tests.spec import Dispute, days, given, hours

PAID_AT = Instant.of(NOON - days(9))
FACTS = FilingFacts(refund=RefundFacts(applied_at=Instant.of(PAID_AT + days(4)), succeeded_at=NOON))
CLOSED = replace(ORDER, status="trade_closed", paid_at=PAID_AT, succeeded_at=None, closed_at=NOON)
LATE: File = replace(
    FILING,
    type="late_shipment",
    reason="late_shipment",
    demand="compensation",
    amount=Money(amount=645, currency="CNY"),
    order=CLOSED,
    facts=FACTS,
)


def fen(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


def compensation(amount: int, departs: str | None = None) -> Rule:
    return Rule(
        outcome="compensation", amount=fen(amount), rule="shipped_late", reasons="超过72小时未发货。", departs=departs
    )


def refused(filing: File = LATE) -> Dispute:
    return given().file(filing).when(ACCEPT, at=hours(1)).when(REFUSE, at=days(1))


def test_the_refund_it_is_about_is_recorded_with_the_filing() -> None:
    event = given().file(LATE).then("filed").history[0].event
    assert isinstance(event, Filed)
    assert event.facts == FACTS


def test_without_the_refund_or_the_payment_both_are_named() -> None:
    bare = replace(LATE, facts=None, order=replace(CLOSED, paid_at=None))
    given().file(bare).faults("/facts/refund", "/order/paid_at")
    given().file(replace(LATE, facts=FilingFacts())).faults("/facts/refund")


def test_a_refund_applied_for_within_72_hours_of_payment_or_not_yet_paid_does_not_count() -> None:
    edge = Instant.of(PAID_AT + hours(72))
    early = replace(LATE, facts=FilingFacts(refund=RefundFacts(applied_at=edge, succeeded_at=NOON)))
    assert edge.rfc3339() in given().file(early).refused("not_eligible").detail
    pending = FilingFacts(refund=RefundFacts(applied_at=Instant.of(edge + TICK), succeeded_at=Instant.of(NOON + TICK)))
    given().file(replace(LATE, facts=pending)).refused("not_eligible")


def test_it_is_for_orders_that_were_closed() -> None:
    given().file(replace(LATE, order=replace(CLOSED, status="trade_success"))).refused("not_eligible")


@pytest.mark.parametrize(("paid", "due"), [(12_900, 645), (12_909, 645), (12_910, 646), (1, 0), (10, 1), (9, 0)])
def test_five_percent_is_rounded_half_up_to_the_fen(paid: int, due: int) -> None:
    order = replace(ORDER, paid=Money(amount=paid, currency="CNY"))
    assert amount_of(Formula(share_of="paid", basis_points=500), order, None) == due


def test_a_ruling_that_departs_from_the_figure_is_refused_naming_it_unless_it_says_why() -> None:
    for amount in (644, 646, 0):
        problem = refused().when(compensation(amount), at=days(2)).faults("/data/amount").last.problem
        assert problem is not None
        assert "645" in problem.errors[0].detail
    refused().when(compensation(645), at=days(2)).then("ruled")
    dispute = refused().when(compensation(300, departs="预售条款另有约定。"), at=days(2)).then("ruled")
    event = dispute.last.answer[0].event
    assert isinstance(event, Ruled)
    assert (event.owed, event.departs, event.verdict) == (fen(300), "预售条款另有约定。", "partly_upheld")


def test_a_rejected_claim_owes_nothing_whatever_the_formula() -> None:
    refused().when(replace(REJECT, rule="shipped_in_time"), at=days(2)).then("ruled")
