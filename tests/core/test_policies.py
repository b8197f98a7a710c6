"""Policies as data: what is wrong with one is named all at once, and its digest is of what it says, not how."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from case_events.policies import CITED, load, shipped
from case_events.shape import Misshapen
from tests.examples import WITH_ACCEPTANCE, first_type, policy, taobao_text
from tests.policy_text import as_toml


def faults(text: str) -> dict[str, str]:
    with pytest.raises(Misshapen) as refused:
        load(text)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def changed(*changes: tuple[str, str]) -> str:
    text = taobao_text()
    for written, instead in changes:
        assert written in text
        text = text.replace(written, instead, 1)
    return text


def test_every_shipped_policy_loads_and_says_which_it_is() -> None:
    refs = [load(text).ref for text in shipped()]
    assert [(ref.name, ref.version) for ref in refs] == [("taobao", "2026.1")]


def test_every_fault_of_a_policy_is_named_at_once() -> None:
    found = faults(
        changed(
            ('currency = "CNY"', 'currency = "yuan"'),
            ('effective_from = "2025-01-01T00:00:00+08:00"', 'effective_from = "2025-01-01"'),
            ('on_timeout = "escalate"', 'on_timeout = "shrug"'),
            ("stalls_after = { days = 9 }", "stalls_after = { days = 0 }"),
            ("lapses_after = { days = 7 }", "lapses_after = { days = 7, hours = 1 }"),
            ("window = { days = 7 }", "window = {}"),
            ("rounds = 1", "rounds = 10\nsurprise = true"),
            ('cap = "paid_plus_freight"', ""),
            ("minimum_notice = { hours = 24 }", "minimum_notice = { fortnights = 1 }"),
        )
    )
    at = "/types/not_received"
    assert set(found) == {
        "/currency",
        "/effective_from",
        f"{at}/reply/on_timeout",
        f"{at}/negotiation/stalls_after/days",
        f"{at}/intervention/lapses_after",
        f"{at}/appeal/window",
        f"{at}/appeal/rounds",
        f"{at}/appeal/surprise",
        f"{at}/cap",
        "/minimum_notice/fortnights",
    }


def test_what_is_not_toml_is_refused_as_such() -> None:
    assert "not TOML" in faults("name = ")[""]


def test_a_policy_without_types_is_refused() -> None:
    head = taobao_text().split("[types.not_received]")[0]
    assert "/types" in faults(head)
    assert "/types" in faults(head + "[types]\n")


@pytest.mark.parametrize("clause", CITED)
def test_a_type_without_a_clause_that_refusals_cite_is_refused(clause: str) -> None:
    first, rest = first_type(taobao_text())
    lines = first.splitlines()
    without = "\n".join(line for line in lines if not line.startswith(f"{clause} = {{ zh"))
    assert list(faults(without + rest)) == [f"/types/not_received/clauses/{clause}"]


def test_a_type_that_wants_acceptance_must_have_a_clause_for_it() -> None:
    written, instead = WITH_ACCEPTANCE
    text = taobao_text().replace(written, instead.replace("acceptance = { zh", "other = { zh"))
    assert list(faults(text)) == ["/types/not_received/clauses/acceptance"]


def test_a_policy_that_cannot_reject_a_claim_is_refused() -> None:
    assert list(faults(changed(('"partial_refund", "rejected"]', '"partial_refund"]')))) == [
        "/types/not_received/ruling/outcomes"
    ]


def turned(value: object) -> Any:
    """The same with its keys in the opposite order, all the way down."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return value


def test_the_digest_ignores_comments_and_the_order_of_keys() -> None:
    text = taobao_text()
    commented = "# read me\n" + text.replace("rounds = 1", "rounds = 1 # one")
    assert load(commented).ref == policy().ref
    assert load(as_toml(turned(tomllib.loads(text)))).ref == policy().ref


def test_the_digest_knows_every_figure_and_the_order_of_lists() -> None:
    assert load(changed(("window = { days = 7 }", "window = { hours = 168 }"))).ref.digest != policy().ref.digest
    turned = changed(('outcomes = ["refund", "partial_refund"', 'outcomes = ["partial_refund", "refund"'))
    assert load(turned).ref.digest != policy().ref.digest


def test_a_problem_cites_the_policy_its_version_and_the_clause() -> None:
    assert policy().ref.clause("not_received.reply") == "taobao@2026.1#not_received.reply"
