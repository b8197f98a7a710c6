"""Other respondents than a merchant, and claims that are amended: whose turn it is, and until when (domain N2-N6)."""

from __future__ import annotations

from typing import Any

import pytest

from case_events.core.commands import AmendClaim, Reply, Respond
from case_events.core.gates import allowed_events, required_action_by
from case_events.core.values import Offer
from tests.core import subjects
from tests.core.market import complaint
from tests.examples import (
    ACCEPT,
    AGREE,
    AMEND,
    CALL_THE_PLATFORM,
    NOON,
    OFFER,
    REFUSE,
    TAKE_THE_OFFER,
    TICK,
    WITHDRAW,
    proof,
    yuan,
)
from tests.spec import Dispute, days, hours

ANSWER: dict[str, Any] = {"reply.after_amendment": {"hours": 24}}
REFUSED = Respond(decision="refuse", reason="已按合同履行。", evidence=(proof(2, "delivery_proof"),))


def complained_of_a_carrier() -> Dispute:
    return subjects.filed(subjects.subjects()["taobao@2026.6 goods_lost"], NOON)


def names(dispute: Dispute) -> set[str]:
    rules = dispute.in_force.type_of(dispute.case.type, dispute.case.subtype)
    return {one.type for one in allowed_events(dispute.case, rules)}


# another respondent


def test_a_respondent_who_is_no_merchant_is_waited_for_and_replies_under_its_own_name() -> None:
    dispute = complained_of_a_carrier()
    assert (dispute.case.status, required_action_by(dispute.case)) == ("waiting_for_respondent", ("respondent",))
    assert names(dispute) >= {"respondent_replied"}
    assert "merchant_replied" not in names(dispute)
    dispute.when(AGREE, at=hours(1)).refused("not_allowed_now")
    in_time = dispute.fork().when(Respond(decision="agree"), at=hours(72))
    in_time.then("deadline_approaching", "respondent_replied", "settled")
    dispute.when(REFUSED, at=hours(1)).then("respondent_replied", "intervention_requested", status="under_review")


def test_a_merchant_replies_as_a_merchant() -> None:
    dispute = complaint()
    assert "respondent_replied" not in names(dispute)
    dispute.when(REFUSED, at=hours(1)).refused("not_allowed_now")


def test_the_silence_of_a_respondent_who_is_no_merchant_has_its_own_name_and_the_policys_effect() -> None:
    carrier = complained_of_a_carrier()
    carrier.passes(hours(72)).then("deadline_approaching")
    carrier.passes(hours(72) + TICK).then("response_timed_out", "intervention_requested", status="under_review")
    insurer = subjects.filed(subjects.subjects()["taobao@2026.6 shipping_insurance"], NOON)
    insurer.passes(hours(72) + TICK).then("response_timed_out", "settled", outcome="conceded")


def test_a_reviewer_accepted_complaint_waits_for_the_buyer_who_reviewed() -> None:
    review = subjects.filed(subjects.subjects()["taobao@2026.6 malicious_review"], NOON)
    review.when(ACCEPT, at=hours(1)).then("accepted", status="waiting_for_respondent")
    review.when(Respond(decision="agree"), at=hours(2)).then("respondent_replied", "settled", "closed", takedown=True)


# amending the claim


def test_a_claim_amended_after_an_offer_gives_the_respondent_the_policys_time_to_answer() -> None:
    amended = complaint(ANSWER).when(OFFER, at=hours(1)).when(AMEND, at=hours(2))
    amended.then("claim_amended", status="waiting_for_merchant", offer=None, amount=yuan(100))
    amended.runs(response=hours(26), negotiation=days(9))
    amended.fork().when(AGREE, at=hours(26)).then("merchant_replied", "settled", owed=yuan(100))
    amended.passes(hours(26)).then()
    amended.passes(hours(26) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_amending_again_never_leaves_the_respondent_less_than_that_time() -> None:
    amended = complaint(ANSWER).when(OFFER, at=hours(1)).when(AMEND, at=hours(2)).when(AMEND, at=hours(25))
    amended.runs(response=hours(49), negotiation=days(9))


@pytest.mark.parametrize(
    ("amended_at", "due_at"), [(hours(1), 72), (hours(48), 72), (hours(49), 73), (hours(72), 96)], ids=str
)
def test_a_turn_of_one_period_is_never_left_shorter_than_the_time_for_an_answer(amended_at: Any, due_at: int) -> None:
    complaint(ANSWER).when(AMEND, at=amended_at).then("claim_amended").runs(response=hours(due_at), negotiation=days(9))


def test_without_a_time_for_an_answer_amending_moves_nothing() -> None:
    complaint().when(AMEND, at=hours(71)).then("claim_amended").runs(response=hours(72), negotiation=days(9))
    complaint().when(OFFER, at=hours(1)).when(AMEND, at=hours(2)).then("claim_amended").runs(negotiation=days(9))


@pytest.mark.parametrize(
    ("amended_at", "due_at"),
    [(hours(48), hours(72)), (hours(48) + TICK, hours(72) + TICK), (hours(72), hours(96))],
    ids=["in the open period", "a microsecond into the final period", "at the very end"],
)
def test_the_shipped_not_received_moves_only_in_its_final_period(amended_at: Any, due_at: Any) -> None:
    for policy in ("taobao@2026.6", "tmall@2026.6"):
        dispute = subjects.filed(subjects.subjects()[f"{policy} not_received"], NOON)
        dispute.passes(amended_at).when(AMEND, at=amended_at).then("claim_amended")
        assert dispute.clock("response").due_at == dispute.instant(due_at)


def test_a_claim_amended_after_silence_unlocked_the_platform_can_still_be_answered() -> None:
    unlocked = complaint(ANSWER | {"reply.on_timeout": "unlock"}).passes(days(3) + TICK).when(AMEND, at=days(4))
    unlocked.runs(response=days(5), intervention=days(10))
    unlocked.fork().when(CALL_THE_PLATFORM, at=days(4)).then("intervention_requested")
    silent = unlocked.passes(days(5) + TICK).then("merchant_response_timed_out", status="waiting_for_complainant")
    silent.runs(intervention=days(10)).passes(days(10) + TICK).then("intervention_window_expired", "closed")


# who may call the platform in


def test_talks_that_stall_while_an_answer_is_due_leave_the_answer_its_time() -> None:
    late = complaint(ANSWER).when(OFFER, at=hours(1)).when(AMEND, at=days(8) + hours(12))
    late.passes(days(9) + TICK).then("negotiation_stalled", intervention_open=True)
    late.runs(response=days(9) + hours(12), intervention=days(16))
    late.fork().when(AGREE, at=days(9) + hours(12)).then("merchant_replied", "settled")
    late.when(CALL_THE_PLATFORM, at=days(9) + hours(1)).then("intervention_requested", status="under_review")


def test_an_offer_is_taken_or_the_platform_called_once_the_talks_stall() -> None:
    dispute = complaint().when(OFFER, at=hours(1))
    dispute.when(CALL_THE_PLATFORM, at=days(9)).refused("not_yet", opens_at=dispute.instant(days(9)))
    dispute.fork().when(CALL_THE_PLATFORM, at=days(9) + TICK).then("negotiation_stalled", "intervention_requested")
    dispute.when(TAKE_THE_OFFER, at=days(9) + hours(1)).then("negotiation_stalled", "settled", owed=yuan(50))


def test_a_respondent_may_offer_again_and_withdraw_nothing() -> None:
    dispute = complaint().when(OFFER, at=hours(1))
    better = Reply(decision="offer", offer=Offer(kind="partial_refund", amount=yuan(80)))
    dispute.when(better, at=hours(2)).then("merchant_replied", status="waiting_for_complainant")
    dispute.when(WITHDRAW, by="respondent", at=hours(3)).refused("forbidden")
    dispute.when(TAKE_THE_OFFER, at=hours(3)).then("settled", owed=yuan(80))
    dispute.when(REFUSE, at=hours(4)).refused("not_allowed_now")


def test_an_amended_claim_keeps_to_the_cap() -> None:
    too_much = AmendClaim(demand="refund", amount=yuan(130))
    complaint().when(too_much, at=hours(1)).faults("/data/amount/amount")
