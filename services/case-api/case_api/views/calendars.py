"""What goes in and out about published days: a year as somebody sends it, and how far all of them reach."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from case_api.refusals.problems import Refused, invalid
from case_events.core.calendar import PublishedYear
from case_events.core.explaining import Counting, Move
from case_events.core.values import ClockParty, Fault, Instant, Value, Word
from case_events.ledger.clock.calendars import Edition, Loading
from case_events.ledger.clock.counted import Counted
from case_events.ledger.clock.provisional import Confirmation
from case_events.outgoing.form import Shown
from case_events.policies.marked import Marked
from case_events.policies.published_days import SOURCE_MAX, TEXT_MAX, checked, read
from case_events.shape import Misshapen

DAYS_MAX = 200
"""Days, or runs of days, in one list of a year; a notice has twenty."""
Run = Annotated[tuple[date, date], Meta(description="The first and the last day, both included.")]
Days = Annotated[tuple[date | Run, ...], Meta(max_length=DAYS_MAX)]


class NewYear(Value, frozen=True, kw_only=True):
    """A year's published days: ``year``, ``source``, ``rest`` and ``work``; or the ``notice`` as it was published.

    ``rest``: days off, on weekends too or not, as the notice says them. ``work``: weekend days worked. A day is
    ``2027-02-14``, a run of days ``["2027-02-05", "2027-02-11"]``. ``source``: where it stands; a notice says it.
    """

    year: int | None = None
    source: Annotated[str, Meta(min_length=1, max_length=SOURCE_MAX)] | None = None
    rest: Days | None = None
    work: Days | None = None
    notice: Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)] | None = None


class LoadedYear(Shown, frozen=True, kw_only=True):
    """What came of it. ``edition``: null where nothing changed, or in a dry run.

    ``new_rest`` and ``new_work``: days that are off, or worked, and were not before. ``foreseen``, in a dry run: what
    would become of the provisional deadlines; else the schedulers confirm them within the hour.
    """

    year: int
    edition: Edition | None
    known_until: date
    new_rest: tuple[date, ...]
    new_work: tuple[date, ...]
    foreseen: Confirmation | None


class YearView(Shown, frozen=True, kw_only=True):
    """The days of a year as they count now. ``published``: not guessed from the law.

    ``rest``: weekdays off. ``work``: weekend days worked. ``source``: the notice, or the release that knows them.
    """

    year: int
    published: bool
    rest: tuple[date, ...]
    work: tuple[date, ...]
    source: str
    editions: tuple[Edition, ...]


class CalendarView(Shown, frozen=True, kw_only=True):
    """How far the published days reach. ``status``: ``short`` while fewer than sixty days are left.

    ``provisional``: deadlines that wait, at most a thousand are counted; ``nearest_due_at``: the first of real time;
    ``waiting_due_at``: the first that only further days can confirm. ``release``: what knows the years nobody loaded.
    """

    known_from: date
    known_until: date
    days_left: int
    status: Literal["covered", "short"]
    provisional: int
    nearest_due_at: Instant | None
    waiting_due_at: Instant | None
    release: str
    editions: tuple[Edition, ...]


class CountedDeadline(Shown, frozen=True, kw_only=True):
    """A running deadline, how it was counted, and every instant it was promised until.

    ``counting``: null where it was moved to where it is by hand or for an outage, or its event is not written yet.
    """

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: int
    provisional: bool
    minimum_notice: bool
    counting: Counting | None
    moves: tuple[Move, ...]


class CountedDeadlines(Shown, frozen=True, kw_only=True):
    """The running deadlines of a case, what is due first coming first."""

    items: tuple[CountedDeadline, ...]


def counted_view(found: Iterable[Counted]) -> CountedDeadlines:
    """The deadlines of a case, as they are sent."""
    return CountedDeadlines(
        items=tuple(
            CountedDeadline(
                kind=one.deadline.kind,
                party=one.deadline.party,
                due_at=one.deadline.due_at,
                set_by=one.deadline.set_by,
                provisional=one.deadline.provisional,
                minimum_notice=one.deadline.minimum_notice,
                counting=one.counting,
                moves=one.moves,
            )
            for one in found
        )
    )


def year_of(said: NewYear) -> PublishedYear:
    """The year that was sent, checked. Refused (422) with every fault of it."""
    try:
        return _of_notice(said, said.notice) if said.notice is not None else _of_days(said)
    except Misshapen as misshapen:
        place = "/notice" if said.notice is not None else ""
        faults = [Fault(pointer=one.pointer or place, detail=one.detail) for one in misshapen.faults]
        raise Refused(invalid(*faults)) from None


def _of_notice(said: NewYear, notice: str) -> PublishedYear:
    mixed = [name for name in ("year", "rest", "work") if getattr(said, name) is not None]
    if mixed:
        raise Misshapen(tuple(Fault(pointer=f"/{name}", detail="the notice says it") for name in mixed))
    return read(notice, said.source)


def _of_days(said: NewYear) -> PublishedYear:
    if said.year is None or said.source is None or said.rest is None or said.work is None:
        missing = [name for name in ("year", "source", "rest", "work") if getattr(said, name) is None]
        raise Misshapen(tuple(Fault(pointer=f"/{name}", detail="missing") for name in missing))
    return checked(said.year, said.source, _marked("rest", said.rest), _marked("work", said.work))


def _marked(name: str, days: tuple[date | tuple[date, date], ...]) -> list[Marked]:
    spans = [one if isinstance(one, tuple) else (one, one) for one in days]
    return [Marked(first=first, last=last, where=f"/{name}/{number}") for number, (first, last) in enumerate(spans)]


def loaded_view(year: int, loading: Loading, foreseen: Confirmation | None) -> LoadedYear:
    """What came of loading a year, as it is sent."""
    return LoadedYear(
        year=year,
        edition=loading.edition,
        known_until=loading.known_until,
        new_rest=loading.new_rest,
        new_work=loading.new_work,
        foreseen=foreseen,
    )
