"""Group commit: what goes wrong for one of a batch goes wrong for that one alone, and nobody waits for ever.

What is asked at once, with nothing else under way, goes in one batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.plan import Step
from case_events.core.values import CaseId, Party
from case_events.ledger import database as opening
from case_events.ledger import steps
from case_events.ledger.connection import UNAVAILABLE, teach
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.judging import judge
from case_events.ledger.sealing import BrokenSeal
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, asking, stored

NEIGHBOURS = 5
LOOKS_MAX = 500
PATIENCE_S = 1
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
TXS = "SELECT count(DISTINCT tx) FROM events WHERE case_id = ANY($1) AND version = 2"
CURSE = """
CREATE FUNCTION cursed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.case_id = '%s' THEN RAISE 'cursed'; END IF; RETURN NEW; END $$
"""

Told = list[Step | BaseException]
Holding = Callable[[CaseId], AbstractAsyncContextManager[asyncpg.Connection]]
Stopped = Callable[[], AbstractAsyncContextManager[None]]


@pytest_asyncio.fixture
async def holding(module_database: Database, superuser: asyncpg.Connection) -> AsyncIterator[Holding]:
    """Somebody who holds the row of a stream from when it is waited for, or at once, until a block ends."""
    holder = await asyncpg.connect(module_database.superuser)
    await teach(holder)

    @asynccontextmanager
    async def hold(case_id: CaseId) -> AsyncIterator[asyncpg.Connection]:
        async with holder.transaction():
            await holder.execute("SELECT FROM streams WHERE case_id = $1 FOR UPDATE", case_id)
            yield holder

    yield hold
    await holder.close()


@pytest_asyncio.fixture
async def stopped(module_database: Database) -> AsyncIterator[Stopped]:
    """Nothing is written until a block ends: what was judged waits in the middle of its batch."""
    holder = await asyncpg.connect(module_database.superuser)

    @asynccontextmanager
    async def stop() -> AsyncIterator[None]:
        async with holder.transaction():
            await holder.execute("LOCK TABLE events IN SHARE MODE")
            yield

    yield stop
    await holder.close()


async def until_waited_for(superuser: asyncpg.Connection, database: Database) -> None:
    for _ in range(LOOKS_MAX):
        if await superuser.fetchval(WAITING, database.name):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came to the lock")


async def filed(desk: Desk, count: int = NEIGHBOURS) -> list[CaseId]:
    return [await desk.filed() for _ in range(count)]


def proving(desk: Desk, cases: Iterable[CaseId]) -> list[asyncio.Task[Step]]:
    """Evidence for each of the cases, asked at once."""
    return [asyncio.create_task(desk.ask(examples.EVIDENCE, case_id, key="proof")) for case_id in cases]


async def told(asked: Iterable[asyncio.Task[Step]]) -> Told:
    return await asyncio.gather(*asked, return_exceptions=True)


async def all_recorded(superuser: asyncpg.Connection, cases: list[CaseId], answers: Told) -> None:
    """Each of these was answered as if nobody else had been there, and stands in the record once."""
    for case_id, step in zip(cases, answers, strict=True):
        assert isinstance(step, Step), step
        assert (step.problem, step.replayed) == (None, False)
        rows = await stored(superuser, case_id)
        assert [row["event_id"] for row in rows[1:]] == [one.event_id for one in step.answer]


async def test_the_refused_the_stale_the_stranger_and_the_retry_share_a_transaction_with_those_who_succeed(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    cases, odd = await filed(desk), await filed(desk, 4)
    first = await desk.post(odd[3], examples.EVIDENCE, key="again")
    strange = (
        desk.ask(examples.APPEAL, odd[0]),
        desk.ask(examples.EVIDENCE, odd[1], if_match=7),
        desk.ask(examples.EVIDENCE, odd[2], actor=Party(role="buyer", id="somebody-else")),
        desk.ask(examples.EVIDENCE, UUID(int=7)),
        desk.ask(examples.EVIDENCE, odd[3], key="again"),
    )
    *refused, again, _ = await asyncio.gather(*strange, told(asked := proving(desk, cases)))
    codes = [step.problem and step.problem.code for step in refused]
    assert codes == ["not_allowed_now", "stale", "forbidden", "not_found"]
    assert (again.problem, again.replayed, again.answer) == (None, True, first.answer)
    await all_recorded(superuser, cases, [task.result() for task in asked])
    assert await superuser.fetchval(TXS, cases) == 1, "they went together"
    assert [len(await stored(superuser, case_id)) for case_id in odd] == [1, 1, 1, 2]


async def test_a_case_that_moved_on_is_judged_again_and_its_neighbours_are_not(
    desk: Desk, superuser: asyncpg.Connection, module_database: Database, holding: Holding
) -> None:
    moving, *cases = await filed(desk, 1 + NEIGHBOURS)
    request = steps.request_of(asking(examples.REFUSE, moving), desk.ledger.vault)
    async with desk.ledger.connection() as connection:
        (faster,) = await judge(desk.ledger, connection, [request])
    assert faster.loaded is not None
    async with holding(moving) as elsewhere:
        asked = proving(desk, [moving, *cases])
        await until_waited_for(superuser, module_database)
        writing = (faster.step, faster.loaded.head, faster.loaded.keys)
        assert await steps.commit(elsewhere, [writing], desk.ledger.vault) == {moving}
    first, *others = await told(asked)
    await all_recorded(superuser, cases, others)
    assert await superuser.fetchval(TXS, cases) == 1, "they went together"
    assert isinstance(first, Step)
    assert first.problem is None
    types = [row["type"] for row in await stored(superuser, moving)]
    assert types == ["filed", "merchant_replied", "intervention_requested", "evidence_submitted"]


async def test_a_case_whose_seal_is_broken_keeps_nobody_else_from_being_recorded(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    broken, *cases = await filed(desk, 1 + NEIGHBOURS)
    changed = "UPDATE subject_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE case_id = $1"
    await superuser.execute(changed, broken)
    first, *others = await told(proving(desk, [broken, *cases]))
    assert isinstance(first, BrokenSeal)
    await all_recorded(superuser, cases, others)
    assert len(await stored(superuser, broken)) == 1


async def test_a_case_the_database_refuses_keeps_nobody_else_from_being_recorded(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    cursed, *cases = await filed(desk, 1 + NEIGHBOURS)
    await superuser.execute(CURSE % cursed)
    await superuser.execute("CREATE TRIGGER cursed BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION cursed()")
    try:
        first, *others = await told(proving(desk, [cursed, *cases]))
    finally:
        await superuser.execute("DROP FUNCTION cursed CASCADE")
    assert isinstance(first, asyncpg.RaiseError)
    await all_recorded(superuser, cases, others)
    assert len(await stored(superuser, cursed)) == 1


async def test_who_hangs_up_before_a_batch_or_in_the_middle_of_one_takes_nobody_along(
    desk: Desk, superuser: asyncpg.Connection, module_database: Database, stopped: Stopped
) -> None:
    early, late, *cases = await filed(desk, 2 + NEIGHBOURS)
    async with stopped():
        asked = proving(desk, [early, late, *cases])
        await asyncio.sleep(0)  # each stands in the queue, and the batch has not begun
        asked[0].cancel()
        await until_waited_for(superuser, module_database)
        asked[1].cancel()
    gone, *others = (await told(asked))[1:]
    assert isinstance(gone, asyncio.CancelledError)
    await all_recorded(superuser, cases, others)
    again = [await desk.post(case_id, examples.EVIDENCE, key="proof") for case_id in (early, late)]
    assert [step.replayed for step in again] == [False, True], "the one was never begun, the other recorded unheard"
    assert [len(await stored(superuser, case_id)) for case_id in (early, late)] == [2, 2]


async def test_nobody_waits_longer_than_a_statement_may_take_and_what_was_waited_for_is_recorded_once(
    module_database: Database,
    ledger: Ledger,
    superuser: asyncpg.Connection,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "COMMAND_TIMEOUT_S", PATIENCE_S)
    hasty = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=ledger.calendar)
    desk = Desk(hasty)
    held, *cases = await filed(desk, 1 + NEIGHBOURS)
    async with holding(held):
        asked_at = time.monotonic()
        first, *others = await told(proving(desk, [held, *cases]))
        assert time.monotonic() - asked_at < 3 * PATIENCE_S
        assert isinstance(first, UNAVAILABLE) or (isinstance(first, Step) and first.problem is not None)
        assert all(isinstance(one, Step) and one.problem is None for one in others), "no neighbour waits with it"
    again = await told(proving(desk, [held, *cases]))
    assert [one.problem for one in again if isinstance(one, Step)] == [None] * (1 + NEIGHBOURS)
    assert {len(await stored(superuser, case_id)) for case_id in (held, *cases)} == {2}
    await hasty.close()


async def test_who_loses_every_race_takes_its_turn_and_is_told_to_come_back_when_it_does_not_come(
    desk: Desk, superuser: asyncpg.Connection, holding: Holding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "TURN_LASTS", "SELECT set_config('lock_timeout', '300ms', true)")
    monkeypatch.setattr(steps, "QUEUE_S", 0.1)
    held, free = await filed(desk, 2)
    async with holding(held):
        more = opening.TURNS_MAX + 2
        asked = [desk.ask(examples.EVIDENCE, held, key=f"proof {number}") for number in range(more)]
        said, other = await asyncio.gather(asyncio.gather(*asked), desk.ask(examples.EVIDENCE, free))
        assert [step.problem and step.problem.code for step in said] == ["busy"] * more
        assert other.problem is None
    assert len(await stored(superuser, held)) == 1
    assert not desk.ledger.turns.locked(), "every turn was given back"


async def test_a_turn_is_waited_for_and_the_step_is_judged_on_what_was_recorded_meanwhile(
    desk: Desk, superuser: asyncpg.Connection, module_database: Database, holding: Holding
) -> None:
    (case_id,) = await filed(desk, 1)
    async with holding(case_id):
        asked = asyncio.create_task(desk.ask(examples.EVIDENCE, case_id))
        await until_waited_for(superuser, module_database)
    step = await asked
    assert (step.problem, step.answer[0].version) == (None, 2)
