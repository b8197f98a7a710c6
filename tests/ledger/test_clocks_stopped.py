"""A test clock can be frozen, and it can be deleted with its cases; whatever else happens at that moment."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.plan import plan_timeouts
from case_events.core.values import CaseId, Instant, Party
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger import steps
from case_events.ledger.append_statements import (
    APPEND_FILINGS,
    APPEND_FILINGS_CLOCKED,
    APPEND_STEPS,
    APPEND_STEPS_CLOCKED,
)
from case_events.ledger.clock import journal, test_clocks
from case_events.ledger.clock.claims import CLAIM_CLOCKED
from case_events.ledger.clock.firing import fire
from case_events.ledger.clock.test_clocks import Frozen, Held, TestClock
from case_events.ledger.codec import GENESIS
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.judging import judge, world_of
from case_events.ledger.lists.counts import count_cases
from case_events.ledger.lists.due_list import list_deadlines
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.queries import read_case
from case_events.ledger.rebuild.rebuilding import rebuild
from case_events.ledger.steps import commit, request_of
from case_events.ledger.store import load
from tests import examples
from tests.conftest import Database
from tests.ledger.conftest import Audited
from tests.ledger.contending import waits
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, asking, stored

HOUR = timedelta(hours=1)
DUE = Instant.of(examples.NOON + HOUR * 72)
LATE = Instant.of(DUE + HOUR)
WHO = "ops"
TYPES = "SELECT type FROM events WHERE case_id = $1 ORDER BY version"


async def stands(desk: Desk, clock: UUID) -> TestClock:
    found = await test_clocks.read(desk.ledger, clock)
    assert found is not None
    return found


async def events_of(ledger: Ledger, case_id: CaseId) -> list[str]:
    async with ledger.connection() as connection:
        return [row["type"] for row in await connection.fetch(TYPES, case_id)]


async def test_a_frozen_clock_goes_nowhere_until_it_is_unfrozen(desk: Desk) -> None:
    clock = await desk.clock()
    frozen = await test_clocks.freeze(desk.ledger, clock, WHO)
    assert frozen is not None
    assert (frozen.status, frozen.at) == ("frozen", examples.NOON)
    assert await test_clocks.freeze(desk.ledger, clock, WHO) == frozen, "twice is the same"
    with pytest.raises(Frozen):
        await test_clocks.advance(desk.ledger, frozen, LATE)
    thawed = await test_clocks.unfreeze(desk.ledger, clock, WHO)
    assert thawed is not None
    assert (thawed.status, thawed.frozen_at) == ("ready", None)
    assert await test_clocks.unfreeze(desk.ledger, clock, WHO) == thawed
    assert await test_clocks.advance(desk.ledger, thawed, LATE) is not None
    told = [one for one in await journal.read(desk.ledger) if one.data["test_clock"] == str(clock)]
    assert [(one.what, one.who) for one in told] == [("test_clock_unfrozen", WHO), ("test_clock_frozen", WHO)]


async def test_nothing_of_a_frozen_clock_fires_and_steps_are_judged_at_its_instant(desk: Desk) -> None:
    clock = await desk.clock()
    silent, asked = [await desk.filed(a_filing(clock=clock)) for _ in range(2)]
    await desk.advance(clock, LATE)
    await test_clocks.freeze(desk.ledger, clock, WHO)
    assert await desk.fire_clocked() == []
    assert await events_of(desk.ledger, silent) == ["filed"]
    read = await read_case(desk.ledger, silent)
    assert read is not None
    assert (read.case.status, read.now) == ("under_review", LATE), "what is overdue is read as it will be recorded"

    refused = await desk.ask(examples.AGREE, asked)
    assert refused.problem is not None
    assert refused.problem.code == "deadline_passed"
    assert await events_of(desk.ledger, asked) == ["filed", "merchant_response_timed_out", "intervention_requested"]
    ruled = await desk.post(asked, examples.REFUND)
    assert ruled.answer[0].effective_at == LATE

    frozen = await stands(desk, clock)
    assert (frozen.status, frozen.watermark) == ("frozen", DUE)
    await test_clocks.unfreeze(desk.ledger, clock, WHO)
    await desk.fire_clocked()
    assert await events_of(desk.ledger, silent) == ["filed", "merchant_response_timed_out", "intervention_requested"]
    assert (await stands(desk, clock)).watermark == LATE


async def test_what_was_about_to_fire_does_not_once_the_clock_is_frozen(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, LATE)
    async with desk.ledger.connection() as connection:
        loaded = (await load(connection, [case_id], desk.ledger.vault))[case_id]
        step = plan_timeouts(loaded.history, await world_of(desk.ledger, connection, loaded))
        assert step.events
        await test_clocks.freeze(desk.ledger, clock, WHO)
        assert await commit(connection, [(step, loaded.head, loaded.keys)], desk.ledger.vault) == set()
        await test_clocks.unfreeze(desk.ledger, clock, WHO)
        assert await commit(connection, [(step, loaded.head, loaded.keys)], desk.ledger.vault) == {case_id}


async def test_a_step_judged_before_its_clock_moved_is_not_written_after(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    vault = desk.ledger.vault
    step = request_of(asking(examples.REFUSE, case_id), vault)
    filing = request_of(asking(a_filing(clock=clock)), vault)
    async with desk.ledger.connection() as connection:
        judged = await judge(desk.ledger, connection, [step, filing])
        steps = [
            (one.step, one.loaded.head, one.loaded.keys)
            if one.loaded
            else (one.step, GENESIS, vault.new_keys(one.request.case_id))
            for one in judged
        ]
        await desk.advance(clock, Instant.of(examples.NOON + HOUR))
        assert await commit(connection, steps, vault) == set(), "they would be behind what has fired"
    again = await desk.post(case_id, examples.REFUSE)
    assert again.answer[0].effective_at == examples.NOON + HOUR


async def test_while_somebody_writes_under_a_clock_it_waits_and_stands(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    async with desk.ledger.connection() as connection:
        writing = connection.transaction()
        await writing.start()
        (judged,) = await judge(
            desk.ledger, connection, [request_of(asking(examples.REFUSE, case_id), desk.ledger.vault)]
        )
        assert judged.loaded is not None
        steps = [(judged.step, judged.loaded.head, judged.loaded.keys)]
        assert await commit(connection, steps, desk.ledger.vault) == {case_id}
        moving = asyncio.create_task(desk.advance(clock, LATE))
        await asyncio.sleep(0.1)
        assert not moving.done()
        assert (await stands(desk, clock)).at == examples.NOON
        await writing.commit()
    await moving
    assert (await stands(desk, clock)).at == LATE


@pytest.mark.parametrize("filing", [False, True])
async def test_who_has_its_turn_waits_for_whoever_moves_the_clock(
    desk: Desk, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, filing: bool
) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    monkeypatch.setattr(steps, "RACES_MAX", 0)
    step = desk.ask(a_filing(clock=clock)) if filing else desk.ask(examples.REFUSE, case_id)
    async with desk.ledger.connection() as moving, moving.transaction():
        await moving.execute(test_clocks.HOLD, clock)
        asked = asyncio.create_task(step)
        await waits(superuser, asked)
        assert not asked.done()
    assert (await asked).problem is None


async def test_who_may_not_wait_any_longer_is_told_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_clocks, "HOLD_LASTS", "SELECT set_config('lock_timeout', '50ms', true)")
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    async with desk.ledger.connection() as connection, connection.transaction():
        (judged,) = await judge(
            desk.ledger, connection, [request_of(asking(examples.REFUSE, case_id), desk.ledger.vault)]
        )
        assert judged.loaded is not None
        await commit(connection, [(judged.step, judged.loaded.head, judged.loaded.keys)], desk.ledger.vault)
        with pytest.raises(Held):
            await test_clocks.delete(desk.ledger, clock, WHO)
    assert (await stands(desk, clock)).status == "ready"


async def test_a_deleted_clock_hides_its_cases_and_their_events_stay(
    desk: Desk, superuser: asyncpg.Connection, audited: Audited
) -> None:
    clock, other = await desk.clock(), await desk.clock()
    filing = a_filing(clock=clock)
    hidden, seen = await desk.filed(filing), await desk.filed(a_filing(clock=other))
    closed = await desk.filed(a_filing(clock=clock))
    await desk.post(closed, examples.WITHDRAW)
    before = await count_cases(desk.ledger)
    gone = await test_clocks.delete(desk.ledger, clock, WHO)
    assert gone is not None
    assert gone.status == "deleted"
    assert await test_clocks.delete(desk.ledger, clock, WHO) == gone, "twice is the same"
    assert await test_clocks.delete(desk.ledger, UUID(int=7), WHO) is None

    for case_id in (hidden, closed):
        assert await read_case(desk.ledger, case_id) is None
        step = await desk.ask(examples.REFUSE, case_id)
        assert step.problem is not None
        assert step.problem.code == "not_found"
    assert (await count_cases(desk.ledger)).cases == before.cases - 2
    listed = await list_cases(desk.ledger, Wanted(), limit=100)
    assert {hidden, closed, seen} & {row.case_id for row in listed.rows} == {seen}
    due = await list_deadlines(desk.ledger, limit=100)
    assert {hidden, closed, seen} & {row.case_id for row in due.rows} == {seen}
    assert await test_clocks.read(desk.ledger, clock) is None
    clocks, _ = await test_clocks.list_clocks(desk.ledger, limit=100)
    assert {clock, other} & {one.id for one in clocks} == {other}
    for stopping in (test_clocks.freeze, test_clocks.unfreeze):
        assert await stopping(desk.ledger, clock, WHO) is None

    assert [row["type"] for row in await stored(superuser, hidden)] == ["filed"]
    assert await superuser.fetchval("SELECT count(*) FROM subject_keys WHERE case_id = $1", hidden) == 2
    assert (await audited()).findings == ()
    again = await desk.ask(replace(filing, test_clock=other))
    assert again.problem is None, "what it held reserved is free"


@pytest.mark.parametrize("viewer", [EVERYTHING, Viewer(desk=False), Viewer(merchants=("m-1",), desk=False)])
async def test_the_feed_goes_on_telling_what_a_deleted_clock_hides_to_whom_it_was_told(
    desk: Desk, scheduler: Ledger, viewer: Viewer
) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    other = await desk.filed(a_filing(clock=clock, respondent=Party(role="merchant", id="m-9")))
    while (await tick(scheduler)).more:
        pass

    async def told() -> list[CaseId]:
        async with desk.ledger.connection() as connection:
            page = await reader.read(connection, desk.ledger.vault, 0, viewer=viewer, types=None, limit=1_000)
        return [one.recorded.case_id for one in page.told]

    before = await told()
    assert (case_id in before, other in before) == (True, viewer.merchants is None)
    await test_clocks.delete(desk.ledger, clock, WHO)
    assert await told() == before


async def test_a_filing_sent_again_to_a_deleted_clock_finds_nothing(desk: Desk) -> None:
    clock = await desk.clock()
    filing = a_filing(clock=clock)
    await desk.filed(filing, key="once")
    await test_clocks.delete(desk.ledger, clock, WHO)
    for command in (filing, replace(filing, test_clock=None), a_filing(clock=clock)):
        step = await desk.ask(command, key="once")
        assert step.problem is not None
        assert step.problem.code == "not_found"
    unknown = await desk.ask(a_filing(clock=clock))
    assert unknown.problem is not None
    assert [fault.pointer for fault in unknown.problem.errors] == ["/test_clock"]


async def test_the_audit_finds_what_is_listed_of_a_deleted_clock(
    desk: Desk, superuser: asyncpg.Connection, audited: Audited
) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    lists = ("cases", "deadlines")
    were = [await superuser.fetchval(f"SELECT t::text FROM {one} t WHERE case_id = $1", case_id) for one in lists]  # noqa: S608
    await test_clocks.delete(desk.ledger, clock, WHO)
    for table, row in zip(lists, were, strict=True):
        await superuser.execute(f"INSERT INTO {table} SELECT ($${row}$$::{table}).*")
        assert [one.what for one in (await audited(case_id)).findings] == [
            "its test clock was deleted, and it is still listed"
        ]
        await superuser.execute(f"DELETE FROM {table} WHERE case_id = $1", case_id)  # noqa: S608
        assert (await audited(case_id)).findings == ()


async def test_a_rebuild_lists_nothing_of_a_deleted_clock(
    desk: Desk, superuser: asyncpg.Connection, module_database: Database, audited: Audited
) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await test_clocks.delete(desk.ledger, clock, WHO)
    done = await rebuild(module_database.owner, master_key=MASTER_KEY)
    assert (done.refused, done.differences) == (None, ())
    for table in ("cases", "deadlines"):
        assert not await superuser.fetchval(f"SELECT count(*) FROM {table} WHERE case_id = $1", case_id)  # noqa: S608
    assert (await audited()).findings == ()


class Turmoil:
    """A test clock to which everything is done at the same time, until it is deleted."""

    def __init__(self, desk: Desk, clock: UUID, cases: list[CaseId], chance: random.Random) -> None:
        self.desk, self.clock, self.cases, self.chance = desk, clock, cases, chance
        self.deleted = asyncio.Event()

    async def moves(self) -> None:
        for _ in range(12):
            found = await test_clocks.read(self.desk.ledger, self.clock)
            if found is None:
                return
            to = Instant.of(found.at + HOUR * self.chance.randint(1, 20))
            try:
                await test_clocks.advance(self.desk.ledger, found, to)
            except Frozen:
                await test_clocks.unfreeze(self.desk.ledger, self.clock, WHO)

    async def stops(self) -> None:
        for _ in range(4):
            await asyncio.sleep(self.chance.random() / 20)
            await test_clocks.freeze(self.desk.ledger, self.clock, WHO)
            await test_clocks.unfreeze(self.desk.ledger, self.clock, WHO)
        await test_clocks.delete(self.desk.ledger, self.clock, WHO)
        self.deleted.set()

    async def fires(self) -> None:
        for _ in range(200):
            if self.deleted.is_set():
                return
            await fire(self.desk.ledger, CLAIM_CLOCKED, limit=3)

    async def asks(self) -> None:
        for number in range(12):
            await self.desk.ask(examples.EVIDENCE, self.cases[number % len(self.cases)])
            found = await test_clocks.read(self.desk.ledger, self.clock)
            step = await self.desk.ask(a_filing(clock=self.clock, at=found.at if found else examples.NOON))
            assert step.problem is None or step.problem.code in ("invalid", "not_found", "busy"), step.problem


async def test_whatever_happens_to_a_clock_at_once_it_ends_as_one_after_the_other(
    desk: Desk, superuser: asyncpg.Connection, audited: Audited
) -> None:
    """Advanced, frozen, unfrozen, fired, filed under, posted to and in the end deleted, all at the same time."""
    for number in range(3):
        clock = await desk.clock()
        cases = [await desk.filed(a_filing(clock=clock)) for _ in range(4)]
        one = Turmoil(desk, clock, cases, random.Random(number))
        await asyncio.gather(one.moves(), one.moves(), one.stops(), one.fires(), one.fires(), one.asks())
        written = await superuser.fetchval("SELECT count(*) FROM events")
        assert await desk.fire_clocked() == []
        assert await superuser.fetchval("SELECT count(*) FROM events") == written, "nothing of it moves any more"
        for table in ("cases", "deadlines"):
            assert not await superuser.fetchval(f"SELECT count(*) FROM {table} WHERE test_clock = $1", clock)  # noqa: S608
    assert (await audited()).findings == ()


async def test_the_app_s_login_removes_no_case_but_by_deleting_its_clock(desk: Desk) -> None:
    live = await desk.filed()
    async with desk.ledger.connection() as connection:
        for refused in ("DELETE FROM cases", "UPDATE test_clocks SET deleted_at = now()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
        assert not await connection.fetchval("SELECT delete_test_clock($1)", live)
    assert await read_case(desk.ledger, live) is not None


def test_live_cases_pay_nothing_for_what_test_clocks_need() -> None:
    for live, clocked in ((APPEND_FILINGS, APPEND_FILINGS_CLOCKED), (APPEND_STEPS, APPEND_STEPS_CLOCKED)):
        assert "clock_stands" in clocked
        assert not {"clock_stands", "stood_at", "fires"} & set(re.findall(r"\w+", live))
