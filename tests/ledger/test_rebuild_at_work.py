"""A rebuild while everybody works: no step is lost or refused for it, and killed at any time it has changed nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from datetime import timedelta

import asyncpg
import pytest

from case_events.core.values import Instant
from case_events.ledger.audit.audit import verify
from case_events.ledger.clock import firing
from case_events.ledger.clock.claims import CLAIM_CLOCKED, CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import Ledger
from case_events.ledger.lists.due_list import list_deadlines
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.rebuild import rebuilding, switching
from case_events.ledger.rebuild.building import connect
from case_events.ledger.rebuild.rebuilding import Rebuilt, rebuild
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, contents

REBUILDS = 1
WRITERS = 8
STEPS_MAX = 2_000
WAITED_S_MAX = 2.0
"""How long a step may take at the most, on a machine that others use; alone it is a tenth of that."""
SETTLED_S = 10.0


async def rebuilt(database: Database) -> Rebuilt:
    return await rebuild(database.owner, master_key=MASTER_KEY)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what stands in the way is noticed in a moment."""
    for name, value in {
        "ATTEMPTS_MAX": 2,
        "PAUSE_S": 0.01,
        "WRITERS_MS": 50,
        "READERS_MS": 50,
        "OLDER_S": 0.05,
    }.items():
        monkeypatch.setattr(switching, name, value)


async def test_steps_timeouts_and_lists_go_on_while_the_tables_are_rebuilt_and_switched(
    module_database: Database, ledger: Ledger, scheduler: Ledger, desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    silent = [await desk.filed(a_filing(clock=clock)) for _ in range(20)]
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=12)))
    over = asyncio.Event()
    waited_s, written = [0.0], [len(silent)]

    async def write() -> None:
        for _ in range(STEPS_MAX):
            if over.is_set():
                return
            began = time.monotonic()
            case_id = await desk.filed()
            step = await desk.post(case_id, examples.EVIDENCE)
            waited_s[0] = max(waited_s[0], time.monotonic() - began)
            written[0] += 1 + len(step.events)

    async def fire_slowly() -> int:
        fired = 0
        while not over.is_set():
            await fire(scheduler, CLAIM_LIVE)
            fired += (await fire(scheduler, CLAIM_CLOCKED)).events
            await asyncio.sleep(0.01)
        return fired

    async def read() -> int:
        pages = 0
        while not over.is_set():
            for wanted in (Wanted(), Wanted(status="waiting_for_merchant", merchant_id="m-1")):
                assert (await list_cases(ledger, wanted, limit=50)).rows
            assert (await list_deadlines(ledger, kind="response", limit=50)).rows
            pages += 3
        return pages

    fires, reading = asyncio.create_task(fire_slowly()), asyncio.create_task(read())
    writing = [asyncio.create_task(write()) for _ in range(WRITERS)]
    done = [await rebuilt(module_database) for _ in range(REBUILDS)]
    over.set()
    await asyncio.gather(*writing)
    fired, pages = await fires, await reading
    fired += sum(one.events for one in await Desk(scheduler).fire_clocked())
    assert [(one.refused, one.differences) for one in done] == [(None, ())] * REBUILDS
    assert all(one.writers_waited_s is not None and one.writers_waited_s < 1 for one in done), done
    assert waited_s[0] < WAITED_S_MAX
    assert (written[0] > 100, fired >= len(silent), pages > 10) == (True, True, True)
    assert await superuser.fetchval("SELECT count(*) FROM events") == written[0] + fired
    assert (await verify(ledger)).findings == ()


@pytest.mark.parametrize("caught_up_last", [True, False])
async def test_a_step_at_the_last_moment_is_in_the_new_tables_because_it_is_caught_up_under_the_lock(
    module_database: Database, ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch, caught_up_last: bool
) -> None:
    case_id = await desk.filed()
    catch_up = rebuilding._Copy.catch_up

    async def and_a_step_more(copy: rebuilding._Copy) -> None:
        await catch_up(copy)
        await desk.post(case_id, examples.EVIDENCE)

    async def nothing(_: rebuilding._Copy) -> None:
        """The broken variant."""

    monkeypatch.setattr(rebuilding._Copy, "catch_up", and_a_step_more)
    if not caught_up_last:
        monkeypatch.setattr(rebuilding._Copy, "last", nothing)
    assert (await rebuilt(module_database)).refused is None
    monkeypatch.undo()
    found = (await verify(ledger)).findings
    assert {one.case_id for one in found} == (set() if caught_up_last else {case_id})
    assert len((await rebuilt(module_database)).differences) == (not caught_up_last)
    assert (await verify(ledger)).findings == ()


async def test_a_snapshot_from_before_the_switch_finds_every_row_after_it(
    module_database: Database, desk: Desk, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.filed()
    reader = await asyncpg.connect(module_database.app)

    async def seen_by_a_reader() -> tuple[int, int, Rebuilt]:
        async with reader.transaction(isolation="repeatable_read", readonly=True):
            before = await reader.fetchval("SELECT count(*) FROM streams")
            done = await rebuilt(module_database)
            return before, await reader.fetchval("SELECT count(*) FROM cases"), done

    try:
        before, after, done = await seen_by_a_reader()
        assert before == after > 0
        assert done.refused is not None
        assert f"process {reader.get_server_pid()}" in done.refused
        assert (await rebuilt(module_database)).refused is None, "the reader has ended now"

        async def let_nobody_go(*_: object) -> None:
            """The broken variant."""

        monkeypatch.setattr(switching, "_let_older_go", let_nobody_go)
        before, after, _ = await seen_by_a_reader()
        assert (before > 0, after) == (True, 0), "the new table was filled after its snapshot"
    finally:
        await reader.close()


async def test_who_holds_the_tables_is_waited_for_only_so_long_and_meanwhile_everybody_works(
    module_database: Database, desk: Desk, superuser: asyncpg.Connection, impatient: None
) -> None:
    before = await contents(superuser)
    holder = await connect(module_database.app)
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM cases LIMIT 1")
            refused = (await rebuilt(module_database)).refused
            assert refused is not None
            assert "2 attempts" in refused
            assert await contents(superuser) == before
            await desk.filed()
    finally:
        await holder.close()
    assert (await rebuilt(module_database)).refused is None


@pytest.mark.parametrize("in_turn", [True, False])
async def test_a_scheduler_that_comes_while_writers_stand_still_waits_with_them_and_holds_nothing(
    module_database: Database,
    scheduler: Ledger,
    desk: Desk,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    in_turn: bool,
) -> None:
    clock = await desk.clock()
    await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=12)))
    last, fires = rebuilding._Copy.last, list[asyncio.Task[object]]()

    async def and_a_scheduler(copy: rebuilding._Copy) -> None:
        fires.append(asyncio.create_task(fire(scheduler, CLAIM_CLOCKED)))
        await asyncio.sleep(0.2)
        await last(copy)

    monkeypatch.setattr(rebuilding._Copy, "last", and_a_scheduler)
    if not in_turn:  # it claims deadlines, and waits for streams with them in its hands
        monkeypatch.setattr(firing, "IN_TURN", "SELECT 1")
    switched = (await rebuilt(module_database)).refused is None
    attempts = len(fires)
    await asyncio.gather(*fires)
    assert (switched and attempts == 1) == in_turn
    monkeypatch.undo()
    await Desk(scheduler).fire_clocked()


REBUILDER = """
import asyncio, os, signal, sys
from case_events.ledger.rebuild import building
from case_events.ledger.rebuild import rebuilding
from case_events.ledger.rebuild import shadows

url, key, where, jobs = sys.argv[1:]
building.SLICE = 10
swap = shadows.swap

async def swap_and_die(connection):
    await swap(connection)
    os.kill(os.getpid(), signal.SIGKILL)

def tell(phase, done, whole):
    if phase == where and done == (1 if phase == "building" else 0):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    if where == "swapped":  # and not yet committed
        shadows.swap = swap_and_die
    asyncio.run(rebuilding.rebuild(url, master_key=bytes.fromhex(key), jobs=int(jobs), tell=tell))
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caselog-rebuild'"


@pytest.mark.parametrize(("where", "jobs"), [("building", 2), ("swapped", 1)])
async def test_killed_at_any_time_it_has_changed_nothing_and_the_next_one_begins_anew(
    module_database: Database, ledger: Ledger, desk: Desk, superuser: asyncpg.Connection, where: str, jobs: int
) -> None:
    for _ in range(2):
        await desk.filed()
    before = await contents(superuser)
    command = (sys.executable, "-c", REBUILDER, module_database.owner, MASTER_KEY.hex(), where, str(jobs))
    child = await asyncio.create_subprocess_exec(*command)
    assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
    until = time.monotonic() + SETTLED_S
    while await superuser.fetchval(SESSIONS) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    assert await superuser.fetchval(SESSIONS) == 0, "its workers end with it"
    assert await contents(superuser) == before
    assert (await verify(ledger)).findings == ()
    await desk.filed()
    again = await rebuilt(module_database)
    assert (again.refused, again.differences) == (None, ())
