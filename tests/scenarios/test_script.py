"""The language of the scenarios itself: what it says is held against what is so, and its short words mean one thing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.values import Instant
from tests.examples import calendar
from tests.scenarios.checking import check_reads, matches, running
from tests.scenarios.rehearse import in_force, rehearse
from tests.scenarios.sayings import Names, digest, merged, whole
from tests.scenarios.script import Expected, Refused, Scenario, row_scenarios

START = Instant.parse("2026-06-01T02:00:00Z")
NAMES = Names(run="7", complainant="b-1-7", events={"ruled": "an-id"})
TOLD = row_scenarios()["rows/E4_brought_in_time"]
REFUSED = row_scenarios()["rows/F2_after_success"]


def play(scenario: Scenario) -> None:
    rehearse(scenario, in_force(scenario.marketplace), calendar())


@pytest.mark.parametrize(
    "wrong",
    [
        {"recorded": ("filed", "accepted")},
        {"status": "waiting_for_merchant"},
        {"stage": "claim"},
        {"outcome": "settled"},
        {"priority": 1},
        {"deadlines": {"acceptance": "PT24H", "evidence": "P3DT0.000001S"}},
        {"deadlines": {"acceptance": "PT24H"}},
        {"reads": {"/missing_evidence": []}},
        {"reads": {"/amount": 12901}},
        {"reads": {"/nowhere": "at all"}},
        {"lacks": ("/order",)},
    ],
    ids=", ".join,
)
def test_an_expectation_that_is_not_met_fails_the_scenario(wrong: dict[str, Any]) -> None:
    assert isinstance(TOLD.filed, Expected)
    play(TOLD)
    with pytest.raises(AssertionError):
        play(replace(TOLD, filed=replace(TOLD.filed, **wrong)))


@pytest.mark.parametrize(
    "wrong",
    [
        Refused(code="invalid", closed_at="-PT0.000001S"),
        Refused(code="not_eligible"),
        Refused(code="not_eligible", closed_at="PT0S"),
        Refused(code="not_eligible", closed_at="-PT0.000001S", opens_at="PT0S"),
        Refused(code="not_eligible", closed_at="-PT0.000001S", rule="price_fraud.reply"),
        Refused(code="not_eligible", closed_at="-PT0.000001S", detail="in good time"),
        Refused(code="not_eligible", closed_at="-PT0.000001S", errors={"/order": ""}),
    ],
)
def test_a_refusal_for_another_reason_fails_the_scenario(wrong: Refused) -> None:
    play(REFUSED)
    first, *others = REFUSED.attempts
    with pytest.raises(AssertionError):
        play(replace(REFUSED, attempts=(replace(first, refused=wrong), *others)))


def test_a_filing_that_is_taken_is_no_refusal() -> None:
    first, *others = REFUSED.attempts
    with pytest.raises(AssertionError, match="not refused"):
        play(replace(REFUSED, attempts=(replace(first, change={}), *others)))


def test_a_scenario_says_either_what_is_filed_or_why_not() -> None:
    with pytest.raises(ValueError, match="either filed or refused"):
        replace(TOLD, refused=Refused(code="invalid"))


@pytest.mark.parametrize(
    ("key", "said", "means"),
    [
        ("shipped_at", "P1DT1H", "2026-06-02T03:00:00.000000Z"),
        ("shipped_at", "-PT0.000001S", "2026-06-01T01:59:59.999999Z"),
        ("due_at", "2026-06-01T10:00:00+08:00", "2026-06-01T02:00:00.000000Z"),
        ("within", "P5D", "P5D"),
        ("amount", 645, {"amount": 645, "currency": "CNY"}),
        ("amount", {"amount": 645, "currency": "USD"}, {"amount": 645, "currency": "USD"}),
        ("share", 645, 645),
        ("buyer_id", "{complainant}", "b-1-7"),
        ("event", "{event:ruled}", "an-id"),
        ("evidence", ["slip"], [digest("slip")]),
        ("kinds", ["photo"], ["photo"]),
    ],
)
def test_each_short_word_means_one_thing(key: str, said: object, means: object) -> None:
    assert whole({key: said}, START, NAMES) == {key: means}


def test_a_change_is_laid_over_key_by_key_and_what_is_left_out_is_gone() -> None:
    said = {"order": {"status": "paid", "paid_at": "P1D"}, "amount": 1, "facts": {"loss": 2}}
    changed = merged(said, {"order": {"status": "shipped"}, "amount": 3}, ("facts.loss", "order.paid_at"))
    assert changed == {"order": {"status": "shipped"}, "amount": 3, "facts": {}}
    with pytest.raises(AssertionError, match="no reason to leave out"):
        merged(said, {}, ("reason",))


@pytest.mark.parametrize(
    ("expected", "actual", "so"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ([1], [1], True),
        ([1], [1, 2], False),
        ({"amount": 5, "currency": "CNY"}, 5, True),
        ({"amount": 5, "currency": "CNY"}, 6, False),
        (1, True, False),
        ("a", None, False),
    ],
)
def test_a_table_says_what_there_must_be_and_a_list_all_there_is(expected: object, actual: object, so: bool) -> None:
    assert matches(expected, actual) is so


def test_what_lacks_is_null_or_not_there() -> None:
    check_reads(TOLD, NAMES, {}, ("/a", "/b/0"), {"a": None, "b": []})
    with pytest.raises(AssertionError):
        check_reads(TOLD, NAMES, {}, ("/a",), {"a": 0})


def test_clocks_of_both_sides_are_told_apart() -> None:
    clocks = [("recovery", "complainant", START), ("recovery", "respondent", START), ("remedy", "respondent", START)]
    assert list(running(clocks)) == ["recovery.complainant", "recovery.respondent", "remedy"]
