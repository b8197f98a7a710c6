"""A party's timeout that our own outage caused is taken back by the platform, until something was decided on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from case_events.core.commands import Posted, ReverseTimeout, SubmitEvidence
from case_events.core.timeouts import TimedOut
from case_events.core.values import EventId, Instant
from tests.core.market import complaint
from tests.core.test_the_desk import PROTECTION, REQUIRED, clocks
from tests.examples import (
    AGREE,
    ASK_FOR_PHOTOS,
    ASSIGN,
    CALL_THE_PLATFORM,
    EVIDENCE,
    EXPEDITE,
    LINK,
    MESSAGE,
    NOTE,
    OFFER,
    RATE,
    REFUND,
    REFUNDED,
    REFUSE,
    REVERSE,
    WITHDRAW,
    extend,
    proof,
)
from tests.spec import Dispute, days, filed, hours

SILENT = hours(72)
TICK = timedelta(microseconds=1)


def silenced() -> Dispute:
    """The merchant was silent for 72 hours, and the platform is in."""
    dispute = filed().passes(SILENT + TICK)
    return dispute.then("merchant_response_timed_out", "intervention_requested", status="under_review")


def timeout_of(dispute: Dispute) -> EventId:
    return next(one.event_id for one in reversed(dispute.history) if isinstance(one.event, TimedOut))


def taking_back(dispute: Dispute, due_at: Instant | None = None) -> ReverseTimeout:
    return replace(REVERSE, event=timeout_of(dispute), due_at=due_at)


def test_the_case_is_as_it_was_and_the_party_has_its_time_again() -> None:
    dispute = silenced()
    until = dispute.instant(hours(100))
    dispute.when(taking_back(dispute, until), at=hours(80)).then(
        "timeout_reversed", status="waiting_for_merchant", stage="inquiry", intervention_open=False, interventions=0
    )
    dispute.runs(response=hours(100), negotiation=days(9))
    dispute.when(AGREE, at=hours(99)).then("merchant_replied", "settled", outcome="settled")


def test_without_an_instant_it_is_the_policy_s_minimum_notice_from_now() -> None:
    dispute = silenced()
    notice = timedelta(hours=24)
    dispute.when(taking_back(dispute), at=hours(80)).then("timeout_reversed")
    dispute.runs(response=hours(80) + notice, negotiation=days(9))


def test_silent_again_it_times_out_again_under_another_id() -> None:
    dispute = silenced()
    first = timeout_of(dispute)
    dispute.when(taking_back(dispute, dispute.instant(hours(100))), at=hours(80)).then("timeout_reversed")
    dispute.passes(hours(100) + TICK).then("merchant_response_timed_out", "intervention_requested")
    assert timeout_of(dispute) != first
    assert dispute.case.status == "under_review"


def test_what_ran_beside_it_ends_no_earlier() -> None:
    dispute = silenced()
    dispute.when(taking_back(dispute, dispute.instant(days(20))), at=hours(80)).then("timeout_reversed")
    dispute.runs(response=days(20), negotiation=days(20))


@pytest.mark.parametrize("said", [EVIDENCE, MESSAGE, NOTE, ASSIGN], ids=lambda it: type(it).__name__)
def test_what_was_said_and_brought_since_stays_and_keeps_nothing_from_being_taken_back(said: Posted) -> None:
    dispute = silenced().when(said, at=hours(75))
    known = (dispute.case.evidence, dispute.case.posts)
    dispute.when(taking_back(dispute), at=hours(80)).then("timeout_reversed", status="waiting_for_merchant")
    assert (dispute.case.evidence, dispute.case.posts) == known


@pytest.mark.parametrize("done", [REFUND, WITHDRAW], ids=lambda it: type(it).__name__)
def test_once_something_was_decided_on_it_nothing_is_taken_back(done: Posted) -> None:
    dispute = silenced().when(done, at=hours(75))
    assert dispute.last.problem is None
    dispute.when(taking_back(dispute), at=hours(80)).refused("not_allowed_now")


def test_an_appeal_window_is_opened_again_until_the_ruling_is_carried_out() -> None:
    dispute = silenced().when(REFUND, at=hours(80)).then("ruled", status="appealable")
    dispute.passes(days(30)).then("appeal_window_expired", status="waiting_for_remedy")
    carried_out = dispute.fork().when(REFUNDED, at=days(31))
    carried_out.when(taking_back_the_window(carried_out), at=days(32)).refused("not_allowed_now")
    dispute.when(taking_back_the_window(dispute), at=days(31)).then("timeout_reversed", status="appealable")
    assert dispute.case.outcome is None
    assert [clock.kind for clock in dispute.case.clocks] == ["appeal"]


def test_neither_a_rating_nor_more_time_for_something_else_makes_a_missed_window_final() -> None:
    """Else who was granted the claim could rate the platform, and the other side's appeal would be gone."""
    owing = silenced().when(REFUND, at=hours(80)).passes(days(11)).then("appeal_window_expired")
    rated = owing.fork().when(RATE, at=days(11)).then("rated")
    rated.when(taking_back_the_window(rated), at=days(11)).then("timeout_reversed", status="appealable")
    assert rated.case.rating is not None
    more = owing.when(extend("remedy", "respondent", owing.instant(days(20))), at=days(11)).then("deadline_extended")
    more.when(taking_back_the_window(more), at=days(11)).then("timeout_reversed").runs(appeal=days(12))


def test_what_ran_beside_it_and_was_lengthened_since_is_as_long() -> None:
    dispute = complaint(REQUIRED).passes(days(2) + TICK).then("evidence_timed_out")
    dispute.when(extend("response", "respondent", dispute.instant(days(9))), at=days(2) + hours(1))
    dispute.when(taking_back(dispute), at=days(2) + hours(2)).then("timeout_reversed")
    assert clocks(dispute)["response", "respondent"] == days(9)


def taking_back_the_window(dispute: Dispute) -> ReverseTimeout:
    window = next(one for one in dispute.history if one.name == "appeal_window_expired")
    return replace(REVERSE, event=window.event_id)


def test_only_the_timeout_of_a_party_can_be_taken_back_and_only_to_later_than_now() -> None:
    dispute = silenced()
    dispute.when(REVERSE, at=hours(80)).faults("/data/event")
    dispute.when(taking_back(dispute, dispute.instant(hours(80))), at=hours(80)).faults("/data/due_at")
    filed().when(REVERSE, at=hours(1)).refused("not_allowed_now")


def test_of_two_windows_that_one_outage_ended_each_can_be_given_back() -> None:
    """The complainant's silence after the merchant's is no decision on it; the earlier one takes the later with it."""
    dispute = lacking().passes(days(5) + TICK).then("evidence_timed_out", status="under_review")
    silence, other = (
        next(one.event_id for one in dispute.history if one.name == name)
        for name in ("merchant_response_timed_out", "evidence_timed_out")
    )
    one, both = dispute.fork(), dispute.fork()
    both.when(replace(REVERSE, event=other), at=days(6)).then("timeout_reversed", status="under_review")
    for again in (one, both):
        again.when(replace(REVERSE, event=silence), at=days(6)).then("timeout_reversed", status="waiting_for_merchant")
        assert clocks(again)["response", "respondent"] == clocks(again)["evidence", "complainant"] == days(7)
        again.when(replace(REVERSE, event=other), at=days(6)).refused("not_allowed_now")
    late = dispute.when(PACKAGING, by="complainant", at=days(6)).then("evidence_submitted")
    late.when(replace(REVERSE, event=other), at=days(6)).faults("/data/event")
    late.when(replace(REVERSE, event=silence), at=days(6)).then("timeout_reversed", status="waiting_for_merchant")


def test_what_the_platform_itself_missed_is_nothing_to_take_back() -> None:
    dispute = filed().when(OFFER, at=hours(1)).passes(days(9) + TICK).then("negotiation_stalled")
    dispute.when(CALL_THE_PLATFORM, at=days(10)).then("intervention_requested", status="under_review")
    dispute.passes(days(40))
    assert dispute.history[-1].name == "ruling_timed_out"
    dispute.when(taking_back(dispute), at=days(41)).faults("/data/event")


def test_a_case_that_the_timeout_closed_stays_closed() -> None:
    dispute = filed().when(OFFER, at=hours(1)).passes(days(60)).passes(days(90))
    dispute.then("intervention_window_expired", "closed", status="closed")
    dispute.when(taking_back(dispute), at=days(61)).refused("not_allowed_now")


def test_nobody_but_the_platform_takes_a_timeout_back() -> None:
    dispute = silenced()
    for side in ("complainant", "respondent"):
        dispute.when(taking_back(dispute), by=side, at=hours(80)).refused("forbidden")
    assert dispute.case.status == "under_review"


PACKAGING = SubmitEvidence(evidence=(proof(21, "packaging"),))
PHOTO = SubmitEvidence(evidence=(proof(22, "photo"),))
LATE_EVIDENCE = REQUIRED | {"evidence.required_within": {"days": 5}}


def lacking() -> Dispute:
    """Filed without what its reason requires within five days; the merchant was silent for its three."""
    dispute = complaint(LATE_EVIDENCE).passes(days(3) + TICK)
    return dispute.then("merchant_response_timed_out", "intervention_requested")


def test_evidence_that_came_meanwhile_is_not_waited_for_again() -> None:
    still = lacking().when(taking_back(lacking()), at=days(4)).then("timeout_reversed")
    assert clocks(still)["evidence", "complainant"] == days(5)
    dispute = lacking().when(PACKAGING, by="complainant", at=days(3) + hours(1)).then("evidence_submitted")
    dispute.when(taking_back(dispute), at=days(4)).then("timeout_reversed", status="waiting_for_merchant")
    assert ("evidence", "complainant") not in clocks(dispute)
    dispute.passes(days(30))
    assert "evidence_timed_out" not in [one.name for one in dispute.history]


def test_the_time_for_evidence_that_has_come_late_is_not_given_again() -> None:
    review = complaint(REQUIRED).when(REFUSE, at=hours(0)).passes(days(2) + TICK).then("evidence_timed_out")
    review.fork().when(taking_back(review), at=days(2) + hours(1)).then("timeout_reversed")
    review.when(PACKAGING, by="complainant", at=days(2) + hours(1)).then("evidence_submitted")
    review.when(taking_back(review), at=days(2) + hours(2)).faults("/data/event")


def test_a_case_that_waited_for_evidence_goes_on_where_that_has_come() -> None:
    """The complainant's time is given back; what the respondent was asked for meanwhile is there."""
    review = complaint(REQUIRED).when(REFUSE, at=hours(0))
    review.when(replace(ASK_FOR_PHOTOS, kinds=("photo",), party="respondent", within=days(4)), at=hours(1))
    review.passes(days(2) + TICK).then("evidence_timed_out", status="evidence_requested")
    review.fork().when(taking_back(review), at=days(2) + hours(2)).then("timeout_reversed", status="evidence_requested")
    review.when(PHOTO, by="respondent", at=days(2) + hours(1)).then("evidence_submitted", status="under_review")
    review.when(taking_back(review), at=days(2) + hours(2)).then("timeout_reversed", status="under_review")
    assert set(clocks(review)) == {("evidence", "complainant"), ("ruling", "platform")}


def test_what_was_pressed_keeps_its_place_and_what_was_linked_its_department() -> None:
    dispute = silenced().when(EXPEDITE, at=hours(75)).then("expedited", priority=1)
    dispute.when(taking_back(dispute), at=hours(80)).then("timeout_reversed", expedites=1, priority=1)
    whole = {"collective": {"window": {"days": 7}, "by_merchant": 2, "by_reason": 3, "department": PROTECTION}}
    silent = complaint(whole=whole).passes(days(3) + TICK)
    before = silent.case.department
    silent.fork().when(taking_back(silent), at=days(4)).then("timeout_reversed", department=before, group=None)
    silent.when(LINK, at=days(3) + hours(1)).then("linked", department=PROTECTION)
    silent.when(taking_back(silent), at=days(4))
    silent.then("timeout_reversed", department=PROTECTION, group=LINK.group, status="waiting_for_merchant")


def test_a_clock_that_began_anew_meanwhile_moves_no_earlier() -> None:
    """The desk waited for evidence while its own clock ran out and began anew; then the silence is taken back."""
    dispute = silenced().when(replace(ASK_FOR_PHOTOS, within=timedelta(days=2)), at=hours(73))
    asked_until = dispute.clock("evidence").due_at
    dispute.passes(Instant.of(max(asked_until, dispute.clock("ruling").due_at) + timedelta(hours=12)))
    assert {"evidence_timed_out", "ruling_timed_out"} <= {one.name for one in dispute.history}
    before = dispute.clock("ruling").due_at
    timeout = next(one for one in dispute.history if one.name == "evidence_timed_out")
    at = Instant.of(dispute.now + timedelta(hours=1))
    dispute.when(replace(REVERSE, event=timeout.event_id, due_at=Instant.of(at + TICK)), at=at).then("timeout_reversed")
    assert dispute.clock("ruling").due_at >= before
