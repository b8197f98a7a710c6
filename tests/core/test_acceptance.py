"""Acceptance, where a policy wants it: the platform answers first and the merchant's turn counts from then (A1)."""

from __future__ import annotations

from tests.examples import ACCEPT, AGREE, AMEND, CALL_THE_PLATFORM, TICK, WITH_ACCEPTANCE, WITHDRAW
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


def test_talks_already_over_at_acceptance_stall_at_once_and_time_never_goes_back() -> None:
    for clocked in (False, True):
        dispute = filed(WITH_ACCEPTANCE, clocked=clocked).when(ACCEPT, at=days(10)).passes(days(10) + TICK)
        dispute.then("negotiation_stalled", intervention_open=True).runs(response=days(13), intervention=days(16))
        instants = [one.effective_at for one in dispute.history]
        assert instants == sorted(instants)
