"""An entry of a timeline goes by the clause that is about it, not by the one of the stage it falls in."""

from __future__ import annotations

import pytest

from case_events.core.timeline import timeline
from tests.examples import ESCALATE, REFUSE, calendar
from tests.scenarios.rehearse import in_force, rehearse
from tests.scenarios.script import row_scenarios, scenarios
from tests.spec import days, filed

TOLD = {**scenarios(), **row_scenarios()}


@pytest.mark.parametrize(
    ("name", "type_", "clause"),
    [
        ("escalated_with_evidence", "escalated", "departments"),
        ("rows/I2_pressed_three_times", "expedited", "expedite"),
        ("rows/P6_advance_then_rejected", "advance_paid", "advance"),
        ("rows/P6_advance_then_rejected", "recovered", "advance"),
        ("rows/E2_forged_by_the_merchant", "evidence_rejected", "forged_evidence"),
        ("rows/E2_set_aside", "evidence_rejected", "evidence"),
        ("dismissed_as_malicious", "dismissed", "malicious_complaint"),
        ("rows/IP1_sent_back_with_advice", "dismissed", "acceptance"),
        ("rows/F3_extension_granted", "deadline_extended", "extension"),
        ("exchanged", "followed_up", "follow_up"),
        ("rows/F8_counterfeit_report", "intervention_requested", "reply"),
        ("rows/F14_filed_by_the_platform", "intervention_requested", "reply"),
        ("rows/E2_forged_while_they_talk", "intervention_requested", "forged_evidence"),
        ("refused_ruled_appealed", "intervention_requested", "intervention"),
    ],
)
def test_each_entry_cites_the_clause_that_is_about_it(name: str, type_: str, clause: str) -> None:
    marketplace = TOLD[name].filing.get("marketplace", "taobao")
    dispute = rehearse(TOLD[name], in_force(marketplace), calendar())
    entries = timeline(dispute.history, dispute.case, dispute.in_force.type_of(dispute.case.type)).entries
    rules = [one.rule for one in entries if one.type == type_]
    assert {one.clause.rpartition(".")[2] for one in rules if one} == {clause}


def test_a_policy_without_that_clause_is_cited_by_its_general_one() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(ESCALATE, at=days(2))
    (entry,) = timeline(dispute.history, dispute.case, dispute.in_force.type_of(dispute.case.type)).entries[-1:]
    assert entry.rule is not None
    assert entry.rule.clause.endswith(".intervention")
