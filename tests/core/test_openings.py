"""Shipping insurance opens by itself (domain B1): goods came back, the merchant bore the freight, and is insured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.commands import File, Posted
from case_events.core.openings import openings
from case_events.core.plan import not_opened
from case_events.core.policy import InForce
from case_events.core.values import Goods, Instant, Money, Order, Party, Problem
from case_events.policies import load, shipped
from tests import examples
from tests.spec import Dispute, given

HOUR = timedelta(hours=1)
INSURED = ("shipping_insurance",)


def tmall() -> InForce:
    (found,) = (one for one in map(load, shipped()) if one.policy.name == "tmall")
    return found


def an_order(promises: tuple[str, ...], category: str) -> Order:
    order = examples.order_that_succeeded(Instant.of(examples.NOON - timedelta(days=3)))
    goods = Goods(sku="s", title="冰箱", category=category, quantity=1, price=examples.yuan(129))
    return replace(order, merchant_promises=promises, goods=(goods,))


def sent_back(promises: tuple[str, ...] = INSURED, category: str = "apparel", **filing: Any) -> Dispute:
    """A complaint about quality on Tmall, agreed to, the goods on their way back to the merchant."""
    asked: dict[str, Any] = {
        "type": "quality",
        "reason": "quality",
        "marketplace": "tmall",
        "demand": "return_and_refund",
        "order": an_order(promises, category),
    }
    dispute = given(tmall()).file(replace(examples.FILING, **(asked | filing)), at=examples.NOON)
    assert dispute.last.problem is None, dispute.last.problem
    told: tuple[Posted, ...] = (examples.ACCEPT, examples.AGREE, examples.ADDRESS, examples.SHIPPED)
    for number, command in enumerate(told, 1):
        dispute = dispute.when(command, at=number * HOUR, by="respondent" if command is examples.ADDRESS else None)
        assert dispute.last.problem is None, dispute.last.problem
        assert dispute.last.opens == ()
    return dispute


def test_the_receipt_of_insured_goods_opens_the_merchant_s_claim_against_the_insurer() -> None:
    dispute = sent_back().when(examples.RECEIVED, at=5 * HOUR, by="respondent")
    (opened,) = dispute.last.opens
    case = dispute.case
    assert (opened.type, opened.reason, opened.demand) == ("shipping_insurance", "return_freight", "compensation")
    assert (opened.complainant, opened.respondent) == (case.respondent, Party(role="insurer", id="insurer-of-record"))
    assert (opened.order, opened.marketplace, opened.test_clock) == (case.order, "tmall", case.test_clock)
    assert opened.facts is not None
    assert opened.facts.circumstance == "returned"
    assert (opened.external_ref, opened.previous) == (case.number, None)
    assert case.number in opened.description


@pytest.mark.parametrize(
    ("category", "amount"), [("apparel", 4940), ("small_appliance", 5200), ("furniture", 5850), ("refrigerator", 1174)]
)
def test_it_claims_what_the_policy_pays_for_a_return(category: str, amount: int) -> None:
    """Domain B2: 38, 40 and 45 yuan by 1.3; 7 % of 129 yuan by 1.3 is 11.739."""
    (opened,) = sent_back(category=category).when(examples.RECEIVED, at=5 * HOUR, by="respondent").last.opens
    assert opened.amount == Money(amount=amount, currency="CNY")


def test_what_opened_is_a_filing_the_policy_takes() -> None:
    (opened,) = sent_back().when(examples.RECEIVED, at=5 * HOUR, by="respondent").last.opens
    at = Instant.of(examples.NOON + 5 * HOUR)
    given(tmall()).file(opened, at=at, by=examples.PLATFORM).then("filed", status="waiting_for_respondent")


def test_a_refund_while_the_trade_is_under_way_opens_it_too() -> None:
    paid_at = Instant.of(examples.NOON - timedelta(days=3))
    order = replace(an_order(INSURED, "apparel"), status="shipped", paid_at=paid_at, succeeded_at=None)
    filing: dict[str, Any] = {"type": "refund_request", "reason": "damaged", "demand": "return_and_refund"}
    asked = replace(examples.FILING, marketplace="tmall", order=order, **filing)
    dispute = given(tmall()).file(asked, at=examples.NOON)
    told: tuple[Posted, ...] = (examples.AGREE, examples.ADDRESS, examples.SHIPPED, examples.RECEIVED)
    for number, command in enumerate(told, 1):
        dispute.when(command, at=number * HOUR, by="complainant" if command is examples.SHIPPED else "respondent")
        assert dispute.last.problem is None, dispute.last.problem
    (opened,) = dispute.last.opens
    assert opened.type == "shipping_insurance"
    at = Instant.of(examples.NOON + 5 * HOUR)
    given(tmall()).file(opened, at=at, by=examples.PLATFORM).then("filed", status="waiting_for_respondent")


@pytest.mark.parametrize("promises", [(), ("seven_days_no_reason",)])
def test_what_nobody_insured_opens_nothing(promises: tuple[str, ...]) -> None:
    assert sent_back(promises).when(examples.RECEIVED, at=5 * HOUR, by="respondent").last.opens == ()


def test_goods_that_did_not_come_open_nothing() -> None:
    disputed = replace(examples.RECEIVED, received=False)
    dispute = sent_back().when(disputed, at=5 * HOUR, by="respondent")
    assert dispute.last.problem is None
    assert dispute.last.opens == ()


def test_who_bore_the_freight_themselves_opens_no_claim_of_the_merchant_s() -> None:
    """Domain B3: without a reason the buyer bears the return freight, but not in a group sale."""
    subtype: dict[str, Any] = {
        "type": "after_sales_guarantee",
        "subtype": "seven_day_return",
        "reason": "seven_day_return",
    }
    assert sent_back(**subtype).when(examples.RECEIVED, at=5 * HOUR, by="respondent").last.opens == ()
    (opened,) = sent_back(("group_sale",), **subtype).when(examples.RECEIVED, at=5 * HOUR, by="respondent").last.opens
    assert opened.type == "shipping_insurance"


def test_a_policy_that_names_no_insurer_opens_nothing() -> None:
    case, events = insured_receipt()
    in_force = tmall()
    rules = in_force.policy.types["quality"]
    assert rules.return_leg is not None
    for silent in ({"insurer": None}, {"insurance": None}):
        changed = replace(rules, return_leg=replace(rules.return_leg, **silent))
        policy = replace(in_force.policy, types={**in_force.policy.types, "quality": changed})
        assert openings(case, events, replace(in_force, policy=policy)) == ()
    assert len(openings(case, events, in_force)) == 1


def insured_receipt() -> tuple[Any, tuple[Any, ...]]:
    dispute = sent_back().when(examples.RECEIVED, at=5 * HOUR, by="respondent")
    return dispute.case, tuple(one.event for one in dispute.last.events)


def test_a_claim_that_is_refused_is_noted_for_the_desk_in_the_same_step() -> None:
    step = sent_back().when(examples.RECEIVED, at=5 * HOUR, by="respondent").last
    refused = Problem(code="not_eligible", detail="The window is over.")
    (opening,) = step.opens
    noted = not_opened(step, opening, refused)
    assert [one.name for one in noted.answer] == ["returned", "noted"]
    assert noted.opens == ()
    last = noted.events[-1]
    assert last.event.text == "shipping_insurance: not_eligible. The window is over."  # type: ignore[union-attr]
    assert last.event.internal  # type: ignore[union-attr]
    assert (last.who, last.client, last.asked) == ("platform", "caselog", None)
    assert (last.correlation, last.causation) == (step.answer[0].event_id,) * 2
    assert noted.case is not None
    assert noted.case.version == last.version == step.answer[-1].version + 1
    assert isinstance(opening, File)
