"""Published days: what a release knows and what operators loaded since; every process looks at them again and again.

An edition of a year is only ever added to; the last one of a year counts. What was promised by other days stays as it
was promised: nothing here moves a deadline (``provisional`` corrects those that were guessed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta

import asyncpg

from case_events.core.calendar import Calendar, PublishedYear, end_of
from case_events.core.canonical import canonical
from case_events.core.values import CHINA, LATEST, Instant, Value
from case_events.ledger import locks
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.policies.working_days import published, published_with

WAITS_AT_LEAST = timedelta(days=7)
"""How far off a provisional deadline must be for the days it waits for to be loaded in peace."""
REFRESH_S = 60
"""How long a process may go by days that are no longer the latest."""
COVERED_DAYS_MIN = 60
"""With fewer days published ahead, somebody should load the next year's."""
EDITIONS_MAX = 1_000
PROVISIONAL_MAX = 1_000
"""Provisional deadlines that are counted; beyond it is enough to know that there are so many."""

FIELDS = "year, edition, rest, work, source, digest, loaded_by, loaded_at"
EDITIONS = f"SELECT {FIELDS} FROM calendars ORDER BY year, edition LIMIT {EDITIONS_MAX}"
ADD = f"""
INSERT INTO calendars (year, edition, rest, work, source, digest, loaded_by)
SELECT $1::integer, coalesce(max(edition), 0) + 1, $2, $3, $4, $5, $6 FROM calendars WHERE year = $1
RETURNING {FIELDS}
"""
IN_TURN = f"SELECT pg_advisory_xact_lock({locks.CALENDARS})"
COVERAGE = f"""
SELECT clock_timestamp() AS now,
    (SELECT count(*) FROM (SELECT FROM deadlines WHERE provisional LIMIT {PROVISIONAL_MAX}) AS few) AS provisional,
    (SELECT min(due_at) FROM deadlines WHERE provisional AND test_clock IS NULL) AS nearest,
    (SELECT min(due_at) FROM deadlines WHERE provisional AND test_clock IS NULL AND due_at > $1) AS waiting
"""


class Edition(Value, frozen=True, kw_only=True):
    """The days of a year as somebody loaded them; ``digest``: of the year and its days, not of where they stand."""

    year: int
    edition: int
    rest: tuple[date, ...]
    work: tuple[date, ...]
    source: str
    digest: str
    loaded_by: str
    loaded_at: Instant


class Loading(Value, frozen=True, kw_only=True):
    """What loading a year comes to. ``edition``: none where nothing changes, or in a dry run.

    ``new_rest`` and ``new_work``: days that become days off, and days that become worked.
    """

    edition: Edition | None
    new_rest: tuple[date, ...]
    new_work: tuple[date, ...]
    known_until: date

    @property
    def changes(self) -> bool:
        return bool(self.new_rest or self.new_work)


class Coverage(Value, frozen=True, kw_only=True):
    """How far the published days reach, and what waits for more of them.

    ``provisional``: so many deadlines, at most ``PROVISIONAL_MAX``, those of test clocks too. ``nearest_due_at``: the
    first live one. ``waiting_due_at``: the first live one past the last published day, which no correction helps.
    """

    last_day: date
    days_left: int
    provisional: int
    nearest_due_at: Instant | None
    waiting_due_at: Instant | None
    now: Instant

    @property
    def waits_too_long(self) -> bool:
        """Is a live deadline near or over that no published day can confirm? It would silently not fire."""
        return self.waiting_due_at is not None and self.waiting_due_at - self.now <= WAITS_AT_LEAST


class NotTaken(ValueError):
    """These days are not kept: they would leave a gap of guessed ones before them, or there are too many editions."""


async def editions(ledger: Ledger) -> tuple[Edition, ...]:
    """Every edition that was loaded, by year and number. Raises one of UNAVAILABLE."""
    async with ledger.connection() as connection:
        return await _editions(connection)


async def refresh(ledger: Ledger) -> Calendar:
    """Set the ledger's calendar to what is published now; every process does so, every ``REFRESH_S`` at least."""
    ledger.calendar = calendar_of(await editions(ledger))
    return ledger.calendar


async def known_at(ledger: Ledger, connection: Connection, at: Instant) -> Calendar:
    """The days that were published at ``at``: the ledger's own, if none were loaded since."""
    loaded = await _editions(connection)
    before = [one for one in loaded if one.loaded_at <= at]
    return ledger.calendar if len(before) == len(loaded) else calendar_of(before)


def calendar_of(loaded: Iterable[Edition]) -> Calendar:
    """The calendar by the last of these editions of each year, and the release's own days.

    Editions after a year that nobody knows (an older release may know less) do not count until it is known.
    """
    last = {one.year: one for one in sorted(loaded, key=lambda one: (one.year, one.edition))}
    known, years = published().known_until.year, list[PublishedYear]()
    for year, one in last.items():
        if year > known + 1:
            break
        known = max(known, year)
        years.append(PublishedYear(year=year, rest=one.rest, work=one.work, source=one.source))
    return published_with(years)


async def load(ledger: Ledger, days: PublishedYear, who: str, *, dry_run: bool = False) -> Loading:
    """Keep a year's days as its next edition, and note it; the days that are known so already change nothing.

    Raises NotTaken for a year after one that is not known and beyond ``EDITIONS_MAX``, or one of UNAVAILABLE.
    """
    async with ledger.connection() as connection, connection.transaction():
        await connection.execute(IN_TURN)
        loaded = await _editions(connection)
        before = calendar_of(loaded)
        if not before.known_from.year <= days.year <= before.known_until.year + 1:
            known = f"{before.known_from.year} to {before.known_until.year}"
            raise NotTaken(f"the days of {known} are known; those of {days.year} would leave a gap")
        if len(loaded) >= EDITIONS_MAX:
            raise NotTaken(f"{EDITIONS_MAX} editions are kept, and that is all that are read")
        then = calendar_of((*loaded, draft(days)))
        loading = _changes(before, then)
        if dry_run or then == before:
            return loading
        edition = await _add(connection, days, who)
        told = {"new_rest": loading.new_rest, "new_work": loading.new_work}
        said = {name: [day.isoformat() for day in found] for name, found in told.items()}
        about = {"year": edition.year, "edition": edition.edition, "digest": edition.digest, "source": edition.source}
        await journal.write(connection, "calendar_loaded", who, **about, **said)
    return Loading(
        edition=edition, new_rest=loading.new_rest, new_work=loading.new_work, known_until=loading.known_until
    )


async def coverage(ledger: Ledger) -> Coverage:
    """How far the published days reach from today (China's), and what is provisional. Raises one of UNAVAILABLE."""
    last = ledger.calendar.known_until
    async with ledger.connection() as connection:
        row = await connection.fetchrow(COVERAGE, end_of(last))
    assert row is not None, "the query has no FROM"
    return Coverage(
        last_day=last,
        days_left=(last - row["now"].astimezone(CHINA).date()).days,
        provisional=row["provisional"],
        nearest_due_at=row["nearest"],
        waiting_due_at=row["waiting"],
        now=row["now"],
    )


def digest_of(days: PublishedYear) -> str:
    """The SHA-256 of a year's days in canonical JSON."""
    said = {
        "year": days.year,
        "rest": [day.isoformat() for day in sorted(days.rest)],
        "work": [day.isoformat() for day in sorted(days.work)],
    }
    return hashlib.sha256(canonical(said)).hexdigest()


async def _editions(connection: Connection) -> tuple[Edition, ...]:
    return tuple(_edition(row) for row in await connection.fetch(EDITIONS))


def _edition(row: asyncpg.Record) -> Edition:
    said = dict(row)
    return Edition(**(said | {"rest": tuple(said["rest"]), "work": tuple(said["work"])}))


async def _add(connection: Connection, days: PublishedYear, who: str) -> Edition:
    rest, work = sorted(days.rest), sorted(days.work)
    row = await connection.fetchrow(ADD, days.year, rest, work, days.source, digest_of(days), who)
    assert row is not None, "it was just inserted"
    return _edition(row)


def draft(days: PublishedYear) -> Edition:
    """The edition it would be, loaded after all that are there."""
    return Edition(
        year=days.year,
        edition=EDITIONS_MAX + 1,
        rest=days.rest,
        work=days.work,
        source=days.source,
        digest="",
        loaded_by="",
        loaded_at=LATEST,
    )


def _changes(before: Calendar, then: Calendar) -> Loading:
    """Day by day, as far as a notice reaches: what was worked and is not, and the other way round."""
    day, last = before.known_from, then.known_until
    rest, work = list[date](), list[date]()
    while day <= last:
        was, will_be = before.is_working_day(day), then.is_working_day(day)
        if was != will_be:
            (work if will_be else rest).append(day)
        day += timedelta(days=1)
    return Loading(edition=None, new_rest=tuple(rest), new_work=tuple(work), known_until=last)
