"""A policy spelled out: what a type takes from its procedure, a subtype from its type, and where each thing stands.

A table as written becomes a tree of ``Node``: every value keeps the place in the file it came from, so that a fault
in what a dozen types inherit is named once, where it was written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from case_events.core.spans import Span
from case_events.core.values import Fault, Text

Path = tuple[str, ...]
SPAN, TEXT = frozenset(Span.__struct_fields__), frozenset(Text.__struct_fields__)
REUSE = ("procedure", "without")
"""How a table says what it takes from elsewhere; no field of the policy itself."""
INDEX_MAX = 9
"""Digits of an item's place in a list."""
FOLLOWED_MAX = 32
"""Procedures in a row, each of which follows the next."""


@dataclass(frozen=True)
class Node:
    """A value and where it was written; tables and lists hold nodes."""

    at: Path
    value: Any

    def get(self, key: str) -> Node | None:
        """What stands under ``key``, where this is a table that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None


def spell_out(said: dict[str, Any]) -> tuple[Node, list[Fault]]:
    """The policy with every type whole, and what is wrong with the reuse itself."""
    root, faults = written(said), list[Fault]()
    types, procedures = root.get("types"), root.get("procedures")
    if procedures is not None and not isinstance(procedures.value, dict):
        faults.append(fault(procedures.at, "a table of procedures"))
        procedures = None
    if types is None or not isinstance(types.value, dict):
        return _without(root, ("procedures",)), faults
    library = procedures or Node(at=("procedures",), value={})
    whole = {name: _type(one, library, faults) for name, one in types.value.items()}
    used = {name for one in whole.values() for name in procedures_of(one)}
    faults += [
        fault(one.at, "no type takes anything from it") for name, one in library.value.items() if name not in used
    ]
    spelled = _without(root, ("procedures",))
    return Node(at=spelled.at, value={**spelled.value, "types": Node(at=types.at, value=whole)}), faults


def written(value: Any, at: Path = ()) -> Node:
    """Plain data as a tree that knows where it stands."""
    match value:
        case dict():
            return Node(at=at, value={key: written(inner, (*at, key)) for key, inner in value.items()})
        case list():
            return Node(at=at, value=[written(inner, (*at, str(index))) for index, inner in enumerate(value)])
        case _:
            return Node(at=at, value=value)


def plain(node: Node) -> Any:
    """The same as plain data again."""
    match node.value:
        case dict():
            return {key: plain(inner) for key, inner in node.value.items()}
        case list():
            return [plain(inner) for inner in node.value]
        case _:
            return node.value


def size_of(node: Node) -> int:
    """How many values the same has as plain data; what stands in several places is gone through once."""
    known = dict[int, int]()

    def size(one: Any) -> int:
        if not isinstance(one, dict | list):
            return 1
        if id(one) not in known:
            known[id(one)] = 1 + sum(size(inner.value) for inner in (one.values() if isinstance(one, dict) else one))
        return known[id(one)]

    return size(node.value)


def find(node: Node, path: Path) -> Node | None:
    """What stands at ``path`` below ``node``; a list is walked by its indexes."""
    for step in path:
        match node.value:
            case dict() if step in node.value:
                node = node.value[step]
            case list() if step.isdecimal() and len(step) <= INDEX_MAX and int(step) < len(node.value):
                node = node.value[int(step)]
            case _:
                return None
    return node


def stands(root: Node, path: Path) -> Path:
    """Where in the file the value at ``path`` was written; for what is missing: below the table that lacks it."""
    for length in range(len(path), -1, -1):
        found = find(root, path[:length])
        if found is not None:
            return (*found.at, *path[length:])
    raise AssertionError("the root is always found")


def procedures_of(node: Node) -> set[str]:
    """The procedures that anything below ``node`` was written in."""
    return {one.at[1] for one in _all(node) if one.at[:1] == ("procedures",) and len(one.at) > 1}


def pointer(path: Path) -> str:
    """RFC 6901."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def fault(path: Path, detail: str) -> Fault:
    return Fault(pointer=pointer(path), detail=detail)


def _all(node: Node) -> Iterator[Node]:
    yield node
    inner = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    for one in inner:
        yield from _all(one)


def _type(node: Node, library: Node, faults: list[Fault]) -> Node:
    """A type with what its procedure gives it, and its subtypes with what the type gives them."""
    if not isinstance(node.value, dict):
        return node
    whole = _following(node, library, (), faults)
    subtypes = node.get("subtypes")
    if subtypes is None or not isinstance(subtypes.value, dict):
        return whole
    base = _without(whole, ("subtypes",))
    each = {
        name: _over(base, one, faults) if isinstance(one.value, dict) else one for name, one in subtypes.value.items()
    }
    return Node(at=whole.at, value={**whole.value, "subtypes": Node(at=subtypes.at, value=each)})


def _following(node: Node, library: Node, followed: Path, faults: list[Fault]) -> Node:
    """``node`` laid over the procedure it names, which may itself follow another."""
    named = node.get("procedure")
    if named is None:
        return _over(Node(at=node.at, value={}), node, faults)
    procedure = library.get(named.value) if isinstance(named.value, str) else None
    if procedure is None or not isinstance(procedure.value, dict):
        faults.append(fault(named.at, f"one of {', '.join(library.value)}" if library.value else "no procedures here"))
        return _over(Node(at=node.at, value={}), node, faults)
    if named.value in followed:
        faults.append(fault(named.at, "a procedure cannot follow itself"))
        return _over(Node(at=node.at, value={}), node, faults)
    if len(followed) == FOLLOWED_MAX:
        faults.append(fault(named.at, f"the last of {FOLLOWED_MAX} procedures in a row, and it follows another"))
        return _over(Node(at=node.at, value={}), node, faults)
    return _over(_following(procedure, library, (*followed, named.value), faults), node, faults)


def _over(base: Node, own: Node, faults: list[Fault]) -> Node:
    """``own`` laid over ``base``: what it drops is gone with its clause, what it writes wins, placeholders add up.

    A mark belongs to the figure where that was written: who writes the figure anew marks it anew, or it is sourced.
    """
    gone = set[Path]()
    for dropped in _list(own.get("without")):
        path = tuple(str(dropped.value).split("."))
        if find(base, path) is None or any(path[:length] in gone for length in range(1, len(path) + 1)):
            faults.append(fault(dropped.at, f"{dropped.value} is not there to leave out"))
        gone |= {path, ("clauses", *path)}
    base = _dropped(base, gone) if gone else base
    stripped = _without(own, REUSE)
    marks = [
        mark
        for mark in _list(base.get("placeholders"))
        if find(base, _steps(mark)) is not None and find(stripped, _steps(mark)) is None
    ]
    whole = _merged(base, stripped)
    if not marks:
        return whole
    mine = own.get("placeholders")
    marked = Node(at=mine.at if mine else base.value["placeholders"].at, value=[*marks, *_list(mine)])
    return Node(at=whole.at, value={**whole.value, "placeholders": marked})


def _steps(mark: Node) -> Path:
    return tuple(str(mark.value).split("."))


def _list(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _merged(base: Node, own: Node, path: Path = ()) -> Node:
    if not isinstance(base.value, dict) or not isinstance(own.value, dict) or _whole(own, path):
        return own
    inner = {
        key: _merged(base.value[key], one, (*path, key)) if key in base.value else one for key, one in own.value.items()
    }
    return Node(at=own.at, value={**base.value, **inner})


def _whole(node: Node, path: Path) -> bool:
    """A span, a text or a formula is one value: it replaces an inherited one and never mixes with it."""
    formula = path == ("cap",) or (len(path) == 3 and path[:2] == ("ruling", "amounts"))
    return formula or bool(node.value and node.value.keys() <= SPAN) or node.value.keys() >= TEXT


def _without(node: Node, keys: tuple[str, ...]) -> Node:
    return Node(at=node.at, value={key: one for key, one in node.value.items() if key not in keys})


def _dropped(node: Node, paths: set[Path]) -> Node:
    if not isinstance(node.value, dict):
        return node
    below = defaultdict[str, set[Path]](set)
    for path in paths:
        below[path[0]].add(path[1:])
    left = {
        key: _dropped(one, below[key]) if key in below else one
        for key, one in node.value.items()
        if () not in below.get(key, ())
    }
    return Node(at=node.at, value=left)
