"""The desk: where a case enters, who has it, what presses it, what it is part of (domain I1-I3, N1, N7, N9, C1)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.commands import Assign, Escalate, Link, RejectEvidence
from case_events.core.gates import allowed_events
from tests.core import subjects
from tests.core.market import PART_REFUND, complaint
from tests.examples import (
    ACCEPT,
    AGREE,
    APPEAL,
    ASK_FOR_PHOTOS,
    CALL_THE_PLATFORM,
    EVIDENCE,
    EXPEDITE,
    LINK,
    MESSAGE,
    NOON,
    NOTE,
    REFUSE,
    TICK,
    WITHDRAW,
    proof,
)
from tests.spec import Dispute, days, hours

SUPERVISION, PROTECTION, FIRST = "platform_supervision", "consumer_protection", "customer_service"
LADDER: dict[str, Any] = {
    "departments": [{"name": name, "title": {"zh": "部门", "en": name}} for name in (FIRST, PROTECTION, SUPERVISION)]
}
IN_TWO_DAYS: dict[str, Any] = {"intervention.steps_in_within": {"days": 2}}
ACCEPTANCE: dict[str, Any] = {"acceptance": {"within": {"days": 1}, "again_after": {"hours": 12}}}
EVIDENCE_TERMS: dict[str, Any] = {"evidence": {"within": {"days": 3}, "required": {"late": ["packaging"]}}}
REQUIRED: dict[str, Any] = EVIDENCE_TERMS | {"evidence.required_within": {"days": 2}}


def offered(dispute: Dispute, name: str) -> bool:
    rules = dispute.in_force.type_of(dispute.case.type, dispute.case.subtype)
    return name in {one.type for one in allowed_events(dispute.case, rules)}


# Where it enters (I1)


def test_a_reason_enters_at_its_own_department_and_stays_there_when_the_platform_comes_in() -> None:
    entry = {"entry": {"late": PROTECTION}}
    assert complaint(entry).case.department == PROTECTION
    complaint(entry).when(REFUSE, at=hours(1)).then("merchant_replied", "intervention_requested", department=PROTECTION)
    complaint(entry, reason="broken").when(REFUSE, at=hours(1)).then(
        "merchant_replied", "intervention_requested", department=FIRST
    )


def test_a_case_that_stood_higher_does_not_come_down_with_the_intervention() -> None:
    up = (
        complaint(ACCEPTANCE, whole=LADDER)
        .when(Escalate(to=PROTECTION, reason="金额较大。"), at=hours(1))
        .when(ACCEPT, at=hours(2))
    )
    up.when(REFUSE, at=hours(3)).then("merchant_replied", "intervention_requested", department=PROTECTION)
    unnamed = complaint(ACCEPTANCE).when(Escalate(to=PROTECTION, reason="金额较大。"), at=hours(1))
    unnamed.when(ACCEPT, at=hours(2)).when(REFUSE, at=hours(3))
    unnamed.then("merchant_replied", "intervention_requested", department=FIRST)
    higher = complaint({"intervention.department": SUPERVISION}, whole=LADDER).when(REFUSE, at=hours(1))
    higher.then("merchant_replied", "intervention_requested", department=SUPERVISION)


# Who has it (N1)


def test_somebody_at_the_desk_has_the_case_in_the_policys_time_or_it_gains_priority_once() -> None:
    review = complaint(IN_TWO_DAYS).when(REFUSE, at=hours(0)).runs(ruling=days(3), assignment=days(2))
    review.fork().when(Assign(department=FIRST, agent="agent-7"), at=days(2)).then("assigned", assignee="agent-7").runs(
        ruling=days(3)
    )
    review.passes(days(2)).then().passes(days(2) + TICK).then("assignment_timed_out", priority=1)
    review.runs(ruling=days(3))
    review.when(Assign(department=FIRST, agent="agent-7"), at=days(2) + hours(1)).then("assigned", priority=1)


def test_a_ruling_needs_nobody_assigned_any_more() -> None:
    review = complaint(IN_TWO_DAYS).when(REFUSE, at=hours(0))
    review.when(PART_REFUND, at=hours(1)).then("ruled").runs(appeal=days(7) + hours(1))


def test_a_case_somebody_has_already_waits_for_nobody_else() -> None:
    taken = complaint(IN_TWO_DAYS).when(Assign(department=FIRST, agent="agent-7"), at=hours(1)).then("assigned")
    taken.when(REFUSE, at=hours(2)).then("merchant_replied", "intervention_requested", assignee="agent-7")
    taken.runs(ruling=days(3) + hours(2))
    elsewhere = IN_TWO_DAYS | {"intervention.department": PROTECTION}
    moved = complaint(elsewhere).when(Assign(department=FIRST, agent="agent-7"), at=hours(1)).when(REFUSE, at=hours(2))
    moved.then("merchant_replied", "intervention_requested", assignee=None)
    moved.runs(ruling=days(3) + hours(2), assignment=days(2) + hours(2))


def test_one_is_assigned_from_the_department_that_has_the_case_and_left_behind_when_it_goes_up() -> None:
    review = complaint().when(REFUSE, at=hours(0))
    review.when(Assign(department=PROTECTION, agent="agent-7"), at=hours(1)).faults("/data/department")
    review.when(Assign(department=FIRST, agent="agent-7"), at=hours(1)).then("assigned")
    review.when(Escalate(to=SUPERVISION, reason="恶性。"), at=hours(2)).faults("/data/to")
    review.when(Escalate(to=PROTECTION, reason="金额较大。"), at=hours(2)).then("escalated", assignee=None)
    review.when(Assign(department=PROTECTION, agent="agent-9"), at=hours(3)).then("assigned", assignee="agent-9")


# What presses it (I2)


def test_a_complainant_may_press_as_often_as_the_policy_says_and_only_the_priority_changes() -> None:
    dispute = complaint({"intervention.expedites": 2})
    before = dispute.case.clocks
    for count in (1, 2):
        assert offered(dispute, "expedited")
        dispute.when(EXPEDITE, at=hours(count)).then("expedited", priority=count, clocks=before)
    assert not offered(dispute, "expedited")
    dispute.when(EXPEDITE, at=hours(3)).refused("not_allowed_now")
    dispute.when(EXPEDITE, by="respondent", at=hours(3)).refused("forbidden")
    ruled = complaint().when(REFUSE, at=hours(0)).when(PART_REFUND, at=hours(1))
    ruled.when(EXPEDITE, at=hours(2)).refused("not_allowed_now")
    ruled.when(APPEAL, at=hours(2)).when(EXPEDITE, at=hours(3)).then("expedited", priority=1)


# Its own time by channel (I3)


@pytest.mark.parametrize(("channel", "limit"), [(None, 3), ("phone", 2), ("page", 5)])
def test_each_channel_has_its_own_time(channel: str | None, limit: int) -> None:
    channels = {"ruling.channels": {"phone": {"within": {"days": 2}}, "page": {"within": {"days": 5}}}}
    review = complaint(channels, channel=channel).when(REFUSE, at=hours(0)).runs(ruling=days(limit))
    review.passes(days(limit)).then().passes(days(limit) + TICK).then("ruling_timed_out", priority=1)


# What it is part of (C1)


@pytest.mark.parametrize(
    ("place", "after"), [(SUPERVISION, SUPERVISION), (PROTECTION, PROTECTION), (FIRST, PROTECTION)]
)
def test_a_linked_case_goes_up_to_the_collectives_department_and_never_down(place: str, after: str) -> None:
    whole = {"collective": {"window": {"days": 7}, "by_merchant": 2, "by_reason": 3, "department": place}}
    dispute = complaint({"entry": {"late": PROTECTION}}, whole=whole).when(LINK, at=hours(1))
    dispute.then("linked", department=after, group=LINK.group)
    dispute.when(LINK, at=hours(2)).refused("not_allowed_now")
    dispute.when(Link(group=UUID(int=9), by="reason"), at=hours(2)).then("linked", group=UUID(int=9))


def test_a_policy_without_collectives_links_and_moves_nothing() -> None:
    complaint().when(LINK, at=hours(1)).then("linked", department=FIRST)


def test_a_decided_case_can_be_linked_and_still_waits_for_its_remedy() -> None:
    agreed = complaint().when(AGREE, at=hours(1))
    agreed.when(LINK, at=hours(2)).then("linked", status="waiting_for_remedy").runs(remedy=days(3) + hours(1))


# What counts (N7) and what is said (N9)


def test_every_intervention_counts_whatever_its_result() -> None:
    assert complaint().case.interventions == 0
    assert complaint().when(AGREE, at=hours(1)).case.interventions == 0
    asked = complaint({"reply.on_timeout": "unlock"}).passes(days(3) + TICK).when(CALL_THE_PLATFORM, at=days(4))
    assert asked.case.interventions == 1
    assert asked.when(WITHDRAW, at=days(5)).case.interventions == 1
    assert complaint().when(REFUSE, at=hours(1)).case.interventions == 1
    assert complaint().passes(days(3) + TICK).case.interventions == 1
    assert complaint().when(CALL_THE_PLATFORM, by="respondent", at=hours(1)).case.interventions == 1
    report = subjects.filed(subjects.subjects()["taobao@2026.6 counterfeit_report"], NOON)
    assert report.case.interventions == 1


def test_messages_belong_to_the_case_until_it_closes_and_notes_for_ever() -> None:
    dispute = complaint()
    before = dispute.case.clocks
    for side in ("complainant", "respondent", "platform"):
        dispute.when(MESSAGE, by=side, at=hours(1)).then("messaged", clocks=before, status="waiting_for_merchant")
    closed = dispute.when(WITHDRAW, at=hours(2)).when(MESSAGE, at=hours(3))
    closed.refused("not_allowed_now")
    closed.when(NOTE, at=hours(3)).then("noted", status="closed")
    closed.when(NOTE, by="complainant", at=hours(3)).refused("forbidden")


# Evidence of both sides at once (A3, E2, E4)


def clocks(dispute: Dispute) -> dict[tuple[str, str], Any]:
    return {(one.kind, one.party): one.due_at - NOON for one in dispute.case.clocks}


def test_what_a_reason_requires_and_what_the_other_side_was_asked_for_run_side_by_side() -> None:
    review = complaint(REQUIRED).when(REFUSE, at=hours(0))
    review.when(replace(ASK_FOR_PHOTOS, party="respondent", within=days(4)), at=hours(1))
    review.then("evidence_requested", status="evidence_requested")
    assert clocks(review) == {
        ("evidence", "complainant"): days(2),
        ("evidence", "respondent"): days(4) + hours(1),
        ("ruling", "platform"): days(3),
    }
    review.passes(days(2) + TICK).then("evidence_timed_out", status="evidence_requested")
    review.passes(days(3) + TICK).then("ruling_timed_out", status="evidence_requested")
    review.passes(days(4) + hours(1) + TICK)
    assert "evidence_timed_out" in review.written
    assert review.case.status == "under_review"


def test_asking_sooner_than_a_reason_already_gives_takes_no_time_away() -> None:
    review = complaint(REQUIRED).when(REFUSE, at=hours(0))
    review.when(replace(ASK_FOR_PHOTOS, within=hours(1)), at=hours(1)).then("evidence_requested")
    assert clocks(review)["evidence", "complainant"] == days(2)
    assert [one.kinds for one in review.case.requested] == [("photo", "packaging")]
    later = complaint(REQUIRED).when(REFUSE, at=hours(0))
    later.when(replace(ASK_FOR_PHOTOS, within=days(2)), at=hours(1))
    assert clocks(later)["evidence", "complainant"] == days(2) + hours(1)


def test_late_evidence_of_one_side_does_not_end_the_waiting_for_the_other() -> None:
    review = complaint(EVIDENCE_TERMS, evidence=(proof(1, "packaging"),)).when(REFUSE, at=hours(0))
    review.when(replace(ASK_FOR_PHOTOS, within=hours(1)), at=hours(1)).passes(hours(2) + TICK)
    review.then("evidence_timed_out", status="under_review")
    review.when(replace(ASK_FOR_PHOTOS, party="respondent", within=hours(9)), at=hours(3))
    review.when(EVIDENCE, by="complainant", at=hours(4)).then("evidence_submitted", status="evidence_requested")
    review.when(EVIDENCE, by="respondent", at=hours(5)).then("evidence_submitted", status="under_review")


def test_forged_evidence_found_while_more_is_waited_for_leaves_the_waiting_as_it_is() -> None:
    review = complaint(EVIDENCE_TERMS).when(REFUSE, at=hours(0)).when(ASK_FOR_PHOTOS, at=hours(1))
    forged = RejectEvidence(evidence=(proof(2).sha256,), reason="签收单系伪造。", forged=True)
    review.when(forged, at=hours(2)).then("evidence_rejected", status="evidence_requested", forged_by=("respondent",))
    review.passes(days(3) + hours(1) + TICK)
    assert review.case.status == "under_review"


def test_a_complaint_accepted_with_forged_evidence_goes_to_the_platform_and_not_to_the_respondent() -> None:
    forged = RejectEvidence(evidence=(proof(1).sha256,), reason="图片系伪造。", forged=True)
    dispute = complaint(ACCEPTANCE).when(forged, at=hours(1)).then("evidence_rejected", status="waiting_for_acceptance")
    dispute.when(ACCEPT, at=hours(2)).then("accepted", "intervention_requested", status="under_review")


def test_evidence_can_only_be_rejected_where_a_side_has_brought_some() -> None:
    assert offered(complaint(), "evidence_rejected")
    nothing = complaint(evidence=())
    assert not offered(nothing, "evidence_rejected")
    nothing.when(EVIDENCE, by="platform", at=hours(1)).then("evidence_submitted")
    assert not offered(nothing, "evidence_rejected")


def test_of_what_both_sides_brought_the_desk_says_whose_it_is() -> None:
    """E2: who shows the other side's picture, to say that it is forged, does not make it one of its own."""
    shown = replace(REFUSE, reason="买家图片系伪造。", evidence=(proof(1), proof(2)))
    dispute = complaint().when(shown, at=hours(1)).then("merchant_replied", "intervention_requested")
    forged = RejectEvidence(evidence=(proof(1).sha256,), reason="图片系伪造。", forged=True)
    dispute.when(forged, at=hours(2)).faults("/data/of")
    dispute.when(replace(forged, of="complainant", evidence=(proof(2).sha256,)), at=hours(2)).faults("/data/of")
    theirs = replace(forged, of="respondent", evidence=(proof(1).sha256, proof(2).sha256))
    dispute.fork().when(theirs, at=hours(2)).then("evidence_rejected", forged_by=("respondent",))
    dispute.when(replace(forged, of="complainant"), at=hours(2)).then("evidence_rejected", forged_by=("complainant",))
