"""The merchant's turn: 72 hours told as 48 + 24, what amending does to them, and the three answers (N1, N2, N4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from case_events.core.commands import AmendClaim, Posted, Reply
from case_events.core.events import InterventionRequested, Settled
from case_events.core.timeouts import MerchantResponseTimedOut
from case_events.core.values import Money, Offer
from tests.core.test_intervention import ANSWERS_AGAIN
from tests.examples import (
    AGREE,
    AMEND,
    CALL_THE_PLATFORM,
    EVIDENCE,
    OFFER,
    REFUSAL_UNLOCKS,
    REFUSE,
    SILENCE_UNLOCKS,
    TAKE_THE_OFFER,
    TICK,
    WITHDRAW,
    extend,
    yuan,
)
from tests.spec import days, filed, hours


@pytest.mark.parametrize("at", [hours(0), hours(1), hours(48) - TICK, hours(48)])
def test_amending_in_the_first_48_hours_leaves_the_deadline_alone(at: timedelta) -> None:
    dispute = filed().when(AMEND, at=at).then("claim_amended", amount=yuan(100), status="waiting_for_merchant")
    dispute.runs(response=hours(72), negotiation=days(9))


@pytest.mark.parametrize("at", [hours(48) + TICK, hours(60), hours(72)])
def test_amending_in_the_last_24_hours_moves_the_deadline_to_24_hours_later(at: timedelta) -> None:
    filed().when(AMEND, at=at).then("claim_amended").runs(response=at + hours(24), negotiation=days(9))


def test_amending_moves_the_deadline_again_and_again() -> None:
    dispute = filed()
    for at in (10, 47, 49, 72, 90, 110):
        dispute.when(AMEND, at=hours(at)).then("claim_amended")
    dispute.runs(response=hours(134), negotiation=days(9))
    assert dispute.clock("response").set_by == 7


def test_amending_after_an_extension_never_brings_the_deadline_nearer() -> None:
    dispute = filed()
    dispute.when(extend("response", "respondent", dispute.instant(hours(100))), at=hours(1)).then("deadline_extended")
    dispute.when(AMEND, at=hours(60)).then("claim_amended").runs(response=hours(100), negotiation=days(9))
    dispute.when(AMEND, at=hours(76)).then("claim_amended").runs(response=hours(100), negotiation=days(9))
    assert dispute.clock("response").set_by == 2
    dispute.when(AMEND, at=hours(77)).then("claim_amended").runs(response=hours(101), negotiation=days(9))


def test_who_has_answered_has_the_whole_time_for_every_claim_amended_since() -> None:
    dispute = filed(ANSWERS_AGAIN).when(OFFER, at=hours(1)).when(AMEND, at=hours(2))
    dispute.then("claim_amended").runs(response=hours(26), negotiation=days(9))
    dispute.when(AMEND, at=hours(26)).then("claim_amended").runs(response=hours(50), negotiation=days(9))
    dispute.passes(hours(26) + TICK).then()
    dispute.when(AGREE, at=hours(50)).then("merchant_replied", "settled")


def test_who_was_silent_has_not_answered_and_gets_the_final_period_again() -> None:
    dispute = filed(SILENCE_UNLOCKS).passes(hours(72) + TICK).then("merchant_response_timed_out")
    dispute.when(AMEND, at=days(4)).then("claim_amended", status="waiting_for_merchant")
    dispute.runs(response=days(5), intervention=days(10))
    dispute.when(AGREE, at=days(5)).then("merchant_replied", "settled")


def test_amending_to_more_than_the_cap_or_another_demand_is_refused() -> None:
    too_much = AmendClaim(demand="repair", amount=yuan(140))
    filed().when(too_much, at=hours(1)).faults("/data/demand", "/data/amount/amount")


def test_amending_takes_the_offer_off_the_table() -> None:
    dispute = filed().when(OFFER, at=hours(1)).then("merchant_replied", status="waiting_for_complainant")
    dispute.when(AMEND, at=hours(2)).then("claim_amended", offer=None, status="waiting_for_merchant")
    dispute.when(TAKE_THE_OFFER, at=hours(3)).refused("not_allowed_now")


def test_a_reply_the_very_instant_the_deadline_falls_is_in_time() -> None:
    dispute = filed().when(AGREE, at=hours(72)).then("merchant_replied", "settled", outcome="settled")
    dispute.runs(remedy=hours(72) + days(3))


def test_a_reply_one_microsecond_late_is_refused_and_the_timeout_is_recorded_with_the_platform_coming_in() -> None:
    dispute = filed()
    due = dispute.instant(hours(72))
    dispute.when(AGREE, at=hours(72) + TICK)
    dispute.refused("deadline_passed", "merchant_response_timed_out", "intervention_requested", due_at=due)
    assert dispute.case.status == "under_review"
    assert dispute.case.stage == "claim"
    timed_out, brought_in = (one.event for one in dispute.last.events)
    assert isinstance(timed_out, MerchantResponseTimedOut)
    assert (timed_out.due_at, timed_out.set_by, timed_out.late_s) == (due, 1, 0)
    assert isinstance(brought_in, InterventionRequested)
    assert (brought_in.ground, brought_in.by) == ("response_timed_out", "platform")


def test_agreeing_settles_at_the_amount_claimed_last() -> None:
    dispute = filed().when(AMEND, at=hours(1)).when(AGREE, at=hours(2)).then("merchant_replied", "settled")
    settled = dispute.last.answer[-1].event
    assert isinstance(settled, Settled)
    assert (settled.basis, settled.remedy, settled.owed) == ("agreement", "refund", yuan(100))
    assert dispute.case.status == "waiting_for_remedy"


def test_refusing_brings_the_platform_in_within_the_same_step() -> None:
    dispute = filed().when(REFUSE, at=hours(5)).then("merchant_replied", "intervention_requested", stage="claim")
    first, second = dispute.last.answer
    assert isinstance(second.event, InterventionRequested)
    assert second.event.ground == "refused"
    assert second.causation == first.event_id
    assert second.correlation == first.correlation
    assert [clock.kind for clock in dispute.case.clocks] == ["ruling"]


def test_an_offer_stops_the_reply_clock_and_leaves_the_talks_running() -> None:
    dispute = filed().when(OFFER, at=hours(70)).then("merchant_replied", status="waiting_for_complainant")
    dispute.runs(negotiation=days(9))
    assert dispute.case.offer == OFFER.offer


def test_taking_the_offer_settles_at_what_was_offered() -> None:
    dispute = filed().when(OFFER, at=hours(70)).when(TAKE_THE_OFFER, at=days(4))
    dispute.then("settled", outcome="settled", remedy="partial_refund", owed=yuan(50), status="waiting_for_remedy")
    dispute.runs(remedy=days(7))


def test_the_merchant_may_better_its_offer() -> None:
    better = Reply(decision="offer", offer=Offer(kind="partial_refund", amount=yuan(90)))
    dispute = filed().when(OFFER, at=hours(1)).when(better, at=hours(2)).then("merchant_replied", offer=better.offer)
    dispute.when(TAKE_THE_OFFER, at=hours(3)).then("settled", owed=yuan(90))


def test_there_is_nothing_to_take_before_an_offer_was_made() -> None:
    filed().when(TAKE_THE_OFFER, at=hours(1)).refused("not_allowed_now")
    filed(REFUSAL_UNLOCKS).when(REFUSE, at=hours(1)).when(TAKE_THE_OFFER, at=hours(2)).refused("not_allowed_now")


DOLLARS = Offer(kind="partial_refund", amount=Money(amount=1, currency="USD"))
WRONG_REPLIES: list[tuple[Posted, tuple[str, ...]]] = [
    (Reply(decision="refuse"), ("/data/reason",)),
    (Reply(decision="offer"), ("/data/offer",)),
    (replace(AGREE, offer=OFFER.offer), ("/data/offer",)),
    (replace(REFUSE, reason=None, offer=Offer(kind="repair")), ("/data/reason", "/data/offer", "/data/offer/kind")),
    (Reply(decision="offer", offer=Offer(kind="partial_refund")), ("/data/offer/amount",)),
    (Reply(decision="offer", offer=Offer(kind="partial_refund", amount=yuan(0))), ("/data/offer/amount",)),
    (Reply(decision="offer", offer=Offer(kind="partial_refund", amount=yuan(129))), ("/data/offer/amount",)),
    (Reply(decision="offer", offer=DOLLARS), ("/data/offer/amount/currency",)),
]


@pytest.mark.parametrize(("reply", "pointers"), WRONG_REPLIES)
def test_a_reply_that_does_not_hold_together_is_refused_with_every_fault(
    reply: Posted, pointers: tuple[str, ...]
) -> None:
    filed().when(reply, at=hours(1)).faults(*pointers)


def test_the_complainant_may_give_up_while_nothing_is_ruled() -> None:
    filed().when(WITHDRAW, at=hours(1)).then("withdrawn", "closed", status="closed", outcome="withdrawn").runs()
    filed().when(REFUSE, at=hours(1)).when(WITHDRAW, at=hours(2)).then("withdrawn", "closed").runs()


def test_evidence_may_be_brought_by_either_side_and_is_kept_with_its_side() -> None:
    dispute = filed().when(EVIDENCE, at=hours(1)).then("evidence_submitted")
    dispute.when(EVIDENCE, by="respondent", at=hours(2)).then("evidence_submitted")
    assert [brought.by for brought in dispute.case.evidence] == ["complainant", "complainant", "respondent"]


def test_a_late_agreement_is_refused_even_when_the_platform_is_called_in_already() -> None:
    dispute = filed().passes(hours(73)).then("merchant_response_timed_out", "intervention_requested")
    dispute.when(AGREE, at=hours(74)).refused("deadline_passed", due_at=dispute.instant(hours(72)))
    dispute.when(CALL_THE_PLATFORM, at=hours(74)).refused("not_allowed_now")
