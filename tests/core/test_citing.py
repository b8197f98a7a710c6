"""A refusal cites its rule in both languages: the text of the clause, taken from the type in one place."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.citing import cited, rules_of
from case_events.core.policy import InForce
from case_events.core.stages import CLAUSE_OF
from case_events.core.values import Instant, Problem, Text
from case_events.policies import load, shipped
from tests import examples
from tests.spec import given


def problem(rule: str | None) -> Problem:
    return Problem(code="not_allowed_now", detail="No.", rule=rule)


def text_of(in_force: InForce, type_: str, clause: str) -> Text:
    said = in_force.policy.types[type_].clauses[clause]
    return Text(zh=said.zh, en=said.en)


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ("taobao@2026.1#not_received.appeal", "appeal"),
        ("taobao@2026.1#filing", "filing"),
        ("taobao@2026.1#not_received.no_such_clause", "ruling"),
    ],
)
def test_the_clause_a_rule_names_is_given_or_else_the_type_s_clause_on_ruling(rule: str, clause: str) -> None:
    in_force = examples.policy()
    rules = in_force.policy.types["not_received"]
    told = cited(problem(rule), rules)
    assert told.clause == text_of(in_force, "not_received", clause)
    assert told.rule == rule.replace("no_such_clause", clause), "what is named is what is quoted"


def test_without_a_rule_or_a_type_there_is_nothing_to_cite() -> None:
    rules = examples.policy().policy.types["not_received"]
    assert cited(problem(None), rules).clause is None
    assert cited(problem("taobao@2026.1#filing"), None).clause is None


def test_a_refused_filing_cites_its_type_and_one_of_no_known_type_cites_nothing() -> None:
    late = examples.order_that_succeeded(Instant.parse("2026-01-02T04:00:00Z"))
    refused = given().file(replace(examples.FILING, order=late)).refused("not_eligible")
    assert refused.clause == text_of(examples.policy(), "not_received", "filing")
    assert given().file(replace(examples.FILING, type="unheard_of")).refused("invalid").clause is None


def test_a_refused_step_cites_the_policy_its_case_is_pinned_to() -> None:
    refused = given().file().when(examples.APPEAL, at=examples.NOON).refused("not_allowed_now")
    assert refused.rule == "taobao@2026.1#not_received.appeal"
    assert refused.clause == text_of(examples.policy(), "not_received", "appeal")


def test_a_subtype_s_own_clauses_are_cited() -> None:
    tmall = next(one for one in map(load, shipped()) if one.policy.name == "tmall")
    filing = replace(examples.FILING, type="after_sales_guarantee", subtype="fifteen_day_quality_return_or_exchange")
    assert filing.subtype is not None
    assert rules_of(filing, tmall) == tmall.policy.types["after_sales_guarantee"].subtypes[filing.subtype]
    assert rules_of(replace(filing, subtype="unheard_of"), tmall) == tmall.policy.types["after_sales_guarantee"]


def test_the_clauses_that_the_shipped_policies_word_are_the_ones_that_are_cited() -> None:
    """Who presses a fourth time is told of the three, and not of what follows when the merchant is silent."""
    for in_force in (one for one in map(load, shipped()) if one.ref.version >= "2026.2"):
        for type_, rules in in_force.policy.types.items():
            for event in ("expedited", "escalated", "messaged", "linked"):
                rule = in_force.ref.clause(f"{type_}.{CLAUSE_OF[event]}")
                told = cited(problem(rule), rules)
                assert (told.rule, told.clause) == (rule, text_of(in_force, type_, CLAUSE_OF[event]))
        assert "at most 3 times" in in_force.policy.types["harassment"].clauses[CLAUSE_OF["expedited"]].en


def test_what_the_first_policy_does_not_word_is_cited_as_what_stands_for_it() -> None:
    in_force = examples.policy()
    rules = in_force.policy.types["not_received"]
    told = cited(problem("taobao@2026.1#not_received.expedite"), rules)
    assert (told.rule, told.clause) == (
        "taobao@2026.1#not_received.intervention",
        text_of(in_force, "not_received", "intervention"),
    )
