"""What a type takes from its procedure, a subtype from its type, and a text from its own figures."""

from __future__ import annotations

from typing import Any

import pytest

from case_events.core.spans import Span
from case_events.policies.figures import said
from tests.core.small_policy import faults, loaded, small


def test_a_type_has_what_its_procedure_says_and_what_it_says_itself_wins() -> None:
    types = loaded().types
    assert types["slow"].reply is not None
    assert types["broken"].reply is not None
    assert types["broken"].reply.open_period == Span(hours=72)
    assert types["slow"].reply.open_period == Span(working_days=2), "a span is one value, not two units of one"
    assert types["slow"].reply.on_refusal == "escalate"
    assert types["broken"].ruling.within == types["slow"].ruling.within
    assert types["broken"].ruling.outcomes == ("refund", "repair", "rejected"), "a list replaces a list"


def test_a_subtype_has_what_its_type_says_but_no_subtypes() -> None:
    broken = loaded().types["broken"]
    shoes = broken.subtypes["shoes"]
    assert shoes.title.en == "Shoes"
    assert shoes.filing.entitlement == Span(days=30)
    assert broken.filing.entitlement is None
    assert shoes.ruling == broken.ruling
    assert shoes.subtypes == {}


def test_a_procedure_may_follow_another() -> None:
    base = {"procedure": "claim", "department": "consumer_protection"}
    rules = loaded(("procedures.grave", base), ("types.broken.procedure", "grave")).types["broken"]
    assert rules.department == "consumer_protection"
    assert rules.complainants == ("buyer",)


def test_what_a_type_leaves_out_is_gone_with_its_clause() -> None:
    rules = loaded(("types.slow.without", ["negotiation"])).types["slow"]
    assert rules.negotiation is None
    assert "negotiation" not in rules.clauses


def test_one_key_of_a_table_can_be_left_out_alone() -> None:
    rules = loaded(
        ("types.slow.without", ["ruling.amounts"]), ("procedures.claim.ruling.amounts", {"refund": {"fixed": 1}})
    )
    assert rules.types["slow"].ruling.amounts == {}
    assert rules.types["slow"].ruling.outcomes == ("refund", "rejected")


def test_a_formula_of_ones_own_replaces_the_inherited_one_whole() -> None:
    inherited = ("procedures.claim.ruling.amounts", {"refund": {"fixed": 100}})
    rules = loaded(inherited).types
    assert rules["slow"].ruling.amounts["refund"].fixed == 100
    assert rules["broken"].ruling.amounts["refund"].fixed is None
    assert rules["broken"].ruling.amounts["refund"].basis_points == 500


def test_placeholders_add_up_and_a_figure_written_anew_is_a_placeholder_only_if_it_says_so() -> None:
    types = loaded(("types.broken.placeholders", ["remedy.within"])).types
    assert types["slow"].placeholders == ("appeal.window",), "its reply is its own, and sourced"
    assert types["broken"].placeholders == ("reply.open_period", "appeal.window", "remedy.within")
    marked = loaded(("types.slow.placeholders", ["reply.open_period"])).types["slow"]
    assert marked.placeholders == ("appeal.window", "reply.open_period")


def test_a_text_says_the_figure_of_its_own_type_in_each_language() -> None:
    types = loaded().types
    assert types["slow"].clauses["reply"].zh == "商家有2个工作日。"
    assert types["slow"].clauses["reply"].en == "The merchant has 2 working days."
    assert types["broken"].clauses["reply"].zh == "商家有72小时。"
    assert types["broken"].subtypes["shoes"].clauses["filing"].en == "Within 15 days."
    assert types["slow"].clauses["filing"].rows == ("F4",)


@pytest.mark.parametrize(
    ("value", "key", "zh", "en"),
    [
        ({"hours": 72}, "within", "72小时", "72 hours"),
        ({"days": 1}, "within", "1天", "1 day"),
        ({"seconds": 30}, "within", "30秒", "30 seconds"),
        ({"working_days": 2}, "within", "2个工作日", "2 working days"),
        ({"calendar_days": 3}, "within", "3个自然日", "3 calendar days"),
        (500, "basis_points", "5%", "5%"),
        (275, "basis_points", "2.75%", "2.75%"),
        (10_000, "basis_points", "100%", "100%"),
        (30_000, "basis_points", "3倍", "3 times"),
        (25_000, "basis_points", "250%", "250%"),
        (9_900, "accuracy", "99%", "99%"),
        (13_000, "scale_when.returned", "1.3倍", "1.3 times"),
        (5_000, "fixed", "¥50.00", "¥50.00"),
        (1_234_505, "up_to", "¥12345.05", "¥12345.05"),
        (6, "points", "6", "6"),
    ],
)
def test_a_figure_in_words(value: Any, key: str, zh: str, en: str) -> None:
    assert (said(value, key, "zh"), said(value, key, "en")) == (zh, en)


@pytest.mark.parametrize("value", ["escalate", True, {}, {"hours": 1, "days": 1}, ["refund"], None])
def test_what_is_no_figure_has_no_words(value: Any) -> None:
    assert said(value, "within", "en") is None


def test_a_text_may_name_a_figure_of_the_policy_around_it() -> None:
    text = {"zh": "至少{minimum_notice}。", "en": "At least {minimum_notice}."}
    assert loaded(("types.slow.clauses", {"notice": text})).types["slow"].clauses["notice"].en == "At least 24 hours."


def test_a_cap_can_be_the_very_amount_that_is_ruled() -> None:
    rules = loaded(("types.broken.cap", "{ruling.amounts.refund}")).types["broken"]
    assert rules.cap == rules.ruling.amounts["refund"]


def test_a_text_that_names_no_figure_is_refused_where_it_was_written() -> None:
    unknown = {"zh": "{reply.patience}", "en": "{reply}"}
    assert faults(small(("types.slow.clauses", {"reply": unknown}))) == {
        "/types/slow/clauses/reply/zh": "{reply.patience} names no figure",
        "/types/slow/clauses/reply/en": "{reply} names no figure",
    }


def test_a_value_that_stands_for_nothing_is_refused() -> None:
    found = faults(small(("types.slow.cap", "{ruling.amounts.refund}")))
    assert found["/types/slow/cap"].startswith("{ruling.amounts.refund} names nothing")


def test_a_fault_in_a_procedure_is_named_once_where_it_was_written() -> None:
    assert faults(small(("procedures.claim.reply.on_timeout", "shrug"))) == {
        "/procedures/claim/reply/on_timeout": "'shrug' is not one of ['concede', 'escalate', 'unlock']",
    }
    assert list(faults(small(("procedures.claim.ruling.surprise", 1)))) == ["/procedures/claim/ruling/surprise"]


@pytest.mark.parametrize("span", [{}, {"days": 1, "hours": 1}, {"fortnights": 1}, {"days": 0}])
@pytest.mark.parametrize("place", ["filing.entitlement", "filing.categories.fresh", "intervention.steps_in_within"])
def test_a_span_that_is_none_is_named_where_it_stands_however_deep(place: str, span: dict[str, int]) -> None:
    found = faults(small((f"types.broken.subtypes.shoes.{place}", span)))
    at = f"/types/broken/subtypes/shoes/{place.replace('.', '/')}"
    assert found
    assert [other for other in found if not other.startswith(at)] == []


def test_a_fault_only_some_followers_of_a_procedure_have_names_them() -> None:
    found = faults(small(("procedures.claim.demands_of", {"late": ["exchange"]}), ("types.slow.demands", ["exchange"])))
    assert found == {"/procedures/claim/demands_of/late/0": "no demand of this type (in broken)"}


def test_what_a_type_lacks_is_missed_where_it_should_stand() -> None:
    found = faults(small(("procedures.claim.cap", None), ("types.slow.cap", "paid")))
    assert list(found) == ["/types/broken/cap"], "its subtype lacks it only with it"


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ([("types.slow.procedure", "clam")], "/types/slow/procedure", "one of claim"),
        ([("types.slow.procedure", 3)], "/types/slow/procedure", "one of claim"),
        ([("procedures.claim.procedure", "claim")], "/procedures/claim/procedure", "a procedure cannot follow itself"),
        ([("types.slow.without", ["kindness"])], "/types/slow/without/0", "kindness is not there to leave out"),
        ([("procedures.spare", {"cap": "none"})], "/procedures/spare", "no type takes anything from it"),
        ([("procedures", 3)], "/procedures", "a table of procedures"),
    ],
)
def test_reuse_that_points_at_nothing_is_refused(changes: list[tuple[str, Any]], pointer: str, detail: str) -> None:
    assert faults(small(*changes))[pointer] == detail
