"""As much of PromQL as our alerts ask of gauges, at one instant; what has a window is asked of Prometheus itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

Labels = frozenset[tuple[str, str]]
NOBODYS: Labels = frozenset()
SET_OPERATORS = {"and": "&", "or": "|", "unless": "^"}


class Vector:
    """Samples by their labels. What is compared keeps the samples for which it holds; none holds for NaN."""

    def __init__(self, samples: Iterable[tuple[Labels, float]] = ()) -> None:
        self.samples = dict(samples)

    def _where(self, holds: Callable[[float], bool]) -> Vector:
        return Vector((labels, value) for labels, value in self.samples.items() if holds(value))

    def __gt__(self, other: float) -> Vector:
        return self._where(lambda value: value > other)

    def __lt__(self, other: float) -> Vector:
        return self._where(lambda value: value < other)

    def __eq__(self, other: object) -> Vector:  # type: ignore[override]
        return self._where(lambda value: value == other)

    __hash__ = None  # type: ignore[assignment]

    def __rsub__(self, other: float) -> Vector:
        return Vector((labels, other - value) for labels, value in self.samples.items())

    def __and__(self, other: Vector) -> Vector:
        return Vector((labels, value) for labels, value in self.samples.items() if labels in other.samples)

    def __or__(self, other: Vector) -> Vector:
        return Vector({**other.samples, **self.samples}.items())

    def __xor__(self, other: Vector) -> Vector:
        return Vector((labels, value) for labels, value in self.samples.items() if labels not in other.samples)


def _of_all(pick: Callable[[Iterable[float]], float]) -> Callable[[Vector], Vector]:
    """One sample of all of them; NaN only where there is nothing else, as in Prometheus."""

    def picked(vector: Vector) -> Vector:
        numbers = [value for value in vector.samples.values() if not math.isnan(value)]
        return Vector([(NOBODYS, pick(numbers) if numbers else math.nan)] if vector.samples else ())

    return picked


def _absent(vector: Vector) -> Vector:
    return Vector() if vector.samples else Vector([(NOBODYS, 1.0)])


class _Names(dict[str, object]):
    def __missing__(self, _: str) -> Vector:
        return Vector()


def asked(expr: str, series: Mapping[str, Vector], now: float) -> Vector:
    """What ``expr`` comes to. Each side of a set operator stands in brackets: they bind otherwise than here."""
    said = re.sub(r"\b(and|or|unless)\b", lambda found: SET_OPERATORS[found[0]], " ".join(expr.split()))
    names = _Names(series, max=_of_all(max), min=_of_all(min), sum=_of_all(sum), absent=_absent, time=lambda: now)
    names["abs"] = lambda vector: Vector((labels, abs(value)) for labels, value in vector.samples.items())
    came_to = eval(said, {"__builtins__": {}}, names)  # noqa: S307 - text of ours
    assert isinstance(came_to, Vector), expr
    return came_to
