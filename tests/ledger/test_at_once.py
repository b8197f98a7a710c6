"""Many who ask at once: no step is lost, none is done twice, and everybody is answered alike."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from case_events.ledger import steps
from case_events.ledger.connection import teach
from case_events.ledger.database import LOCK_S, Ledger, open_ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.judging import judge
from case_events.ledger.reserving import reservation
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, asking, stored


async def test_twenty_who_post_to_one_case_at_once_are_all_recorded(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    steps_taken = await asyncio.gather(
        *(desk.post(case_id, examples.EVIDENCE, key=f"evidence {number}") for number in range(20))
    )
    rows = await stored(superuser, case_id)
    assert [row["version"] for row in rows] == list(range(1, 22))
    assert {row["event_id"] for row in rows[1:]} == {step.answer[0].event_id for step in steps_taken}
    assert sorted(step.answer[0].version for step in steps_taken) == list(range(2, 22))


@pytest_asyncio.fixture(scope="module")
async def neighbour(module_database: Database, ledger: Ledger) -> AsyncIterator[Desk]:
    """Another process's desk at the same ledger."""
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=ledger.calendar)
    yield Desk(opened)
    await opened.close()


async def test_one_key_sent_ten_times_at_once_records_one_event_and_answers_alike(
    desk: Desk, neighbour: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    asked = [at.post(case_id, examples.REFUSE, key="k") for at in (desk, neighbour) for _ in range(5)]
    steps_taken = await asyncio.gather(*asked)
    assert [row["type"] for row in await stored(superuser, case_id)] == [
        "filed",
        "merchant_replied",
        "intervention_requested",
    ]
    assert Counter(step.replayed for step in steps_taken) == {True: 9, False: 1}
    assert all((step.answer, step.case) == (steps_taken[0].answer, steps_taken[0].case) for step in steps_taken)


async def test_one_filing_sent_ten_times_at_once_opens_one_case(
    desk: Desk, neighbour: Desk, superuser: asyncpg.Connection
) -> None:
    filing = a_filing()
    assert filing.order is not None
    asked = [at.ask(filing, key="k") for at in (desk, neighbour) for _ in range(5)]
    steps_taken = await asyncio.gather(*asked)
    assert all(step.problem is None for step in steps_taken)
    assert all((step.answer, step.case) == (steps_taken[0].answer, steps_taken[0].case) for step in steps_taken)
    assert Counter(step.replayed for step in steps_taken) == {True: 9, False: 1}
    opened = await superuser.fetch("SELECT case_id FROM cases WHERE order_id = $1", filing.order.order_id)
    assert [row["case_id"] for row in opened] == [steps_taken[0].case_id]
    for table, rows in {"streams": 1, "events": 1, "open_complaints": 1, "subject_keys": 2}.items():
        counted = f"SELECT count(*) FROM {table} WHERE case_id = $1"  # noqa: S608
        assert await superuser.fetchval(counted, steps_taken[0].case_id) == rows, table


async def test_what_the_server_takes_for_a_transactions_isolation_loses_nobody_their_step(
    desk: Desk, module_database: Database, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    said = f"ALTER DATABASE {module_database.name} {{}} default_transaction_isolation"
    await superuser.execute(f"{said.format('SET')} = 'serializable'")
    begun = [await open_ledger(module_database.app, master_key=MASTER_KEY) for _ in range(8)]
    try:
        steps_taken = await asyncio.gather(
            *(Desk(begun[n % 8]).post(case_id, examples.EVIDENCE, key=f"evidence {n}") for n in range(40))
        )
    finally:
        await superuser.execute(said.format("RESET"))
        await asyncio.gather(*(one.close() for one in begun))
    assert sorted(step.answer[0].version for step in steps_taken) == list(range(2, 42))


async def test_a_filing_whose_twin_was_recorded_while_it_looked_is_a_replay_and_no_second_complaint(
    desk: Desk, module_database: Database, superuser: asyncpg.Connection
) -> None:
    filing = asking(a_filing(), key="twin")
    request = steps.request_of(filing, desk.ledger.vault)
    async with desk.ledger.connection() as connection:
        (judged,) = await judge(desk.ledger, connection, [request])
    first = judged.step
    faster = await asyncpg.connect(module_database.superuser)
    await teach(faster)
    async with faster.transaction():
        await faster.execute("LOCK TABLE open_complaints IN ACCESS EXCLUSIVE MODE")
        twin = asyncio.create_task(steps.submit(desk.ledger, filing))
        await until_it_waits(superuser)
        keys = desk.ledger.vault.new_keys(request.case_id)
        assert await steps.commit(faster, [(first, bytes(32), keys)], desk.ledger.vault) == {request.case_id}
    await faster.close()
    step = await twin
    assert (step.problem, step.replayed, step.answer) == (None, True, first.answer)


async def until_it_waits(superuser: asyncpg.Connection) -> None:
    """Until somebody stands at the lock on the open complaints."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'open_complaints'::regclass"
    for _ in range(300):
        if await superuser.fetchval(waiting):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came to the lock")


async def test_who_files_what_somebody_has_not_finished_filing_holds_nobody_up(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    contested, other = a_filing(), await desk.filed()
    unfinished = superuser.transaction()
    await unfinished.start()
    # As the dry run of an import does, for as long as its file lasts.
    reserve = "INSERT INTO open_complaints (reservation, case_id) VALUES ($1, $2)"
    await superuser.execute(reserve, reservation(contested, desk.ledger.vault), uuid7())
    began = time.monotonic()
    theirs = asyncio.create_task(desk.ask(contested))
    steps_taken = await asyncio.gather(desk.post(other, examples.EVIDENCE), *(desk.ask(a_filing()) for _ in range(5)))
    assert time.monotonic() - began < LOCK_S / 2
    assert [step.problem for step in steps_taken] == [None] * 6
    problem = (await theirs).problem
    assert problem is not None
    assert problem.code == "busy"
    await unfinished.rollback()
    assert (await desk.ask(contested)).problem is None


async def test_of_two_filings_of_one_complaint_at_once_one_is_told_where_the_other_is(
    desk: Desk, neighbour: Desk, superuser: asyncpg.Connection
) -> None:
    filing = a_filing()
    assert filing.order is not None
    opened, refused = sorted(
        await asyncio.gather(desk.ask(filing), neighbour.ask(filing)), key=lambda step: step.problem is not None
    )
    assert opened.problem is None
    assert refused.problem is not None
    assert (refused.problem.code, refused.problem.location) == ("already_open", f"/v1/cases/{opened.case_id}")
    opened_cases = await superuser.fetch("SELECT case_id FROM cases WHERE order_id = $1", filing.order.order_id)
    assert [row["case_id"] for row in opened_cases] == [opened.case_id]
