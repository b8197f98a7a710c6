"""Collective complaints (domain C1) found and linked by schedulers, however many of them look, and only once each."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.values import CaseId, Instant, Party
from case_events.ledger import policy_book
from case_events.ledger.audit.audit import verify
from case_events.ledger.collective import Seen, begin, look
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.queries import read_case
from case_scheduler.collective import link_round
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import Desk, a_filing, a_report, on_tmall, tmall_text
from tests.ledger.tampering import unreadable
from tests.scheduler.fleet import MASTER_KEY, scheduler

ENOUGH = 10
"""Tmall's: so many complainants about one problem with one merchant within seven days."""
WAIT_S = 20
POLL_S = 0.05


def never() -> bool:
    return False


@pytest_asyncio.fixture(scope="module")
async def ledger(module_database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with opened.connection() as connection:
        for text in (examples.taobao_text(), tmall_text()):
            await policy_book.keep(connection, text)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def linker(module_database: Database, ledger: Ledger) -> AsyncIterator[Ledger]:
    """The same database, through the scheduler's login."""
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=ledger.calendar)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)


def shop(name: str) -> Party:
    return Party(role="merchant", id=name)


def by(filing: File, number: int) -> File:
    return replace(filing, complainant=Party(role="buyer", id=f"buyer-{number}"))


async def complained(
    desk: Desk, against: Party, count: int, clock: UUID | None = None, *, first: int = 0
) -> list[CaseId]:
    """So many complaints of as many buyers."""
    filings = [
        by(on_tmall("not_received", "not_received", respondent=against, clock=clock), first + number)
        for number in range(count)
    ]
    return list(await asyncio.gather(*(desk.filed(one) for one in filings)))


async def groups(ledger: Ledger, against: Party) -> dict[CaseId, UUID | None]:
    rows = (await list_cases(ledger, Wanted(merchant_id=against.id), limit=200)).rows
    return {row.case_id: row.group_id for row in rows}


async def one_round(linker: Ledger) -> None:
    await link_round(linker, await begin(linker, None), never)


async def test_two_schedulers_at_once_link_ten_complaints_to_one_matter_once(desk: Desk, linker: Ledger) -> None:
    await complained(desk, shop("many"), ENOUGH)
    await asyncio.gather(one_round(linker), one_round(linker))
    found = await groups(linker, shop("many"))
    (group,) = set(found.values())
    assert group is not None
    listed = (await list_cases(linker, Wanted(group_id=group), limit=200)).rows
    assert {row.case_id for row in listed} == set(found)
    assert {(row.department, row.version) for row in listed} == {("platform_supervision", 2)}
    for case_id in found:
        reading = await read_case(linker, case_id)
        assert reading is not None
        linked = reading.history[-1]
        assert (linked.name, linked.who, linked.client) == ("linked", "platform", "caselog")


async def test_nine_complaints_are_nine_matters(desk: Desk, linker: Ledger) -> None:
    await complained(desk, shop("fewer"), ENOUGH - 1)
    same_again = on_tmall("not_received", "not_received", respondent=shop("fewer"))
    await desk.filed(by(same_again, 0))
    await one_round(linker)
    assert set((await groups(linker, shop("fewer"))).values()) == {None}


async def test_a_closed_complaint_does_not_count(desk: Desk, linker: Ledger) -> None:
    cases = await complained(desk, shop("closed"), ENOUGH)
    await desk.post(cases[0], examples.WITHDRAW, actor=Party(role="buyer", id="buyer-0"))
    await one_round(linker)
    assert set((await groups(linker, shop("closed"))).values()) == {None}


async def test_a_later_complaint_joins_the_matter(desk: Desk, linker: Ledger) -> None:
    await complained(desk, shop("growing"), ENOUGH)
    seen = await link_round(linker, await begin(linker, None), never)
    before = await groups(linker, shop("growing"))
    (later,) = await complained(desk, shop("growing"), 1, first=ENOUGH)
    await link_round(linker, await begin(linker, seen), never)
    after = await groups(linker, shop("growing"))
    assert after == before | {later: next(iter(before.values()))}
    assert None not in after.values()


async def test_cases_under_one_test_clock_are_a_matter_among_themselves(desk: Desk, linker: Ledger) -> None:
    clock, other = await desk.clock(), await desk.clock()
    clocked = await complained(desk, shop("clocked"), ENOUGH - 1, clock)
    await complained(desk, shop("clocked"), 1, other, first=ENOUGH)
    await complained(desk, shop("clocked"), 1, None, first=ENOUGH + 1)
    await one_round(linker)
    assert set((await groups(linker, shop("clocked"))).values()) == {None}
    clocked += await complained(desk, shop("clocked"), 1, clock, first=ENOUGH + 2)
    await one_round(linker)
    linked = {case_id: group for case_id, group in (await groups(linker, shop("clocked"))).items() if group}
    assert set(linked) == set(clocked)


async def test_the_window_is_judged_by_the_test_clock(desk: Desk, linker: Ledger) -> None:
    clock = await desk.clock()
    await complained(desk, shop("slow"), ENOUGH - 1, clock)
    last = Instant.of(examples.NOON + timedelta(days=7) + examples.TICK)
    await desk.advance(clock, last)
    filing = on_tmall("not_received", "not_received", respondent=shop("slow"), clock=clock, at=last)
    await desk.filed(by(filing, ENOUGH))
    await one_round(linker)
    assert set((await groups(linker, shop("slow"))).values()) == {None}


async def test_reports_nobody_signed_count_too(desk: Desk, linker: Ledger) -> None:
    reports = [by(a_report("l-9", respondent=shop("reported")), number) for number in range(ENOUGH)]
    await asyncio.gather(*(desk.filed(report) for report in reports))
    await one_round(linker)
    (group,) = set((await groups(linker, shop("reported"))).values())
    assert group is not None


async def test_where_the_policy_knows_no_collective_complaints_nothing_is_linked(desk: Desk, linker: Ledger) -> None:
    filings = [by(a_filing(respondent=shop("landed")), number) for number in range(ENOUGH + 1)]
    await asyncio.gather(*(desk.filed(one) for one in filings))
    await one_round(linker)
    assert set((await groups(linker, shop("landed"))).values()) == {None}


async def test_a_case_that_moved_on_meanwhile_is_looked_at_again(
    desk: Desk, linker: Ledger, module_database: Database
) -> None:
    """The row says an older version than the stream, as it would between the look and the link."""
    cases = await complained(desk, shop("moving"), ENOUGH)
    superuser = await asyncpg.connect(module_database.superuser)
    seen = await begin(linker, None)
    moved = "UPDATE cases SET version = version + $2 WHERE case_id = $1"
    await superuser.execute(moved, cases[0], 5)
    assert await link_round(linker, seen, never) == seen
    assert sum(group is None for group in (await groups(linker, shop("moving"))).values()) == 1
    await superuser.execute(moved, cases[0], -5)
    assert await link_round(linker, seen, never) != seen
    assert len(set((await groups(linker, shop("moving"))).values())) == 1
    await superuser.close()


async def test_a_complaint_that_cannot_be_read_keeps_no_other_from_being_linked(
    desk: Desk, linker: Ledger, module_database: Database
) -> None:
    broken = await complained(desk, shop("broken"), ENOUGH)
    await complained(desk, shop("sound"), ENOUGH)
    superuser = await asyncpg.connect(module_database.superuser)
    async with unreadable(superuser, broken[0], 1):
        seen = await begin(linker, None)
        assert await link_round(linker, seen, never) != seen
        assert None not in set((await groups(linker, shop("sound"))).values())
        assert [case for case, group in (await groups(linker, shop("broken"))).items() if group is None] == broken[:1]
    await one_round(linker)
    assert len(set((await groups(linker, shop("broken"))).values())) == 1
    await superuser.close()


async def test_looks_go_on_where_the_last_one_ended(linker: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many were filed at once: every look comes further, and the last of them to the end."""
    monkeypatch.setattr("case_events.ledger.collective.FILINGS_MAX", 3)
    seen, looks = await begin(linker, None), 0
    for _ in range(50):
        _, later, more = await look(linker, seen)
        looks += 1
        if not more:
            break
        assert (later.filed_at, later.case_id) > (seen.filed_at, seen.case_id)
        seen = later
    assert 3 < looks < 50


async def test_a_round_begins_a_little_before_now_and_where_the_last_one_ended_if_that_is_longer_ago(
    linker: Ledger,
) -> None:
    behind = await begin(linker, None)
    assert await begin(linker, behind) == behind
    ahead = Seen(filed_at=Instant.of(behind.filed_at + timedelta(days=31)))
    again = await begin(linker, ahead)
    assert timedelta(days=29) < again.filed_at - behind.filed_at < timedelta(days=30)


async def test_a_scheduler_process_links_without_being_asked(
    desk: Desk, ledger: Ledger, module_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASELOG_COLLECTIVE_EVERY_S", "0.2")
    async with scheduler(module_database.scheduler, tmp_path, "linking") as running:
        await complained(desk, shop("watched"), ENOUGH)
        until = time.monotonic() + WAIT_S
        while None in (await groups(ledger, shop("watched"))).values() and time.monotonic() < until:
            await asyncio.sleep(POLL_S)
        assert len(set((await groups(ledger, shop("watched"))).values()) - {None}) == 1
        assert await running.end(signal.SIGTERM) == 0
        assert sum(line["cases"] for line in running.lines("linked")) == ENOUGH
        assert running.lines("round_failed") == []


async def test_afterwards_the_record_is_verified(linker: Ledger) -> None:
    assert (await verify(linker)).findings == ()
