"""How a deadline was counted, for whoever asks: from when, by which days, and which of them did not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from case_events.core.calendar import Calendar, after, last_day
from case_events.core.case import Case, Deadline
from case_events.core.events import History, Recorded, clocks_of
from case_events.core.evolve import evolve, fold
from case_events.core.promises import Rulebook
from case_events.core.recounting import asked, given_by, same
from case_events.core.timeouts import Timeout
from case_events.core.values import CHINA, Clock, Instant, Text, Value

WORKING = Text(
    zh="自 {start}（不含当日）起第 {count} 个工作日的24:00。{worked}{off}{guessed}",
    en="The end of the {count} of the working days after {start}, China time. {worked}{off}{guessed}",
)
WORKED = Text(zh="调休上班，计入：{days}。", en="Weekend days worked, and counted: {days}. ")
OFF = Text(zh="放假，不计：{days}。", en="Days off, not counted: {days}. ")
GUESSED = Text(
    zh="{day} 之后的放假安排尚未公布，为推算。", en="The days after {day} were not published: they are a guess."
)
TIME = Text(zh="自 {start} 起 {hours} 小时。", en="{hours} hours from {start}, China time.")


class Counting(Value, frozen=True, kw_only=True):
    """How a deadline was counted. ``given_by``: the version whose event gave it, ``counted_from`` its start.

    ``working_days``: how many; null where time is counted, whatever day it is. ``worked``: weekend days among them.
    ``off``: weekdays that did not count. ``guessed_after``: the last day that was published when it was promised,
    where others were needed.
    """

    given_by: int
    counted_from: Instant
    lasts: timedelta
    working_days: int | None
    worked: tuple[date, ...]
    off: tuple[date, ...]
    guessed_after: date | None
    zh: str
    en: str


class Move(Value, frozen=True, kw_only=True):
    """An event that promised a clock until ``due_at``, and when it did."""

    version: int
    type: str
    at: Instant
    due_at: Instant
    provisional: bool


def explained(history: History, deadline: Deadline, book: Rulebook, then: Sequence[Calendar]) -> Counting | None:
    """How ``deadline``, a clock that runs in the case of this ``history``, was counted.

    None where no rule gave this instant: somebody moved it there. ``then``: the calendars it may have been counted by.
    What was a guess and is confirmed was counted from where it was promised.
    """
    sure = list(given_by(history, deadline))
    guessed = [one.version for one in reversed(history[: deadline.set_by]) if _about(one, deadline)]
    for version in dict.fromkeys((*sure, *guessed)):
        happened = history[version - 1]
        case = fold(history[: version - 1]) or fold(history[:version])
        assert case is not None, "a history has its filing"
        for calendar in then:
            clock = asked(deadline, case, happened, replace(book, calendar=calendar))
            if clock is not None and (
                same(clock, deadline) or (version not in sure and clock.due_at == deadline.due_at)
            ):
                return _counting(clock, deadline, case, happened, replace(book, calendar=calendar))
    return None


def moves(history: History, deadline: Deadline) -> tuple[Move, ...]:
    """Every instant this clock was promised until, the first first, since it last began to run."""
    case: Case | None = None
    found: list[Move] = []
    for one in history[: deadline.set_by]:
        case = evolve(case, one)
        if (isinstance(one.event, Timeout) and one.event.kind == deadline.kind) or not _is_running(case, deadline):
            found = []
        found += [
            Move(
                version=one.version,
                type=one.name,
                at=one.effective_at,
                due_at=clock.due_at,
                provisional=clock.provisional,
            )
            for clock in clocks_of(one.event)
            if (clock.kind, clock.party) == (deadline.kind, deadline.party)
        ]
    return tuple(found)


def _is_running(case: Case, deadline: Deadline) -> bool:
    return any((clock.kind, clock.party) == (deadline.kind, deadline.party) for clock in case.clocks)


def _about(one: Recorded, deadline: Deadline) -> bool:
    """Did this event promise a clock of this kind, until whenever?"""
    return any((clock.kind, clock.party) == (deadline.kind, deadline.party) for clock in clocks_of(one.event))


def _counting(clock: Clock, deadline: Deadline, case: Case, happened: Recorded, book: Rulebook) -> Counting:
    start = _start(clock, case, happened, book)
    counted = Counting(
        given_by=happened.version,
        counted_from=start,
        lasts=clock.due_at - start,
        working_days=None,
        worked=(),
        off=(),
        guessed_after=None,
        zh="",
        en="",
    )
    days = _days(start, clock.due_at)
    closed = replace(book.calendar, rest=book.calendar.rest | set(days), work=frozenset(), known_until=date.max)
    moved = asked(deadline, case, happened, replace(book, calendar=closed))
    if moved is not None and moved.due_at == clock.due_at:
        return _told(counted)
    working = [day for day in days if book.calendar.is_working_day(day)]
    guessed = book.calendar.known_until if clock.provisional else None
    return _told(
        replace(
            counted,
            working_days=len(working),
            worked=tuple(day for day in working if day.weekday() >= 5),
            off=tuple(day for day in days if day.weekday() < 5 and day not in working),
            guessed_after=guessed,
        )
    )


def _start(clock: Clock, case: Case, happened: Recorded, book: Rulebook) -> Instant:
    if clock.kind == "negotiation":
        return case.filed_at
    turn = _outlasted(clock, case, happened, book) if clock.kind == "intervention" else None
    if turn is not None:
        return turn.due_at
    if clock.minimum_notice or happened.who != "scheduler":
        return happened.effective_at
    return happened.occurred_at


def _outlasted(clock: Clock, case: Case, happened: Recorded, book: Rulebook) -> Clock | Deadline | None:
    """The respondent's turn after which the right to call the platform in is only kept open (N6)."""
    running: tuple[Clock | Deadline, ...] = (*clocks_of(happened.event), *case.clocks)
    turn = next((one for one in running if one.kind == "response"), None)
    if turn is None or after(turn.due_at, book.minimum_notice, book.calendar)[0] != clock.due_at:
        return None
    return turn


def _days(start: Instant, due_at: Instant) -> list[date]:
    """The days after that of ``start``, as far as ``due_at``."""
    first, last = last_day(start), last_day(due_at)
    return [first + timedelta(days=number) for number in range(1, (last - first).days + 1)]


def _told(counted: Counting) -> Counting:
    start = f"{counted.counted_from.astimezone(CHINA):%Y-%m-%d %H:%M}"
    if counted.working_days is None:
        hours = f"{counted.lasts / timedelta(hours=1):g}"
        return replace(
            counted, **{language: getattr(TIME, language).format(start=start, hours=hours) for language in ("zh", "en")}
        )
    said, left_out = {}, last_day(counted.counted_from)
    for language in ("zh", "en"):
        parts = {
            name: getattr(text, language).format(days=_runs(days)) if days else ""
            for name, text, days in (("worked", WORKED, counted.worked), ("off", OFF, counted.off))
        }
        guessed = getattr(GUESSED, language).format(day=counted.guessed_after) if counted.guessed_after else ""
        count = counted.working_days if language == "zh" else _nth(counted.working_days)
        said[language] = (
            getattr(WORKING, language).format(start=left_out, count=count, guessed=guessed, **parts).strip()
        )
    return replace(counted, **said)


def _nth(count: int) -> str:
    return f"{count}{'th' if count % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th')}"


def _runs(days: Iterable[date]) -> str:
    """Days as people say them: 2026-02-16 to 2026-02-20, 2026-02-23."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}/{run[-1]}" for run in runs)
