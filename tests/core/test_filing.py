"""Filing: order states, the window to the microsecond, every fault at once, caps, one open complaint (F1–F6)."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.others import Facts
from case_events.core.values import Instant, Money
from tests.examples import (
    BUYER,
    FILING,
    GOODS,
    MERCHANT,
    NOON,
    ORDER,
    PLATFORM,
    TICK,
    order_that_succeeded,
    policy,
    yuan,
)
from tests.spec import days, filed, given, hours

CLOSES = Instant.of(NOON + days(15))
JUST_SUCCEEDED = replace(FILING, order=order_that_succeeded(NOON))


def test_a_filed_complaint_waits_for_the_merchant_for_72_hours_and_for_agreement_for_nine_days() -> None:
    dispute = filed()
    dispute.then("filed", status="waiting_for_merchant", stage="inquiry", outcome=None, number="C-1", version=1)
    dispute.runs(response=hours(72), negotiation=days(9))
    assert dispute.clock("response").party == "respondent"
    assert dispute.clock("negotiation").party == "complainant"
    assert dispute.case.department == "customer_service"
    assert dispute.case.policy == policy().ref


def test_a_complaint_may_be_filed_the_very_instant_the_window_closes() -> None:
    given().file(JUST_SUCCEEDED, at=CLOSES).then("filed")


def test_a_complaint_one_microsecond_after_the_window_is_refused_with_the_instant_it_closed() -> None:
    problem = given().file(JUST_SUCCEEDED, at=Instant.of(CLOSES + TICK)).refused("not_eligible", closed_at=CLOSES)
    assert problem.rule == "taobao@2026.1#not_received.filing"


def test_a_complaint_may_be_filed_the_instant_the_trade_succeeds() -> None:
    given().file(JUST_SUCCEEDED, at=NOON).then("filed")


def test_a_complaint_before_the_trade_succeeded_is_not_yet_possible() -> None:
    given().file(JUST_SUCCEEDED, at=Instant.of(NOON - TICK)).refused("not_yet", opens_at=NOON)


def test_a_window_that_opens_later_is_refused_until_then() -> None:
    opens_on_day_seven = ("closes_after = { days = 15 }", "closes_after = { days = 15 }\nopens_after = { days = 7 }")
    rules, opens = policy(opens_on_day_seven), Instant.of(NOON + days(7))
    given(rules).file(JUST_SUCCEEDED, at=Instant.of(opens - TICK)).refused("not_yet", opens_at=opens)
    given(rules).file(JUST_SUCCEEDED, at=opens).then("filed")


def test_a_complaint_is_filed_by_its_complainant_or_opened_by_the_platform() -> None:
    assert [one.who for one in given().file().last.answer] == ["complainant"]
    assert [one.who for one in given().file(by=PLATFORM).last.answer] == ["platform"]


@pytest.mark.parametrize("status", ["awaiting_payment", "paid", "shipped", "trade_closed"])
def test_an_order_that_is_not_successful_cannot_be_complained_about_as_not_received(status: str) -> None:
    order = replace(ORDER, status=status)
    problem = given().file(replace(FILING, order=order)).refused("not_eligible", closed_at=None)
    assert "trade_success" in problem.detail


def test_every_fault_of_a_complaint_is_named_at_once() -> None:
    dollars = Money(amount=1, currency="USD")
    bad = replace(
        FILING,
        reason="size",
        complainant=MERCHANT,
        respondent=BUYER,
        demand="repair",
        amount=Money(amount=0, currency="USD"),
        order=replace(ORDER, succeeded_at=None, freight=dollars, goods=(replace(GOODS, price=dollars),)),
    )
    given().file(bad).faults(
        "/reason",
        "/complainant/role",
        "/respondent/role",
        "/demand",
        "/amount/currency",
        "/amount/amount",
        "/order/succeeded_at",
        "/order/freight/currency",
        "/order/goods/0/price/currency",
    )


def test_a_type_the_marketplace_does_not_have_is_a_fault_that_names_those_it_has() -> None:
    dispute = given().file(replace(FILING, type="harassment")).faults("/type")
    assert dispute.last.problem is not None
    assert "not_received" in dispute.last.problem.errors[0].detail


@pytest.mark.parametrize(
    ("cap", "most"), [("paid", yuan(129)), ("paid_plus_freight", yuan(139)), ("none", yuan(100_000))]
)
def test_a_claim_may_ask_for_what_its_cap_allows_to_the_fen(cap: str, most: Money) -> None:
    rules = policy(('cap = "paid_plus_freight"', f'cap = "{cap}"'))
    given(rules).file(replace(FILING, amount=most)).then("filed", amount=most)
    if cap != "none":
        above = replace(most, amount=most.amount + 1)
        given(rules).file(replace(FILING, amount=above)).faults("/amount/amount")


def test_a_second_complaint_about_the_same_order_is_refused_with_the_place_of_the_first() -> None:
    first = UUID("00000000-0000-4000-8000-00000000000a")
    dispute = given(facts=Facts(number="C-2", open_complaint=first)).file(FILING)
    dispute.refused("already_open", location=f"/v1/cases/{first}")


def test_a_filing_that_is_too_late_is_told_so_even_when_another_complaint_is_open() -> None:
    first = UUID("00000000-0000-4000-8000-00000000000a")
    late = Instant.of(CLOSES + TICK)
    given(facts=Facts(number="C-2", open_complaint=first)).file(JUST_SUCCEEDED, at=late).refused("not_eligible")
