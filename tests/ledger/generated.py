"""Any event that its Struct allows, read off the Struct itself: a new field is generated the day it is added."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from case_events.core.events import EVENTS, Event
from case_events.core.values import INTEGER_MAX, Instant

FEW = 3
"""Items in a generated list; the bytes of a list do not depend on its length."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
WORDS = {
    r"^[a-z0-9_]+$(?!\n)": st.text(LETTERS, min_size=1, max_size=64),
    r"^[0-9a-f]{64}$(?!\n)": st.text("0123456789abcdef", min_size=64, max_size=64),
    r"^[A-Z]{3}$(?!\n)": st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3),
}
SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    msgspec.inspect.NoneType: st.none(),
    msgspec.inspect.TimeDeltaType: st.integers(1, 10_000).map(lambda hours: timedelta(hours=hours)),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.UUIDType: st.uuids(),
}
"""What has no bounds; a kind of type nobody thought of here is a KeyError."""
ANYTHING = st.characters(codec="utf-8")
INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001
    max_value=datetime(2999, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(Instant.of)


def events() -> st.SearchStrategy[Event]:
    return st.one_of([of(msgspec.inspect.type_info(kind)) for kind in EVENTS.values()])


def of(info: Any) -> st.SearchStrategy[Any]:
    """Values of a type as msgspec describes it."""
    match info:
        case msgspec.inspect.Metadata(extra_json_schema={"pattern": pattern}):
            return WORDS[pattern]
        case msgspec.inspect.Metadata():
            return of(info.type)
        case msgspec.inspect.UnionType():
            return st.one_of([of(one) for one in info.types])
        case msgspec.inspect.VarTupleType(min_length=shortest, max_length=longest):
            return st.lists(of(info.item_type), min_size=shortest or 0, max_size=min(longest or FEW, FEW)).map(tuple)
        case msgspec.inspect.StructType():
            return st.builds(info.cls, **{field.name: of(field.type) for field in info.fields})
        case _:
            return _single(info)


def _single(info: Any) -> st.SearchStrategy[Any]:
    match info:
        case msgspec.inspect.IntType(ge=low, le=high):
            return st.integers(-INTEGER_MAX if low is None else low, INTEGER_MAX if high is None else high)
        case msgspec.inspect.StrType(min_length=shortest, max_length=longest):
            return st.text(ANYTHING, min_size=shortest or 0, max_size=min(longest or 40, 40))
        case msgspec.inspect.LiteralType():
            return st.sampled_from(info.values)
        case msgspec.inspect.CustomType() if info.cls is Instant:
            return INSTANTS
        case _:
            return SIMPLE[type(info)]


def types_in(info: Any) -> set[type]:
    """Every kind of type that stands anywhere in a type."""
    return {one.cls if isinstance(one, msgspec.inspect.CustomType) else type(one) for one in within(info)}


def within(info: Any) -> Iterator[Any]:
    """Every type that stands anywhere in a type and has no other in it."""
    match info:
        case msgspec.inspect.Metadata():
            yield from within(info.type)
        case msgspec.inspect.UnionType():
            for one in info.types:
                yield from within(one)
        case msgspec.inspect.VarTupleType():
            yield from within(info.item_type)
        case msgspec.inspect.StructType():
            for field in info.fields:
                yield from within(field.type)
        case _:
            yield info
