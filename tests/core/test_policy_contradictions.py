"""A policy that contradicts itself is refused, with every contradiction named at the table and key that says it."""

from __future__ import annotations

import pytest

from case_events.policies.contradictions import WITH_TABLE
from tests.core.contradicting import CONTRADICTIONS, TABLES, TEXT, Change, advance
from tests.core.small_policy import faults, loaded, small


@pytest.mark.parametrize("name", TABLES)
def test_a_table_whose_clause_is_missing_is_refused(name: str) -> None:
    table: Change = (f"types.slow.{name}", TABLES[name])
    assert faults(small(table)) == {f"/procedures/claim/clauses/{name}": "missing: refusals cite it (in slow)"}
    assert loaded(table, ("types.slow.clauses", {name: TEXT})).types["slow"].clauses[name].en == "A rule."


def test_every_table_with_a_clause_is_told() -> None:
    assert set(WITH_TABLE) == {*TABLES, "reply", "negotiation"}


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [pytest.param(changes, pointer, detail, id=name) for name, changes, pointer, detail in CONTRADICTIONS],
)
def test_a_contradiction_is_named_where_it_is_said(changes: list[Change], pointer: str, detail: str) -> None:
    found = faults(small(*changes))
    assert found.pop(pointer) == detail
    assert [other for other in found if not other.startswith(f"{pointer}/")] == []


def test_what_touches_a_limit_but_does_not_cross_it_is_no_contradiction() -> None:
    rules = loaded(
        *advance(instant_up_to=500, instant_reasons=["late"]),
        ("types.slow.reminders", {"appeal": {"hours": 167}}),
        ("types.slow.ruling", {"target": {"working_days": 3}}),
        ("types.slow.filing", {"opens_after": {"days": 15}}),
        ("types.slow.remedy", {"again_up_to": {"hours": 24}}),
    ).types["slow"]
    assert rules.ruling.target == rules.ruling.within


def test_a_target_in_another_unit_than_its_limit_is_not_compared() -> None:
    assert loaded(("types.slow.ruling", {"target": {"days": 9}})).types["slow"].ruling.target is not None


def test_contradictions_and_wrong_shapes_are_named_in_one_answer() -> None:
    found = faults(
        small(
            ("types.slow.reply.on_timeout", "shrug"),
            ("types.slow.entry", {"never": "police"}),
            ("types.broken.ruling.outcomes", ["refund"]),
            ("types.broken.surprise", 1),
            ("currency", "yuan"),
        )
    )
    assert set(found) == {
        "/types/slow/reply/on_timeout",
        "/types/slow/entry/never",
        "/types/broken/ruling/outcomes",
        "/types/broken/surprise",
        "/currency",
    }


def test_neither_a_longest_interval_nor_a_highest_priority_is_nothing_or_of_two_units() -> None:
    found = faults(
        small(
            ("priority_up_to", 0),
            ("types.slow.ruling", {"again_up_to": {"working_days": 0}}),
            ("types.broken.remedy", {"again_up_to": {"hours": 1, "days": 1}}),
        )
    )
    assert set(found) == {
        "/priority_up_to",
        "/types/slow/ruling/again_up_to",
        "/types/slow/ruling/again_up_to/working_days",
        "/types/broken/remedy/again_up_to",
    }
