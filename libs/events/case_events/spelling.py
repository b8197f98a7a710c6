"""Are the words in what somebody sent spelled as they must be? Asked where they come in, and never again.

A pattern in a Struct's own limits would be asked of every word whenever the Struct is decoded: also of events, which
were asked before they were hashed, and there it costs more than all the rest of decoding (measured). So our types say
how they are spelled in their JSON Schema alone, and ``shape`` asks here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter, call
from typing import Any

import msgspec

Check = Callable[[Any], bool]
"""Is everything in this value, which has the right types, spelled as it must be?"""
WORDLESS = (
    *(msgspec.inspect.StrType, msgspec.inspect.IntType, msgspec.inspect.BoolType, msgspec.inspect.NoneType),
    *(msgspec.inspect.UUIDType, msgspec.inspect.TimeDeltaType, msgspec.inspect.LiteralType, msgspec.inspect.AnyType),
    *(msgspec.inspect.RawType, msgspec.inspect.CustomType, msgspec.inspect.DateType, msgspec.inspect.FloatType),
)
"""What has no word of ours in it: any text, no text, or text that is understood by other means."""


def spelling(wanted: type) -> Check:
    """The check of a ``wanted``, by the patterns in its JSON Schema. Raises TypeError for data it cannot ask."""
    return _check(msgspec.inspect.type_info(wanted), {}) or _anything


def _anything(_: Any) -> bool:
    return True


def _check(info: Any, known: dict[type, _Fields]) -> Check | None:
    """None: there are no words in it. ``known``: the Structs that were met above, for they may hold themselves."""
    match info:
        case msgspec.inspect.Metadata(extra_json_schema={"pattern": pattern}):
            return re.compile(pattern).search  # type: ignore[return-value]  # a match is true, and no match is not
        case msgspec.inspect.Metadata(type=inner):
            return _check(inner, known)
        case msgspec.inspect.UnionType(types=types):
            return _one_of({_kind(one): check for one in types if (check := _check(one, known))})
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.ListType(item_type=item):
            check = _check(item, known)
            return check and (lambda items: all(map(check, items)))
        case msgspec.inspect.TupleType(item_types=items):
            checks = [_check(item, known) for item in items]
            return _each_its_own([check or _anything for check in checks]) if any(checks) else None
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return _each(_check(key, known) or _anything, _check(value, known) or _anything)
        case msgspec.inspect.StructType(cls=kind):
            return known.get(kind) or _Fields(info, known)
        case _ if isinstance(info, WORDLESS):
            return None
        case _:
            raise TypeError(f"nobody knows how the words in a {type(info).__name__} are spelled")


class _Fields:
    """The fields of a Struct that have words in them."""

    def __init__(self, info: msgspec.inspect.StructType, known: dict[type, _Fields]) -> None:
        known[info.cls] = self
        checks = {field.name: check for field in info.fields if (check := _check(field.type, known))}
        self._checks = tuple(checks.values())
        self._words = attrgetter(*checks, "__class__", "__class__")  # of one name alone it would make no tuple

    def __call__(self, value: Any) -> bool:
        return all(map(call, self._checks, self._words(value)))


def _one_of(checks: dict[type, Check]) -> Check | None:
    """By the type of what is there; ``None`` and whatever else has no words passes."""
    return (lambda value: checks.get(type(value), _anything)(value)) if checks else None


def _each_its_own(checks: list[Check]) -> Check:
    return lambda items: all(map(call, checks, items))


def _each(key: Check, value: Check) -> Check:
    return lambda table: all(map(key, table)) and all(map(value, table.values()))


def _kind(info: Any) -> type:
    """What a value of one branch of a union is in Python."""
    match info:
        case msgspec.inspect.Metadata(type=inner):
            return _kind(inner)
        case msgspec.inspect.StructType(cls=kind):
            return kind
        case msgspec.inspect.VarTupleType() | msgspec.inspect.TupleType():
            return tuple
        case msgspec.inspect.ListType():
            return list
        case msgspec.inspect.DictType():
            return dict
        case _:
            return str
