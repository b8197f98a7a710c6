"""The page of rules is what the shipped policies say today, covers every type and clock, and carries every row."""

from __future__ import annotations

from case_events.core import changes
from case_events.core.timeouts import TIMEOUTS
from case_events.policies import load, shipped
from case_events.policies.clock_faults import TABLE_OF_CLOCK
from tests.docs.clock_rows import CLOCKS
from tests.docs.rules import PAGE, coverage, page

POLICIES = [load(text).policy for text in shipped()]
DOMAIN = (
    "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 A1 A2 A3 N1 N2 N3 N4 N5 N6 N7 N8 N9 E1 E2 E3 E4 E5 E6 "
    "I1 I2 I3 I4 R1 R2 R3 R4 C1 P1 P2 P3 P4 P5 P6 Q1 Q2 Q3 L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 B1 B2 B3 IP1 M1 M2"
)


def test_the_page_of_rules_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.docs.rules"


def test_every_type_and_subtype_has_its_table() -> None:
    text = page()
    for policy in POLICIES:
        (whole,) = [part for part in text.split("\n## ") if part.startswith(f"{policy.name}@{policy.version}\n")]
        for name, rules in policy.types.items():
            assert f"\n### {rules.title.zh} / {rules.title.en} `{name}`\n" in whole
            for subtype, own in rules.subtypes.items():
                assert f"\n#### {own.title.zh} / {own.title.en} `{name}.{subtype}`\n" in whole


def test_every_clause_stands_on_the_page_in_both_languages() -> None:
    text = page()
    clauses = [one for policy in POLICIES for rules in policy.types.values() for one in rules.clauses.values()]
    assert len(clauses) > 1000
    assert all(one.zh in text and one.en in text for one in clauses)


def test_every_row_of_the_domain_is_carried_by_a_clause_and_no_clause_carries_another() -> None:
    carried = coverage()
    assert [row for row in DOMAIN.split() if not carried[row]] == []
    assert set(carried) == set(DOMAIN.split())


def test_what_carries_a_row_can_be_looked_up_in_its_policy() -> None:
    (carrier,) = coverage()["L9"][:1]
    assert carrier == ("taobao", "power_on_check_skipped", "power_on")
    assert "L9" in POLICIES[0].types[carrier.type].clauses[carrier.clause].rows


def test_every_clock_is_told_with_what_its_expiry_records() -> None:
    told = {one.kind for one in CLOCKS if " " not in one.kind}
    assert told == {*changes.ALL, "acceptance"} == set(TABLE_OF_CLOCK)
    text = "\n".join(" ".join(one) for one in CLOCKS)
    assert [name for name in TIMEOUTS if f"`{name}`" not in text] == []


def test_figures_the_sources_do_not_give_are_marked_and_those_they_give_are_not() -> None:
    text = page()
    assert "| 对方处理 / the respondent's turn | 48 hours + 24 hours;" in text
    assert "| 对方处理 / the respondent's turn | 72 hours †;" in text
    assert "| 处理结果 / may be ruled | compensation, rejected; compensation: 5% of what was paid |" in text
    assert "compensation: freight both ways |" in text
