"""Reading a policy that may be misshapen: what is not of the shape asked for is taken as not said.

The schema names every wrong shape by itself; whoever looks for contradictions beside it must not stumble over one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case_events.core.spans import SECONDS
from case_events.policies.expansion import Path

Tree = dict[str, Any]
UNITS = (SECONDS, {"working_days": 1}, {"calendar_days": 1})
"""Units that can be compared with each other."""


def table(tree: Any, *path: str) -> Tree:
    """The table at ``path``; an empty one where there is none."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def words(tree: Any, *path: str) -> tuple[str, ...]:
    """The words listed at ``path``."""
    found = table(tree, *path[:-1]).get(path[-1])
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def text(tree: Any, *path: str) -> str | None:
    found = table(tree, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else None


def number(tree: Any, *path: str) -> int | None:
    found = table(tree, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def elapsed(tree: Any, *path: str) -> int | None:
    """The seconds of a span of elapsed time; None for one in working or calendar days, which no number of them is."""
    return _seconds(table(tree, *path), SECONDS)


def longer(one: Tree, other: Tree) -> bool:
    """Whether span ``one`` is longer than ``other``, where both are said in units that can be compared."""
    for units in UNITS:
        first, second = _seconds(one, units), _seconds(other, units)
        if first is not None and second is not None:
            return first > second
    return False


def apart(one: Tree, other: Tree) -> bool:
    """Whether two spans are said in units that cannot be compared."""
    first, second = (
        [units for units in UNITS if len(span) == 1 and span.keys() <= units.keys()] for span in (one, other)
    )
    return bool(first and second) and first != second


def every(tree: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value and where it stands, from the outside in."""
    yield at, tree
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, one in inner:
        yield from every(one, (*at, str(key)))


def _seconds(span: Tree, units: dict[str, int]) -> int | None:
    if len(span) != 1:
        return None
    unit, count = next(iter(span.items()))
    return count * units[unit] if unit in units and isinstance(count, int) else None
