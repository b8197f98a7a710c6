"""What a filing must still say before a sum can be worked out; nothing where a formula says a sum of its own."""

from __future__ import annotations

import pytest

from case_events.core.amounts import amount_of, cap_of, lacking
from case_events.core.facts import FilingFacts
from case_events.core.formulas import Formula
from tests.core.shipped import fen, goods, order

BOUGHT = order(paid=fen(10_000), freight=fen(1_000), goods=(goods("apparel", 4_000, 2), goods("food", 1_000)))
LOST = Formula(add=("loss",))
ELSEWHERE = {"lost": Formula(fixed=500)}
OWN: list[tuple[Formula, int]] = [
    (Formula(add=("paid",), when=ELSEWHERE), 10_000),
    (Formula(share_of="paid", basis_points=500, when=ELSEWHERE), 500),
    (Formula(fixed=700, when=ELSEWHERE), 700),
    (Formula(contract=900, when=ELSEWHERE), 900),
]


@pytest.mark.parametrize(("formula", "due"), OWN)
def test_a_sum_of_its_own_is_enough_where_the_circumstance_is_another(formula: Formula, due: int) -> None:
    other, lost = FilingFacts(circumstance="kept"), FilingFacts(circumstance="lost")
    assert lacking(formula, BOUGHT, other) == []
    assert amount_of(formula, BOUGHT, other) == due
    assert amount_of(formula, BOUGHT, lost) == due + 500


@pytest.mark.parametrize(("formula", "due"), OWN)
def test_where_circumstances_are_told_apart_one_has_to_be_said(formula: Formula, due: int) -> None:
    assert lacking(formula, BOUGHT, FilingFacts()) == lacking(formula, BOUGHT, None) == ["/facts/circumstance"]


def test_without_a_sum_of_its_own_the_circumstance_or_category_must_be_one_that_is_known() -> None:
    other = FilingFacts(circumstance="kept")
    assert lacking(Formula(when=ELSEWHERE), BOUGHT, other) == ["/facts/circumstance"]
    assert lacking(Formula(by_category={"shoes": Formula(fixed=1)}), BOUGHT, None) == ["/order/goods"]
    assert lacking(Formula(by_category={"food": Formula(fixed=1)}), BOUGHT, None) == []
    assert lacking(Formula(by_category={"other": Formula(fixed=1)}), BOUGHT, None) == []
    assert lacking(Formula(add=("paid",), by_category={"shoes": Formula(fixed=1)}), BOUGHT, None) == []


@pytest.mark.parametrize(
    ("formula", "missing"),
    [
        (LOST, ["/facts/loss"]),
        (Formula(share_of="loss", basis_points=1), ["/facts/loss"]),
        (Formula(add=("paid",)), ["/order"]),
        (Formula(add=("paid", "loss")), ["/order", "/facts/loss"]),
        (Formula(share_of="freight", basis_points=1), ["/order"]),
        (Formula(fixed=1), []),
        (Formula(fixed=1, refund_included=False), ["/order"]),
        (Formula(fixed=1, scale_when={"returned": 13_000}), ["/facts/circumstance"]),
        (Formula(by_category={"other": LOST}), ["/order", "/facts/loss"]),
    ],
)
def test_without_order_and_facts_each_thing_that_is_needed_is_named(formula: Formula, missing: list[str]) -> None:
    assert lacking(formula, None, None) == missing


def test_named_sums_are_the_orders_in_fen() -> None:
    sums = {"paid": 10_000, "goods_value": 9_000, "freight": 1_000, "freight_both_ways": 2_000}
    for base, due in sums.items():
        assert amount_of(Formula(add=(base,)), BOUGHT, None) == due  # type: ignore[arg-type]
    back = FilingFacts(return_freight=fen(300), loss=fen(77))
    assert amount_of(Formula(add=("freight_both_ways", "loss")), BOUGHT, back) == 1_377
    assert amount_of(Formula(fixed=5, refund_included=False), BOUGHT, None) == 10_005


def test_a_cap_is_the_orders_nothing_or_none() -> None:
    assert (cap_of("none", None, None), cap_of("nothing", None, None)) == (None, 0)
    assert (cap_of("paid", BOUGHT, None), cap_of("paid_plus_freight", BOUGHT, None)) == (10_000, 11_000)
    assert cap_of(LOST, None, FilingFacts(loss=fen(42))) == 42


def test_half_a_fen_is_rounded_up_once_at_the_end() -> None:
    def share(points: int, paid: int) -> int:
        return amount_of(Formula(share_of="paid", basis_points=points), order(paid=fen(paid)), None)

    assert (share(5_000, 1), share(4_999, 1), share(500, 10), share(500, 9)) == (1, 0, 1, 0)
    halves = Formula(
        share_of="paid", basis_points=5_000, by_category={"apparel": Formula(share_of="paid", basis_points=5_000)}
    )
    assert amount_of(halves, order(paid=fen(3), goods=BOUGHT.goods), None) == 3
