"""What a formula comes to, to the fen: five percent, threefold, logistics, insurance; what a ruling grants (R1, R3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.amounts import amount_of, cap_of, lacking
from case_events.core.commands import Rule
from case_events.core.events import Ruled
from case_events.core.facts import ContractFacts, FilingFacts
from case_events.core.formulas import Formula
from case_events.core.values import BASIS_POINTS, Liable, Money, Order
from tests.core import market
from tests.core.shipped import asked_to_file, at_the_desk, complaint, fen, goods, order, shipped
from tests.spec import Dispute, hours
from tests.spec import given as given_policy

PAID, FREIGHT, BACK, GOODS_VALUE = 100_000, 1_200, 1_500, 96_000
BOUGHT = order(
    paid=fen(PAID), freight=fen(FREIGHT), goods=(goods("apparel", 48_000, 2),), status="trade_success", shipped_at=None
)


def facts(circumstance: str | None = None, **changes: Any) -> FilingFacts:
    return FilingFacts(circumstance=circumstance, return_freight=fen(BACK), **changes)


BOTH_WAYS, FIXED = FREIGHT + BACK, 5_000
LOGISTICS = [
    ("shipping_delay", None, FIXED),
    ("return_delay", None, FIXED),
    ("service_attitude", None, FIXED),
    ("forced_installation", None, FIXED),
    ("freight", None, BOTH_WAYS),
    ("not_delivered_indoors", "signed", FIXED),
    ("not_delivered_indoors", "refused", FIXED + BOTH_WAYS),
    ("not_delivered_indoors", "other_loss", 1_501),
    ("return_pickup_missed", None, FIXED),
    ("unboxing_check_skipped", "signed_intact", FIXED),
    ("power_on_check_skipped", "signed_intact", FIXED),
    ("power_on_check_skipped", "refused_intact", FIXED + BOTH_WAYS),
    ("power_on_check_skipped", "refused_damaged", FIXED + FREIGHT + GOODS_VALUE),
    ("power_on_check_skipped", "signed_damaged", FIXED + FREIGHT + GOODS_VALUE),
    ("wrong_goods_shipped", "refused_returned", FIXED + FREIGHT),
    ("wrong_goods_shipped", "kept", FIXED),
    ("wrong_goods_shipped", "exchanged_offline", FIXED),
    ("wrong_goods_shipped", "not_recovered", GOODS_VALUE),
    ("goods_lost", None, GOODS_VALUE),
]


@pytest.mark.parametrize("policy", ["taobao", "tmall"])
@pytest.mark.parametrize(("type_", "circumstance", "due"), LOGISTICS)
def test_a_logistics_ruling_grants_what_happened_to_the_goods_costs(
    policy: str, type_: str, circumstance: str | None, due: int
) -> None:
    formula = shipped(policy).type_of(type_).ruling.amounts["compensation"]
    said = facts(circumstance, loss=fen(3_001))
    assert amount_of(formula, BOUGHT, said) == due
    assert cap_of(shipped(policy).type_of(type_).cap, BOUGHT, said) == due


def test_what_the_contract_says_takes_the_place_of_the_policys_own_sum() -> None:
    formula = shipped("taobao").type_of("shipping_delay").ruling.amounts["compensation"]
    assert amount_of(formula, BOUGHT, FilingFacts(contract=ContractFacts(amount=fen(8_000)))) == 8_000
    assert amount_of(formula, BOUGHT, FilingFacts(contract=ContractFacts(accuracy=9_900))) == FIXED
    assert amount_of(formula, BOUGHT, FilingFacts(contract=ContractFacts(amount=fen(0)))) == 0


def test_freight_both_ways_is_the_orders_twice_where_the_returns_is_not_said() -> None:
    formula = Formula(add=("freight_both_ways",))
    assert amount_of(formula, BOUGHT, None) == 2 * FREIGHT
    assert amount_of(formula, BOUGHT, facts()) == FREIGHT + BACK


INSURED = [
    # the goods, what was paid for them, at a refused delivery, and 1.3 times that on a return (B2)
    ("small_appliance", PAID, 4_000, 5_200),
    ("apparel", PAID, 3_800, 4_940),
    ("furniture", PAID, 4_500, 5_850),
    ("television", PAID, 2_750, 3_575),
    ("washing_machine", PAID, 6_000, 7_800),
    ("refrigerator", PAID, 7_000, 9_100),
    ("television", 12_345, 339, 441),
    ("television", 18, 0, 1),
]


@pytest.mark.parametrize("policy", ["taobao", "tmall"])
@pytest.mark.parametrize(("category", "paid", "refused", "returned"), INSURED)
def test_the_insurance_pays_by_category_and_1_3_times_that_on_a_return_rounded_once(
    policy: str, category: str, paid: int, refused: int, returned: int
) -> None:
    formula = shipped(policy).type_of("shipping_insurance").ruling.amounts["compensation"]
    bought = replace(BOUGHT, paid=fen(paid), goods=(goods(category),))
    assert amount_of(formula, bought, facts("refused_delivery")) == refused
    assert amount_of(formula, bought, facts("returned")) == returned


def test_of_several_goods_the_first_with_a_named_category_counts() -> None:
    formula = Formula(by_category={"television": Formula(fixed=1), "other": Formula(fixed=2)})
    mixed = replace(BOUGHT, goods=(goods("apparel"), goods("television")))
    assert [amount_of(formula, one, None) for one in (mixed, BOUGHT)] == [1, 2]


THREEFOLD = {"share_of": "paid", "basis_points": 30_000}


def test_threefold_is_with_the_refund_in_it_or_with_the_refund_on_top() -> None:
    formula = shipped("taobao").type_of("after_sales_guarantee", "fake_one_pay_three").ruling.amounts["compensation"]
    assert amount_of(formula, BOUGHT, None) == 3 * PAID
    assert amount_of(replace(formula, refund_included=False), BOUGHT, None) == 4 * PAID


@pytest.mark.parametrize(
    ("formula", "due"),
    [
        (Formula(add=("paid", "freight")), PAID + FREIGHT),
        (Formula(add=("goods_value",), fixed=7), GOODS_VALUE + 7),
        (Formula(share_of="freight", basis_points=1), 0),
        (Formula(share_of="freight", basis_points=4), 0),
        (Formula(share_of="freight", basis_points=5), 1),
        (Formula(fixed=1, share_of="freight", basis_points=4), 1),
        (Formula(fixed=10, when={"broken": Formula(fixed=5)}, by_category={"apparel": Formula(fixed=3)}), 18),
        (Formula(fixed=1, when={"broken": Formula(fixed=1)}, scale_when={"broken": 15_000}), 3),
        (Formula(when={"broken": Formula(fixed=10, scale_when={"broken": 20_000})}, scale_when={"broken": 500}), 1),
        (Formula(when={"broken": Formula(fixed=9, scale_when={"broken": 10_000})}, scale_when={"broken": 500}), 0),
        (Formula(fixed=5, scale_when={"intact": 20_000}), 5),
    ],
)
def test_a_formula_is_the_sum_of_all_it_says_scaled_level_by_level_and_rounded_half_up_at_the_end(
    formula: Formula, due: int
) -> None:
    assert amount_of(formula, BOUGHT, facts("broken")) == due


@pytest.mark.parametrize(
    ("formula", "bought", "said", "pointers"),
    [
        (Formula(fixed=1), None, None, []),
        (Formula(contract=1), None, None, []),
        (Formula(add=("loss",)), None, None, ["/facts/loss"]),
        (Formula(share_of="loss", basis_points=1), None, facts(loss=fen(1)), []),
        (Formula(add=("paid",)), None, None, ["/order"]),
        (Formula(fixed=1, refund_included=False), None, None, ["/order"]),
        (Formula(fixed=1, scale_when={"broken": 2}), BOUGHT, None, ["/facts/circumstance"]),
        (Formula(when={"broken": Formula(add=("loss",))}), BOUGHT, None, ["/facts/circumstance"]),
        (Formula(when={"broken": Formula(add=("loss",))}), BOUGHT, facts("broken"), ["/facts/loss"]),
        (Formula(when={"broken": Formula(fixed=1)}), BOUGHT, facts("intact"), ["/facts/circumstance"]),
        (Formula(fixed=1, when={"broken": Formula(fixed=1)}), BOUGHT, facts("intact"), []),
        (Formula(by_category={"television": Formula(fixed=1)}), BOUGHT, None, ["/order/goods"]),
        (Formula(by_category={"other": Formula(fixed=1)}), BOUGHT, None, []),
        (Formula(by_category={"other": Formula(fixed=1)}), None, None, ["/order"]),
    ],
)
def test_a_formula_says_what_the_filing_must_still_say(
    formula: Formula, bought: Order | None, said: FilingFacts | None, pointers: list[str]
) -> None:
    assert lacking(formula, bought, said) == pointers


def test_a_filing_that_lacks_what_its_cap_is_worked_out_from_is_told_so_beside_the_rest() -> None:
    by_category = {"by_category": {"television": {"fixed": 100}}}
    rules = market.market({"cap": by_category})
    nothing = replace(market.FILING, amount=fen(0))
    given_policy(rules).file(nothing).faults("/order/goods", "/amount/amount")
    television = order(goods=(goods("television"),))
    given_policy(rules).file(replace(market.FILING, order=television, amount=fen(100))).then("filed")
    given_policy(rules).file(replace(market.FILING, order=television, amount=fen(101))).faults("/amount/amount")


CAPS = [
    ("quality", None, PAID + FREIGHT),
    ("price_fraud", None, PAID),
    ("after_sales_guarantee", "consumer_protection", PAID + FREIGHT + BACK),
    ("after_sales_guarantee", "fake_one_pay_three", 3 * PAID),
    ("after_sales_guarantee", "twenty_four_hour_shipping", PAID // 20),
]


@pytest.mark.parametrize(("type_", "subtype", "most"), CAPS)
def test_every_type_has_a_cap_of_its_own_to_the_fen(type_: str, subtype: str | None, most: int) -> None:
    command = complaint(type_, subtype, order=BOUGHT, facts=facts(), amount=fen(most))
    asked_to_file(command).then("filed", amount=fen(most))
    problem = asked_to_file(replace(command, amount=fen(most + 1))).faults("/amount/amount").last.problem
    assert problem is not None
    assert str(most) in problem.errors[0].detail


def ruled(command: Any, ruling: Rule) -> Dispute:
    return at_the_desk(command).when(ruling, at=hours(3))


FAKE = complaint("after_sales_guarantee", "fake_one_pay_three", order=BOUGHT, facts=facts(), amount=fen(3 * PAID))
THREE = Rule(outcome="compensation", amount=fen(3 * PAID), rule="threefold", reasons="鉴定为假。")


def test_a_ruling_that_contradicts_its_formula_is_refused_with_the_computed_figure() -> None:
    for amount in (None, fen(0), fen(3 * PAID - 1), fen(3 * PAID + 1)):
        problem = ruled(FAKE, replace(THREE, amount=amount)).faults("/data/amount").last.problem
        assert problem is not None
        assert str(3 * PAID) in problem.errors[0].detail
    ruled(FAKE, THREE).then("ruled")
    ruled(FAKE, replace(THREE, amount=fen(PAID), departs="仅部分商品为假。")).then("ruled")
    ruled(FAKE, replace(THREE, amount=fen(0), departs="不赔。")).faults("/data/amount")


def test_where_there_is_no_formula_a_ruling_stays_within_the_cap_or_says_why_not() -> None:
    bought = complaint("price_fraud", order=BOUGHT, amount=fen(500))
    more = Rule(outcome="price_difference", amount=fen(PAID), rule="price_untrue", reasons="虚标原价。")
    ruled(bought, more).then("ruled")
    problem = ruled(bought, replace(more, amount=fen(PAID + 1))).faults("/data/amount").last.problem
    assert problem is not None
    assert f"at most {PAID}" in problem.errors[0].detail
    ruled(bought, replace(more, amount=fen(PAID + 1), departs="含利息。")).then("ruled")
    ruled(bought, replace(more, amount=None)).faults("/data/amount")


def test_a_thing_moves_no_money() -> None:
    swap = Rule(outcome="exchange", rule="defect_proved", reasons="换货。")
    ruled(complaint("quality"), swap).then("ruled")
    ruled(complaint("quality"), replace(swap, amount=fen(1))).faults("/data/amount")


SHARED = Rule(outcome="shared_liability", amount=fen(10_001), rule="defect_proved", reasons="约定不清，双方分担。")


def shares(*said: tuple[str, int], **amounts: int) -> tuple[Liable, ...]:
    return tuple(
        Liable(party=side, share=share, amount=fen(amounts[side]) if side in amounts else None)  # type: ignore[arg-type]
        for side, share in said
    )


def test_a_shared_loss_is_split_to_the_fen_and_the_complainant_bears_its_own_part() -> None:
    liable = shares(("complainant", 3_333), ("respondent", 6_667))
    dispute = ruled(complaint("quality"), replace(SHARED, liable=liable)).then("ruled")
    event = dispute.last.answer[0].event
    assert isinstance(event, Ruled)
    assert [one.amount for one in event.liable] == [fen(3_333), fen(6_668)]
    assert event.owed == fen(6_668)


@pytest.mark.parametrize(
    ("liable", "pointers"),
    [
        ((), ("/data/liable",)),
        (shares(("respondent", 10_000)), ("/data/liable",)),
        (shares(("platform", 5_000), ("respondent", 5_000)), ("/data/liable",)),
        (shares(("respondent", 5_000), ("respondent", 5_000)), ("/data/liable",)),
        (shares(("complainant", 5_000), ("respondent", 5_001)), ("/data/liable",)),
        (shares(("complainant", 5_000), ("respondent", 5_000), complainant=5_000), ("/data/liable/0/amount",)),
    ],
)
def test_shared_liability_names_each_side_once_and_the_whole(liable: Any, pointers: tuple[str, ...]) -> None:
    ruled(complaint("quality"), replace(SHARED, liable=liable)).faults(*pointers)


def test_a_share_whose_amount_is_said_rightly_is_taken_and_a_wrong_one_is_told_the_right_one() -> None:
    sides = (("complainant", 5_000), ("respondent", 5_000))
    ruled(complaint("quality"), replace(SHARED, liable=shares(*sides, complainant=5_001, respondent=5_000))).then(
        "ruled"
    )
    wrong = ruled(complaint("quality"), replace(SHARED, liable=shares(*sides, respondent=5_001)))
    problem = wrong.faults("/data/liable/1/amount").last.problem
    assert problem is not None
    assert "5000" in problem.errors[0].detail


DESK = at_the_desk(complaint("quality"))


@generated(st.integers(1, 13_900), st.integers(0, BASIS_POINTS), st.integers(0, BASIS_POINTS))
def test_however_it_is_shared_the_parts_add_up_and_none_is_off_by_a_fen(whole: int, first: int, second: int) -> None:
    low, high = sorted((first, second))
    liable = shares(("complainant", low), ("respondent", high - low), ("platform", BASIS_POINTS - high))
    dispute = DESK.fork().when(replace(SHARED, amount=fen(whole), liable=liable), at=hours(3)).then("ruled")
    event = dispute.last.answer[0].event
    assert isinstance(event, Ruled)
    parts = [one.amount.amount for one in event.liable if one.amount]
    assert sum(parts) == whole
    for one, part in zip(event.liable, parts, strict=True):
        assert abs(part * BASIS_POINTS - whole * one.share) < BASIS_POINTS
    assert (event.owed.amount if event.owed else 0) == whole - parts[0]


def test_a_ruling_is_in_the_cases_currency() -> None:
    dollars = replace(SHARED, outcome="price_difference", amount=Money(amount=1, currency="USD"))
    ruled(complaint("quality"), dollars).faults("/data/amount/currency")
