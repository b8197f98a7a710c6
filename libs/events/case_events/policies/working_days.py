"""China's working days from published notices, and a statutory guess past them; made once at start-up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.metadata import version

import chinese_calendar
from holidays.countries.china import China

from case_events.core.calendar import Calendar, PublishedYear, with_years

GUESSED_YEARS = 10
"""How far past the last published year the statutory holidays are laid out; anything there is provisional."""
DISTRIBUTION = "chinesecalendar"


class _Law(China):
    """What the law alone says: not the bridging days of the notices, of which a release knows more than the one before.

    A guess is then the same whatever release makes it, so that a promise made on it can be worked out again.
    """

    def _add_special_holidays(self, mapping_names: object, *, observed: bool = False) -> None:
        """Days of notices stand here, and nothing else."""


@cache
def published() -> Calendar:
    """The calendar as the State Council published it, as far as the ``chinesecalendar`` release knows it."""
    rest = {day for day in chinese_calendar.constants.holidays if day.weekday() < 5}
    work = set(chinese_calendar.constants.workdays)
    years = {day.year for day in rest}
    first, last = min(years), max(years)
    return Calendar(
        known_from=date(first, 1, 1),
        known_until=date(last, 12, 31),
        rest=frozenset(rest),
        work=frozenset(day for day in work if day.weekday() >= 5),
        statutory=_statutory(first, last + GUESSED_YEARS),
    )


def published_with(years: Iterable[PublishedYear]) -> Calendar:
    """What the release knows, and these years in the place of its own. Raises ValueError for a gap between years."""
    calendar = with_years(published(), years)
    last = calendar.known_until.year + GUESSED_YEARS
    return Calendar(
        known_from=calendar.known_from,
        known_until=calendar.known_until,
        rest=calendar.rest,
        work=calendar.work,
        statutory=_statutory(calendar.known_from.year, last),
    )


def release() -> str:
    """Where the days that nobody loaded come from, as people cite it: chinesecalendar 1.11.0."""
    return f"{DISTRIBUTION} {version(DISTRIBUTION)}"


@cache
def _statutory(first: int, last: int) -> frozenset[date]:
    return frozenset(_Law(years=range(first, last + 1)))  # type: ignore[no-untyped-call]  # the library's own way
