"""Amounts as a policy says them: a closed set of named formulas, rounded half up to the fen once, at the end."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.values import INTEGER_MAX, Value, Word

Base = Literal["paid", "goods_value", "freight", "freight_both_ways", "loss"]
"""A sum the order or the filing names. ``freight_both_ways``: the order's freight and the return's."""
Fen = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Points = Annotated[int, Meta(ge=1, le=100_000)]
"""Basis points; more than 10,000 is a multiple: three times is 30,000."""


class Formula(Value, frozen=True, kw_only=True):
    """What an amount comes to (domain R3, L5-L11, B2): the sum of all that is said here, in minor units.

    ``add``: named sums, whole. ``fixed``: a sum of the policy's own. ``contract``: the contract's amount where the
    filing gives one, else this. ``share_of`` with ``basis_points``: a part or a multiple of a named sum.
    ``refund_included`` false: what was paid comes on top. ``by_category``: the formula of the first goods whose
    category is named; ``other`` stands for those that are not. ``when``: the formula of the filing's circumstance.
    ``scale_when``: basis points by which the whole is multiplied in a circumstance. A formula says at least one sum.
    """

    add: tuple[Base, ...] = ()
    fixed: Fen | None = None
    contract: Fen | None = None
    share_of: Base | None = None
    basis_points: Points | None = None
    refund_included: bool = True
    by_category: dict[Word, Formula] = {}
    when: dict[Word, Formula] = {}
    scale_when: dict[Word, Points] = {}

    def __post_init__(self) -> None:
        if (self.share_of is None) != (self.basis_points is None):
            raise ValueError("share_of and basis_points go together")
        said = (self.add, self.fixed is not None, self.contract is not None, self.share_of, self.by_category, self.when)
        if not any(said):
            raise ValueError("a formula says at least one of add, fixed, contract, share_of, by_category, when")
