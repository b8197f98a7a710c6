"""A type's figures in words, each with its mark where the sources do not give it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from case_events.core.formulas import Formula
from case_events.core.policy import ComplaintType
from case_events.core.spans import Span
from case_events.core.vocabulary import called
from case_events.policies.figures import said

PLACEHOLDER = " †"
BASES = {
    "paid": "what was paid",
    "goods_value": "the goods' value",
    "freight": "the freight",
    "freight_both_ways": "freight both ways",
    "loss": "the loss",
}


class Told:
    """A type's figures in words; what the sources do not give carries its mark."""

    def __init__(self, rules: ComplaintType) -> None:
        self.rules = rules

    def marked(self, path: str, words: str) -> str:
        steps = path.split(".")
        marks = {".".join(steps[:length]) for length in range(1, len(steps) + 1)}
        return words + PLACEHOLDER if marks & set(self.rules.placeholders) else words

    def span(self, path: str, span: Span) -> str:
        return self.marked(path, spoken(span))

    def formula(self, path: str, formula: Formula) -> str:
        """An amount as its formula says it, marks at the figures themselves."""
        parts = [BASES[one] for one in formula.add]
        if formula.fixed is not None:
            parts.insert(0, self.marked(f"{path}.fixed", figure(formula.fixed, "fixed")))
        if formula.contract is not None:
            parts.append(
                "the contract's amount, else " + self.marked(f"{path}.contract", figure(formula.contract, "contract"))
            )
        if formula.share_of is not None and formula.basis_points is not None:
            share = self.marked(f"{path}.basis_points", figure(formula.basis_points, "basis_points"))
            parts.append(f"{share} {'' if 'times' in share else 'of '}{BASES[formula.share_of]}")
        if formula.share_of is not None and formula.basis_points is not None and formula.basis_points > 10_000:
            included = "the refund included" if formula.refund_included else "the refund on top"
            parts.append(self.marked(f"{path}.refund_included", included))
        said_so = " + ".join(parts) if not parts or "included" not in parts[-1] else ", ".join(parts)
        cases = [
            f"{called(name).en}: {self.formula(f'{path}.{table}.{name}', inner)}"
            for table, formulas in (("by_category", formula.by_category), ("when", formula.when))
            for name, inner in formulas.items()
        ]
        for name, scale in formula.scale_when.items():
            times = self.marked(f"{path}.scale_when.{name}", figure(scale, f"scale_when.{name}"))
            cases.append(f"{times} that when {called(name).en}")
        return "; ".join(one for one in (said_so, *cases) if one)


def spoken(span: Span) -> str:
    return figure({name: value for name, value in msgspec.structs.asdict(span).items() if value is not None}, "")


def figure(value: object, key: str) -> str:
    words = said(value, key, "en")
    assert words is not None, f"{key}: {value} is no figure"
    return words


def names(words: Iterable[str]) -> str:
    return ", ".join(called(word).en for word in words)
