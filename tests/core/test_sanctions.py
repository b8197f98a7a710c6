"""What a decision costs beside money, who may impose it, and what forgery and malice come to (A2, E2, I1, M2, R2)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.commands import Appeal, Dismiss, Posted, RejectEvidence, Rule, SubmitEvidence
from case_events.core.events import Dismissed, EvidenceRejected, InterventionRequested, Ruled
from case_events.core.platform_commands import PenaltyList
from case_events.core.values import Evidence, Penalty
from tests.core.shipped import asked_to_file, at_the_desk, complaint, taken
from tests.examples import (
    ACCEPT,
    AGREE,
    APPEAL,
    ASK_FOR_PHOTOS,
    ESCALATE,
    REFUSE,
    REJECT_EVIDENCE,
    WITHDRAW,
    proof,
    yuan,
)
from tests.spec import Dispute, filed, hours

REFUND = Rule(outcome="refund", amount=yuan(129), rule="defect_proved", reasons="照片属实。")
REJECT = Rule(outcome="rejected", rule="defect_not_proved", reasons="未能证明。")
SIX_POINTS = Penalty(kind="points", points=6)
WARNED = Penalty(kind="warning")
CAUGHT = Penalty(kind="warning", on="complainant")


def ruled(penalties: PenaltyList, ruling: Rule = REFUND, type_: str = "quality", up: int = 0) -> Dispute:
    """The ruling with these penalties, the case gone ``up`` so many departments."""
    dispute = at_the_desk(complaint(type_))
    for to in ("consumer_protection", "platform_supervision")[:up]:
        dispute.when(replace(ESCALATE, to=to), at=hours(3))
    return dispute.when(replace(ruling, penalties=penalties), at=hours(3))


LADDER = [
    # the penalty, and how far up the ladder it may be imposed first (I1)
    (Penalty(kind="warning"), 0),
    (SIX_POINTS, 0),
    (Penalty(kind="credit_mark", on="complainant"), 0),
    (Penalty(kind="listing_removed"), 1),
    (Penalty(kind="benefits_reduced"), 1),
    (Penalty(kind="infringement_record"), 1),
    (Penalty(kind="search_demotion"), 2),
    (Penalty(kind="traffic_limit"), 2),
    (Penalty(kind="operating_limit"), 2),
    (Penalty(kind="store_closed"), 2),
    (Penalty(kind="cooperation_ended"), 2),
]


@pytest.mark.parametrize(("penalty", "first"), LADDER)
def test_each_department_imposes_what_is_its_own_and_what_those_below_it_may(penalty: Penalty, first: int) -> None:
    for up in range(3):
        dispute = ruled((WARNED, penalty) if penalty != WARNED else (WARNED,), up=up)
        if up >= first:
            dispute.then("ruled")
        else:
            problem = dispute.faults("/data/penalties/1").last.problem
            assert problem is not None
            assert "customer_service may impose" in problem.errors[0].detail or up == 1


def test_a_bare_word_is_the_respondents_and_a_bare_credit_mark_the_complainants() -> None:
    event = ruled(("warning", "credit_mark")).then("ruled").last.answer[0].event
    assert isinstance(event, Ruled)
    assert event.penalties == (Penalty(kind="warning"), Penalty(kind="credit_mark", on="complainant"))


def test_of_a_buyer_who_is_complained_about_a_bare_credit_mark_is_the_buyers() -> None:
    taken_down = Rule(outcome="takedown", rule="review_malicious", reasons="恶意评价。", penalties=("credit_mark",))
    dispute = at_the_desk(complaint("malicious_review"))
    assert taken_down.rule in dispute.in_force.type_of("malicious_review").clauses, "the clause of the policy"
    event = dispute.when(taken_down, at=hours(3)).then("ruled").last.answer[0].event
    assert isinstance(event, Ruled)
    assert event.penalties == (Penalty(kind="credit_mark", on="respondent"),)


@pytest.mark.parametrize(
    ("penalties", "pointers"),
    [
        (("points",), ("/data/penalties/0/points",)),
        ((Penalty(kind="warning", points=1),), ("/data/penalties/0/points",)),
        ((Penalty(kind="credit_mark", on="respondent"),), ("/data/penalties/0/on",)),
        (("warning", "warning"), ("/data/penalties/1",)),
        ((SIX_POINTS, Penalty(kind="points", points=2)), ("/data/penalties/1",)),
        (("keelhauled",), ("/data/penalties/0",)),
    ],
)
def test_a_penalty_that_is_said_wrongly_is_refused(penalties: PenaltyList, pointers: tuple[str, ...]) -> None:
    ruled(penalties).faults(*pointers)


def test_the_same_penalty_may_fall_on_both_sides() -> None:
    ruled((WARNED, CAUGHT)).then("ruled")


def test_a_type_that_names_its_penalties_knows_no_others() -> None:
    taken_down = Rule(outcome="takedown", rule="infringed", reasons="商标相同。", penalties=("store_closed",))
    dispute = at_the_desk(complaint("ip_infringement")).when(taken_down, at=hours(3)).faults("/data/penalties/0")
    dispute.when(replace(taken_down, penalties=("operating_limit",)), at=hours(3)).then("ruled")


SERIOUS = replace(REFUND, rule="serious_violation")
BROKEN = complaint("after_sales_guarantee", "consumer_protection", amount=yuan(129))


@pytest.mark.parametrize("penalties", [(), (WARNED,), (Penalty(kind="points", points=5),), (replace(CAUGHT),)])
def test_a_serious_violation_costs_six_points_or_the_ruling_says_why_not(penalties: PenaltyList) -> None:
    dispute = at_the_desk(BROKEN).when(replace(SERIOUS, penalties=penalties), at=hours(3)).faults("/data/penalties")
    assert dispute.last.problem is not None
    assert "points 6" in dispute.last.problem.errors[0].detail
    dispute.when(replace(SERIOUS, penalties=penalties, departs="已在沟通中给出方案。"), at=hours(3)).then("ruled")


def test_six_points_for_a_serious_violation_are_enough_and_other_clauses_bring_none() -> None:
    at_the_desk(BROKEN).when(replace(SERIOUS, penalties=(SIX_POINTS,)), at=hours(3)).then("ruled")
    at_the_desk(BROKEN).when(replace(REJECT, rule="no_promise_in_chat"), at=hours(3)).then("ruled")


FORGED = RejectEvidence(evidence=(proof(1).sha256,), reason="图片系合成。", forged=True)
THEIRS = replace(FORGED, evidence=(proof(2).sha256,))


def test_forgery_in_the_talks_brings_the_platform_in_at_once() -> None:
    dispute = taken(complaint("quality")).when(FORGED, at=hours(2))
    dispute.then("evidence_rejected", "intervention_requested", status="under_review", forged_by=("complainant",))
    came = dispute.last.answer[1].event
    assert isinstance(came, InterventionRequested)
    assert (came.ground, came.by) == ("forged", "platform")
    dispute.when(AGREE, at=hours(3)).refused("not_allowed_now")


def test_evidence_that_merely_does_not_count_changes_nothing_but_that() -> None:
    dispute = taken(complaint("quality")).when(REJECT_EVIDENCE, at=hours(2)).then("evidence_rejected", forged_by=())
    dispute.when(REFUSE, at=hours(2))
    dispute.when(replace(REFUND, evidence=(proof(1).sha256,)), at=hours(3)).faults("/data/evidence/0")
    dispute.when(replace(REFUND, evidence=(proof(2).sha256,)), at=hours(3)).then("ruled")


def test_a_complainant_who_forged_fails_and_is_penalised_and_no_reason_departs_from_that() -> None:
    dispute = at_the_desk(complaint("quality")).when(FORGED, at=hours(3)).then("evidence_rejected")
    granted = replace(REFUND, departs="仍有其他证据。")
    dispute.when(granted, at=hours(3)).faults("/data/outcome", "/data/penalties")
    dispute.when(REJECT, at=hours(3)).faults("/data/penalties")
    dispute.when(replace(REJECT, penalties=(WARNED,)), at=hours(3)).faults("/data/penalties")
    dispute.when(replace(REJECT, penalties=("credit_mark",)), at=hours(3)).then("ruled")


def test_who_forged_does_not_escape_by_withdrawing_but_who_was_deceived_may() -> None:
    dispute = at_the_desk(complaint("quality"))
    dispute.fork().when(FORGED, at=hours(3)).when(WITHDRAW, at=hours(3)).refused("not_allowed_now")
    dispute.fork().when(THEIRS, at=hours(3)).when(WITHDRAW, at=hours(3)).then("withdrawn", "closed")


def test_a_respondent_who_forged_loses_and_is_penalised() -> None:
    dispute = at_the_desk(complaint("quality")).when(THEIRS, at=hours(3)).then("evidence_rejected")
    assert dispute.case.forged_by == ("respondent",)
    dispute.when(replace(REJECT, penalties=(WARNED,), departs="另有理由。"), at=hours(3)).faults("/data/outcome")
    dispute.when(REFUND, at=hours(3)).faults("/data/penalties")
    dispute.when(replace(REFUND, penalties=(SIX_POINTS,)), at=hours(3)).then("ruled")


def test_where_both_forged_the_claim_fails_and_both_are_penalised() -> None:
    dispute = at_the_desk(complaint("quality")).when(FORGED, at=hours(3)).when(THEIRS, at=hours(3))
    dispute.when(replace(REJECT, penalties=(CAUGHT,)), at=hours(3)).faults("/data/penalties")
    dispute.when(replace(REJECT, penalties=(CAUGHT, WARNED)), at=hours(3)).then("ruled")


def test_evidence_is_rejected_once_may_turn_out_forged_later_and_is_of_one_party_at_a_time() -> None:
    dispute = at_the_desk(complaint("quality")).when(REJECT_EVIDENCE, at=hours(3)).then("evidence_rejected")
    dispute.when(REJECT_EVIDENCE, at=hours(3)).faults("/data/evidence/0")
    dispute.when(FORGED, at=hours(3)).then("evidence_rejected", forged_by=("complainant",))
    both = replace(FORGED, evidence=(proof(1).sha256, proof(2).sha256))
    dispute.when(both, at=hours(3)).faults("/data/evidence")
    dispute.when(replace(FORGED, evidence=(proof(77).sha256,)), at=hours(3)).faults("/data/evidence/0")


def test_a_file_both_sides_brought_is_whose_the_desk_says_unless_another_tells_it() -> None:
    shared = SubmitEvidence(evidence=(proof(1),))
    dispute = at_the_desk(complaint("quality")).when(shared, by="respondent", at=hours(3)).then("evidence_submitted")
    dispute.when(FORGED, at=hours(3)).faults("/data/of")
    said = dispute.fork().when(replace(FORGED, of="complainant"), at=hours(3)).then("evidence_rejected")
    assert said.case.forged_by == ("complainant",)
    dispute.when(replace(FORGED, evidence=(proof(1).sha256, proof(2).sha256)), at=hours(3)).then("evidence_rejected")
    event = dispute.last.answer[0].event
    assert isinstance(event, EvidenceRejected)
    assert event.of == "respondent"


def test_what_the_platform_brought_is_not_a_partys_to_forge() -> None:
    brought = SubmitEvidence(evidence=(proof(5, "inspection_report"),))
    dispute = at_the_desk(complaint("quality")).when(brought, by="platform", at=hours(3)).then("evidence_submitted")
    dispute.when(replace(FORGED, evidence=(proof(5).sha256,)), at=hours(3)).faults("/data/evidence")


def test_forgery_found_before_acceptance_brings_the_platform_in_with_it() -> None:
    dispute = asked_to_file(complaint("quality")).when(FORGED, at=hours(1)).then("evidence_rejected")
    accepted = dispute.fork().when(ACCEPT, at=hours(2)).then("accepted", "intervention_requested")
    assert (accepted.case.status, accepted.case.forged_by) == ("under_review", ("complainant",))
    dispute.when(Dismiss(reason="证据伪造。"), at=hours(2)).faults("/data/penalties")
    dispute.when(Dismiss(reason="证据伪造。", penalties=("credit_mark",)), at=hours(2)).then("dismissed", "closed")


def test_a_malicious_complaint_is_dismissed_and_its_complainant_penalised() -> None:
    dispute = asked_to_file(complaint("quality"))
    dismissed = Dismiss(reason="多次恶意投诉。", malicious=True, penalties=("warning", "credit_mark"))
    event = dispute.when(dismissed, at=hours(1)).then("dismissed", "closed").last.answer[0].event
    assert isinstance(event, Dismissed)
    assert event.penalties == (CAUGHT, Penalty(kind="credit_mark", on="complainant"))


@pytest.mark.parametrize(
    ("dismissal", "pointer"),
    [
        (Dismiss(reason="无依据。", penalties=("warning",)), "/data/penalties"),
        (Dismiss(reason="恶意。", malicious=True, penalties=(WARNED,)), "/data/penalties/0/on"),
        (Dismiss(reason="恶意。", malicious=True, penalties=("store_closed",)), "/data/penalties/0"),
    ],
)
def test_a_dismissal_penalises_nobody_else_and_nothing_but_malice(dismissal: Posted, pointer: str) -> None:
    asked_to_file(complaint("quality")).when(dismissal, at=hours(1)).faults(pointer)


def test_a_case_is_sent_back_with_advice_and_no_penalty() -> None:
    dispute = asked_to_file(complaint("ip_infringement"))
    event = dispute.when(Dismiss(reason="缺权属证明。", advice="补充商标注册证。"), at=hours(1)).last.answer[0].event
    assert isinstance(event, Dismissed)
    assert (event.malicious, event.advice, event.penalties) == (False, "补充商标注册证。", ())


GOSSIP = proof(9, "gossip")
NOTICE = Evidence(kind="carrier_notice", uri="https://files.example/n", sha256="0" * 64)


def test_evidence_is_asked_for_by_the_kinds_there_are() -> None:
    dispute = at_the_desk(complaint("quality"))
    dispute.when(replace(ASK_FOR_PHOTOS, kinds=("photo", "gossip")), at=hours(3)).faults("/data/kinds/1")
    dispute.when(ASK_FOR_PHOTOS, at=hours(3)).then("evidence_requested")
    filed().when(REFUSE, at=hours(1)).when(replace(ASK_FOR_PHOTOS, kinds=("gossip",)), at=hours(2)).faults(
        "/data/within"
    )


@pytest.mark.parametrize("bad", [(GOSSIP, "/data/evidence/0/kind"), (NOTICE, "/data/evidence/0/region")])
def test_whoever_brings_evidence_brings_it_of_a_known_kind(bad: tuple[Evidence, str]) -> None:
    evidence, pointer = (bad[0],), bad[1]
    talks = taken(complaint("quality"))
    talks.fork().when(SubmitEvidence(evidence=evidence), at=hours(2)).faults(pointer)
    talks.fork().when(replace(REFUSE, evidence=evidence), at=hours(2)).faults(pointer)
    over = at_the_desk(complaint("quality")).when(REFUND, at=hours(3)).then("ruled")
    over.when(replace(APPEAL, evidence=evidence), by="respondent", at=hours(4)).faults(pointer)
    nothing_new = Appeal(reason="不服。", evidence=(proof(1),))
    over.when(nothing_new, by="respondent", at=hours(4)).faults("/data/evidence")


INFRINGED = Rule(outcome="takedown", rule="infringed", reasons="商标相同。")


def test_an_infringing_listing_goes_when_the_complaint_is_accepted_and_stays_away_when_it_is_upheld() -> None:
    asked_to_file(complaint("ip_infringement")).then("filed", takedown=False).when(ACCEPT, at=hours(1)).then(
        "accepted", takedown=True
    )
    upheld = at_the_desk(complaint("ip_infringement")).when(INFRINGED, at=hours(3))
    upheld.then("ruled", takedown=True)


def test_a_reported_listing_goes_when_it_is_decided() -> None:
    dispute = at_the_desk(complaint("counterfeit_report")).then("filed", "intervention_requested", takedown=False)
    clause = next(iter(dispute.in_force.type_of("counterfeit_report").clauses))
    dispute.when(replace(INFRINGED, rule=clause), at=hours(1)).then("ruled", takedown=True)
