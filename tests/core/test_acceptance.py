"""Acceptance, where a policy wants it: the platform answers first and the merchant's turn counts from then (A1)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.events import Dismissed
from tests.examples import (
    ACCEPT,
    AGREE,
    AMEND,
    CALL_THE_PLATFORM,
    DISMISS,
    OFFER,
    SILENCE_CONCEDES,
    TICK,
    WITH_ACCEPTANCE,
    WITHDRAW,
)
from tests.spec import days, filed, hours


def test_a_complaint_waits_for_acceptance_and_no_other_clock_runs() -> None:
    dispute = filed(WITH_ACCEPTANCE).then("filed", status="waiting_for_acceptance").runs(acceptance=hours(24))
    assert dispute.clock("acceptance").party == "platform"


def test_the_reply_runs_from_acceptance_and_the_talks_from_filing() -> None:
    dispute = filed(WITH_ACCEPTANCE).when(ACCEPT, at=hours(20)).then("accepted", status="waiting_for_merchant")
    dispute.runs(response=hours(92), negotiation=days(9))


def test_amending_counts_the_first_48_hours_from_acceptance() -> None:
    dispute = filed(WITH_ACCEPTANCE).when(ACCEPT, at=hours(20)).when(AMEND, at=hours(68)).then("claim_amended")
    dispute.runs(response=hours(92), negotiation=days(9)).when(AMEND, at=hours(68) + TICK).then("claim_amended")
    dispute.runs(response=hours(92) + TICK, negotiation=days(9))


def test_an_answer_the_platform_owes_raises_priority_again_and_again_and_never_loses_the_case() -> None:
    dispute = filed(WITH_ACCEPTANCE).passes(hours(24)).then().passes(hours(24) + TICK)
    dispute.then("acceptance_timed_out", priority=1, status="waiting_for_acceptance").runs(acceptance=hours(36))
    dispute.when(ACCEPT, at=hours(49)).then("acceptance_timed_out", "acceptance_timed_out", "accepted", priority=3)
    dispute.when(ACCEPT, at=hours(50)).refused("not_allowed_now", due_at=None)


def test_nothing_is_negotiated_before_acceptance() -> None:
    dispute = filed(WITH_ACCEPTANCE)
    for early in (AGREE, AMEND, CALL_THE_PLATFORM):
        dispute.when(early, at=hours(1)).refused("not_allowed_now")
    dispute.when(WITHDRAW, at=hours(1)).then("withdrawn", "closed").runs()


def test_where_no_acceptance_is_wanted_there_is_nothing_to_accept() -> None:
    filed().when(ACCEPT, at=hours(1)).refused("not_allowed_now")


def test_accepted_after_day_nine_the_talks_wait_for_the_merchants_turn_and_time_never_goes_back() -> None:
    for clocked in (False, True):
        dispute = filed(WITH_ACCEPTANCE, clocked=clocked).when(ACCEPT, at=days(10)).passes(days(13)).then()
        dispute.runs(response=days(13), negotiation=days(13)).passes(days(13) + TICK)
        dispute.then("merchant_response_timed_out", "intervention_requested", status="under_review")
        instants = [one.effective_at for one in dispute.history]
        assert instants == sorted(instants)


def test_accepted_on_day_seven_the_talks_last_as_long_as_the_merchants_turn() -> None:
    filed(WITH_ACCEPTANCE).when(ACCEPT, at=days(6)).runs(response=days(9), negotiation=days(9))
    dispute = filed(WITH_ACCEPTANCE).when(ACCEPT, at=days(7)).runs(response=days(10), negotiation=days(10))
    dispute.when(OFFER, at=days(8)).runs(negotiation=days(10)).passes(days(10) + TICK).then("negotiation_stalled")


def test_a_silent_merchant_who_concedes_does_so_although_the_talks_end_at_the_same_instant() -> None:
    dispute = filed(WITH_ACCEPTANCE, SILENCE_CONCEDES).when(ACCEPT, at=days(8)).passes(days(11) + TICK)
    dispute.then("merchant_response_timed_out", "settled", outcome="conceded")


@pytest.mark.parametrize("malicious", [True, False])
def test_a_dismissed_complaint_is_closed_with_its_reason_and_says_whether_it_was_malicious(malicious: bool) -> None:
    dispute = filed(WITH_ACCEPTANCE).when(replace(DISMISS, malicious=malicious), at=hours(2))
    dispute.then("dismissed", "closed", status="closed", stage="closed", outcome="dismissed").runs()
    event = dispute.history[1].event
    assert isinstance(event, Dismissed)
    assert (event.malicious, event.reason) == (malicious, DISMISS.reason)


def test_only_the_platform_dismisses_and_only_before_it_accepted() -> None:
    filed(WITH_ACCEPTANCE).when(DISMISS, by="complainant", at=hours(1)).refused("forbidden")
    filed(WITH_ACCEPTANCE).when(ACCEPT, at=hours(1)).when(DISMISS, at=hours(2)).refused("not_allowed_now")
    filed().when(DISMISS, at=hours(1)).refused("not_allowed_now")


def test_a_dismissal_may_come_late_but_comes() -> None:
    filed(WITH_ACCEPTANCE).when(DISMISS, at=hours(25)).then("acceptance_timed_out", "dismissed", "closed", priority=1)
