"""What a formula of the policy comes to in one case, in minor units; rounded half up to the fen once, at the end."""

from __future__ import annotations

from fractions import Fraction

from case_events.core.facts import FilingFacts
from case_events.core.formulas import Base, Formula
from case_events.core.policy import Cap
from case_events.core.values import BASIS_POINTS, Goods, Order

OTHER = "other"
"""The category that stands for all those a formula does not name."""
HALF = Fraction(1, 2)


def amount_of(formula: Formula, order: Order | None, facts: FilingFacts | None) -> int:
    """The amount, in minor units. Filing saw to it that everything the formula asks for is there (``lacking``)."""
    return int(_exact(formula, order, facts or FilingFacts()) + HALF)


def cap_of(cap: Cap | Formula, order: Order | None, facts: FilingFacts | None) -> int | None:
    """The most a claim may ask for (domain F6), in minor units; None where the policy sets no cap."""
    said = facts or FilingFacts()
    match cap:
        case Formula():
            return amount_of(cap, order, said)
        case "none":
            return None
        case "nothing":
            return 0
        case "paid":
            return _base("paid", order, said)
        case "paid_plus_freight":
            return _base("paid", order, said) + _base("freight", order, said)


def lacking(formula: Formula, order: Order | None, facts: FilingFacts | None) -> list[str]:
    """The pointers of what the filing must still say before this formula can be worked out."""
    said, bases, missing = facts or FilingFacts(), _bases(formula), list[str]()
    if order is None and (formula.by_category or bases - {"loss"}):
        missing.append("/order")
    if "loss" in bases and said.loss is None:
        missing.append("/facts/loss")
    inner = _told_apart(formula, order, said)
    speechless = not inner and not _own_sums(formula)
    unsaid = said.circumstance is None and (formula.when or formula.scale_when)
    if unsaid or (formula.when and speechless):
        missing.append("/facts/circumstance")
    if order is not None and formula.by_category and speechless:
        missing.append("/order/goods")
    return missing + [pointer for one in inner for pointer in lacking(one, order, said)]


def _exact(formula: Formula, order: Order | None, said: FilingFacts) -> Fraction:
    """The sum of all that is said, before it is rounded; scaled where the circumstance scales it."""
    total = Fraction(sum(_base(base, order, said) for base in formula.add) + (formula.fixed or 0))
    if formula.contract is not None:
        agreed = said.contract.amount if said.contract else None
        total += agreed.amount if agreed else formula.contract
    if formula.share_of is not None and formula.basis_points is not None:
        total += Fraction(_base(formula.share_of, order, said) * formula.basis_points, BASIS_POINTS)
    if not formula.refund_included:
        total += _base("paid", order, said)
    total += sum(_exact(one, order, said) for one in _told_apart(formula, order, said))
    return total * Fraction(formula.scale_when.get(said.circumstance or "", BASIS_POINTS), BASIS_POINTS)


def _own_sums(formula: Formula) -> bool:
    """Whether the formula says a sum that no circumstance and no category tells apart."""
    return bool(formula.add or formula.share_of) or (formula.fixed, formula.contract) != (None, None)


def _told_apart(formula: Formula, order: Order | None, said: FilingFacts) -> tuple[Formula, ...]:
    """The formulas of the circumstance and of the goods' category, as far as the filing says them."""
    found = (
        formula.when.get(said.circumstance or ""),
        formula.by_category.get(_category(formula, order.goods if order else ())),
    )
    return tuple(one for one in found if one is not None)


def _category(formula: Formula, goods: tuple[Goods, ...]) -> str:
    """The category of the first goods the formula names."""
    return next((one.category for one in goods if one.category in formula.by_category), OTHER)


def _bases(formula: Formula) -> set[Base]:
    bases = set(formula.add)
    if formula.share_of is not None:
        bases.add(formula.share_of)
    return bases if formula.refund_included else {*bases, "paid"}


def _base(base: Base, order: Order | None, said: FilingFacts) -> int:
    """A named sum. ``freight_both_ways``: the return's freight as filed, else as much again as the order's."""
    if base == "loss":
        assert said.loss is not None, "filing asked for the loss"
        return said.loss.amount
    assert order is not None, "filing asked for the order"
    match base:
        case "paid":
            return order.paid.amount
        case "goods_value":
            return sum(goods.price.amount * goods.quantity for goods in order.goods)
        case "freight":
            return order.freight.amount
        case "freight_both_ways":
            back = said.return_freight
            return order.freight.amount + (back.amount if back else order.freight.amount)
