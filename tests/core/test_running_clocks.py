"""Which clock has run out: strictly after its instant, the earliest first, and a reminder stops with its clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from case_events.core.case import Case, Deadline
from case_events.core.deadlines import asks, deadlines_of, overdue, timeout_id
from case_events.core.values import Instant
from tests.examples import NOON, TICK
from tests.spec import TEST_CLOCK, filed, hours

TIMEOUTS = UUID("5d9c7a52-6a1f-5f0e-9e63-0c1f3b8f7a11")
"""Never changed: the ids of all timeouts ever written derive from it."""


def clock(kind: str, after: timedelta, party: Any = "respondent", **said: Any) -> Deadline:
    return Deadline(kind=kind, party=party, due_at=Instant.of(NOON + after), set_by=1, **said)


RESPONSE = clock("response", hours(72))
REMINDER = clock("response_reminder", hours(48))
TALKS = clock("negotiation", hours(216), "complainant")


def case(*clocks: Deadline, reminders: tuple[Deadline, ...] = (), clocked: bool = False) -> Case:
    return replace(filed().case, clocks=clocks, reminders=reminders, test_clock=TEST_CLOCK if clocked else None)


def at(count: float, later: timedelta = timedelta()) -> Instant:
    return Instant.of(NOON + hours(count) + later)


def test_clocks_and_reminders_stand_by_their_instant() -> None:
    assert deadlines_of(case(RESPONSE, TALKS, reminders=(REMINDER,))) == (REMINDER, RESPONSE, TALKS)
    late = clock("negotiation_reminder", hours(192), "complainant")
    assert deadlines_of(case(RESPONSE, TALKS, reminders=(late, REMINDER))) == (REMINDER, RESPONSE, late, TALKS)
    assert deadlines_of(case(RESPONSE, TALKS)) == (RESPONSE, TALKS)
    assert deadlines_of(case()) == ()


@pytest.mark.parametrize("clocked", [False, True])
def test_the_instant_itself_is_in_time_and_a_microsecond_later_is_not(clocked: bool) -> None:
    running = case(RESPONSE, TALKS, clocked=clocked)
    assert overdue(running, at(72)) is None
    assert overdue(running, at(72, TICK)) == RESPONSE
    assert overdue(running, at(500)) == RESPONSE
    assert overdue(case(TALKS, clocked=clocked), at(500)) == TALKS
    assert overdue(case(clocked=clocked), at(500)) is None


def test_a_provisional_clock_never_runs_out_and_holds_up_no_other() -> None:
    unsure = replace(RESPONSE, provisional=True)
    assert overdue(case(unsure), at(5_000)) is None
    assert overdue(case(unsure, TALKS), at(5_000)) == TALKS
    assert overdue(case(unsure, reminders=(REMINDER,)), at(5_000)) == REMINDER


def test_who_is_looked_at_late_is_not_reminded_of_what_is_over() -> None:
    running = case(RESPONSE, TALKS, reminders=(REMINDER,))
    assert overdue(running, at(48)) is None
    assert overdue(running, at(48, TICK)) == REMINDER
    assert overdue(running, at(72)) == REMINDER
    assert overdue(running, at(72, TICK)) == RESPONSE


def test_a_reminder_of_somebody_elses_clock_or_of_another_kind_is_told_all_the_same() -> None:
    theirs = replace(REMINDER, party="complainant")
    assert overdue(case(RESPONSE, reminders=(theirs,)), at(73)) == theirs
    other = replace(REMINDER, kind="negotiation_reminder")
    assert overdue(case(RESPONSE, reminders=(other,)), at(73)) == other


def test_under_a_test_clock_one_long_advance_reminds_as_many_short_ones_do() -> None:
    running = case(RESPONSE, TALKS, reminders=(REMINDER,), clocked=True)
    assert overdue(running, at(73)) == overdue(running, at(49)) == REMINDER


def test_a_clock_asks_exactly_what_it_promised_and_its_timeout_has_one_id_for_ever() -> None:
    asked = asks(replace(TALKS, set_by=4))
    assert (asked.kind, asked.party, asked.due_at, asked.set_by) == ("negotiation", "complainant", at(216), 4)
    known, moved = UUID(int=5), replace(RESPONSE, due_at=at(80))
    assert timeout_id(known, RESPONSE) == uuid5(TIMEOUTS, f"{known}/response/respondent/1")
    assert timeout_id(known, moved) == timeout_id(known, RESPONSE)
    others = [replace(RESPONSE, set_by=2), replace(RESPONSE, kind="remedy"), replace(RESPONSE, party="both")]
    assert len({timeout_id(known, one) for one in (RESPONSE, *others)}) == 4
    assert timeout_id(UUID(int=6), RESPONSE) != timeout_id(known, RESPONSE)
