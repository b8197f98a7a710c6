"""Where in an event what is private stands: in its plain JSON, which is sealed, and in the Struct that was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

Path = tuple[str, ...]


def private_paths(kind: msgspec.inspect.Type) -> tuple[Path, ...]:
    """Where in the plain JSON of this kind of event its ``Private`` fields stand; ``*`` for each item of a list."""
    return tuple(_private(kind, ()))


def _private(info: Any, path: Path) -> Iterator[Path]:
    if isinstance(info, msgspec.inspect.Metadata):
        if (info.extra or {}).get("private"):
            yield path
        else:
            yield from _private(info.type, path)
    elif isinstance(info, msgspec.inspect.UnionType):
        for one in info.types:
            yield from _private(one, path)
    elif isinstance(info, msgspec.inspect.StructType):
        for field in info.fields:
            yield from _private(field.type, (*path, field.encode_name))
    elif isinstance(info, msgspec.inspect.VarTupleType):
        yield from _private(info.item_type, (*path, "*"))


Tree = dict[str, "Tree | None"]
"""Paths that share their beginnings, each step once; None where one ends."""


def tree_of(paths: Iterable[Path]) -> Tree:
    """The paths as a tree, so that what is not there is passed over once for all that would stand in it."""
    tree: Tree = {}
    for *above, last in paths:
        node = tree
        for step in above:
            inner = node.setdefault(step, {})
            assert inner is not None, "no private field stands in another"
            node = inner
        node[last] = None
    return tree


def places(value: Any, tree: Tree) -> list[tuple[Any, str | int, Path]]:
    """Every (container, key, full path) in plain JSON ``value`` that the tree leads to and that is not null."""
    found: list[tuple[Any, str | int, Path]] = []
    _gather(value, tree, (), found)
    return found


def _gather(value: Any, tree: Tree, at: Path, found: list[tuple[Any, str | int, Path]]) -> None:
    for step, rest in tree.items():
        keys: Any = range(len(value)) if step == "*" else (step,) if value.get(step) is not None else ()
        for key in keys:
            here = (*at, str(key))
            if rest is None:
                found.append((value, key, here))
            else:
                _gather(value[key], rest, here, found)


class Sealed(NamedTuple):
    """A field of a Struct with something private in or below it: the attribute, and its word in JSON.

    ``inner``: the fields of what stands there, None for the private text itself; ``many``: there is a tuple of it.
    """

    attribute: str
    word: str
    inner: tuple[Sealed, ...] | None
    many: bool = False


def sealed_fields(kind: msgspec.inspect.Type) -> tuple[Sealed, ...]:
    """Where in an event itself its ``Private`` fields stand; the same places that ``private_paths`` names."""
    return _sealed_in(kind)


def _sealed_in(info: Any) -> tuple[Sealed, ...]:
    if isinstance(info, msgspec.inspect.Metadata):
        return _sealed_in(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return tuple(dict.fromkeys(field for one in info.types for field in _sealed_in(one)))
    if isinstance(info, msgspec.inspect.StructType):
        return tuple(found for field in info.fields if (found := _sealed_field(field)))
    return ()


def _sealed_field(field: msgspec.inspect.Field) -> Sealed | None:
    many = _item(field.type)
    within = field.type if many is None else many
    if next(_private(within, ()), None) is not None:
        private = not (inner := _sealed_in(within))
        return Sealed(field.name, field.encode_name, None if private else inner, many is not None)
    return None


def _item(info: Any) -> Any:
    """What a tuple has items of, behind its limits; None for anything else."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _item(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next((item for one in info.types if (item := _item(one)) is not None), None)
    return info.item_type if isinstance(info, msgspec.inspect.VarTupleType) else None


def unseal(value: Any, fields: tuple[Sealed, ...], opened: Callable[[str, str], str], above: str = "") -> None:
    """Put the opened texts in the place of the sealed ones, in a Struct that was just decoded and is nobody's yet.

    ``opened`` is given each text and where it stands, as in ``evidence/0/uri``; ``above``: how that begins.
    """
    for attribute, word, inner, many in fields:
        found = getattr(value, attribute, None)
        if found is None:
            continue
        here = above + word
        if inner is None and many:
            texts = tuple(opened(one, f"{here}/{index}") for index, one in enumerate(found))
            force_setattr(value, attribute, texts)
        elif inner is None:
            force_setattr(value, attribute, opened(found, here))
        elif many:
            for index, one in enumerate(found):
                unseal(one, inner, opened, f"{here}/{index}/")
        else:
            unseal(found, inner, opened, here + "/")
