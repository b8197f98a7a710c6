"""Published days that operators load: editions that are only added to, seen by every process; how far they reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.calendar import PublishedYear, end_of
from case_events.core.values import CHINA
from case_events.ledger.clock import journal
from case_events.ledger.clock.calendars import NotTaken, calendar_of, coverage, editions, load, refresh
from case_events.ledger.database import Ledger, open_ledger
from case_events.policies.published_days import read
from case_events.policies.working_days import published
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, now
from tests.notices import notice

WHO = "ops"
KNOWN = published().known_until.year


def year(number: int = KNOWN + 1, rest: tuple[date, ...] = (), work: tuple[date, ...] = ()) -> PublishedYear:
    return PublishedYear(year=number, rest=rest, work=work, source="国办发明电〔2026〕9号")


@pytest_asyncio.fixture
async def fresh(database: Database) -> AsyncIterator[Ledger]:
    """A ledger into which nobody has loaded any days."""
    opened = await open_ledger(database.app, master_key=MASTER_KEY)
    yield opened
    await opened.close()


async def test_a_year_is_loaded_once_and_every_process_sees_it(fresh: Ledger, database: Database) -> None:
    assert KNOWN == 2026, "the library knows another year: write its notice here"
    said = read(notice(2027))
    foreseen = await load(fresh, said, WHO, dry_run=True)
    assert foreseen.edition is None
    assert await editions(fresh) == ()
    loading = await load(fresh, said, WHO)
    assert loading.edition is not None
    assert (loading.edition.edition, loading.edition.loaded_by) == (1, WHO)
    assert (loading.new_rest, loading.new_work) == (foreseen.new_rest, foreseen.new_work)
    assert date(2027, 2, 11) in loading.new_rest, "which the law alone does not give"
    assert set(said.work) == set(loading.new_work)
    again = await load(fresh, said, "somebody else")
    assert (again.edition, again.changes) == (None, False)
    assert await editions(fresh) == (loading.edition,)
    other = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    try:
        assert not other.calendar.knows(date(2027, 1, 1))
        assert await refresh(other) == await refresh(fresh)
        assert other.calendar.knows(date(2027, 12, 31))
        assert other.calendar.is_working_day(date(2027, 2, 14))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await load(other, year(2028), WHO)
    finally:
        await other.close()
    (entry,) = await journal.read(fresh)
    assert (entry.what, entry.who, entry.data["year"], entry.data["edition"]) == ("calendar_loaded", WHO, 2027, 1)


async def test_a_year_that_changes_is_another_edition_and_the_last_one_counts(fresh: Ledger) -> None:
    first = await load(fresh, year(), WHO)
    monday = date(KNOWN, 12, 28)
    assert monday.weekday() == 0
    longer = await load(fresh, year(rest=(monday,)), WHO)
    assert (longer.new_rest, longer.new_work) == ((monday,), ())
    back = await load(fresh, year(), WHO)
    assert [one.edition and one.edition.edition for one in (first, longer, back)] == [1, 2, 3]
    assert back.new_work == (monday,)
    kept = await editions(fresh)
    assert kept[0].digest == kept[2].digest != kept[1].digest
    assert not calendar_of(kept[:2]).is_working_day(monday)
    assert (await refresh(fresh)).is_working_day(monday)


async def test_a_year_that_the_release_knows_can_be_changed_by_a_later_notice(fresh: Ledger) -> None:
    """Spring Festival 2020 was made longer on its third day; Labour Day 2019 six weeks before."""
    of_the_release = published()
    rest = tuple(day for day in of_the_release.rest if day.year == KNOWN)
    work = tuple(day for day in of_the_release.work if day.year == KNOWN)
    known = year(KNOWN, rest, work)
    assert not (await load(fresh, known, WHO)).changes, "it is known so already"
    day = date(KNOWN, 12, 30)
    changed = await load(fresh, year(KNOWN, (*rest, day), work), WHO)
    assert (changed.new_rest, changed.new_work) == ((day,), ())
    assert (await refresh(fresh)).known_until == of_the_release.known_until


async def test_a_year_after_a_gap_is_refused(fresh: Ledger) -> None:
    with pytest.raises(NotTaken, match=f"those of {KNOWN + 2} would leave a gap"):
        await load(fresh, year(KNOWN + 2), WHO)
    with pytest.raises(NotTaken):
        await load(fresh, year(published().known_from.year - 1), WHO)
    await load(fresh, year(), WHO)
    await load(fresh, year(KNOWN + 2), WHO)
    assert (await refresh(fresh)).known_until == date(KNOWN + 2, 12, 31)


async def test_an_older_release_goes_by_the_years_it_can_reach(fresh: Ledger) -> None:
    for number in (1, 2):
        await load(fresh, year(KNOWN + number), WHO)
    later = [one for one in await editions(fresh) if one.year == KNOWN + 2]
    assert calendar_of(later) == published()


async def test_of_two_who_load_the_same_at_once_one_does(fresh: Ledger) -> None:
    loaded = await asyncio.gather(*(load(fresh, year(), f"ops {number}") for number in range(4)))
    assert sum(one.edition is not None for one in loaded) == 1
    assert len(await editions(fresh)) == 1


async def test_what_was_loaded_is_never_changed(fresh: Ledger, database: Database) -> None:
    await load(fresh, year(), WHO)
    owner = await asyncpg.connect(database.owner)
    for statement in ("UPDATE calendars SET source = 'x'", "DELETE FROM calendars"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await owner.execute(statement)
    await owner.close()


async def test_coverage_counts_the_days_and_what_waits_for_more(
    ledger: Ledger, desk: Desk, superuser: asyncpg.Connection
) -> None:
    await refresh(ledger)
    before = await coverage(ledger)
    today = before.now.astimezone(CHINA).date()
    assert (before.last_day, before.days_left) == (published().known_until, (published().known_until - today).days)
    assert (before.provisional, before.nearest_due_at, before.waiting_due_at) == (0, None, None)
    near, far, clocked = [await desk.filed() for _ in range(2)] + [await desk.filed(a_filing(clock=await desk.clock()))]
    guess = "UPDATE deadlines SET provisional = true, due_at = $2 WHERE case_id = $1"
    soon, later = (end_of(published().known_until) + timedelta(days=days) for days in (-30, 3))
    for case_id, due_at in ((near, soon), (far, later), (clocked, now())):
        await superuser.execute(guess, case_id, due_at)
    seen = await coverage(ledger)
    assert seen.provisional == 6, "two clocks of each case, the test clock's too"
    assert (seen.nearest_due_at, seen.waiting_due_at) == (soon, later)
    for case_id in (near, far, clocked):
        await superuser.execute("UPDATE deadlines SET provisional = false WHERE case_id = $1", case_id)
