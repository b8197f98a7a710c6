"""What a simulation came to over many cases: how many differ and in what, which outcomes flip, how much money moves."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from case_events.core.simulating import Difference, Simulated
from case_events.core.values import Currency, Value, Word


class DifferenceCount(Value, frozen=True, kw_only=True):
    """In how many cases this differs."""

    difference: Difference
    cases: int


class Flip(Value, frozen=True, kw_only=True):
    """How many cases end in another way; None: nothing is decided yet, or it could not have been filed."""

    recorded: Word | None
    simulated: Word | None
    cases: int


class AmountTotal(Value, frozen=True, kw_only=True):
    """What the complainants are awarded in all, in minor units; ``change``: how much more, or less."""

    currency: Currency
    recorded: int
    simulated: int
    change: int


class Totals(Value, frozen=True, kw_only=True):
    """Over so many cases; a difference or a flip that no case has is left out."""

    cases: int
    differing: int
    differences: tuple[DifferenceCount, ...]
    outcomes: tuple[Flip, ...]
    amounts: tuple[AmountTotal, ...]


class Tally:
    """What the cases so far came to."""

    def __init__(self) -> None:
        self._cases = self._differing = 0
        self._differences = Counter[Difference]()
        self._flips = Counter[tuple[Word | None, Word | None]]()
        self._recorded, self._simulated = Counter[str](), Counter[str]()

    def add(self, one: Simulated) -> None:
        self._cases += 1
        self._differing += one.differs
        self._differences.update(one.differences)
        would_be = one.simulated.outcome if one.simulated else None
        if would_be != one.recorded.outcome:
            self._flips[one.recorded.outcome, would_be] += 1
        self._recorded[one.recorded.awarded.currency] += one.recorded.awarded.amount
        if one.simulated is not None:
            self._simulated[one.simulated.awarded.currency] += one.simulated.awarded.amount

    def totals(self) -> Totals:
        words: tuple[Difference, ...] = get_args(Difference)
        return Totals(
            cases=self._cases,
            differing=self._differing,
            differences=tuple(
                DifferenceCount(difference=word, cases=self._differences[word])
                for word in words
                if self._differences[word]
            ),
            outcomes=tuple(
                Flip(recorded=was, simulated=would_be, cases=cases)
                for (was, would_be), cases in self._flips.most_common()
            ),
            amounts=tuple(self._amount(currency) for currency in sorted(self._recorded)),
        )

    def _amount(self, currency: str) -> AmountTotal:
        was, would_be = self._recorded[currency], self._simulated[currency]
        return AmountTotal(currency=currency, recorded=was, simulated=would_be, change=would_be - was)
