"""After a ruling or an agreement: further instances, accepting, goods on their way, the last look (P1-P4, I4, N8)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.commands import FollowUp, Posted, Recover, Return
from case_events.core.gates import allowed_events
from case_events.core.values import Money
from tests.core import subjects
from tests.core.market import GOODS, PART_REFUND, REFUND, REJECT, RETURN_LEG, complaint
from tests.examples import (
    ACCEPT,
    ACCEPT_RULING,
    ADDRESS,
    AGREE,
    APPEAL,
    CLOSE,
    FOLLOW_UP,
    MERCHANT,
    NOON,
    ORDER,
    PICKUP,
    RATE,
    RECEIVED,
    REFUNDED,
    REFUSE,
    SHIPPED,
    TICK,
    WITHDRAW,
    proof,
    yuan,
)
from tests.spec import Dispute, days, hours

DONE = replace(REFUNDED, kind="return_and_refund")
NOT_THERE = Return(step="received", received=False)
NO_EVIDENCE = replace(APPEAL, evidence=())


def ruled(rules: dict[str, Any] | None = None, ruling: Posted = PART_REFUND) -> Dispute:
    return complaint(rules).when(REFUSE, at=hours(0)).when(ruling, at=hours(0)).then("ruled", status="appealable")


def by(dispute: Dispute, name: str) -> tuple[str, ...]:
    rules = dispute.in_force.type_of(dispute.case.type, dispute.case.subtype)
    return next((one.by for one in allowed_events(dispute.case, rules) if one.type == name), ())


# instances: P1, P3, I4


def test_the_instances_follow_the_policys_order_and_the_last_ruling_is_final() -> None:
    dispute = ruled({"appeal.rounds": 2, "appeal.instances": ["appeal", "arbitration"]})
    dispute.when(APPEAL, at=hours(1)).then("appealed", instance="appeal", stage="appeal").runs(
        ruling=days(4) + hours(1)
    )
    dispute.when(REJECT, at=hours(2)).then("ruled", status="appealable").runs(appeal=days(7) + hours(2))
    again = replace(APPEAL, evidence=(proof(60),))
    dispute.when(again, by="respondent", at=hours(3)).then(
        "appealed", instance="arbitration", contested_by=("complainant", "respondent")
    )
    dispute.when(PART_REFUND, at=hours(4)).then("ruled", status="waiting_for_remedy", outcome="partly_upheld")
    assert [(one.round, one.final) for one in dispute.case.rulings] == [(1, False), (2, False), (3, True)]


def test_arbitration_needs_no_new_evidence_where_the_policy_asks_for_none() -> None:
    arbitration = {"appeal.instances": ["arbitration"], "appeal.needs_evidence": False}
    ruled(arbitration).when(NO_EVIDENCE, at=days(7)).then("appealed", instance="arbitration")
    ruled(arbitration).when(NO_EVIDENCE, at=days(7) + TICK).refused("deadline_passed", "appeal_window_expired")
    ruled().when(NO_EVIDENCE, at=hours(1)).faults("/data/evidence")
    ruled().when(replace(APPEAL, evidence=(proof(1),)), at=hours(1)).faults("/data/evidence")
    ruled().when(replace(APPEAL, evidence=(proof(1), proof(61))), at=hours(1)).then("appealed")


def test_where_a_listing_was_taken_down_the_complainant_asks_for_reconsideration_and_it_stays_down() -> None:
    dispute = subjects.filed(subjects.subjects()["taobao@2026.6 ip_infringement"], NOON)
    dispute.when(ACCEPT, at=hours(1)).then("accepted", takedown=True)
    dispute.when(REFUSE, at=hours(2)).when(replace(REJECT, rule="not_infringed"), at=hours(3))
    dispute.then("ruled", status="appealable", takedown=True)
    dispute.when(replace(APPEAL, evidence=(proof(70),)), at=hours(4))
    dispute.then("appealed", instance="reconsideration", takedown=True)
    dispute.when(replace(REJECT, rule="not_infringed"), at=hours(5))
    dispute.then("ruled", "closed", outcome="rejected", takedown=False)
    assert dispute.case.rulings[-1].final


def test_about_a_listing_each_side_contests_once_and_what_is_reconsidered_is_final() -> None:
    dispute = subjects.filed(subjects.subjects()["taobao@2026.6 ip_infringement"], NOON)
    taken = replace(REJECT, outcome="takedown", rule="infringed")
    dispute.when(ACCEPT, at=hours(1)).when(REFUSE, at=hours(2)).when(taken, at=hours(3)).then("ruled")
    dispute.when(replace(APPEAL, evidence=(proof(70),)), by="respondent", at=hours(4))
    dispute.then("appealed", instance="appeal").when(taken, at=hours(5)).then("ruled", status="appealable")
    assert (by(dispute, "appealed"), by(dispute, "ruling_accepted")) == (
        ("complainant",),
        ("complainant", "respondent"),
    )
    again = replace(APPEAL, evidence=(proof(71),))
    dispute.when(again, by="respondent", at=hours(6)).refused("not_allowed_now")
    dispute.when(again, at=hours(6)).then("appealed", instance="reconsideration")
    dispute.when(taken, at=hours(7)).then("ruled", "closed", outcome="upheld")


def test_where_no_listing_is_taken_down_a_side_may_contest_as_often_as_there_are_instances() -> None:
    dispute = ruled({"appeal.rounds": 2}).when(APPEAL, at=hours(1)).when(PART_REFUND, at=hours(2))
    assert by(dispute, "appealed") == ("complainant", "respondent")
    dispute.when(replace(APPEAL, evidence=(proof(71),)), at=hours(3)).then("appealed")


def test_the_listing_of_a_report_comes_off_with_the_decision_also_with_a_final_one() -> None:
    report = subjects.filed(subjects.subjects()["taobao@2026.6 counterfeit_report"], NOON)
    assert report.case.takedown is False
    rejected = report.when(replace(REJECT, rule="violation_not_found"), at=hours(1)).then("ruled", takedown=False)
    rejected.when(replace(APPEAL, evidence=(proof(70),)), at=hours(2))
    taken = replace(REJECT, outcome="takedown", rule="violation_found")
    rejected.when(taken, at=hours(3)).then("ruled", "closed", takedown=True, outcome="upheld")


def test_a_withdrawn_complaint_gives_the_listing_back() -> None:
    dispute = subjects.filed(subjects.subjects()["taobao@2026.6 ip_infringement"], NOON).when(ACCEPT, at=hours(1))
    dispute.when(WITHDRAW, at=hours(2)).then("withdrawn", "closed", takedown=False)


# who accepts a ruling


def test_a_side_that_accepted_cannot_appeal_and_the_other_still_can() -> None:
    dispute = ruled().when(ACCEPT_RULING, at=hours(1)).then("ruling_accepted", status="appealable").runs(appeal=days(7))
    assert (by(dispute, "appealed"), by(dispute, "ruling_accepted")) == (("respondent",), ("respondent",))
    dispute.when(APPEAL, at=hours(2)).refused("not_allowed_now")
    dispute.when(ACCEPT_RULING, at=hours(2)).refused("not_allowed_now")
    dispute.fork().when(APPEAL, by="respondent", at=hours(2)).then("appealed")
    dispute.when(ACCEPT_RULING, by="respondent", at=hours(2))
    dispute.then("ruling_accepted", status="waiting_for_remedy", outcome="partly_upheld").runs(
        remedy=days(3) + hours(2)
    )


def test_a_rejection_both_sides_accept_closes_at_once_and_the_next_ruling_is_accepted_anew() -> None:
    rejected = ruled(ruling=REJECT).when(ACCEPT_RULING, by="respondent", at=hours(1))
    rejected.when(ACCEPT_RULING, at=hours(2)).then("ruling_accepted", "closed", outcome="rejected").runs()
    two = ruled({"appeal.rounds": 2}).when(ACCEPT_RULING, by="respondent", at=hours(1)).when(APPEAL, at=hours(2))
    two.when(REJECT, at=hours(3)).then("ruled", accepted_by=())
    assert by(two, "ruling_accepted") == ("complainant", "respondent")


# goods on their way: N8


def going_back(rules: dict[str, Any] | None = None) -> Dispute:
    dispute = complaint(GOODS | (rules or {}), demand="return_and_refund").when(AGREE, at=hours(1))
    return dispute.then("merchant_replied", "settled", status="waiting_for_return")


def test_a_respondent_who_fetches_the_goods_itself_needs_no_address_nor_a_parcel() -> None:
    dispute = going_back().when(PICKUP, by="respondent", at=hours(2)).then("returned", status="waiting_for_return")
    dispute.runs(return_receipt=days(10) + hours(2))
    dispute.when(SHIPPED, at=hours(3)).refused("not_allowed_now")
    dispute.when(RECEIVED, by="respondent", at=hours(3)).then("returned", freight_by="respondent")
    dispute.runs(remedy=days(3) + hours(3))
    going_back().when(replace(PICKUP, pickup=None), by="respondent", at=hours(2)).faults("/data/pickup")


@pytest.mark.parametrize(("promises", "bears"), [((), "complainant"), (("group_sale",), "respondent")])
def test_who_bore_the_return_freight_is_said_with_the_receipt(promises: tuple[str, ...], bears: str) -> None:
    terms = RETURN_LEG | {"freight_by": "complainant", "freight_by_promise": {"group_sale": "respondent"}}
    order = replace(ORDER, merchant_promises=promises)
    dispute = complaint(GOODS | {"return_leg": terms}, demand="return_and_refund", order=order).when(AGREE, at=hours(1))
    dispute.when(PICKUP, by="respondent", at=hours(2)).when(RECEIVED, by="respondent", at=hours(3))
    dispute.then("returned", freight_by=bears)


def disputed(rules: dict[str, Any] | None = None) -> Dispute:
    dispute = going_back(rules).when(ADDRESS, by="respondent", at=hours(2)).when(SHIPPED, at=hours(3))
    dispute.when(NOT_THERE, by="respondent", at=hours(4)).then(
        "returned", "intervention_requested", status="under_review"
    )
    return dispute


def test_a_disputed_receipt_brings_the_platform_in_and_takes_the_agreement_back() -> None:
    dispute = disputed().runs(ruling=days(3) + hours(4))
    case = dispute.case
    assert (case.outcome, case.remedy, case.owed, case.stage, case.freight_by) == (None, None, None, "claim", None)
    dispute.fork().when(REJECT, at=hours(5)).then("ruled", status="appealable").passes(days(8)).then(
        "appeal_window_expired", "closed", outcome="rejected"
    )
    dispute.when(REFUND, at=hours(5)).then("ruled", status="appealable")
    dispute.passes(days(7) + hours(5) + TICK).then("appeal_window_expired", status="waiting_for_remedy")
    dispute.runs(remedy=days(10) + hours(5))
    dispute.when(REFUNDED, at=days(8)).then("remedied", "closed", outcome="partly_upheld")


def test_goods_the_platform_sends_back_again_take_the_whole_way_once_more() -> None:
    granted = replace(REFUND, outcome="return_and_refund")
    dispute = disputed({"appeal.rounds": 0}).when(granted, at=hours(5)).then("ruled", status="waiting_for_return")
    dispute.runs(return_address=days(2) + hours(5))


def test_after_a_ruling_and_a_disputed_receipt_the_claim_is_not_withdrawn_and_the_next_ruling_is_final() -> None:
    granted = replace(REFUND, outcome="return_and_refund")
    review = complaint(GOODS, demand="return_and_refund").when(REFUSE, at=hours(0)).when(granted, at=hours(0))
    review.passes(days(7) + TICK).when(PICKUP, by="respondent", at=days(8)).when(NOT_THERE, by="respondent", at=days(9))
    review.then("returned", "intervention_requested", status="under_review")
    review.when(WITHDRAW, at=days(9)).refused("not_allowed_now")
    review.when(REFUND, at=days(9)).then("ruled", status="waiting_for_remedy", outcome="partly_upheld")


def test_where_the_policy_lets_no_receipt_be_disputed_it_is_confirmed_or_silence_decides() -> None:
    strict = {"return_leg": RETURN_LEG | {"disputable": False}}
    dispute = going_back(strict).when(PICKUP, by="respondent", at=hours(2))
    dispute.when(NOT_THERE, by="respondent", at=hours(3)).faults("/data/received")
    dispute.passes(days(10) + hours(2) + TICK).then("return_timed_out", status="waiting_for_remedy")


# the platform's last look, and the complainant's: P4

LOOKS: dict[str, Any] = {"follow_up": {"within": {"days": 7}}}


def handled(rules: dict[str, Any] | None = None) -> Dispute:
    dispute = complaint(LOOKS | (rules or {})).when(AGREE, at=hours(1)).when(REFUNDED, at=hours(2))
    return dispute.then("remedied", status="waiting_for_follow_up", outcome="settled").runs(
        follow_up=days(7) + hours(2)
    )


def test_what_was_handled_well_closes_as_it_was_decided() -> None:
    handled().when(FOLLOW_UP, at=days(7) + hours(2)).then("followed_up", "closed", outcome="settled").runs()
    handled().when(FollowUp(solved=False), at=days(1)).then("followed_up", "closed", outcome="settled")


def test_nobody_looked_in_time_and_the_case_closes() -> None:
    handled().passes(days(7) + hours(2)).then()
    handled().passes(days(7) + hours(2) + TICK).then("follow_up_timed_out", "closed", outcome="settled").runs()


def test_handled_badly_the_platform_imposes_more_and_that_has_its_whole_time() -> None:
    slow = complaint(LOOKS).when(AGREE, at=hours(1)).passes(days(3) + hours(1) + TICK).then("remedy_timed_out")
    slow.when(REFUNDED, at=days(4)).then("remedied", status="waiting_for_follow_up")
    imposed = FollowUp(solved=False, remedy="partial_refund", amount=yuan(20))
    slow.when(imposed, at=days(5)).then("followed_up", status="waiting_for_remedy", owed=yuan(20)).runs(remedy=days(8))
    slow.when(CLOSE, at=days(6)).refused("not_yet", opens_at=slow.instant(days(8)))
    slow.when(FOLLOW_UP, at=days(6)).refused("not_allowed_now")
    more = replace(REFUNDED, kind="partial_refund", amount=yuan(20))
    slow.fork().when(more, at=days(8)).then("remedied", "closed", outcome="settled")
    slow.passes(days(8) + TICK).then("remedy_timed_out").when(CLOSE, at=days(8) + hours(1)).then("closed")


@pytest.mark.parametrize(
    ("look", "pointers"),
    [
        (FollowUp(solved=True, remedy="partial_refund", amount=yuan(1)), ("/data/remedy",)),
        (FollowUp(solved=False, amount=yuan(1)), ("/data/amount",)),
        (FollowUp(solved=False, remedy="rejected"), ("/data/remedy", "/data/amount")),
        (FollowUp(solved=False, remedy="shared_liability", amount=yuan(1)), ("/data/remedy",)),
        (FollowUp(solved=False, remedy="partial_refund"), ("/data/amount",)),
        (FollowUp(solved=False, remedy="partial_refund", amount=yuan(130)), ("/data/amount/amount",)),
        (
            FollowUp(solved=False, remedy="partial_refund", amount=Money(amount=0, currency="USD")),
            ("/data/amount/currency", "/data/amount/amount"),
        ),
    ],
)
def test_what_cannot_be_imposed_is_refused(look: FollowUp, pointers: tuple[str, ...]) -> None:
    outcomes = ["refund", "partial_refund", "shared_liability", "rejected"]
    handled({"ruling.outcomes": outcomes}).when(look, at=days(1)).faults(*pointers)


def test_the_most_that_can_be_imposed_is_what_a_claim_may_ask_for() -> None:
    most = FollowUp(solved=False, remedy="partial_refund", amount=yuan(129))
    handled().when(most, at=days(1)).then("followed_up", owed=yuan(129))


def test_where_nothing_was_granted_nobody_looks() -> None:
    rejected = complaint(LOOKS | {"appeal.rounds": 0}).when(REFUSE, at=hours(0)).when(REJECT, at=hours(1))
    rejected.then("ruled", "closed", outcome="rejected")
    dispute = complaint(LOOKS).when(WITHDRAW, at=hours(1)).then("withdrawn", "closed")
    dispute.when(Recover(party="complainant", amount=yuan(1)), at=hours(2)).refused("not_allowed_now")


def test_the_complainant_rates_the_platform_once_and_when_it_is_decided() -> None:
    dispute = complaint()
    dispute.when(RATE, at=hours(1)).refused("not_allowed_now")
    decided = dispute.when(AGREE, at=hours(2))
    assert by(decided, "rated") == ("complainant",)
    decided.fork().when(RATE, at=hours(3)).then("rated", status="waiting_for_remedy")
    closed = decided.when(REFUNDED, at=hours(3)).when(RATE, at=hours(4)).then("rated", status="closed")
    assert closed.case.rating is not None
    assert closed.case.rating.score == 4
    assert by(closed, "rated") == ()
    closed.when(replace(RATE, score=1), at=hours(5)).refused("not_allowed_now")
    closed.when(RATE, by=MERCHANT, at=hours(5)).refused("forbidden")
