"""Whatever is written into a policy, it loads, or every fault points at a table of the file."""

from __future__ import annotations

import copy
import time
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_events.policies import load, load_sent, shipped
from case_events.shape import Misshapen
from tests.core.small_policy import TEXT
from tests.policy_text import as_toml

Path = tuple[str | int, ...]
STANDS_FOR = ("{reply.open_period}",)
SAID = tomllib.loads(TEXT)
TABLES = (
    "procedure",
    "without",
    "subtypes",
    "placeholders",
    "reply",
    "return_leg",
    "reminders",
    "demands_of",
    "entry",
    "again_up_to",
)
ODD: tuple[Any, ...] = (
    3,
    -1,
    2**60,
    True,
    1.5,
    "x",
    "{reply.open_period}",
    "{nothing}",
    "claim",
    [],
    ["late"],
    [1],
    [[]],
    [{"name": 3}],
    {},
    {"hours": 1},
    {"hours": 1, "days": 1},
    {"zh": "{x}", "en": 3},
    {"share_of": "paid"},
    {"procedure": "claim"},
)


def places(said: Any, at: Path = ()) -> Iterator[Path]:
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for key, value in inner:
        yield (*at, key)
        yield from places(value, (*at, key))


def below(said: Any, path: Path) -> Any:
    for step in path:
        said = said[step]
    return said


PLACES = sorted(places(SAID), key=str)
CHANGES = st.tuples(st.sampled_from(PLACES), st.none() | st.sampled_from(TABLES), st.none() | st.sampled_from(ODD))


def changed(changes: list[tuple[Path, str | None, Any]]) -> dict[str, Any]:
    """The small policy with values replaced, taken out (None) or, where a name is given, put in beside them."""
    said = copy.deepcopy(SAID)
    for path, name, value in changes:
        try:
            table = below(said, path[:-1])
            key = path[-1] if name is None else name
            if value is None:
                del table[key]
            else:
                table[key] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return said


@settings(max_examples=300, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_whatever_is_written_loads_or_is_refused_where_it_was_written(
    changes: list[tuple[Path, str | None, Any]],
) -> None:
    said = changed(changes)
    try:
        load(as_toml(said))
    except Misshapen as misshapen:
        for fault in misshapen.faults:
            *above, _key = fault.pointer.split("/")[1:] or [""]
            table: Any = said
            for step in above:
                table = table[int(step)] if isinstance(table, list) else table[step]
            # What stands for another value may lack what that one lacks.
            assert isinstance(table, dict | list) or table in STANDS_FOR, fault
            assert fault.detail


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5_000,
        "a = " + "[" * 40 + "]" * 40,
        "a" + ".a" * 3_000 + " = 1",
        "a = " + "{a=" * 40 + "1" + "}" * 40,
        "a = " + "1" * 5_000,
        "a = 0x" + "f" * 5_000,
        "a = 9007199254740992",
    ],
)
def test_what_no_policy_could_be_is_refused_in_words(text: str) -> None:
    with pytest.raises(Misshapen) as refused:
        load(text)
    assert [one.pointer for one in refused.value.faults] == [""]


CHAIN = "".join(f'[procedures.p{number}]\nprocedure = "p{number + 1}"\n' for number in range(2_000))
LARGE = TEXT + '[types.t]\nprocedure = "large"\nwithout = [' + ",".join(f'"k{n}"' for n in range(15_000)) + "]\n"
MARKS = TEXT + '[types.t]\nprocedure = "large"\n[procedures.large]\nplaceholders = [' + '"k",' * 15_000 + "]\n"
STAND_INS = "a = [" + "1," * 25_000 + "]\nb = [" + '"{a}",' * 25_000 + "]"


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("a" + ".a" * 190_000 + " = 1", ""),
        (STAND_INS, ""),
        (TEXT + CHAIN + '[types.t]\nprocedure = "p0"\n', "/procedures/p31/procedure"),
        (TEXT + '[more]\na = ["{more.a.' + "9" * 5_000 + '}"]', "/more/a/0"),
        (LARGE + "[procedures.large]\n" + "".join(f"k{n} = 1\n" for n in range(15_000)), "/types/t/title"),
        (MARKS, "/procedures/large/placeholders/1"),
    ],
    ids=["steps of a key", "stand-ins", "procedures in a row", "a place in a list", "left out", "marked"],
)
def test_what_would_take_long_or_much_room_is_refused_soon(text: str, pointer: str) -> None:
    began = time.monotonic()
    with pytest.raises(Misshapen) as refused:
        load_sent(text)
    assert time.monotonic() - began < 10
    assert pointer in [one.pointer for one in refused.value.faults]


def test_what_is_left_out_twice_is_not_there_the_second_time() -> None:
    with pytest.raises(Misshapen) as refused:
        load(TEXT + '[types.t]\nprocedure = "claim"\nwithout = ["reply", "reply.on_timeout"]\n')
    assert "/types/t/without/1" in [one.pointer for one in refused.value.faults]


def test_of_a_policy_that_was_sent_no_more_is_spelled_out_than_takes_some_seconds() -> None:
    for text in shipped():
        assert load_sent(text) == load(text)
    types = "".join(f'[types.t{number}]\nprocedure = "claim"\n' for number in range(500))
    with pytest.raises(Misshapen) as refused:
        load_sent(TEXT + types)
    assert [one.pointer for one in refused.value.faults] == ["/types"]
