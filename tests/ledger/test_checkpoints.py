"""Checkpoints: what is signed of the feed, what is proved from it, and what the audit finds of it.

Here a kept node is over two of the level below and not over 256, so that a small feed has a tree of many levels.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.ledger.audit import log
from case_events.ledger.audit.audit import Done, examine, plan, verify
from case_events.ledger.audit.chosen import Selection
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed.reader import read
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.proving import checkpoints, nodes
from case_events.ledger.proving.checkpoints import Checkpoint, Contradicted, continuation, following, inclusions, take
from case_events.ledger.proving.nodes import Missing, roots
from case_events.ledger.sealing import Vault
from case_events.proof import note
from case_events.proof.note import Root
from case_events.proof.tree import Span, continues, includes, leaf, over
from tests import examples
from tests.ledger.desk import Desk
from tests.ledger.tampering import tampered

FEED = 1_000
"""More positions than there are here."""


@pytest.fixture(scope="module", autouse=True)
def _narrow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodes, "BITS", 1)
        patch.setattr(log, "BITS", 1)
        patch.setattr(log, "BEYOND", log.BEYOND.replace(">> 8 *", ">> 1 *"))
        yield


@pytest_asyncio.fixture
async def connection(scheduler: Ledger) -> AsyncIterator[Connection]:
    async with scheduler.connection() as one:
        yield one


@pytest_asyncio.fixture(scope="module")
async def taken(desk: Desk, scheduler: Ledger) -> list[Checkpoint]:
    """Checkpoints of a feed that grew in between by five events of three cases."""
    found = list[Checkpoint]()
    async with scheduler.connection() as connection:
        assert await take(connection, scheduler.vault) is None, "nothing is in the feed yet"
        for _ in range(7):
            await desk.post(await desk.filed(), examples.REFUSE)
            await desk.filed()
            await desk.filed()
            await tick(scheduler)
            one = await take(connection, scheduler.vault)
            assert one is not None
            found.append(one)
        assert await take(connection, scheduler.vault) is None, "nothing was added"
    return found


@pytest_asyncio.fixture(scope="module")
async def leaves(ledger: Ledger, taken: list[Checkpoint]) -> list[bytes]:
    """The leaves, from what the feed gives to everybody."""
    async with ledger.connection() as connection:
        told = (await read(connection, ledger.vault, 0, limit=FEED)).told
    assert [one.position for one in told] == list(range(1, taken[-1].size + 1))
    return [leaf(one.hash) for one in told]


async def test_a_checkpoint_says_signed_what_the_feed_gives_to_everybody(
    scheduler: Ledger, taken: list[Checkpoint], leaves: list[bytes]
) -> None:
    for one in taken:
        root = over(leaves[: one.size])
        assert one.root == root.hex()
        assert note.read(one.note, scheduler.vault.verifying) == Root(size=one.size, root=root)
    assert [one.taken_at for one in taken] == sorted({one.taken_at for one in taken})


async def test_every_position_is_proved_from_every_checkpoint_after_it(
    connection: Connection, taken: list[Checkpoint], leaves: list[bytes]
) -> None:
    for one in taken:
        paths = await inclusions(connection, one.size, range(FEED))
        assert sorted(paths) == list(range(1, one.size + 1)), "of those beyond there is no proof"
        for position, path in paths.items():
            assert includes(bytes.fromhex(one.root), one.size, position - 1, leaves[position - 1], path)


async def test_every_checkpoint_is_proved_to_go_on_from_every_one_before(
    connection: Connection, taken: list[Checkpoint]
) -> None:
    for after in taken:
        for before in taken[: taken.index(after) + 1]:
            path = await continuation(connection, before.size, after.size)
            roots_ = bytes.fromhex(before.root), bytes.fromhex(after.root)
            assert continues(roots_[0], before.size, roots_[1], after.size, path)


async def test_a_long_feed_is_logged_in_steps(
    desk: Desk, scheduler: Ledger, taken: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "STEP", 2)
    for _ in range(5):
        await desk.filed()
    await tick(scheduler)
    sizes = list[int]()
    async with scheduler.connection() as connection:
        while one := await take(connection, scheduler.vault):
            sizes.append(one.size)
    assert sizes == [taken[-1].size + added for added in (2, 4, 5)]


async def test_the_record_and_its_log_are_clean(ledger: Ledger, taken: list[Checkpoint]) -> None:
    verdict = await verify(ledger)
    assert (verdict.findings, verdict.positions >= taken[-1].size) == ((), True)


async def found(ledger: Ledger, *kept: Checkpoint) -> list[str]:
    """What the audit of the feed finds, its positions before the words."""
    async with ledger.connection() as connection:
        pieces = (await plan(connection, Selection(cases=()), Done(), compared=True)).pieces
        verdicts = [await examine(connection, one, Selection(cases=()), ledger.vault, kept) for one in pieces]
    return [f"{finding.position}: {finding.what}" for verdict in verdicts for finding in verdict.findings]


def computed_anew(position: int) -> str:
    event = f"(SELECT case_id, version FROM feed WHERE position = {position})"  # noqa: S608
    return f"UPDATE events SET hash = sha256(hash) WHERE (case_id, version) = {event}"  # noqa: S608


async def test_an_event_that_was_computed_anew_is_found_by_the_node_over_it(
    ledger: Ledger, superuser: asyncpg.Connection, taken: list[Checkpoint]
) -> None:
    async with tampered(superuser, computed_anew(3)):
        assert await found(ledger) == ["3: the tree's node over positions 3 to 4 is not the one that the events make"]


async def test_an_event_that_has_no_node_over_it_yet_is_found_by_the_checkpoint_after_it(
    ledger: Ledger, superuser: asyncpg.Connection, taken: list[Checkpoint]
) -> None:
    one = taken[0]
    async with tampered(superuser, computed_anew(one.size)):
        assert f"{one.size}: {said_of(one)}" in await found(ledger)


def said_of(one: Checkpoint) -> str:
    was = f"positions 1 to {one.size} of the feed are not what they were when a checkpoint was taken"
    return f"checkpoint of {one.size}, {one.taken_at.rfc3339()}: {was}"


async def test_whoever_makes_the_nodes_and_the_checkpoints_anew_is_found_by_one_that_was_kept_outside(
    ledger: Ledger, superuser: asyncpg.Connection, taken: list[Checkpoint]
) -> None:
    """All that is in the database agrees; the master key was theirs, too."""
    async with tampered(superuser, computed_anew(3)):
        for table in ("tree_nodes", "checkpoints"):
            await superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await superuser.execute(f"DELETE FROM {table}")  # noqa: S608
        assert await take(superuser, ledger.vault) is not None
        assert await found(ledger) == []
        told = await found(ledger, *taken)
        assert len(told) == len(taken)
        assert all("are not what they were when a checkpoint was taken" in one for one in told)
        with pytest.raises(Contradicted, match="does not go on from this one"):
            async with ledger.connection() as connection:
                await following(connection, Root(size=taken[-1].size, root=bytes.fromhex(taken[-1].root)))


@pytest.mark.parametrize(
    ("tampering", "what"),
    [
        (
            "UPDATE tree_nodes SET hash = sha256(hash) WHERE level = 2 AND index = 1",
            "5: the tree's node over positions 5 to 8 is not the one that the events make",
        ),
        (
            "DELETE FROM tree_nodes WHERE level = 1 AND index = 2",
            "5: the tree's node over positions 5 to 6 is missing",
        ),
        (
            "INSERT INTO tree_nodes (level, index, hash) SELECT 1, 400, hash FROM tree_nodes LIMIT 1",
            "801: the tree has a node that no checkpoint is over",
        ),
        (
            "UPDATE checkpoints SET root = sha256(root) WHERE size = 5",
            "positions 1 to 5 of the feed are not what they were when a checkpoint was taken",
        ),
        (
            "UPDATE checkpoints SET note = 'none' WHERE size = 5",
            "the checkpoint was not signed under this master key",
        ),
        (
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 10) WHERE size = 5",
            "the checkpoint's note says something else than the checkpoint",
        ),
        (
            "UPDATE checkpoints SET size = 4 WHERE size = 5",
            "the checkpoint's note says something else than the checkpoint",
        ),
        (
            "UPDATE feed_state SET head = 4 WHERE lane = 0",
            "the feed ends at position 4, before the checkpoint",
        ),
    ],
)
async def test_what_was_changed_of_the_log_is_found(
    ledger: Ledger, superuser: asyncpg.Connection, taken: list[Checkpoint], tampering: str, what: str
) -> None:
    assert taken[0].size == 5
    async with tampered(superuser, tampering):
        told = await found(ledger)
    assert any(one.endswith(what) for one in told), told
    assert await found(ledger) == []


async def test_none_is_signed_once_the_record_contradicts_the_last(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection, taken: list[Checkpoint]
) -> None:
    await desk.filed()
    await tick(scheduler)
    head = await superuser.fetchval("SELECT max(head) FROM feed_state")
    last = await superuser.fetchval("SELECT max(size) FROM checkpoints")
    assert head == last + 1
    for tampering, why in (
        ("UPDATE tree_nodes SET hash = sha256(hash) WHERE level = 5 AND index = 0", "another root than its checkpoint"),
        (f"UPDATE feed_state SET head = {last - 1} WHERE lane = 0", f"ends at position {last - 1}"),  # noqa: S608
    ):
        async with tampered(superuser, tampering), scheduler.connection() as connection:
            with pytest.raises(Contradicted, match=why):
                await take(connection, scheduler.vault)
    gap = f"DELETE FROM feed WHERE position = {head}"  # noqa: S608
    async with tampered(superuser, gap), scheduler.connection() as connection:
        with pytest.raises(Missing, match=f"position {head} of the feed is missing"):
            await take(connection, scheduler.vault)
    assert await superuser.fetchval("SELECT max(size) FROM checkpoints") == last
    async with scheduler.connection() as connection:
        assert (await take(connection, scheduler.vault)) is not None, "put right, it goes on"


async def test_a_checkpoint_of_another_master_key_is_found(ledger: Ledger, taken: list[Checkpoint]) -> None:
    stranger = Vault(bytes(32))
    theirs = note.signed(Root(size=5, root=bytes.fromhex(taken[0].root)), stranger.verifying, stranger.sign)
    told = await found(ledger, replace(taken[0], note=theirs))
    assert [one.rpartition(": ")[2] for one in told] == ["the checkpoint was not signed under this master key"]


async def test_the_api_may_read_the_log_and_not_write_it(ledger: Ledger, taken: list[Checkpoint]) -> None:
    async with ledger.connection() as connection:
        assert await roots(connection, [Span(0, taken[0].size)]) == (bytes.fromhex(taken[0].root),)
        for table in ("tree_nodes", "checkpoints"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")  # noqa: S608


async def test_nodes_are_over_256_where_nobody_says_otherwise() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodes, "BITS", 8)
        assert nodes.runs(Span(0, 65_536 + 512 + 3)) == [
            (2, 0, 1),
            (1, 256, 258),
            (0, 66_048, 66_050),
            (0, 66_050, 66_051),
        ]
