"""Acceptance 6 and 7: a retry gets the first answer, whatever version it names; one key never means two things.

Controls: the version looked at before the key, which refuses a retry of what was done; and keys compared without
what was asked under them, which tells somebody that what was never recorded is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from case_events.core import gates
from case_events.core.values import CaseId, Problem
from case_events.ledger import steps
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.judging import Judged, judge
from case_events.ledger.sealing import Vault
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, asking, contents, stored

LOOKS_MAX = 500
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"


async def test_a_retry_that_names_the_version_it_had_read_gets_the_first_answer_and_writes_nothing(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    first = await desk.post(case_id, examples.EVIDENCE, key="proof", if_match=1)
    await desk.post(case_id, examples.REFUSE)
    before = await contents(superuser)
    again = await desk.ask(examples.EVIDENCE, case_id, key="proof", if_match=1)
    assert (again.problem, again.replayed) == (None, True)
    assert (again.answer, again.case) == (first.answer, first.case)
    assert await contents(superuser) == before
    refused = _version_first(await _judged(desk, case_id, key="proof", if_match=1))
    assert refused is not None, "the control: the version before the key"
    assert refused.code == "stale"


async def test_who_hung_up_before_the_answer_and_asks_again_gets_it(
    desk: Desk, superuser: asyncpg.Connection, module_database: Database
) -> None:
    case_id = await desk.filed()
    holder = await asyncpg.connect(module_database.superuser)
    async with holder.transaction():
        await holder.execute("LOCK TABLE events IN SHARE MODE")  # the step is judged, and waits to be written
        asked = asyncio.create_task(desk.ask(examples.EVIDENCE, case_id, key="proof", if_match=1))
        await _until(superuser, WAITING, module_database.name)
        asked.cancel()
    await holder.close()
    await _until(superuser, "SELECT count(*) FROM events WHERE case_id = $1 AND version = 2", case_id)
    again = await desk.ask(examples.EVIDENCE, case_id, key="proof", if_match=1)
    assert asked.cancelled(), "nobody heard the answer"
    assert (again.problem, again.replayed) == (None, True)
    assert [row["event_id"] for row in await stored(superuser, case_id)][1:] == [again.answer[0].event_id]


async def _until(superuser: asyncpg.Connection, counted: str, about: object) -> None:
    for _ in range(LOOKS_MAX):
        if await superuser.fetchval(counted, about):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{counted}: never")


async def test_a_key_under_which_something_else_was_asked_is_refused_and_nothing_is_written(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    await desk.post(case_id, examples.EVIDENCE, key="k")
    before = await contents(superuser)
    for other in (examples.REFUSE, examples.WITHDRAW):
        step = await desk.ask(other, case_id, key="k")
        assert step.problem is not None
        assert step.problem.code == "id_reused"
    assert await contents(superuser) == before


async def test_a_ledger_that_compares_keys_alone_says_that_what_was_never_recorded_is_done(
    careless: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await careless.filed()
    await careless.post(case_id, examples.EVIDENCE, key="k")
    wrongly = await careless.ask(examples.REFUSE, case_id, key="k")
    assert (wrongly.problem, wrongly.replayed) == (None, True)
    assert "merchant_replied" not in {row["type"] for row in await stored(superuser, case_id)}


class _Incurious(Vault):
    """To which all that is asked under one key is the same."""

    def asked(self, body: bytes) -> bytes:  # noqa: ARG002 - so it is
        return super().asked(b"")


@pytest_asyncio.fixture
async def careless(module_database: Database, ledger: Ledger) -> AsyncIterator[Desk]:
    """The same ledger, but for what it keeps of what was asked."""
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=ledger.calendar)
    opened.vault = _Incurious(MASTER_KEY)
    yield Desk(opened)
    await opened.close()


async def _judged(desk: Desk, case_id: CaseId, *, key: str, if_match: int) -> Judged:
    request = steps.request_of(asking(examples.EVIDENCE, case_id, key=key, if_match=if_match), desk.ledger.vault)
    async with desk.ledger.connection() as connection:
        (judged,) = await judge(desk.ledger, connection, [request])
    return judged


def _version_first(judged: Judged) -> Problem | None:
    """What the very same request is told where the version is looked at before the key."""
    assert judged.loaded is not None, "the case is there"
    return gates.stale(judged.request.if_match, judged.loaded.history) or judged.step.problem
