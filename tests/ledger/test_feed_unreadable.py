"""An event that cannot be read: nobody is led past it, and nobody whom it is not for is stopped by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId, Party
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader
from case_events.ledger.feed.reader import Page, UnreadableEvent
from case_events.ledger.feed.sequencing import tick
from tests import examples
from tests.ledger.desk import Desk, a_filing
from tests.ledger.tampering import unreadable

DESKLESS = Viewer(desk=False)
OF_M1, OF_M2 = (Viewer(merchants=(merchant,)) for merchant in ("m-1", "m-2"))


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk, scheduler: Ledger) -> tuple[CaseId, CaseId]:
    """Positions 1, 3, 5 are of the first, 2, 4, 6 of the second, which is another merchant's."""
    first = await desk.filed()
    second = await desk.filed(a_filing(respondent=Party(role="merchant", id="m-2")))
    for number in range(2):
        for case_id in (first, second):
            await desk.post(case_id, examples.EVIDENCE, key=f"{case_id} {number}")
    await tick(scheduler)
    return first, second


@pytest_asyncio.fixture
async def connection(ledger: Ledger) -> AsyncIterator[Connection]:
    async with ledger.connection() as opened:
        yield opened


@pytest_asyncio.fixture
async def broken(superuser: asyncpg.Connection, cases: tuple[CaseId, CaseId]) -> AsyncIterator[CaseId]:
    """The event at position 3, the second of the first case, cannot be read."""
    async with unreadable(superuser, cases[0], 2):
        yield cases[0]


def positions(page: Page) -> list[int]:
    return [one.position for one in page.told]


async def test_a_page_ends_before_it_and_the_next_one_names_it(
    ledger: Ledger, connection: Connection, broken: CaseId
) -> None:
    page = await reader.read(connection, ledger.vault, 0, limit=100)
    assert (positions(page), page.next, page.head) == ([1, 2], 2, 6)
    with pytest.raises(UnreadableEvent, match=rf"position 3 \(version 2 of case {broken}\).*telepathy") as refused:
        await reader.read(connection, ledger.vault, 2, limit=100)
    assert (refused.value.position, refused.value.case_id, refused.value.version) == (3, broken, 2)
    assert positions(await reader.read(connection, ledger.vault, 3, limit=100)) == [4, 5, 6]
    told, unread = await reader.read_at(connection, ledger.vault, (2, 3, 4))
    assert ([one.position for one in told], [one.position for one in unread]) == ([2, 4], [3])


async def test_who_is_not_shown_all_of_a_case_is_told_nothing_of_one_that_cannot_be_read_whole(
    ledger: Ledger, connection: Connection, broken: CaseId
) -> None:
    with pytest.raises(UnreadableEvent, match="position 1 "):
        await reader.read(connection, ledger.vault, 0, viewer=DESKLESS, limit=100)
    page = await reader.read(connection, ledger.vault, 1, viewer=DESKLESS, limit=100)
    assert (positions(page), page.next) == ([2], 2)


async def test_whom_it_is_not_for_reads_on(ledger: Ledger, connection: Connection, broken: CaseId) -> None:
    assert positions(await reader.read(connection, ledger.vault, 0, viewer=OF_M2, limit=100)) == [2, 4, 6]
    with pytest.raises(UnreadableEvent):
        await reader.read(connection, ledger.vault, 0, viewer=OF_M1, limit=100)
    filed = await reader.read(connection, ledger.vault, 0, types=("filed",), limit=100)
    assert positions(filed) == [1, 2]


async def test_chosen_positions_are_told_and_those_that_cannot_be_read_are_named(
    ledger: Ledger, connection: Connection, broken: CaseId
) -> None:
    told, lost = await reader.read_at(connection, ledger.vault, range(1, 7))
    assert [one.position for one in told] == [1, 2, 4, 5, 6]
    assert [(one.position, one.case_id) for one in lost] == [(3, broken)]
    told, lost = await reader.read_at(connection, ledger.vault, range(1, 7), viewer=DESKLESS)
    assert [one.position for one in told] == [2, 4, 6]
    assert [one.position for one in lost] == [1, 3, 5]


async def test_what_comes_live_ends_before_it_for_all_who_listen(
    ledger: Ledger, connection: Connection, broken: CaseId
) -> None:
    live = await reader.read_live(connection, ledger.vault, 0, viewers=(EVERYTHING,), limit=100)
    assert ([one.position for one in live.told[EVERYTHING]], live.through) == ([1, 2], 2)
    for viewers in ((EVERYTHING,), (EVERYTHING, OF_M2)):
        with pytest.raises(UnreadableEvent):
            await reader.read_live(connection, ledger.vault, 2, viewers=viewers, limit=100)
    assert (await reader.read_live(connection, ledger.vault, 2, viewers=(), limit=100)).through == 6


async def test_a_filing_that_cannot_be_read_takes_its_case_along(
    ledger: Ledger, connection: Connection, superuser: asyncpg.Connection, cases: tuple[CaseId, CaseId]
) -> None:
    change = "UPDATE subject_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE case_id = $1"
    await superuser.execute(change, cases[0])
    try:
        told, lost = await reader.read_at(connection, ledger.vault, range(1, 7))
    finally:
        await superuser.execute(change, cases[0])
    assert [one.position for one in told] == [2, 4, 6]
    assert {one.why.split(":")[0] for one in lost} == {"BrokenSeal"}
