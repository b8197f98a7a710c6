"""Policies as data: what is wrong with one is named all at once, and its digest is of what it says, not how."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from case_events.core.policy import ComplaintType
from case_events.core.vocabulary import ROLES, WORDS
from case_events.policies import PINNED_BEFORE, load, shipped
from case_events.policies.contradictions import ALWAYS
from tests.core.small_policy import faults, loaded, small
from tests.examples import WITH_ACCEPTANCE, first_type, policy, taobao_text
from tests.policy_text import as_toml

LANDED = "72fea27d52b597793ed6c81e1a02ca63b9431060fde8975fc23a921f616a3d43"
"""What cases under taobao@2026.1 are pinned by, as it stands in their ``filed`` events."""
GOLDEN = Path(__file__).parent.parent / "golden" / "policies"
DIGESTS = {
    "taobao-2026.1": LANDED,
    "taobao-2026.2": "bc37d0ae84043ab0a6fbec43f118295721c7ca77f7b9f3bc9f261e0ff28394a9",
    "tmall-2026.2": "f125a44f60aacc52d0b7510e7a17fdc335d70a5b0709f1d57bc7decc91d422ff",
    "taobao-2026.3": "51ccdee3ee205077ab906059b109df9fe25c5cee5bcf2e4b49d81be41d34fc68",
    "tmall-2026.3": "5d8d5cc8122107840aa0b0d650ee6255fc90867da7e783a173add1d9032e98f7",
    "taobao-2026.4": "83a060e58fdbd9d5b8149850907ad9b55214d73fd20cc6b03662dc35a87e688e",
    "tmall-2026.4": "6f5bd61a57a5540f9650c874f8c69b52db1b070699ce481f06d9a6557b8ec498",
    "taobao-2026.5": "ff5d940fe55ab67753da241b1b080007e72299c06461790c46b3d4e68c6e53dc",
    "tmall-2026.5": "0f12381665c3b3e3420891adef8a5e9595ea9c9164abfba22933addbc9dcbf9a",
    "taobao-2026.6": "7e59a7e9f3d7103482d67462ce8b43dbe7ca0f56a4e104726116934e2952bc4d",
    "tmall-2026.6": "09355596c8e5b6c11b303f5391579210ec5474560f5f40bfb069658d5f24cea3",
}
"""Every policy that landed, and what its cases are pinned by."""
SHIPPED = [load(text).policy for text in shipped()]


def changed(*changes: tuple[str, str]) -> str:
    text = taobao_text()
    for written, instead in changes:
        assert written in text
        text = text.replace(written, instead, 1)
    return text


def every_type() -> list[ComplaintType]:
    types = [rules for one in SHIPPED for rules in one.types.values()]
    return [*types, *(inner for rules in types for inner in rules.subtypes.values())]


def test_every_shipped_policy_loads_and_says_which_it_is() -> None:
    refs = [load(text).ref for text in shipped()]
    assert [(ref.name, ref.version) for ref in refs] == [("taobao", "2026.6"), ("tmall", "2026.6")]


def test_a_shipped_policy_reminds_a_party_of_each_deadline_of_its_own() -> None:
    """Domain Q2: of the right that lapses, of what is owed and owed back, and of each leg of a return."""
    for rules in every_type():
        of_its_own = {"intervention", "appeal", "remedy"}
        of_its_own |= {"response"} if rules.reply else set()
        of_its_own |= {"evidence"} if rules.evidence else set()
        of_its_own |= {"return_address", "return_shipment", "return_receipt"} if rules.return_leg else set()
        of_its_own |= {"recovery"} if rules.advance else set()
        assert of_its_own <= rules.reminders.keys(), (rules.title.en, of_its_own - rules.reminders.keys())


def test_each_reason_and_demand_of_a_type_is_taken_by_one_of_its_subtypes() -> None:
    """F5, F13: what a type lists somebody can file, though a subtype must be named."""
    with_subtypes = [rules for rules in every_type() if rules.subtypes]
    assert len(with_subtypes) >= len(SHIPPED)
    for rules in with_subtypes:
        taken = rules.subtypes.values()
        assert set(rules.reasons) == {word for one in taken for word in one.reasons}, rules.title.en
        assert set(rules.demands) == {word for one in taken for word in one.demands}, rules.title.en


def test_every_clause_of_a_shipped_policy_names_the_rows_it_carries() -> None:
    assert [clause for rules in every_type() for clause in rules.clauses.values() if not clause.rows] == []


def test_every_word_of_a_shipped_policy_has_a_name_in_both_languages() -> None:
    said = set[str]()
    for rules in every_type():
        said |= {*rules.reasons, *rules.demands, *rules.offers, *rules.ruling.outcomes, *rules.ruling.penalties}
        said |= {*rules.filing.circumstances, *rules.filing.documents, *rules.filing.rights, *rules.filing.ratings}
        said |= {*rules.filing.order_states, *rules.filing.categories, *rules.filing.promises, *rules.appeal.instances}
        said |= {*rules.ruling.channels, rules.kind, rules.department}
        said |= set(rules.filing.extension.reasons if rules.filing.extension else ())
        assert {*rules.complainants, *rules.respondents} <= ROLES.keys()
        for formula in rules.ruling.amounts.values():
            said |= formula.by_category.keys()
    for one in SHIPPED:
        assert one.evidence_kinds is not None
        said |= {kind for group in one.evidence_kinds.groups.values() for kind in group}
    assert said - WORDS.keys() == set()


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
            ('"partial_refund", "rejected"]', '"partial_refund"]'),
            ("delivery_proved = {", "another = {"),
            ("reply = { zh", "answer = { zh"),
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
        f"{at}/ruling/outcomes",
        f"{at}/clauses/reply",
    }


def test_what_is_not_toml_is_refused_as_such() -> None:
    assert "not TOML" in faults("name = ")[""]


def test_a_policy_without_types_is_refused() -> None:
    head = taobao_text().split("[types.not_received]")[0]
    assert "/types" in faults(head)
    assert "/types" in faults(head + "[types]\n")


@pytest.mark.parametrize("value", [72.0, 3.5, date(2026, 1, 1)])
def test_a_fraction_or_a_date_of_toml_is_refused_wherever_it_stands(value: object) -> None:
    found = faults(small(("procedures.claim.negotiation.stalls_after", {"hours": value})))
    assert found["/procedures/claim/negotiation/stalls_after/hours"].startswith("text, a whole number, true or false")


@pytest.mark.parametrize("clause", [*ALWAYS, "reply", "negotiation"])
def test_a_type_without_a_clause_that_refusals_cite_is_refused(clause: str) -> None:
    first, rest = first_type(taobao_text())
    lines = first.splitlines()
    without = "\n".join(line for line in lines if not line.startswith(f"{clause} = {{ zh"))
    assert list(faults(without + rest)) == [f"/types/not_received/clauses/{clause}"]


def test_a_type_that_wants_acceptance_must_have_a_clause_for_it() -> None:
    written, instead = WITH_ACCEPTANCE
    text = taobao_text().replace(written, instead.replace("acceptance = { zh", "other = { zh"))
    assert list(faults(text)) == ["/types/not_received/clauses/acceptance"]


def test_a_type_nobody_wrote_code_for_is_a_table() -> None:
    made_up = {
        "procedure": "claim",
        "title": {"zh": "直播虚假承诺", "en": "False promise in a livestream"},
        "reasons": ["livestream_false_promise"],
        "reply": {"open_period": {"hours": 36}},
    }
    rules = loaded(("types.livestream_false_promise", made_up)).types["livestream_false_promise"]
    assert rules.reasons == ("livestream_false_promise",)
    assert rules.clauses["reply"].en == "The merchant has 36 hours."
    assert rules.placeholders == ("appeal.window",)


def turned(value: object) -> Any:
    """The same with its keys in the opposite order, all the way down."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return value


def test_a_policy_is_pinned_by_the_sha_256_of_the_canonical_json_of_its_toml() -> None:
    for text in shipped():
        assert load(text).ref.digest == hashlib.sha256(rfc8785.dumps(tomllib.loads(text))).hexdigest()


def test_the_landed_policy_is_pinned_as_its_cases_know_it() -> None:
    assert policy().ref.digest == LANDED
    assert (policy().ref.name, policy().ref.version) == ("taobao", "2026.1")
    assert set(PINNED_BEFORE.values()) == {LANDED}


@pytest.mark.parametrize("kept", sorted(DIGESTS))
def test_what_a_landed_policy_says_never_changes(kept: str) -> None:
    """A change of the rules is a new version: cases are judged by the one they were filed under."""
    landed = load((GOLDEN / f"{kept}.toml").read_text(encoding="utf-8")).ref
    assert landed.digest == DIGESTS[kept]
    now = {f"{one.name}-{one.version}": one for one in (load(text).ref for text in shipped())}
    assert now.get(kept, landed) == landed


def test_every_landed_policy_is_kept() -> None:
    assert {path.stem for path in GOLDEN.glob("*.toml")} == set(DIGESTS)


def test_the_digest_ignores_comments_and_the_order_of_keys() -> None:
    for text in (taobao_text(), *shipped()):
        commented = "# read me\n" + text.replace("rounds = 1", "rounds = 1 # one")
        assert load(commented).ref == load(text).ref
        assert load(as_toml(turned(tomllib.loads(text)))).ref == load(text).ref


def test_the_digest_knows_every_figure_and_the_order_of_lists() -> None:
    assert load(changed(("window = { days = 7 }", "window = { hours = 168 }"))).ref.digest != policy().ref.digest
    turned = changed(('outcomes = ["refund", "partial_refund"', 'outcomes = ["partial_refund", "refund"'))
    assert load(turned).ref.digest != policy().ref.digest


def test_a_problem_cites_the_policy_its_version_and_the_clause() -> None:
    assert policy().ref.clause("not_received.reply") == "taobao@2026.1#not_received.reply"
