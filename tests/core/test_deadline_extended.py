"""Deadlines moved with cause, and those that wait for a published calendar (F3; design, "Policies")."""

from __future__ import annotations

from case_events.core.commands import ExtendDeadline
from case_events.core.values import Instant
from tests.examples import AGREE, REFUND, REFUSE, TICK, WITHDRAW, extend
from tests.spec import Dispute, days, filed, hours


def test_the_platform_moves_a_running_deadline_later() -> None:
    dispute = filed()
    until = dispute.instant(hours(100))
    dispute.when(extend("response", "respondent", until), at=hours(10)).then("deadline_extended")
    dispute.runs(response=hours(100), negotiation=days(9))
    assert dispute.clock("response").set_by == 2
    dispute.passes(hours(72) + TICK).then()
    dispute.when(AGREE, at=hours(100)).then("merchant_replied", "settled")


def test_a_deadline_is_never_moved_earlier_nor_left_where_it_is() -> None:
    dispute = filed()
    for at in (hours(72) - TICK, hours(72)):
        dispute.when(extend("response", "respondent", dispute.instant(at)), at=hours(1)).faults("/data/due_at")


def test_a_clock_that_does_not_run_cannot_be_moved_and_those_that_run_are_named() -> None:
    dispute = filed()
    dispute.when(extend("ruling", "platform", dispute.instant(days(20))), at=hours(1)).faults("/data/kind")
    assert dispute.last.problem is not None
    assert "response of respondent" in dispute.last.problem.errors[0].detail
    dispute.when(extend("response", "complainant", dispute.instant(days(20))), at=hours(1)).faults("/data/kind")


def test_no_deadline_of_a_closed_case_can_be_moved() -> None:
    dispute = filed().when(REFUSE, at=hours(1)).when(WITHDRAW, at=hours(2))
    dispute.when(extend("ruling", "platform", dispute.instant(days(30))), at=hours(3)).refused("not_allowed_now")


LAST_KNOWN_WEDNESDAY = Instant.parse("2026-12-30T12:00:00+08:00")
GUESSED = Instant.parse("2027-01-05T00:00:00+08:00")
"""Thursday 31 December is published, 1 January is statutory, a weekend: Monday 4 January, as far as we know."""


def ruled_next_year() -> Dispute:
    return filed(at=Instant.of(LAST_KNOWN_WEDNESDAY - hours(5))).when(REFUSE, at=LAST_KNOWN_WEDNESDAY)


def test_a_deadline_past_the_published_calendar_is_provisional_and_says_so() -> None:
    dispute = ruled_next_year().runs(ruling=GUESSED)
    assert dispute.clock("ruling").provisional


def test_elapsed_days_need_no_calendar() -> None:
    dispute = filed(at=LAST_KNOWN_WEDNESDAY)
    assert not any(clock.provisional for clock in dispute.case.clocks)


def test_a_turn_of_which_one_part_is_guessed_is_provisional_as_a_whole() -> None:
    in_working_days = ("open_period = { hours = 48 }", "open_period = { working_days = 2 }")
    dispute = filed(in_working_days, at=LAST_KNOWN_WEDNESDAY)
    assert dispute.clock("response").due_at == Instant.of(GUESSED + hours(24))
    assert dispute.clock("response").provisional
    assert not dispute.clock("negotiation").provisional


def test_a_provisional_deadline_never_runs_out() -> None:
    dispute = ruled_next_year().passes(days(90)).then(status="under_review", priority=0)
    dispute.when(REFUND, at=days(91)).then("ruled", priority=0)


def confirmation(due_at: Instant) -> ExtendDeadline:
    return ExtendDeadline(kind="ruling", party="platform", due_at=due_at, reason="国务院办公厅已发布放假安排。")


def test_a_provisional_deadline_is_confirmed_where_it_stands_and_then_runs_out() -> None:
    dispute = ruled_next_year().when(confirmation(GUESSED), at=days(2)).then("deadline_extended").runs(ruling=GUESSED)
    assert not dispute.clock("ruling").provisional
    dispute.passes(Instant.of(GUESSED + TICK)).then("ruling_timed_out", priority=1)


def test_a_provisional_deadline_is_corrected_later_but_never_earlier() -> None:
    dispute = ruled_next_year().when(confirmation(Instant.of(GUESSED - days(1))), at=days(2)).faults("/data/due_at")
    dispute.when(confirmation(Instant.of(GUESSED + days(1))), at=days(2)).then("deadline_extended")
    dispute.runs(ruling=Instant.of(GUESSED + days(1)))


def test_a_deadline_confirmed_after_its_day_runs_out_from_then_and_time_never_goes_back() -> None:
    dispute = filed(at=Instant.of(LAST_KNOWN_WEDNESDAY - hours(5)), clocked=True).when(REFUSE, at=LAST_KNOWN_WEDNESDAY)
    dispute.when(confirmation(GUESSED), at=days(30)).then("deadline_extended").passes(days(30) + TICK)
    assert dispute.written[0] == "ruling_timed_out"
    instants = [one.effective_at for one in dispute.history]
    assert instants == sorted(instants)
