"""Who reads while others do shares their round trip, and each reads what there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.evolve import fold
from case_events.core.values import CaseId
from case_events.ledger import batches, store
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.load_statement import LOAD
from case_events.ledger.queries import read_case
from case_events.ledger.recent import Recent
from case_events.ledger.store import load
from tests import examples
from tests.ledger.desk import Desk, a_filing, one_of_each
from tests.ledger.tampering import unreadable


@pytest.fixture
def together(ledger: Ledger) -> Iterator[list[int]]:
    """How many read together, each time."""
    sizes: list[int] = []
    ledger.readings.told = sizes.append
    yield sizes
    ledger.readings.told = None


@pytest.mark.parametrize("remembers", [True, False], ids=["remembering", "remembering nothing"])
async def test_who_reads_at_once_reads_together_what_each_would_alone(
    ledger: Ledger, desk: Desk, together: list[int], monkeypatch: pytest.MonkeyPatch, *, remembers: bool
) -> None:
    monkeypatch.setattr(ledger, "recent", Recent() if remembers else None)
    cases = [*(await one_of_each(desk)).values()]
    alone = {case_id: await read_case(ledger, case_id) for case_id in cases}
    together.clear()
    asked = [*cases, uuid7(), *cases]
    for case_id, found in zip(asked, await asyncio.gather(*(read_case(ledger, one) for one in asked)), strict=True):
        expected = alone.get(case_id)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert replace(found, now=expected.now) == expected
            assert found.case == fold(found.history)
    assert sum(together) == len(asked)
    assert len(together) < len(asked) / 3


async def test_the_same_case_is_read_by_many_at_once(ledger: Ledger, desk: Desk, together: list[int]) -> None:
    case_id = await desk.filed()
    found = await asyncio.gather(*(read_case(ledger, case_id) for _ in range(batches.SHARE_MIN)))
    assert all(one is not None and one.case.case_id == case_id for one in found)
    assert together == [batches.SHARE_MIN]


async def test_what_was_posted_is_read_whoever_else_is_reading(ledger: Ledger, desk: Desk) -> None:
    case_id, ended = await desk.filed(), False

    async def keeps_reading() -> None:
        for _ in range(10_000):
            if ended:
                return
            await read_case(ledger, case_id)

    others = [asyncio.create_task(keeps_reading()) for _ in range(5)]
    for _ in range(20):
        step = await desk.post(case_id, examples.EVIDENCE)
        found = await read_case(ledger, case_id)
        assert found is not None
        assert step.case is not None
        assert found.case.version >= step.case.version
    ended = True
    await asyncio.gather(*others)


async def test_a_case_that_cannot_be_read_is_its_readers_trouble_alone(
    ledger: Ledger, desk: Desk, superuser: asyncpg.Connection
) -> None:
    cases = [await desk.filed(a_filing()) for _ in range(5)]
    async with unreadable(superuser, cases[2], 1):
        found = await asyncio.gather(*(read_case(ledger, one) for one in cases), return_exceptions=True)
    assert isinstance(found.pop(2), UnknownEvent)
    assert all(one is not None and not isinstance(one, BaseException) for one in found)


async def test_when_too_many_read_who_comes_is_told_to_come_back(
    ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await desk.filed()
    monkeypatch.setattr(batches, "WAITING_MAX", 0)
    with pytest.raises(UNAVAILABLE):
        await read_case(ledger, case_id)


async def test_while_many_events_are_opened_others_have_their_turn(
    ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await desk.filed(a_filing()) for _ in range(8)]
    at_once = await _turns(ledger, cases)
    monkeypatch.setattr(store, "TURN_EVENTS", 0)
    assert await _turns(ledger, cases) >= at_once + len(cases) - 2


async def _turns(ledger: Ledger, cases: list[CaseId]) -> int:
    """How often the loop goes round after Postgres has answered, until the cases are loaded."""
    async with ledger.connection() as connection:
        rows = await connection.fetch(LOAD, cases, [None] * len(cases), [None] * len(cases))

    class Answered:
        """A connection on which the answer is there already."""

        async def fetch(self, *_: object) -> list[asyncpg.Record]:
            return rows

    turns = 0
    loading = asyncio.create_task(load(Answered(), cases, ledger.vault))  # type: ignore[arg-type]
    while not loading.done():
        turns += 1
        await asyncio.sleep(0)
    assert len(await loading) == len(cases)
    return turns
