"""Words are asked at the door how they are spelled: every place of everything that may be posted, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_events.core.canonical import canonical, schema_hook
from case_events.core.commands import POSTED, File
from case_events.core.events import EVENTS
from case_events.core.formulas import Formula
from case_events.core.values import Word
from case_events.shape import Misshapen, shape_of
from case_events.spelling import spelling
from tests.ledger import generated

MISSPELLED = ("Refund", "re fund", "refund\n", "退款", "f" * 63 + "G")
COMMANDS = [File, *dict.fromkeys(POSTED.values())]
Step = str | int


def words(schema: Any, value: Any, whole: Any, at: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Where in plain JSON there stands a text that the JSON Schema has a pattern for."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for branch in schema.get("anyOf", ()):
        yield from words(branch, value, whole, at)
    if isinstance(value, str) and "pattern" in schema:
        yield at
    elif isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            yield from words(schema["items"], one, whole, (*at, index))
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from words(inner, value[name], whole, (*at, name))


def put(value: Any, at: tuple[Step, ...], word: str) -> Any:
    """The same JSON with another word at one place."""
    if not at:
        return word
    changed = value.copy()
    changed[at[0]] = put(value[at[0]], at[1:], word)
    return changed


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_misspelled_word_is_named_wherever_it_stands(kind: type, data: st.DataObject) -> None:
    said = canonical(data.draw(generated.of(msgspec.inspect.type_info(kind))))
    assert canonical(shape_of(kind).decode(said)) == said
    plain, schema = msgspec.json.decode(said), msgspec.json.schema(kind, schema_hook=schema_hook)
    schema = schema["$defs"][kind.__name__] | {"$defs": schema["$defs"]}
    places = [*words(schema, plain, schema)]
    if places:
        place, word = data.draw(st.sampled_from(places)), data.draw(st.sampled_from(MISSPELLED))
        wrong = put(plain, place, word)
        with pytest.raises(msgspec.ValidationError):
            shape_of(kind).decode(canonical(wrong))
        with pytest.raises(Misshapen) as refused:
            shape_of(kind).convert(wrong)
        assert [fault.pointer for fault in refused.value.faults] == ["".join(f"/{step}" for step in place)]


def test_words_are_asked_in_tables_and_in_what_holds_itself() -> None:
    asked = spelling(Formula)
    for category, right in (("fresh_food", True), ("Fresh food", False)):
        formula = {"by_category": {category: {"add": ["paid"]}}}
        for said in (formula, {"when": {"opened": {"by_category": {"other": formula}}}}):
            assert asked(msgspec.convert(said, Formula)) is right


def test_words_are_asked_in_a_tuple_of_so_many() -> None:
    asked = spelling(msgspec.defstruct("Pair", [("pair", tuple[int, Word])]))
    for word, right in (("refund", True), ("Refund", False)):
        assert asked(SimpleNamespace(pair=(1, word))) is right


def test_data_that_nobody_can_ask_is_refused_before_it_is_read() -> None:
    words = msgspec.defstruct("Words", [("words", set[Word])])
    with pytest.raises(TypeError, match="SetType"):
        spelling(words)


def test_what_is_stored_is_not_asked_again() -> None:
    """It costs more than all the rest of reading an event; the chain keeps what was asked when it came in."""
    for kind in EVENTS.values():
        assert not [one for one in generated.within(msgspec.inspect.type_info(kind)) if getattr(one, "pattern", None)]
