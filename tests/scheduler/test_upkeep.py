"""Upkeep: each job once in each slot, however many schedulers there are and whichever of them dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger import policy_book
from case_events.ledger.audit import rotating
from case_events.ledger.clock import upkeep
from case_events.ledger.clock.host import host_clock, later
from case_events.ledger.clock.journal import read
from case_events.ledger.clock.upkeep import ABANDONED_S, CameTo
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.proving import checkpoints
from case_scheduler import chores
from case_scheduler import upkeep as rounds
from case_scheduler.chores import JOBS, verify
from case_scheduler.upkeep import Job, Stopping, Upkeep, keep_calendars
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk

DAY_S = 86_400.0
ROWS = "SELECT job, owner, outcome, go_on_at, ended_at IS NOT NULL AS ended FROM upkeep ORDER BY slot, job"


def never() -> bool:
    return False


@pytest_asyncio.fixture
async def superuser(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.superuser)
    await connection.execute("DELETE FROM upkeep; TRUNCATE journal")
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def ledger(module_database: Database) -> AsyncIterator[Ledger]:
    """Through the scheduler's login."""
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=examples.calendar())
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def cases(module_database: Database) -> AsyncIterator[list[UUID]]:
    """Some cases, by id."""
    api = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with api.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    desk = Desk(api)
    yield sorted([await desk.filed() for _ in range(50)])
    await api.close()


class Work:
    """A job's work that can be told what to do."""

    def __init__(self) -> None:
        self.done: list[str | None] = []
        self.fault: Exception | None = None

    async def __call__(self, _: Ledger, __: Stopping, go_on_at: str | None) -> CameTo:
        self.done.append(go_on_at)
        await asyncio.sleep(0.01)
        if self.fault is not None:
            raise self.fault
        return CameTo(outcome="well", go_on_at=f"here {len(self.done)}")


async def rows(superuser: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await superuser.fetch(ROWS)]


async def test_of_several_schedulers_one_does_a_job_in_its_slot(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    work = Work()
    several = [Upkeep(ledger, f"host:{number}:a", (Job("job", DAY_S, work),)) for number in range(4)]
    for _ in range(2):
        await asyncio.gather(*(one.round(never) for one in several))
    assert work.done == [None]
    (row,) = await rows(superuser)
    assert (row["outcome"], row["go_on_at"], row["ended"]) == ("well", "here 1", True)


async def test_in_the_next_slot_it_is_done_again_and_goes_on_where_it_ended(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    work = Work()
    one = Upkeep(ledger, "one:1:a", (Job("job", 3600.0, work),))
    for _ in range(3):
        await one.round(never)
        await superuser.execute("UPDATE upkeep SET slot = slot - interval '1 hour'")
    assert work.done == [None, "here 1", "here 2"]


@pytest.mark.usefixtures("superuser")
async def test_by_a_clock_that_is_ahead_nothing_is_begun(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    one = Upkeep(ledger, "one:1:a", (Job("job", DAY_S, work),))
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "host_clock", lambda: later(host_clock(), -3600))
        await one.round(never)
    assert work.done == []
    await one.round(never)
    assert work.done == [None]


async def test_a_slot_that_a_clock_ahead_took_does_not_say_where_to_go_on(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    work = Work()
    one = Upkeep(ledger, "one:1:a", (Job("job", 3600.0, work),))
    await one.round(never)
    await superuser.execute("UPDATE upkeep SET slot = slot + interval '1 year'")
    for _ in range(2):
        await one.round(never)
        await superuser.execute("UPDATE upkeep SET slot = slot - interval '1 hour' WHERE slot < now()")
    assert work.done == [None, None, "here 2"]


async def test_what_fails_is_kept_with_its_error_and_the_other_jobs_are_done_all_the_same(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    bad, good, heard = Work(), Work(), list[tuple[str, bool]]()
    bad.fault = ValueError("the moon")
    jobs = (Job("bad", DAY_S, bad), Job("good", DAY_S, good))
    await Upkeep(ledger, "one:1:a", jobs, ended=lambda *said: heard.append(said)).round(never)
    assert [row["outcome"] for row in await rows(superuser)] == ["failed: ValueError: the moon", "well"]
    assert heard == [("bad", False), ("good", True)]


async def test_a_job_that_takes_too_long_is_ended_and_said_to_have_failed(
    ledger: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_: Ledger, __: Stopping, ___: str | None) -> CameTo:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits for it")

    monkeypatch.setattr(rounds, "JOB_S_MAX", 0.05)
    await Upkeep(ledger, "one:1:a", (Job("endless", DAY_S, endless),)).round(never)
    (row,) = await rows(superuser)
    assert row["outcome"].startswith("failed: TimeoutError")


async def test_a_job_whose_owner_died_is_anybodys_after_a_while_and_the_dead_cannot_end_it(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    async with ledger.connection() as connection:
        dead = await upkeep.take(connection, "job", DAY_S, "dead:1:a")
        assert dead is not None
        assert await upkeep.take(connection, "job", DAY_S, "living:1:a") is None
        ago = "UPDATE upkeep SET began_at = began_at - make_interval(secs => $1)"
        await superuser.execute(ago, float(ABANDONED_S + 1))
        taken = await upkeep.take(connection, "job", DAY_S, "living:1:a")
        assert taken is not None
        assert not await upkeep.end(connection, dead, CameTo(outcome="late"))
        assert await upkeep.end(connection, taken, CameTo(outcome="well"))
        assert await upkeep.take(connection, "job", DAY_S, "third:1:a") is None
    (row,) = await rows(superuser)
    assert (row["owner"], row["outcome"]) == ("living:1:a", "well")


async def test_a_job_that_cannot_even_be_begun_is_heard_of(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    heard = list[tuple[str, bool]]()
    one = Upkeep(ledger, "one:1:a", (Job("job", DAY_S, Work()),), ended=lambda *said: heard.append(said))
    await superuser.execute("REVOKE INSERT ON upkeep FROM caselog_scheduler")
    try:
        await one.round(never)
    finally:
        await superuser.execute("GRANT INSERT ON upkeep TO caselog_scheduler")
    assert heard == [("job", False)]


async def test_the_days_are_looked_at_while_a_job_takes_its_time_and_when_they_cannot_be_that_is_heard_of(
    module_database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "CALENDARS_EVERY_S", 0.05)
    heard, stop = list[tuple[str, bool]](), asyncio.Event()
    ledger = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=examples.calendar())
    before = ledger.calendar
    keeping = asyncio.create_task(keep_calendars([ledger], stop, lambda *said: heard.append(said)))
    try:
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
            assert ledger.calendar is not before
            await superuser.execute("REVOKE SELECT ON calendars FROM caselog_scheduler")
            while ("calendars", False) not in heard:
                await asyncio.sleep(0.01)
            await superuser.execute("GRANT SELECT ON calendars TO caselog_scheduler")
            heard.clear()
            while ("calendars", True) not in heard:
                await asyncio.sleep(0.01)
    finally:
        await superuser.execute("GRANT SELECT ON calendars TO caselog_scheduler")
        stop.set()
        await asyncio.wait_for(keeping, 5)
        await ledger.close()


async def test_told_to_stop_it_begins_no_other_job(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    work = Work()
    await Upkeep(ledger, "one:1:a", (Job("job", DAY_S, work),)).round(lambda: True)
    assert (work.done, await rows(superuser)) == ([], [])


async def test_every_job_there_is_can_be_done_through_the_schedulers_login(
    ledger: Ledger, superuser: asyncpg.Connection, cases: list[UUID]
) -> None:
    heard = dict[str, bool]()
    await Upkeep(ledger, "one:1:a", JOBS, ended=heard.__setitem__).round(never)
    assert heard == {job.name: True for job in JOBS}
    assert all(row["ended"] for row in await rows(superuser))


async def test_all_that_was_added_is_signed_in_steps_and_who_is_told_to_stop_ends_with_a_step(
    ledger: Ledger, superuser: asyncpg.Connection, cases: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "STEP", 20)
    while (await tick(ledger)).more:
        pass
    asked = iter((False, True))
    assert (await chores.take_checkpoints(ledger, lambda: next(asked), None)).outcome == "a checkpoint of 20 positions"
    head = await superuser.fetchval("SELECT max(head) FROM feed_state")
    assert head >= len(cases) > 20
    assert (await chores.take_checkpoints(ledger, never, None)).outcome == f"a checkpoint of {head} positions"
    assert (await chores.take_checkpoints(ledger, never, None)).outcome == "nothing was added"
    sizes = [row["size"] for row in await superuser.fetch("SELECT size FROM checkpoints ORDER BY size")]
    assert sizes == sorted({*range(20, head, 20), head})


async def test_a_slice_of_the_cases_is_verified_at_a_time_until_all_were_and_then_from_the_start(
    ledger: Ledger, superuser: asyncpg.Connection, cases: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "VERIFIED_MAX", 2 * rotating.AT_ONCE)
    monkeypatch.setattr(chores, "BREATH_S", 0)
    first = await verify(ledger, never, None)
    assert (first.outcome, first.go_on_at) == ("40 cases verified, 0 findings", str(cases[39]))
    second = await verify(ledger, never, first.go_on_at)
    assert (second.outcome, second.go_on_at) == ("10 cases verified, 0 findings", str(UUID(int=0)))
    stopped = await verify(ledger, lambda: True, None)
    assert stopped.go_on_at == str(cases[19]), "told to stop it ends with the few cases it is at"


async def test_what_verification_finds_is_in_the_journal(
    ledger: Ledger, superuser: asyncpg.Connection, cases: list[UUID]
) -> None:
    await superuser.execute("UPDATE cases SET priority = priority + 1 WHERE case_id = $1", cases[7])
    try:
        assert (await verify(ledger, never, None)).outcome == "50 cases verified, 1 findings"
    finally:
        await superuser.execute("UPDATE cases SET priority = priority - 1 WHERE case_id = $1", cases[7])
    (entry,) = await read(ledger)
    assert entry.what == "verification_found"
    assert entry.data["first"][0]["case_id"] == str(cases[7])
