"""Provisional deadlines and the days they wait for: confirmed on record, never earlier than promised, then fired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.calendar import PublishedYear, guessing_after
from case_events.core.case import Case
from case_events.core.events import DeadlineExtended
from case_events.core.values import CaseId, Instant
from case_events.ledger import policy_book
from case_events.ledger.audit.audit import verify
from case_events.ledger.bulk import held
from case_events.ledger.clock import calendars, journal, provisional
from case_events.ledger.clock.provisional import Confirmation, correct, foresee
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.queries import read_case
from case_events.policies.working_days import published, release
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, stored
from tests.ledger.history import HOUR, line, told
from tests.ledger.test_importing import CLIENT, imported, refusals

assert published().known_until == date(2026, 12, 31), "the library knows another year: these tests need its end"
EVE = Instant.parse("2026-12-30T04:00:00Z")
YEAR = PublishedYear(
    year=2027,
    rest=(date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 6)),
    work=(date(2027, 1, 2),),
    source="国办发明电〔2026〕9号",
)
"""Monday and Wednesday are off, and Saturday is worked: earlier for who is asked on the 30th, later from the 4th on."""
COURSE = {
    # when the respondent refuses → what two working days come to: guessed, and published
    "earlier": ("2026-12-30T04:00:00Z", "2027-01-04T16:00:00Z", "2027-01-02T16:00:00Z"),
    "same": ("2026-12-31T04:00:00Z", "2027-01-05T16:00:00Z", "2027-01-05T16:00:00Z"),
    "later": ("2027-01-04T04:00:00Z", "2027-01-06T16:00:00Z", "2027-01-07T16:00:00Z"),
}
BUSY = (
    ('name = "taobao"', 'name = "assigning"'),
    ('marketplace = "taobao"', 'marketplace = "assigning"'),
    (
        "[types.not_received.intervention]\n",
        "[types.not_received.intervention]\nsteps_in_within = { working_days = 1 }\n",
    ),
)
"""Somebody at the desk has the case within a working day: two guessed clocks at once."""


LONG = (
    ('name = "taobao"', 'name = "long"'),
    ('marketplace = "taobao"', 'marketplace = "long"'),
    ("within = { working_days = 2 } # stepping", "within = { working_days = 400 } # stepping"),
)


class Office:
    """A fresh ledger whose desk judges by what is published, with its cases and their test clocks."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self.ledger, self.database, self.desk = ledger, database, Desk(ledger)
        self.clocks: dict[CaseId, UUID] = {}

    async def refused(self, at: str, marketplace: str = "taobao") -> CaseId:
        """A case under a test clock of its own, refused at this instant: the platform's time to rule runs."""
        instant = Instant.parse(at)
        clock = await self.desk.clock(instant)
        case_id = await self.desk.filed(a_filing(clock=clock, at=instant, marketplace=marketplace))
        await self.desk.post(case_id, examples.REFUSE)
        self.clocks[case_id] = clock
        return case_id

    async def case(self, case_id: CaseId) -> Case:
        reading = await read_case(self.ledger, case_id)
        assert reading is not None
        return reading.case

    async def ruling(self, case_id: CaseId) -> tuple[str, bool]:
        """When its ruling is due, and whether that is a guess."""
        (clock,) = (one for one in (await self.case(case_id)).clocks if one.kind == "ruling")
        return clock.due_at.rfc3339(), clock.provisional

    async def names(self, case_id: CaseId) -> list[str]:
        superuser = await asyncpg.connect(self.database.superuser)
        try:
            return [row["type"] for row in await stored(superuser, case_id)]
        finally:
            await superuser.close()

    async def published(self, year: PublishedYear = YEAR) -> None:
        await calendars.load(self.ledger, year, "ops")

    async def published_for_years(self) -> None:
        for year in range(2027, 2030):
            await self.published(PublishedYear(year=year, rest=(), work=(), source="x"))


@pytest_asyncio.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    opened = await open_ledger(database.app, master_key=MASTER_KEY)
    async with opened.connection() as connection:
        for changes in ((), BUSY, LONG):
            text = examples.taobao_text()
            for written, instead in changes:
                assert text.count(written) == 1, written
                text = text.replace(written, instead)
            await policy_book.keep(connection, text)
    yield Office(opened, database)
    await opened.close()


def counts(done: Confirmation) -> dict[str, int]:
    names = ("later", "same", "earlier", "unknown", "look", "busy")
    return {name: getattr(done, name) for name in names if getattr(done, name)}


def canonical_instant(text: str) -> str:
    return Instant.parse(text).rfc3339()


async def test_each_guess_is_confirmed_where_its_rule_puts_it_and_never_earlier(office: Office) -> None:
    cases = {name: await office.refused(at) for name, (at, _, _) in COURSE.items()}
    for name, case_id in cases.items():
        assert await office.ruling(case_id) == (canonical_instant(COURSE[name][1]), True)
    assert counts(await correct(office.ledger)) == {}, "nothing of 2027 is published yet"
    await office.published()
    foreseen = await correct(office.ledger, dry_run=True)
    assert counts(foreseen) == {"later": 1, "same": 1, "earlier": 1}
    assert all([(await office.ruling(case_id))[1] for case_id in cases.values()]), "a dry run records nothing"
    (moved,) = foreseen.moved
    assert (moved.case_id, moved.was.rfc3339()) == (cases["later"], canonical_instant(COURSE["later"][1]))
    done = await correct(office.ledger, who="ops")
    assert replace(done, dry_run=True, moved=foreseen.moved) == foreseen, "it does what it said it would"
    for name, case_id in cases.items():
        _, guessed, by_the_days = COURSE[name]
        assert await office.ruling(case_id) == (max(map(canonical_instant, (guessed, by_the_days))), False)
        assert (await office.names(case_id))[-1] == "deadline_extended"
    assert counts(await correct(office.ledger)) == {}, "asked again it changes nothing"
    (tally,) = done.by
    assert (tally.kind, tally.marketplace, tally.later, tally.same, tally.earlier) == ("ruling", "taobao", 1, 1, 1)
    entry = (await journal.read(office.ledger))[0]
    assert (entry.what, entry.who, entry.data["later"]) == ("deadlines_confirmed", "ops", 1)
    assert (await verify(office.ledger)).findings == ()


async def test_the_event_says_which_days_confirmed_it(office: Office) -> None:
    case_id = await office.refused(COURSE["earlier"][0])
    await office.published()
    await correct(office.ledger)
    reading = await read_case(office.ledger, case_id)
    assert reading is not None
    confirmed = reading.history[-1]
    assert (confirmed.who, confirmed.client) == ("platform", "caselog")
    assert isinstance(confirmed.event, DeadlineExtended)
    said = confirmed.event.reason or ""
    assert "国办发明电〔2026〕9号" in said
    assert canonical_instant(COURSE["earlier"][2]) in said, "what it would have been"


async def test_a_confirmed_deadline_that_is_over_fires_at_once_and_what_follows_has_its_time(office: Office) -> None:
    case_id = await office.refused(COURSE["later"][0])
    clock = office.clocks[case_id]
    await office.desk.advance(clock, Instant.parse("2027-02-01T04:00:00Z"))
    assert await office.desk.fire_clocked(case_id) == [], "a guess never fires, however late it is"
    await office.published()
    await correct(office.ledger)
    assert (await office.names(case_id))[-1] == "deadline_extended"
    await office.desk.fire_clocked(case_id)
    case = await office.case(case_id)
    assert case.priority > 0, "the ruling was late"
    names = await office.names(case_id)
    assert names[-1] == "ruling_timed_out"
    reading = await read_case(office.ledger, case_id)
    assert reading is not None
    first = next(one for one in reading.history if one.name == "ruling_timed_out")
    assert first.occurred_at.rfc3339() == canonical_instant(COURSE["later"][2]), "its legal instant"


async def test_a_case_that_moves_on_meanwhile_and_one_with_two_guesses_are_confirmed_too(office: Office) -> None:
    case_id = await office.refused(COURSE["later"][0], "assigning")
    assert sorted(one.kind for one in (await office.case(case_id)).clocks) == ["assignment", "ruling"]
    await office.published()
    done = await correct(office.ledger)
    assert sum(counts(done).values()) == 2
    assert not any(one.provisional for one in (await office.case(case_id)).clocks)
    assert (await office.names(case_id)).count("deadline_extended") == 2


async def test_however_many_correct_at_once_each_deadline_is_confirmed_once(office: Office) -> None:
    cases = [await office.refused(at) for at, _, _ in COURSE.values() for _ in range(3)]
    await office.published()
    other = await open_ledger(office.database.scheduler, master_key=MASTER_KEY)
    try:
        await asyncio.gather(correct(office.ledger), correct(other), correct(other))
    finally:
        await other.close()
    for case_id in cases:
        assert (await office.names(case_id)).count("deadline_extended") == 1
        assert not (await office.ruling(case_id))[1]
    assert (await verify(office.ledger)).findings == ()


async def test_a_promise_that_cannot_be_counted_again_is_left_for_a_human(office: Office) -> None:
    known = office.ledger.calendar
    office.ledger.calendar = replace(known, statutory=known.statutory | {date(2027, 1, 5)})
    odd = await office.refused(COURSE["earlier"][0])
    strange = await office.refused(COURSE["same"][0])
    office.ledger.calendar = known
    plain = await office.refused(COURSE["later"][0])
    await office.published()
    done = await correct(office.ledger)
    assert counts(done) == {"later": 1, "earlier": 1, "look": 1}
    assert [one.case_id for one in done.looks] == [strange]
    assert "no rule" in (done.looks[0].why or "")
    assert (await office.ruling(strange))[1], "it stays a guess, and never fires"
    assert not (await office.ruling(odd))[1]
    assert not (await office.ruling(plain))[1]
    due_at = Instant.parse("2027-01-10T16:00:00Z")
    await office.desk.post(strange, examples.extend("ruling", "platform", due_at))
    assert await office.ruling(strange) == (due_at.rfc3339(), False)


async def test_a_case_that_cannot_be_read_holds_up_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = await office.refused(COURSE["later"][0]), await office.refused(COURSE["same"][0])
    superuser = await asyncpg.connect(office.database.superuser)
    await superuser.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    await superuser.execute("UPDATE events SET type = 'unheard_of' WHERE case_id = $1 AND version = 2", broken)
    await superuser.close()
    await office.published()
    done = await correct(office.ledger)
    assert counts(done) == {"same": 1, "look": 1}
    assert done.looks[0].why == "the case cannot be read: UnknownEvent"
    assert not (await office.ruling(sound))[1]


async def test_page_by_page_everything_is_looked_at(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [await office.refused(COURSE["same"][0]) for _ in range(5)]
    await office.published()
    monkeypatch.setattr("case_events.ledger.clock.guesses.PAGE", 2)
    monkeypatch.setattr(provisional, "PAGE", 2)
    stopped = await correct(office.ledger, stopping=lambda: True)
    assert (counts(stopped), stopped.whole) == ({"same": 2}, False)
    done = await correct(office.ledger)
    assert (counts(done), done.whole) == ({"same": 3}, True)
    assert not any([(await office.ruling(case_id))[1] for case_id in cases])


async def test_a_case_whose_import_is_not_over_waits_for_its_end(office: Office) -> None:
    """Its next line happened in the past: nothing of today may come before it, however far off the guess is."""
    lines = told("of a year", [(HOUR, examples.REFUSE)], marketplace="long")
    assert refusals(await imported(office.ledger, lines), lines) == [None, None]
    await office.published_for_years()
    assert counts(await correct(office.ledger)) == {}
    more = [line("of a year", 2 * HOUR, examples.MESSAGE)]
    assert refusals(await imported(office.ledger, more), more) == [None]
    assert counts(await correct(office.ledger)) == {}
    async with office.ledger.connection() as connection:
        await held.release(connection, CLIENT)
    assert counts(await correct(office.ledger)) == {"earlier": 1}


async def test_a_newer_release_that_knows_more_days_confirms_as_a_notice_would(office: Office) -> None:
    known = office.ledger.calendar
    office.ledger.calendar = guessing_after(known, date(2025, 12, 31))
    case_id = await office.refused("2025-12-30T04:00:00Z")
    office.ledger.calendar = known
    assert await office.ruling(case_id) == (canonical_instant("2026-01-02T16:00:00Z"), True), "Friday 2 January"
    done = await correct(office.ledger)
    assert counts(done) == {"later": 1}
    assert await office.ruling(case_id) == (canonical_instant("2026-01-04T16:00:00Z"), False), "Sunday the 4th, worked"
    assert done.moved[0].reason.endswith(f"(2025: {release()}; 2026: {release()})")


async def test_what_a_year_would_change_is_told_before_it_is_loaded(office: Office) -> None:
    await office.refused(COURSE["later"][0])
    foreseen = await foresee(office.ledger, YEAR)
    assert counts(foreseen) == {"later": 1}
    assert await calendars.editions(office.ledger) == ()
    assert counts(await correct(office.ledger)) == {}


async def test_a_live_guess_is_confirmed_and_fires_when_it_is_due(office: Office) -> None:
    """Real time: a window of four hundred working days reaches past every day that is published."""
    case_id = await office.desk.filed(a_filing(marketplace="long"))
    await office.desk.post(case_id, examples.REFUSE)
    guessed, provisional_yet = await office.ruling(case_id)
    assert provisional_yet
    await office.published_for_years()
    done = await correct(office.ledger)
    assert counts(done) == {"earlier": 1}, "without holidays there are more working days"
    assert await office.ruling(case_id) == (guessed, False)
