"""What operators ask: deadlines held, outages put on record and what they made late, published days."""

# ruff: noqa: A002 - all is the contract's word

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from msgspec import field

from caselog_client.asking import Asked, Id, Pages, duration, got, keyed, params_of, read_as, said_only, segment, sent
from caselog_client.desk import Hold, Outage
from caselog_client.values import Text, View

HOLDS, OUTAGES, CALENDARS = "/v1/scheduler/holds", "/v1/scheduler/outages", "/v1/calendars"


class _Placed(View, frozen=True, kw_only=True):
    hold: Hold
    means: Text | None = None


class Aftermath(View, frozen=True, kw_only=True):
    """What an outage made late, in figures; not ``complete``: some of it is not written yet."""

    timeouts: int
    ended_in_it: int = 0
    late_s_p50: float | None = None
    late_s_max: float | None = None
    by_kind: tuple[dict[str, Any], ...] = ()
    windows: dict[str, Any] = field(default_factory=dict)
    pending: int = 0
    complete: bool = True


class OutageReport(View, frozen=True, kw_only=True):
    outage: Outage
    aftermath: Aftermath


class LateTimeout(View, frozen=True, kw_only=True):
    """A timeout that was written late. ``ended_in_it``: its window ended in the outage."""

    case_id: UUID
    number: str
    marketplace: str
    status: str
    version: int
    event_id: UUID
    type: str
    kind: str
    party: str
    due_at: datetime
    written_at: datetime
    late_s: float
    ended_in_it: bool = False
    can_be_undone: bool = False


class Edition(View, frozen=True, kw_only=True):
    """A year's days as they were loaded at one time; it never changes."""

    year: int
    edition: int
    rest: tuple[date, ...]
    work: tuple[date, ...]
    source: str
    loaded_by: str
    loaded_at: datetime


class Calendars(View, frozen=True, kw_only=True):
    """How far working days are published. ``provisional``: deadlines that wait for days that are not."""

    known_from: date
    known_until: date
    days_left: int
    status: str
    provisional: int = 0
    nearest_due_at: datetime | None = None
    waiting_due_at: datetime | None = None
    editions: tuple[Edition, ...] = ()


class CalendarYear(View, frozen=True, kw_only=True):
    """The days of a year as they count now: weekdays off, and weekend days worked."""

    year: int
    published: bool
    rest: tuple[date, ...]
    work: tuple[date, ...]
    source: str
    editions: tuple[Edition, ...] = ()


class LoadedYear(View, frozen=True, kw_only=True):
    """What came of loading a year. ``edition`` is None where nothing changed, or in a dry run; it has ``foreseen``."""

    year: int
    known_until: date
    edition: Edition | None = None
    new_rest: tuple[date, ...] = ()
    new_work: tuple[date, ...] = ()
    foreseen: dict[str, Any] | None = None


def place_hold(
    reason: str,
    *,
    marketplace: str | None = None,
    merchant_id: str | None = None,
    kind: str | None = None,
    all: bool = False,
    until: datetime | None = None,
    lasts: timedelta | None = None,
    idempotency_key: str | None = None,
) -> Asked[Hold]:
    """Have timeouts written later: those of a marketplace, a merchant or a kind of clock, or ``all``; who wins stays.

    ``until`` an instant, or for as long as it ``lasts``. Raises Invalid, IdReused, Forbidden.
    """
    scope = said_only(marketplace=marketplace, merchant_id=merchant_id, kind=kind, all=all or None)
    ends = said_only(until=until, **{"for": None if lasts is None else duration(lasts)})
    return sent(HOLDS, {"reason": reason, **scope, **ends}, _hold, keyed(idempotency_key))


def hold(hold_id: Id) -> Asked[Hold]:
    """A hold, in force or over. Raises NotFound, Forbidden."""
    return Asked(method="GET", path=_of(HOLDS, hold_id), read=_hold)


def release_hold(hold_id: Id, reason: str) -> Asked[Hold]:
    """End a hold now; twice is the same. Raises NotFound, Invalid, Forbidden."""
    return sent(f"{_of(HOLDS, hold_id)}/release", {"reason": reason}, _hold)


def declare_outage(
    began_at: datetime, ended_at: datetime, reason: str, *, idempotency_key: str | None = None
) -> Asked[OutageReport]:
    """Put an outage on record that is over and that the schedulers could not measure; it is never taken back.

    Raises Invalid, IdReused, Forbidden.
    """
    body = {"began_at": began_at, "ended_at": ended_at, "reason": reason}
    return sent(OUTAGES, body, read_as(OutageReport), keyed(idempotency_key))


def outage(outage_id: Id) -> Asked[OutageReport]:
    """An outage, and what it made late. Raises NotFound, Forbidden."""
    return got(_of(OUTAGES, outage_id), OutageReport)


def made_late(outage_id: Id, *, limit: int = 100) -> Pages[LateTimeout]:
    """The timeouts that an outage made late, by their legal instants; ``limit`` is the size of a page.

    Raises NotFound, Forbidden.
    """
    return Pages(f"{_of(OUTAGES, outage_id)}/timeouts", LateTimeout, {"limit": limit})


def calendars() -> Asked[Calendars]:
    """How far working days are published, and which editions were loaded. Raises Forbidden."""
    return got(CALENDARS, Calendars)


def calendar(year: int) -> Asked[CalendarYear]:
    """The days of one year. Raises NotFound, Forbidden."""
    return got(_of(CALENDARS, year), CalendarYear)


def load_calendar(
    year: int,
    *,
    source: str,
    rest: Sequence[date | tuple[date, date]],
    work: Sequence[date | tuple[date, date]],
    dry_run: bool = False,
) -> Asked[LoadedYear]:
    """Load a year's published days: days off, and weekend days worked; a pair is a run from its first to its last.

    The same days again change nothing; ``dry_run`` says what they would change. Raises Invalid, Forbidden.
    """
    return _loaded({"year": year, "source": source, "rest": list(rest), "work": list(work)}, dry_run)


def load_notice(notice: str, *, source: str | None = None, dry_run: bool = False) -> Asked[LoadedYear]:
    """The same from the State Council's notice as it was published. Raises Invalid, Forbidden."""
    return _loaded(said_only(notice=notice, source=source), dry_run)


def _loaded(body: dict[str, Any], dry_run: bool) -> Asked[LoadedYear]:
    return sent(CALENDARS, body, read_as(LoadedYear), params=params_of({"dry_run": dry_run or None}))


def _hold(answer: httpx.Response) -> Hold:
    return read_as(_Placed)(answer).hold


def _of(path: str, name: object) -> str:
    return f"{path}/{segment(name)}"
