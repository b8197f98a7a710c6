"""Relief (design, "Policies"; decision 16): what an outage of ours took of a party's last hours is given back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from case_events.core.events import DeadlineExtended, Outage
from case_events.core.values import Clock, Instant
from tests import examples as ex
from tests.core import small_policy
from tests.examples import AGREE, CALL_THE_PLATFORM, OFFER, REFUND, REFUSE, TICK, WITH_ACCEPTANCE, extend
from tests.spec import Dispute, When, days, filed, hours

NOTICE = "minimum_notice = { hours = 24 }"
RELIEF = (NOTICE, f"{NOTICE}\nrelief = {{ last = {{ hours = 24 }} }}")
"""The reply is due at hour 72: its last hours are those from hour 48 on."""
REMINDED = (
    "[types.not_received.clauses]",
    "[types.not_received.reminders]\nresponse = { hours = 6 }\n\n[types.not_received.clauses]",
)
IN_WORKING_DAYS = ("open_period = { hours = 48 }", "open_period = { working_days = 3 }")
OF_TWO_DAYS = (NOTICE, f"{NOTICE}\nrelief = {{ last = {{ hours = 48 }} }}")
OF_AN_HOUR = (NOTICE, f"{NOTICE}\nrelief = {{ last = {{ hours = 24 }}, least = {{ hours = 1 }} }}")


def outage(began: When, ended: When, number: int = 1, *, start: Instant = ex.NOON) -> Outage:
    """An outage between two instants, or times after noon."""
    at = [when if isinstance(when, Instant) else Instant.of(start + when) for when in (began, ended)]
    return Outage(id=UUID(int=number), began_at=at[0], ended_at=at[1])


def with_outages(dispute: Dispute, *outages: Outage) -> Dispute:
    """The same dispute, with these outages on record."""
    dispute.outages = tuple(sorted(outages, key=lambda one: one.began_at))
    return dispute


def relieved(*outages: Outage) -> Dispute:
    return with_outages(filed(RELIEF), *outages)


def test_without_the_table_an_outage_changes_no_promise() -> None:
    with_outages(filed(), outage(hours(60), hours(80))).passes(hours(81)).then(
        "merchant_response_timed_out", "intervention_requested"
    )


def test_who_had_three_hours_left_when_it_began_has_three_when_it_ended() -> None:
    dispute = relieved(outage(hours(69), hours(80))).passes(hours(80) + TICK).then("deadline_extended")
    dispute.runs(response=hours(83), negotiation=days(9))
    (said,) = dispute.last.events
    due_at = dispute.instant(hours(83))
    assert said.event == DeadlineExtended(
        kind="response",
        party="respondent",
        due_at=due_at,
        clocks=(Clock(kind="response", party="respondent", due_at=due_at),),
        outage=outage(hours(69), hours(80)),
    )
    assert (said.who, said.client, said.occurred_at) == ("scheduler", "caselog", dispute.instant(hours(72)))
    assert said.causation == dispute.history[0].event_id
    dispute.fork().when(AGREE, at=hours(83)).then("merchant_replied", "settled")
    dispute.passes(hours(83) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_a_command_that_meets_the_overdue_clock_gives_the_time_back_first() -> None:
    dispute = relieved(outage(hours(69), hours(80)))
    dispute.when(AGREE, at=hours(81)).then("deadline_extended", "merchant_replied", "settled")


def test_only_the_last_hours_count() -> None:
    relieved(outage(hours(40), hours(48))).passes(hours(72) + TICK).then(
        "merchant_response_timed_out", "intervention_requested"
    )
    half = relieved(outage(hours(40), hours(50))).passes(hours(72) + TICK).then("deadline_extended")
    half.runs(response=hours(74), negotiation=days(9))
    whole = relieved(outage(hours(40), hours(100))).passes(hours(101)).then("deadline_extended")
    whole.runs(response=hours(124), negotiation=days(9))


@pytest.mark.parametrize("began", [hours(72), hours(73)])
def test_an_outage_after_the_deadline_took_nothing_of_it(began: timedelta) -> None:
    relieved(outage(began, hours(90))).passes(hours(91)).then("merchant_response_timed_out", "intervention_requested")


def test_an_outage_before_the_window_was_given_took_nothing_of_it() -> None:
    acceptance = filed(RELIEF, WITH_ACCEPTANCE)
    dispute = with_outages(acceptance.when(ex.ACCEPT, at=hours(20)), outage(hours(0), hours(19)))
    dispute.passes(hours(92) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_a_short_outage_gives_nothing_back_where_the_policy_wants_a_longer_one() -> None:
    short = outage(hours(60), Instant.of(ex.NOON + hours(61) - TICK))
    with_outages(filed(OF_AN_HOUR), short).passes(hours(72) + TICK).then(
        "merchant_response_timed_out", "intervention_requested"
    )
    with_outages(filed(OF_AN_HOUR), outage(hours(60), hours(61))).passes(hours(72) + TICK).then("deadline_extended")


def test_an_outage_gives_its_time_back_once() -> None:
    dispute = relieved(outage(hours(71), hours(72))).passes(hours(72) + TICK).then("deadline_extended")
    dispute.runs(response=hours(73), negotiation=days(9))
    dispute.passes(hours(73) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_two_outages_each_give_their_own_and_what_they_share_once() -> None:
    apart = relieved(outage(hours(50), hours(51)), outage(hours(60), hours(62), 2)).passes(hours(80))
    apart.then("deadline_extended", "deadline_extended", "merchant_response_timed_out", "intervention_requested")
    assert apart.history[-1].occurred_at == apart.instant(hours(75))
    measured, declared = outage(hours(60), hours(62)), outage(hours(59), hours(63), 2)
    together = relieved(measured, declared).passes(hours(80))
    together.then("deadline_extended", "merchant_response_timed_out", "intervention_requested")
    assert together.history[-1].occurred_at == together.instant(hours(76))


def test_an_outage_that_became_known_later_gives_back_what_the_first_had_not() -> None:
    dispute = relieved(outage(hours(60), hours(62))).passes(hours(72) + TICK).then("deadline_extended")
    dispute.runs(response=hours(74), negotiation=days(9))
    with_outages(dispute, outage(hours(59), hours(63), 2), outage(hours(60), hours(62))).passes(hours(74) + TICK)
    dispute.then("deadline_extended").runs(response=hours(76), negotiation=days(9))


def test_a_window_lengthened_into_another_outage_gets_that_back_too() -> None:
    dispute = relieved(outage(hours(70), hours(71)), outage(hours(72) + TICK, hours(80), 2)).passes(hours(80))
    dispute.then("deadline_extended", "deadline_extended")
    dispute.runs(response=hours(81) - TICK, negotiation=days(9))


def test_the_platform_s_own_time_is_never_given_back() -> None:
    dispute = with_outages(filed(RELIEF).when(REFUSE, at=hours(1)), outage(hours(2), days(20)))
    dispute.passes(days(20)).then(*("ruling_timed_out",) * len(dispute.written))
    assert dispute.written


def test_a_window_of_both_sides_is_given_back_to_both() -> None:
    ruled = filed(RELIEF).when(REFUSE, at=hours(1)).when(REFUND, at=hours(2))  # appeal to day seven and two hours
    dispute = with_outages(ruled, outage(days(7), days(8))).passes(days(8) + TICK).then("deadline_extended")
    dispute.runs(appeal=days(8) + hours(2))


def test_what_follows_a_relieved_window_counts_from_its_new_end() -> None:
    unlocks = filed(RELIEF, ex.SILENCE_UNLOCKS)
    dispute = (
        with_outages(unlocks, outage(hours(60), hours(70)))
        .passes(days(4))
        .then("deadline_extended", "merchant_response_timed_out")
    )
    dispute.runs(intervention=hours(82) + days(7))
    dispute.when(CALL_THE_PLATFORM, at=hours(82) + days(7)).then("intervention_requested")


def test_a_window_that_opened_while_nobody_looked_counts_from_its_legal_instant() -> None:
    """The talks stall on day nine; that is written six days later; the right to call the platform in ends on day 16."""
    dispute = filed(OF_TWO_DAYS).when(OFFER, at=hours(1)).passes(days(15)).then("negotiation_stalled")
    dispute.runs(intervention=days(16))
    with_outages(dispute, outage(days(15) - hours(9), days(15))).passes(days(16) + TICK).then("deadline_extended")
    dispute.runs(intervention=days(16) + hours(9))


def test_a_deadline_the_desk_moved_is_a_new_promise() -> None:
    dispute = filed(RELIEF)
    dispute.when(extend("response", "respondent", dispute.instant(hours(80))), at=hours(70))
    with_outages(dispute, outage(hours(60), hours(65)), outage(hours(75), hours(76), 2)).passes(hours(80) + TICK)
    dispute.then("deadline_extended").runs(response=hours(81), negotiation=days(9))


@pytest.mark.parametrize("later", [hours(0), hours(24)])
def test_a_guess_that_was_made_sure_is_no_new_promise(later: timedelta) -> None:
    """The turn ends in 2027, whose days are published an hour before: its last hours were the party's all along."""
    dispute = filed(RELIEF, IN_WORKING_DAYS, at=Instant.parse("2026-12-29T04:00:00Z"))
    guessed = dispute.clock("response")
    assert guessed.provisional
    sure = Instant.of(guessed.due_at + later)
    dispute.when(extend("response", "respondent", sure), at=Instant.of(sure - hours(1)))
    last = outage(Instant.of(sure - hours(12)), Instant.of(sure - hours(2)))
    with_outages(dispute, last).passes(Instant.of(sure + TICK)).then("deadline_extended")
    assert dispute.clock("response").due_at == sure + hours(10)
    dispute.passes(Instant.of(sure + hours(10) + TICK)).then("merchant_response_timed_out", "intervention_requested")


def test_a_reminder_goes_with_the_new_end_where_there_is_time_for_it() -> None:
    dispute = filed(RELIEF, REMINDED)
    with_outages(dispute, outage(hours(60), hours(74))).passes(hours(75)).then("deadline_extended")
    assert [(one.kind, one.due_at) for one in dispute.case.reminders] == [
        ("response_reminder", dispute.instant(hours(80)))
    ]
    dispute.fork().passes(hours(81)).then("deadline_approaching")
    dispute = filed(RELIEF, REMINDED)
    with_outages(dispute, outage(hours(70), hours(80))).passes(hours(80)).then("deadline_extended")
    assert dispute.case.reminders == ()


def test_under_a_test_clock_there_is_no_outage() -> None:
    dispute = with_outages(filed(RELIEF, clocked=True), outage(hours(60), hours(70)))
    dispute.passes(hours(72) + TICK).then("merchant_response_timed_out", "intervention_requested")


def test_the_relieved_clock_can_run_out_at_once_when_all_is_long_over() -> None:
    dispute = relieved(outage(hours(60), hours(70))).passes(days(5))
    dispute.then("deadline_extended", "merchant_response_timed_out", "intervention_requested")
    late = dispute.last.events[1]
    assert late.occurred_at == dispute.instant(hours(82))
    assert late.event_id != dispute.last.events[0].event_id


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"last": {"working_days": 1}}, "/relief/last"),
        ({"last": {"hours": 24}, "least": {"calendar_days": 1}}, "/relief/least"),
        ({"last": {"hours": 2}, "more": 1}, "/relief"),
    ],
)
def test_a_policy_whose_relief_is_no_elapsed_time_is_refused(said: dict[str, object], fault: str) -> None:
    assert [place for place in small_policy.faults(small_policy.small(("relief", said))) if place.startswith(fault)]
