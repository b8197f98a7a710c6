"""Lag of ours: follow-on windows count from the legal instant, a party keeps its minimum notice ("Late cascades")."""

from __future__ import annotations

from case_events.core.timeouts import MerchantResponseTimedOut, NegotiationStalled, RulingTimedOut
from case_events.core.values import Instant
from tests.core.market import complaint
from tests.examples import (
    AGREE,
    CALL_THE_PLATFORM,
    OFFER,
    REFUND,
    REFUNDED,
    REFUSE,
    SILENCE_CONCEDES,
    SILENCE_UNLOCKS,
    TICK,
)
from tests.spec import TEST_CLOCK, Dispute, days, filed, hours

WORKING_DAY = {"working_days": 1}


def test_the_ruling_counts_from_the_missed_deadline_not_from_when_we_wrote_it() -> None:
    dispute = filed().passes(days(4)).then("merchant_response_timed_out", "intervention_requested")
    timed_out = dispute.last.events[0]
    assert isinstance(timed_out.event, MerchantResponseTimedOut)
    assert timed_out.event.late_s == 24 * 3600
    assert timed_out.occurred_at == timed_out.event.due_at
    assert timed_out.effective_at == dispute.instant(days(4))
    dispute.runs(ruling=Instant.parse("2026-03-10T00:00:00+08:00"))  # Thursday noon: Friday, Monday


def test_a_long_outage_is_caught_up_in_legal_order_in_one_step() -> None:
    dispute = filed().passes(days(9))  # ruling due Monday 24:00, again Tuesday 24:00; now Wednesday noon
    dispute.then("merchant_response_timed_out", "intervention_requested", "ruling_timed_out", "ruling_timed_out")
    assert [one.version for one in dispute.history] == [1, 2, 3, 4, 5]
    last = dispute.last.events[-1].event
    assert isinstance(last, RulingTimedOut)
    assert last.due_at == Instant.parse("2026-03-11T00:00:00+08:00")
    assert dispute.case.priority == 2


def test_a_remedy_nobody_paid_for_a_year_is_caught_up_in_one_step() -> None:
    dispute = filed().when(AGREE, at=days(1)).passes(days(366))  # owed until day four, and again each day
    assert dispute.written == ("remedy_timed_out",) * 362
    assert dispute.case.priority == 362
    dispute.runs(remedy=days(366))


def test_each_timeout_is_caused_by_the_event_that_set_its_clock() -> None:
    dispute = filed().passes(days(9))
    history = dispute.history
    assert [one.causation for one in history[1:]] == [one.event_id for one in history[:4]]
    assert all(one.who == "scheduler" for one in history[1:])


def unlocked_late(at: object) -> Dispute:
    """Talks stalled on day nine; the right to call the platform in lasts to day sixteen; we wrote it ``at``."""
    dispute = filed().when(OFFER, at=hours(1)).passes(at)  # type: ignore[arg-type]
    return dispute.then("negotiation_stalled")


def test_a_window_that_still_has_its_minimum_notice_is_not_lengthened() -> None:
    dispute = unlocked_late(days(15)).runs(intervention=days(16))
    assert not dispute.clock("intervention").minimum_notice


def test_a_window_shortened_by_our_lag_is_lengthened_to_the_minimum_notice_and_says_so() -> None:
    dispute = unlocked_late(days(15) + TICK).runs(intervention=days(16) + TICK)
    assert dispute.clock("intervention").minimum_notice
    stalled = dispute.last.events[0].event
    assert isinstance(stalled, NegotiationStalled)
    assert stalled.clocks[0].minimum_notice


def test_under_a_test_clock_no_window_is_lengthened_however_short_it_is() -> None:
    """Silent until Friday 0:00, which is Thursday's 24:00; owed by the end of Friday."""
    rules = {"reply.on_timeout": "concede", "reply.open_period": {"calendar_days": 3}, "remedy.within": WORKING_DAY}
    dispute = complaint(rules, whole={"minimum_notice": {"hours": 72}}, test_clock=TEST_CLOCK).passes(days(4))
    dispute.then("merchant_response_timed_out", "settled")
    dispute.runs(remedy=Instant.parse("2026-03-07T00:00:00+08:00"))
    assert not dispute.clock("remedy").minimum_notice


def test_a_right_whose_whole_window_passed_in_an_outage_still_gets_its_notice() -> None:
    dispute = unlocked_late(days(40)).runs(intervention=days(41))
    dispute.when(CALL_THE_PLATFORM, at=days(41)).then("intervention_requested")


def test_a_command_during_an_outage_meets_the_same_rules() -> None:
    dispute = filed().when(OFFER, at=hours(1)).when(CALL_THE_PLATFORM, at=days(40))
    dispute.then("negotiation_stalled", "intervention_requested")


def test_a_remedy_owed_since_an_expired_appeal_window_keeps_its_notice() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(REFUND, at=days(2))  # window to day nine, remedy to day twelve
    dispute.fork().passes(days(11)).then("appeal_window_expired").runs(remedy=days(12))
    dispute.passes(days(11) + hours(1)).then("appeal_window_expired").runs(remedy=days(12) + hours(1))
    dispute.when(REFUNDED, at=days(12) + hours(1)).then("remedied", "closed", priority=0)


def test_a_remedy_owed_by_silence_keeps_its_notice() -> None:
    dispute = filed(SILENCE_CONCEDES).passes(days(5) + hours(2)).then("merchant_response_timed_out", "settled")
    dispute.runs(remedy=days(6) + hours(2))


def test_a_window_shorter_than_the_notice_is_given_whole_and_no_longer() -> None:
    short = ("lapses_after = { days = 7 }", "lapses_after = { hours = 2 }")
    dispute = filed(SILENCE_UNLOCKS, short).passes(days(5)).then("merchant_response_timed_out")
    dispute.runs(intervention=days(5) + hours(2))


def test_under_a_test_clock_there_is_no_lag_at_all() -> None:
    dispute = filed(clocked=True).when(OFFER, at=hours(1)).passes(days(15) + hours(20)).then("negotiation_stalled")
    stalled = dispute.last.events[0]
    assert stalled.effective_at == dispute.instant(days(9) + TICK)
    assert isinstance(stalled.event, NegotiationStalled)
    assert stalled.event.late_s == 0
    dispute.runs(intervention=days(16))
