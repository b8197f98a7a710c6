"""Working days as a value the core is given, and the one place where a span becomes an instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from msgspec.structs import replace

from case_events.core.spans import Span
from case_events.core.values import CHINA, Instant, Value

REACH_MAX = 3_660
"""No span looks further ahead than ten years of days; more is a mistake in a policy."""
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
"""The smallest step between two instants."""


class Calendar(Value, frozen=True, kw_only=True):
    """Which days are worked in China.

    From ``known_from`` to ``known_until`` the days are published: ``rest`` names the weekdays off, ``work``
    the weekend days worked (调休). Outside, only the statutory holidays in ``statutory`` are left out and
    whatever is computed there is provisional. ``statutory`` has those of the known years too, as the law alone has
    them, so that a guess of then can be made again now.
    """

    known_from: date
    known_until: date
    rest: frozenset[date]
    work: frozenset[date]
    statutory: frozenset[date] = frozenset()

    def knows(self, day: date) -> bool:
        return self.known_from <= day <= self.known_until

    def is_working_day(self, day: date) -> bool:
        weekday = day.weekday() < 5
        if not self.knows(day):
            return weekday and day not in self.statutory
        return day in self.work or (weekday and day not in self.rest)


class PublishedYear(Value, frozen=True, kw_only=True):
    """The days of one year as a notice says them: weekdays off, weekend days worked, and where that stands.

    Some days of the December before may be among them: the notice of a year says how its New Year is bridged.
    """

    year: int
    rest: tuple[date, ...]
    work: tuple[date, ...]
    source: str


def with_years(calendar: Calendar, years: Iterable[PublishedYear]) -> Calendar:
    """The calendar with these years in the place of what it knew of them; each at most one year further than known.

    Raises ValueError for a year after a gap: nobody would see that the days between are guessed.
    """
    for published in sorted(years, key=lambda one: one.year):
        if not calendar.known_from.year <= published.year <= calendar.known_until.year + 1:
            known = f"{calendar.known_from.year} to {calendar.known_until.year}"
            raise ValueError(f"the days of {known} are known; {published.year} would leave a gap")
        rest, work = set(published.rest), set(published.work)
        calendar = replace(
            calendar,
            known_until=max(calendar.known_until, date(published.year, 12, 31)),
            rest=frozenset({day for day in calendar.rest if day.year != published.year} - work | rest),
            work=frozenset({day for day in calendar.work if day.year != published.year} - rest | work),
        )
    return calendar


def guessing_after(calendar: Calendar, last: date) -> Calendar:
    """The calendar as it was while the days after ``last`` were not published."""
    return replace(calendar, known_until=min(last, calendar.known_until))


def after(start: Instant, span: Span, calendar: Calendar) -> tuple[Instant, bool]:
    """The instant at which ``span`` counted from ``start`` ends, and whether it is provisional.

    Elapsed units add up; working and calendar days leave out the China day of ``start`` and end at 24:00
    China time of the last (design, "Durations"). Midnight is the 24:00 of the day it ends, as a due time is:
    a window that follows another one leaves out no further day.
    """
    length = elapsed(span)
    if length:
        return Instant.of(start + length), False
    first = last_day(start)
    if span.calendar_days is not None:
        return end_of(first + timedelta(days=span.calendar_days)), False
    assert span.working_days is not None, "a span says one unit"
    return _working_days_after(first, span.working_days, calendar)


def elapsed(span: Span) -> timedelta:
    """The length of a span of elapsed time; nothing for one that counts days of the calendar."""
    return timedelta(span.days or 0, (span.hours or 0) * 3600 + (span.seconds or 0))


@lru_cache(maxsize=1024)  # what runs out on one day, or is filed on it, counts from there
def _working_days_after(first: date, count: int, calendar: Calendar) -> tuple[Instant, bool]:
    """The end of the ``count``-th working day after ``first``, provisional unless every day passed over was known."""
    day = first
    for _ in range(REACH_MAX):
        day += DAY
        if calendar.is_working_day(day):
            count -= 1
            if count == 0:
                known = calendar.knows(first + DAY) and calendar.knows(day)
                return end_of(day), not known
    raise ValueError(f"no such working day within {REACH_MAX} days of {first}")


def last_day(due_at: Instant) -> date:
    """The China day at whose end or during which a window ends: midnight is the 24:00 of the day it ends."""
    return (due_at - MOMENT).astimezone(CHINA).date()


def end_of(day: date) -> Instant:
    """24:00 of the day, China time."""
    return Instant.of(datetime.combine(day + DAY, time(0), CHINA))
