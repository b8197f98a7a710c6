"""China's working days from published notices, and a statutory guess past them; made once at start-up."""

from __future__ import annotations

from datetime import date

import chinese_calendar
import holidays

from case_events.core.calendar import Calendar

GUESSED_YEARS = 10
"""How far past the last published year the statutory holidays are laid out; anything there is provisional."""


def published() -> Calendar:
    """The calendar as the State Council published it, as far as the ``chinesecalendar`` release knows it."""
    rest = {day for day in chinese_calendar.constants.holidays if day.weekday() < 5}
    work = set(chinese_calendar.constants.workdays)
    years = {day.year for day in rest}
    first, last = min(years), max(years)
    guessed = holidays.country_holidays("CN", years=range(last + 1, last + 1 + GUESSED_YEARS))
    return Calendar(
        known_from=date(first, 1, 1),
        known_until=date(last, 12, 31),
        rest=frozenset(rest),
        work=frozenset(day for day in work if day.weekday() >= 5),
        statutory=frozenset(guessed),
    )
