"""A year's published days as an operator brings them, checked: in TOML, or as the State Council's notice says them.

Every fault is named at once, with the line where it stands. What cannot be told from a slip of the pen is refused: a
worked day that is no weekend, a day that is said twice, a holiday of the law that is not among the days off.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from case_events.core.calendar import PublishedYear
from case_events.core.values import Fault
from case_events.policies import notices
from case_events.policies.marked import Marked
from case_events.shape import Misshapen

TEXT_MAX = 100_000
"""Characters of a file or a notice; a notice has two thousand."""
SOURCE_MAX = 400
FAULTS_MAX = 100
RUN_MAX = 60
"""Days that follow each other in one range; the longest holiday there ever was had ten."""
YEARS = range(2004, 2200)
FIXED = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
"""Holidays by law whose day never moves: off, or on a weekend, whatever a notice says of others."""


def read(text: str, source: str | None = None) -> PublishedYear:
    """The year in ``text``, TOML or a notice. ``source``: where it stands, in the place of what the text says of it.

    Raises Misshapen with every fault, each beginning with its line.
    """
    if len(text) > TEXT_MAX:
        raise Misshapen((Fault(pointer="", detail=f"more than {TEXT_MAX} characters"),))
    if notices.is_notice(text):
        said, faults = notices.parse(text)
    else:
        said, faults = _toml(text)
    return _checked(said, faults, source)


def checked(year: int, source: str, rest: Sequence[Marked], work: Sequence[Marked]) -> PublishedYear:
    """The year as somebody said it otherwise; ``Marked.where`` of each day is a pointer. Raises Misshapen."""
    return _checked(notices.Said(year=year, source=source, rest=tuple(rest), work=tuple(work)), [], None)


def _checked(said: notices.Said, faults: list[Fault], source: str | None) -> PublishedYear:
    cited = (source or said.source or "").strip()
    if not 0 < len(cited) <= SOURCE_MAX:
        faults = [*faults, Fault(pointer="/source", detail=f"say where it stands, in 1 to {SOURCE_MAX} characters")]
    if said.year is None or said.year not in YEARS:
        faults = [*faults, Fault(pointer="/year", detail=f"a year from {YEARS.start} to {YEARS.stop - 1}")]
        raise Misshapen(tuple(faults[:FAULTS_MAX]))
    faults = [*faults, *_faults(said, said.year)]
    if faults:
        raise Misshapen(tuple(faults[:FAULTS_MAX]))
    rest = {day for run in said.rest for day in run.days if day.weekday() < 5}
    work = {day for run in said.work for day in run.days}
    return PublishedYear(year=said.year, rest=tuple(sorted(rest)), work=tuple(sorted(work)), source=cited)


def _faults(said: notices.Said, year: int) -> Iterator[Fault]:
    runs = [run for run in (*said.rest, *said.work) if run.first <= run.last]
    yield from (run.fault("it ends before it begins") for run in (*said.rest, *said.work) if run.first > run.last)
    long = [run for run in runs if len(run) > RUN_MAX]
    yield from (run.fault(f"{len(run)} days are no holiday") for run in long)
    if long:
        return
    yield from _elsewhere(runs, year)
    yield from _twice(runs)
    for run in said.work:
        yield from (run.fault(f"{day} is no weekend: it is worked anyway") for day in run.days if day.weekday() < 5)
    off = {day for run in said.rest for day in run.days}
    for month, number in FIXED:
        day = date(year, month, number)
        if day.weekday() < 5 and day not in off:
            yield Fault(pointer="/rest", detail=f"{day} is a holiday by law and not among the days off")


def _elsewhere(runs: Iterable[Marked], year: int) -> Iterator[Fault]:
    """A notice says its year's days; only the December before may be bridged to its New Year."""
    for run in runs:
        if any(not date(year - 1, 12, 1) <= day <= date(year, 12, 31) for day in (run.first, run.last)):
            yield run.fault(f"{run} is not in {year}, nor in the December before")


def _twice(runs: Iterable[Marked]) -> Iterator[Fault]:
    seen: dict[date, Marked] = {}
    for run in runs:
        again = next((day for day in run.days if day in seen), None)
        if again is not None:
            yield run.fault(f"{again} was said already ({seen[again].where})")
        for day in run.days:
            seen.setdefault(day, run)


def _toml(text: str) -> tuple[notices.Said, list[Fault]]:
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misshapen((Fault(pointer="", detail=f"neither a notice nor TOML: {error}"),)) from error
    faults = [Fault(pointer=f"/{name}", detail="no such field") for name in said if name not in KEYS]
    faults += [Fault(pointer=f"/{name}", detail="missing") for name in KEYS if name not in said]
    year, source = said.get("year"), said.get("source")
    if not isinstance(source, str | None):
        faults.append(Fault(pointer="/source", detail="text"))
    lines = text.splitlines()
    rest, work = (_runs(said.get(name, []), name, lines, faults) for name in ("rest", "work"))
    whole = year if isinstance(year, int) and not isinstance(year, bool) else None
    return notices.Said(year=whole, source=source if isinstance(source, str) else "", rest=rest, work=work), faults


KEYS = ("year", "source", "rest", "work")


def _runs(said: Any, name: str, lines: list[str], faults: list[Fault]) -> tuple[Marked, ...]:
    """TOML's own dates, or [first, last] of a run; whatever else stands there is a fault."""
    runs = []
    for number, one in enumerate(said if isinstance(said, list) else [said]):
        ends = one if isinstance(one, list) else [one, one]
        if len(ends) == 2 and all(isinstance(day, date) and not isinstance(day, datetime) for day in ends):
            where = _line_of(ends[0], lines) or f"/{name}/{number}"
            runs.append(Marked(first=ends[0], last=ends[1], where=where))
        else:
            faults.append(Fault(pointer=f"/{name}/{number}", detail="a date (2027-02-14) or [first, last]"))
    return tuple(runs)


def _line_of(day: date, lines: list[str]) -> str | None:
    """The line where the date is written: TOML's reader does not say."""
    return next((f"line {number}" for number, line in enumerate(lines, 1) if day.isoformat() in line), None)
