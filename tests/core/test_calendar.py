"""Spans become instants: elapsed time, calendar days, and China's working days with their adjusted weekends (调休)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from case_events.core.calendar import REACH_MAX, Calendar, after
from case_events.core.spans import Span
from case_events.core.values import CHINA, Instant
from tests.examples import NOON, calendar


def at(text: str) -> Instant:
    """China time."""
    return Instant.parse(f"{text}+08:00")


@pytest.mark.parametrize(
    ("span", "elapsed"),
    [
        (Span(seconds=90), timedelta(seconds=90)),
        (Span(hours=72), timedelta(hours=72)),
        (Span(days=15), timedelta(hours=360)),
    ],
)
def test_seconds_hours_and_days_are_elapsed_time(span: Span, elapsed: timedelta) -> None:
    assert after(NOON, span, calendar()) == (Instant.of(NOON + elapsed), False)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-03-04T00:00:00.000001", 1, "2026-03-06T00:00:00"),  # just begun Wednesday: Thursday
        ("2026-03-04T23:59:59.999999", 1, "2026-03-06T00:00:00"),  # its last moment: Thursday all the same
        ("2026-03-05T00:00:00", 1, "2026-03-06T00:00:00"),  # its 24:00 too
        ("2026-03-06T12:00:00", 1, "2026-03-10T00:00:00"),  # Friday: Monday
        ("2026-03-08T12:00:00", 1, "2026-03-10T00:00:00"),  # Sunday: Monday
        ("2026-02-13T12:00:00", 1, "2026-02-15T00:00:00"),  # Friday before Spring Festival: worked Saturday
        ("2026-02-14T12:00:00", 1, "2026-02-25T00:00:00"),  # that Saturday: Tuesday the 24th
        ("2026-02-17T12:00:00", 3, "2026-02-27T00:00:00"),  # in the festival: 24th, 25th, 26th
        ("2026-02-27T12:00:00", 2, "2026-03-03T00:00:00"),  # Friday: worked Saturday 28th, Monday
        ("2026-09-19T12:00:00", 1, "2026-09-21T00:00:00"),  # Saturday: worked Sunday 20th
        ("2026-09-24T12:00:00", 1, "2026-09-29T00:00:00"),  # Thursday: Mid-Autumn Friday, weekend, Monday
        ("2026-09-30T12:00:00", 3, "2026-10-11T00:00:00"),  # 8th, 9th, worked Saturday 10th
        ("2026-12-31T12:00:00", 1, "2027-01-05T00:00:00"),  # guessed: New Year's Day, weekend, Monday
    ],
)
def test_working_days_leave_out_the_day_they_start_and_end_at_midnight_of_the_last(
    start: str, count: int, end: str
) -> None:
    assert after(at(start), Span(working_days=count), calendar())[0] == at(end)


def test_a_start_is_dated_in_china_not_in_greenwich() -> None:
    late_thursday_in_greenwich = Instant.parse("2026-03-05T20:00:00Z")  # Friday 04:00 in China: Monday
    assert after(late_thursday_in_greenwich, Span(working_days=1), calendar())[0] == at("2026-03-10T00:00:00")


def test_calendar_days_end_at_midnight_whatever_day_it_is() -> None:
    assert after(at("2026-02-13T12:00:00"), Span(calendar_days=3), calendar()) == (at("2026-02-17T00:00:00"), False)


def test_windows_of_one_day_that_follow_each_other_lose_no_day_between_them() -> None:
    due = at("2026-03-02T12:00:00")
    ends = []
    for _ in range(6):
        due, _known = after(due, Span(working_days=1), calendar())
        ends.append((due - timedelta(seconds=1)).astimezone(CHINA).date().isoformat()[5:])
    assert ends == ["03-03", "03-04", "03-05", "03-06", "03-09", "03-10"]


def test_what_reaches_past_the_published_days_is_provisional() -> None:
    assert after(at("2026-12-29T12:00:00"), Span(working_days=2), calendar()) == (at("2027-01-01T00:00:00"), False)
    assert after(at("2026-12-30T12:00:00"), Span(working_days=2), calendar()) == (at("2027-01-05T00:00:00"), True)


def test_outside_the_published_days_weekends_and_statutory_holidays_are_left_out() -> None:
    assert not calendar().is_working_day(date(2027, 10, 1))
    assert not calendar().is_working_day(date(2027, 1, 1))
    assert not calendar().is_working_day(date(2027, 3, 6))
    assert calendar().is_working_day(date(2027, 3, 5))


def test_the_published_calendar_of_2026_has_its_adjusted_weekends() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    worked = [day.isoformat()[5:] for day in days if day.weekday() >= 5 and calendar().is_working_day(day)]
    assert worked == ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
    assert sum(calendar().is_working_day(day) for day in days) == 248


def test_the_published_days_include_their_first_and_their_last() -> None:
    first, last = calendar().known_from, calendar().known_until
    assert (first.month, first.day, last) == (1, 1, date(2026, 12, 31))
    assert [calendar().knows(day) for day in (first, last)] == [True, True]
    assert not calendar().knows(first - timedelta(days=1))
    assert not calendar().knows(last + timedelta(days=1))


def test_a_calendar_without_working_days_is_refused_rather_than_searched_for_ever() -> None:
    day = date(2026, 1, 1)
    rest = frozenset(day + timedelta(days=n) for n in range(REACH_MAX + 10))
    never = Calendar(known_from=day, known_until=max(rest), rest=rest, work=frozenset())
    with pytest.raises(ValueError, match="no such working day"):
        after(at("2026-01-01T12:00:00"), Span(working_days=1), never)
