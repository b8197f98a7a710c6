"""The feed as it is read: dense, whole, in order, and of it what there is for whoever looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.platform_commands import Note
from case_events.core.values import CaseId, Party
from case_events.core.viewer import EVERYTHING, Viewer, seen
from case_events.ledger.codec import GENESIS, WRITTEN
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader, telling
from case_events.ledger.feed.reader import BeyondFeed, Page, Told
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.store import load
from tests.ledger.desk import Desk, a_filing, one_of_each, stored

GOLDEN = Path(__file__).parent.parent / "golden"
STOREFRONT = Viewer(desk=False)
PAGES_MAX = 1_000


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk, scheduler: Ledger) -> dict[str, CaseId]:
    """Cases of many courses, numbered."""
    made = await one_of_each(desk)
    made["of m-2"] = await desk.filed(a_filing(respondent=Party(role="merchant", id="m-2")))
    await number(scheduler)
    return made


async def number(scheduler: Ledger) -> None:
    while (await tick(scheduler)).more:
        pass  # until all is numbered


@pytest_asyncio.fixture
async def connection(ledger: Ledger) -> AsyncIterator[Connection]:
    async with ledger.connection() as opened:
        yield opened


async def walked(
    connection: Connection,
    ledger: Ledger,
    *,
    viewer: Viewer = EVERYTHING,
    limit: int = 7,
    types: tuple[str, ...] | None = None,
) -> list[Told]:
    """Everything there is for the viewer, page by page."""
    told, after = list[Told](), 0
    for _ in range(PAGES_MAX):
        page = await reader.read(connection, ledger.vault, after, viewer=viewer, types=types, limit=limit)
        assert len(page.told) <= limit
        assert all(after < one.position <= page.next for one in page.told)
        told += page.told
        if page.next == after:
            assert not page.told
            return told
        after = page.next
    raise AssertionError("the feed has no end")


@pytest.mark.parametrize("limit", [1, 7, 100, 1_000])
async def test_pages_of_any_size_walk_every_event_of_the_ledger_once(
    ledger: Ledger, connection: Connection, superuser: asyncpg.Connection, cases: dict[str, CaseId], limit: int
) -> None:
    told = await walked(connection, ledger, limit=limit)
    assert [one.position for one in told] == list(range(1, len(told) + 1))
    written = {(row["case_id"], row["version"]) for row in await superuser.fetch("SELECT case_id, version FROM events")}
    assert {(one.recorded.case_id, one.recorded.version) for one in told} == written
    assert len(told) == len(written)
    for case_id in cases.values():
        theirs = [one.recorded.version for one in told if one.recorded.case_id == case_id]
        assert theirs == sorted(theirs)


async def test_each_event_is_what_the_ledger_has_with_its_policy_and_its_links(
    ledger: Ledger, connection: Connection, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    told = await walked(connection, ledger)
    for case_id in cases.values():
        theirs = [one for one in told if one.recorded.case_id == case_id]
        loaded = (await load(connection, [case_id], ledger.vault))[case_id]
        assert tuple(one.recorded for one in theirs) == loaded.history
        rows = await stored(superuser, case_id)
        assert [(one.payload_hash, one.hash) for one in theirs] == [(row["payload_hash"], row["hash"]) for row in rows]
        assert [one.hash_before for one in theirs] == [GENESIS, *(row["hash"] for row in rows[:-1])]
        assert {one.policy for one in theirs} == {loaded.history[0].event.policy}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "viewer",
    [
        STOREFRONT,
        Viewer(merchants=("m-1",), desk=False),
        Viewer(merchants=("m-2",), desk=False),
        Viewer(merchants=("m-1", "m-2"), desk=False),
        Viewer(merchants=("nobody",), desk=False),
        Viewer(marketplaces=("taobao",)),
        Viewer(marketplaces=("tmall",)),
    ],
    ids=str,
)
async def test_a_viewer_is_told_what_the_projection_of_each_history_leaves(
    ledger: Ledger, connection: Connection, cases: dict[str, CaseId], viewer: Viewer
) -> None:
    everything = await walked(connection, ledger)
    histories = await load(connection, {one.recorded.case_id for one in everything}, ledger.vault)
    left = {(one.case_id, one.version): one for case in histories.values() for one in seen(case.history, viewer)}
    told = await walked(connection, ledger, viewer=viewer)
    assert {(one.recorded.case_id, one.recorded.version): one.recorded for one in told} == left
    assert [one.position for one in told] == [
        one.position for one in everything if (one.recorded.case_id, one.recorded.version) in left
    ]
    live = await reader.read_live(connection, ledger.vault, 0, viewers=(viewer, EVERYTHING), limit=1_000)
    assert live.told == {viewer: tuple(told), EVERYTHING: tuple(everything)}
    assert live.through == everything[-1].position


async def test_types_choose_events_and_change_nothing_else(
    ledger: Ledger, connection: Connection, cases: dict[str, CaseId]
) -> None:
    everything = await walked(connection, ledger)
    for viewer in (EVERYTHING, STOREFRONT):
        chosen = await walked(connection, ledger, viewer=viewer, types=("ruled", "filed"), limit=2)
        wanted = [one.position for one in everything if one.recorded.name in ("ruled", "filed")]
        assert [one.position for one in chosen] == wanted


async def test_a_rare_type_is_found_however_far_away(
    ledger: Ledger, connection: Connection, cases: dict[str, CaseId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LOOKED_AT_MAX", 3)
    page = await reader.read(connection, ledger.vault, 0, types=("ruled",), limit=10)
    assert (page.told, page.next) == ((), 3)
    after, found = 0, list[Told]()
    for _ in range(PAGES_MAX):
        page = await reader.read(connection, ledger.vault, after, types=("ruled",), limit=10)
        found += page.told
        if page.next == after:
            break
        after = page.next
    assert found == [one for one in await walked(connection, ledger) if one.recorded.name == "ruled"]


async def test_where_a_page_goes_on_does_not_tell_of_what_is_hidden(
    ledger: Ledger, scheduler: Ledger, connection: Connection, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LOOKED_AT_LEAST", 1)
    case_id = await desk.filed()
    start = await reader.head(connection)
    for note in (True, True, False, True):
        await desk.post(case_id, Note(text="n", internal=note))
    await number(scheduler)
    end = await reader.head(connection)

    async def goes_on(viewer: Viewer) -> list[int]:
        after, stops = start, list[int]()
        while after < end:
            page = await reader.read(connection, ledger.vault, after, viewer=viewer, types=("noted",), limit=1)
            stops.append(after := page.next)
        return stops

    # The filing is numbered with the notes: it comes before them.
    assert await goes_on(EVERYTHING) == [start + 2, start + 3, start + 4, start + 5]
    assert await goes_on(STOREFRONT) == [start + 4, start + 5]


async def test_a_page_behind_the_end_of_the_feed_is_refused_with_where_it_ends(
    ledger: Ledger, connection: Connection, cases: dict[str, CaseId]
) -> None:
    end = await reader.head(connection)
    page = await reader.read(connection, ledger.vault, end, limit=5)
    assert page == Page(told=(), next=end, head=end)
    for viewer in (EVERYTHING, STOREFRONT):
        with pytest.raises(BeyondFeed) as beyond:
            await reader.read(connection, ledger.vault, end + 1, viewer=viewer, limit=5)
        assert beyond.value.head == end


async def test_events_are_read_by_their_positions(
    ledger: Ledger, connection: Connection, cases: dict[str, CaseId]
) -> None:
    everything = await walked(connection, ledger)
    of_m2 = next(one for one in everything if one.recorded.case_id == cases["of m-2"])
    chosen = (everything[3], everything[1])
    positions = [one.position for one in chosen]
    assert await reader.read_at(connection, ledger.vault, positions) == ((everything[1], everything[3]), ())
    of_m1 = Viewer(merchants=("m-1",))
    assert await reader.read_at(connection, ledger.vault, [of_m2.position], viewer=of_m1) == ((), ())


@pytest.mark.parametrize("viewer", [EVERYTHING, STOREFRONT], ids=str)
@pytest.mark.parametrize(
    "hurt",
    [
        "DELETE FROM feed WHERE position = {position}",
        "DELETE FROM events WHERE (case_id, version) = ('{case_id}', {version})",
    ],
)
async def test_a_feed_with_a_hole_is_not_read_past_it(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId], viewer: Viewer, hurt: str
) -> None:
    row = await superuser.fetchrow("SELECT * FROM feed WHERE version = 2 ORDER BY position LIMIT 1")
    assert row is not None

    async def read_hurt() -> None:
        async with superuser.transaction():
            await superuser.execute("ALTER TABLE feed DISABLE TRIGGER ALL; ALTER TABLE events DISABLE TRIGGER ALL")
            await superuser.execute(hurt.format(**dict(row)))
            await reader.read(superuser, ledger.vault, row["position"] - 2, viewer=viewer, limit=10)

    with pytest.raises(AssertionError, match="behind position"):
        await read_hurt()


@pytest.mark.parametrize("version", range(1, WRITTEN["filed"] + 1))
def test_a_filing_of_any_version_pins_its_policy_where_it_is_read(version: int) -> None:
    stored_filing = (GOLDEN / "events" / f"filed.v{version}.json").read_bytes()
    assert telling.pinned(stored_filing).clause("x") == "taobao@2026.1#x"
