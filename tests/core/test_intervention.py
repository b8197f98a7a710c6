"""Calling the platform in: too early, by stall, refusal or silence; rights nobody uses lapse (N3, N5, N6, F9)."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.events import InterventionRequested, Settled
from case_events.core.recounting import Recounted
from case_events.core.timeouts import MerchantResponseTimedOut
from case_events.core.values import Instant
from tests.core.test_recounting import as_guessed, counted
from tests.core.test_relief import RELIEF, outage, with_outages
from tests.examples import (
    AGREE,
    AMEND,
    CALL_THE_PLATFORM,
    OFFER,
    REFUSAL_UNLOCKS,
    REFUSE,
    REVERSE,
    SILENCE_CONCEDES,
    SILENCE_UNLOCKS,
    STALL_ESCALATES,
    TAKE_THE_OFFER,
    TICK,
    extend,
    yuan,
)
from tests.spec import Dispute, days, filed, hours


def test_the_complainant_must_wait_for_the_merchants_turn_and_is_told_until_when() -> None:
    dispute = filed().when(CALL_THE_PLATFORM, at=hours(1))
    dispute.refused("not_yet", opens_at=dispute.instant(hours(72)), rule="taobao@2026.1#not_received.intervention")


def test_after_an_offer_intervention_opens_when_the_talks_stall() -> None:
    dispute = filed().when(OFFER, at=hours(70)).when(CALL_THE_PLATFORM, at=days(9))
    dispute.refused("not_yet", opens_at=dispute.instant(days(9)))


def test_the_merchant_may_call_the_platform_in_at_any_time() -> None:
    dispute = filed().when(CALL_THE_PLATFORM, by="respondent", at=hours(1)).then("intervention_requested")
    event = dispute.last.answer[0].event
    assert isinstance(event, InterventionRequested)
    assert (event.ground, event.by) == ("requested", "respondent")
    assert [clock.kind for clock in dispute.case.clocks] == ["ruling"]


def offered_and_left() -> Dispute:
    return filed().when(OFFER, at=hours(70))


def test_talks_are_not_stalled_at_the_very_instant_of_nine_days() -> None:
    offered_and_left().passes(days(9)).then()


def test_talks_stall_one_microsecond_after_nine_days_and_open_the_right_for_seven() -> None:
    dispute = offered_and_left().passes(days(9) + TICK)
    dispute.then("negotiation_stalled", status="waiting_for_complainant", intervention_open=True)
    dispute.runs(intervention=days(16))
    assert dispute.clock("intervention").party == "complainant"


def test_after_a_stall_the_offer_may_still_be_taken() -> None:
    offered_and_left().when(TAKE_THE_OFFER, at=days(10)).then("negotiation_stalled", "settled", outcome="settled")


def test_the_right_may_be_used_until_its_very_last_instant() -> None:
    dispute = offered_and_left().when(CALL_THE_PLATFORM, at=days(16))
    dispute.then("negotiation_stalled", "intervention_requested", status="under_review", stage="claim")


def test_a_right_nobody_uses_closes_the_case_as_lapsed() -> None:
    dispute = offered_and_left().passes(days(9) + TICK).then("negotiation_stalled").passes(days(16) + TICK)
    dispute.then("intervention_window_expired", "closed", status="closed", outcome="lapsed").runs()
    dispute.when(CALL_THE_PLATFORM, at=days(17)).refused("deadline_passed", due_at=dispute.instant(days(16)))


def test_talks_that_stall_while_the_reply_is_still_awaited_do_not_cut_the_merchants_time() -> None:
    dispute = filed()
    for at in range(60, 216, 12):
        dispute.when(AMEND, at=hours(at))
    dispute.when(AMEND, at=hours(215)).passes(days(9) + TICK).then("negotiation_stalled", intervention_open=True)
    dispute.runs(response=hours(239), intervention=days(16))
    dispute.passes(hours(239) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_a_right_opened_by_the_stall_is_not_opened_again_by_a_later_silence() -> None:
    dispute = filed(SILENCE_UNLOCKS)
    for at in range(60, 216, 12):
        dispute.when(AMEND, at=hours(at))
    dispute.when(AMEND, at=hours(215)).passes(days(9) + TICK).then("negotiation_stalled")
    dispute.passes(hours(239) + TICK).then("merchant_response_timed_out").runs(intervention=days(16))


def test_a_silence_that_brings_the_platform_in_promises_no_right_to_call_it() -> None:
    dispute = filed().passes(hours(73)).then("merchant_response_timed_out", "intervention_requested")
    timed_out, brought_in = (one.event for one in dispute.last.events)
    assert isinstance(timed_out, MerchantResponseTimedOut)
    assert isinstance(brought_in, InterventionRequested)
    assert [clock.kind for clock in (*timed_out.clocks, *brought_in.clocks)] == ["ruling"]


def test_a_policy_may_bring_the_platform_in_when_talks_stall() -> None:
    dispute = filed(STALL_ESCALATES).when(OFFER, at=hours(1)).passes(days(9) + TICK)
    dispute.then("negotiation_stalled", "intervention_requested", status="under_review")
    event = dispute.last.events[-1].event
    assert isinstance(event, InterventionRequested)
    assert event.ground == "stalled"


def test_where_silence_unlocks_the_complainant_may_call_the_platform_in_afterwards() -> None:
    dispute = filed(SILENCE_UNLOCKS).passes(hours(72) + TICK).then("merchant_response_timed_out")
    dispute.runs(intervention=hours(72) + days(7))
    dispute.fork().when(CALL_THE_PLATFORM, at=hours(80)).then("intervention_requested", status="under_review")
    dispute.passes(hours(72) + days(7) + TICK).then("intervention_window_expired", "closed", outcome="lapsed")


def test_where_silence_concedes_the_claim_is_owed_from_the_deadline() -> None:
    dispute = filed(SILENCE_CONCEDES).when(AGREE, at=hours(72) + TICK)
    dispute.refused("deadline_passed", "merchant_response_timed_out", "settled", due_at=dispute.instant(hours(72)))
    assert dispute.case.outcome == "conceded"
    settled = dispute.last.events[-1].event
    assert isinstance(settled, Settled)
    assert (settled.basis, settled.owed) == ("concession", yuan(129))
    dispute.runs(remedy=hours(72) + days(3))


def test_where_silence_concedes_intervention_opens_with_the_stall_only() -> None:
    dispute = filed(SILENCE_CONCEDES).when(CALL_THE_PLATFORM, at=hours(1))
    dispute.refused("not_yet", opens_at=dispute.instant(days(9)))


def test_where_refusal_unlocks_the_complainant_decides_what_follows() -> None:
    dispute = (
        filed(REFUSAL_UNLOCKS).when(REFUSE, at=hours(5)).then("merchant_replied", status="waiting_for_complainant")
    )
    dispute.when(CALL_THE_PLATFORM, at=hours(6)).then("intervention_requested", status="under_review")


def test_a_right_opened_by_a_refusal_stays_open_whatever_is_offered_or_amended_later() -> None:
    dispute = filed(REFUSAL_UNLOCKS).when(REFUSE, at=hours(5)).when(OFFER, at=hours(6)).then("merchant_replied")
    dispute.fork().when(CALL_THE_PLATFORM, at=hours(7)).then("intervention_requested")
    dispute.when(AMEND, at=hours(7)).then("claim_amended")
    dispute.when(CALL_THE_PLATFORM, at=hours(8)).then("intervention_requested")


def test_a_right_opened_by_a_refusal_and_never_used_lapses_after_the_stall() -> None:
    dispute = filed(REFUSAL_UNLOCKS).when(REFUSE, at=hours(5)).passes(days(9) + TICK).then("negotiation_stalled")
    dispute.runs(intervention=days(16)).passes(days(17)).then("intervention_window_expired", "closed", outcome="lapsed")


# the right outlasts the respondent's turn


NOTICE = hours(24)
"""What the policy leaves a party at least."""
FINAL = "final_period = { hours = 24 }"
ANSWERS_AGAIN = (FINAL, f"{FINAL}\nafter_amendment = {{ hours = 24 }}")
"""A claim amended after the answer gives the respondent a turn again."""


def stalled() -> Dispute:
    """Offered, left, and stalled on day nine: the platform may be called in until day 16."""
    dispute = filed(ANSWERS_AGAIN).when(OFFER, at=hours(70)).passes(days(9) + TICK)
    return dispute.then("negotiation_stalled").runs(intervention=days(16))


def test_an_amendment_that_gives_the_respondent_its_turn_again_keeps_the_right_open_beyond_it() -> None:
    dispute = stalled().when(AMEND, at=days(15) + hours(12)).then("claim_amended", status="waiting_for_merchant")
    turn = days(16) + hours(12)
    dispute.runs(response=turn, intervention=turn + NOTICE)
    dispute.fork().when(AGREE, at=turn).then("merchant_replied", "settled", outcome="settled")
    answered = dispute.fork().when(OFFER, at=turn).then("merchant_replied", status="waiting_for_complainant")
    answered.when(TAKE_THE_OFFER, at=turn + NOTICE).then("settled", outcome="settled")
    dispute.passes(turn + TICK).then("merchant_response_timed_out", "intervention_requested", status="under_review")


def test_an_amendment_long_before_the_right_ends_leaves_it_where_it_is() -> None:
    stalled().when(AMEND, at=days(10)).then("claim_amended").runs(response=days(11), intervention=days(16))
    to_the_instant = stalled().when(AMEND, at=days(14)).then("claim_amended")
    to_the_instant.runs(response=days(15), intervention=days(16))


def test_a_turn_the_desk_lengthens_keeps_the_right_open_beyond_it() -> None:
    dispute = stalled().when(AMEND, at=days(10)).then("claim_amended")
    longer = extend("response", "respondent", dispute.instant(days(20)))
    dispute.when(longer, at=days(10)).then("deadline_extended").runs(response=days(20), intervention=days(21))
    dispute.passes(days(20)).then()


def test_a_right_that_a_stall_opens_outlasts_a_turn_that_goes_on() -> None:
    dispute = filed(SILENCE_UNLOCKS)
    dispute.when(extend("response", "respondent", dispute.instant(days(30))), at=hours(1)).passes(days(9) + TICK)
    dispute.then("negotiation_stalled").runs(response=days(30), intervention=days(31))
    dispute.passes(days(30) + TICK).then("merchant_response_timed_out", status="waiting_for_complainant")
    dispute.fork().when(CALL_THE_PLATFORM, at=days(31)).then("intervention_requested", status="under_review")
    dispute.passes(days(31) + TICK).then("intervention_window_expired", "closed", outcome="lapsed")


def test_a_turn_that_is_given_back_for_an_outage_keeps_the_right_open_beyond_it() -> None:
    amended = filed(RELIEF, ANSWERS_AGAIN).when(OFFER, at=hours(70)).passes(days(9) + TICK).when(AMEND, at=days(14))
    amended.runs(response=days(15), intervention=days(16))
    dispute = with_outages(amended, outage(days(14) + hours(12), days(15))).passes(days(15) + TICK)
    dispute.then("deadline_extended").runs(response=days(15) + hours(12), intervention=days(16) + hours(12))
    later = outage(days(16) + hours(1), days(16) + hours(12), 2)
    late = with_outages(dispute.fork().when(OFFER, at=days(15) + hours(1)), later).passes(days(16) + hours(12) + TICK)
    late.then("deadline_extended").runs(intervention=days(16) + hours(23))


def test_a_turn_that_is_given_back_by_the_desk_keeps_the_right_open_beyond_it() -> None:
    silent = filed(SILENCE_UNLOCKS, ANSWERS_AGAIN).when(OFFER, at=hours(70)).passes(days(9) + TICK)
    silent.when(AMEND, at=days(10)).passes(days(11) + TICK).then("merchant_response_timed_out")
    silent.runs(intervention=days(16))
    back = replace(REVERSE, event=silent.history[-1].event_id, due_at=silent.instant(days(20)))
    silent.when(back, at=days(12)).then("timeout_reversed", status="waiting_for_merchant")
    silent.runs(response=days(20), intervention=days(21))


IN_WORKING_DAYS = (FINAL, f"{FINAL}\nafter_amendment = {{ working_days = 2 }}")
AMENDED = Instant.parse("2026-12-30T12:00:00+08:00")
MONDAY = Instant.parse("2027-01-05T00:00:00+08:00")
"""The end of two working days after ``AMENDED``, as far as we know: the days of 2027 are not published."""


def test_while_the_days_of_the_turn_are_a_guess_nobody_knows_when_the_right_ends_either() -> None:
    dispute = filed(IN_WORKING_DAYS, at=Instant.of(AMENDED - days(14))).when(OFFER, at=hours(1))
    dispute.passes(days(9) + TICK).when(AMEND, at=AMENDED).then("claim_amended")
    dispute.runs(response=MONDAY, intervention=Instant.of(MONDAY + NOTICE))
    assert dispute.clock("intervention").provisional
    assert counted(dispute, dispute.clock("intervention"), as_guessed(dispute.calendar)) == Recounted(
        came_to="known", due_at=Instant.of(MONDAY + NOTICE)
    )
    dispute.passes(days(90)).then()
    later = Instant.of(MONDAY + days(91))
    dispute.when(extend("response", "respondent", later), at=days(91)).then("deadline_extended")
    dispute.runs(response=later, intervention=Instant.of(later + NOTICE))
    assert not any(clock.provisional for clock in dispute.case.clocks)
