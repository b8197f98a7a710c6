"""Figures in words: a clause that names a figure of its own rule says what the rule does, in both languages.

``{reply.open_period}`` in a text becomes "72小时" or "72 hours"; a value that is nothing but
``"{ruling.amounts.freight}"`` is the very value that stands there: a cap that equals an amount is written once.
"""

from __future__ import annotations

import re
from typing import Any

from case_events.core.values import BASIS_POINTS, Fault
from case_events.policies.expansion import Node, Path, fault, find, plain

NAMED = re.compile(r"\{([^{}]*)\}")
LANGUAGES = ("zh", "en")
UNITS = {
    "seconds": ("秒", "second"),
    "hours": ("小时", "hour"),
    "days": ("天", "day"),
    "working_days": ("个工作日", "working day"),
    "calendar_days": ("个自然日", "calendar day"),
}
FEN = ("fixed", "contract", "up_to", "instant_up_to")
SHARES = ("basis_points", "accuracy")
Places = tuple[Node, ...]
"""Where a figure is looked for: the type first, then the policy around it."""


def fill(root: Node, faults: list[Fault]) -> Node:
    """The policy with every figure in its texts, and every value that stands for another, put in."""
    types = root.get("types")
    rest = {key: _filled(one, key, (root,), faults) for key, one in root.value.items() if key != "types"}
    if types is None or not isinstance(types.value, dict):
        return Node(at=root.at, value={**root.value, **rest})
    whole = {name: _type(one, root, faults) for name, one in types.value.items()}
    return Node(at=root.at, value={**root.value, **rest, "types": Node(at=types.at, value=whole)})


def said(value: Any, key: str, language: str) -> str | None:
    """A figure in words; None for what is no figure. ``key``: what it is called, which says its unit."""
    index = LANGUAGES.index(language)
    match value:
        case bool():
            return None
        case dict() if len(value) == 1 and (unit := next(iter(value))) in UNITS:
            count = value[unit]
            return f"{count}{UNITS[unit][0]}" if language == "zh" else f"{count} {UNITS[unit][1]}{'s' * (count != 1)}"
        case int() if key in FEN:
            return f"¥{value // 100}.{value % 100:02}"
        case int() if key in SHARES and (value < 2 * BASIS_POINTS or value % BASIS_POINTS):
            return f"{_decimal(value, 100)}%"
        case int() if key in SHARES or key.startswith("scale_when."):
            return f"{_decimal(value, BASIS_POINTS)}{('倍', ' times')[index]}"
        case int():
            return str(value)
        case _:
            return None


def _decimal(value: int, parts: int) -> str:
    whole, rest = divmod(value, parts)
    return f"{whole}.{rest:0{len(str(parts)) - 1}}".rstrip("0").rstrip(".")


def _type(node: Node, root: Node, faults: list[Fault]) -> Node:
    if not isinstance(node.value, dict):
        return node
    places = (node, root)
    own = {key: _filled(one, key, places, faults) for key, one in node.value.items() if key != "subtypes"}
    subtypes = node.get("subtypes")
    if subtypes is not None and isinstance(subtypes.value, dict):
        each = {name: _type(one, root, faults) for name, one in subtypes.value.items()}
        own["subtypes"] = Node(at=subtypes.at, value=each)
    return Node(at=node.at, value={**node.value, **own})


def _filled(node: Node, key: str, places: Places, faults: list[Fault]) -> Node:
    match node.value:
        case dict():
            inner = {name: _filled(one, name, places, faults) for name, one in node.value.items()}
            return Node(at=node.at, value=inner)
        case list():
            return Node(at=node.at, value=[_filled(one, key, places, faults) for one in node.value])
        case str() if key in LANGUAGES:
            return Node(
                at=node.at, value=NAMED.sub(lambda named: _text(named[1], key, node, places, faults), node.value)
            )
        case str() if (named := NAMED.fullmatch(node.value)) is not None:
            return _value(named[1], node, places, faults)
        case _:
            return node


def _text(name: str, language: str, node: Node, places: Places, faults: list[Fault]) -> str:
    found, path = _found(name, places), _path(name)
    words = said(plain(found), _called(path), language) if found is not None else None
    if words is None:
        faults.append(fault(node.at, f"{{{name}}} names no figure"))
    return words or name


def _value(name: str, node: Node, places: Places, faults: list[Fault]) -> Node:
    found = _found(name, places)
    if found is None:
        faults.append(fault(node.at, f"{{{name}}} names nothing"))
        return node
    return Node(at=node.at, value=found.value)


def _found(name: str, places: Places) -> Node | None:
    return next((found for place in places if (found := find(place, _path(name))) is not None), None)


def _path(name: str) -> Path:
    return tuple(name.split("."))


def _called(path: Path) -> str:
    """The key that tells a figure's unit; what scales an amount is named by its circumstance."""
    return ".".join(path[-2:]) if path[-2:-1] == ("scale_when",) else path[-1]
