"""A checkpoint that was kept outside finds whatever was changed before it, even by who computed every hash anew."""

from __future__ import annotations

import hashlib

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger.audit.checkpoints import NOTHING, Checkpoint, differing, take
from case_events.ledger.database import Ledger
from case_events.ledger.feed.reader import read
from case_events.ledger.feed.sequencing import tick
from tests import examples
from tests.ledger.desk import Desk
from tests.ledger.tampering import tampered

AWAY = 1_000_000


@pytest_asyncio.fixture(scope="module")
async def case_id(desk: Desk, scheduler: Ledger) -> CaseId:
    """A case with a reply, all of it in the feed."""
    made = await desk.filed()
    await desk.post(made, examples.REFUSE)
    await tick(scheduler)
    return made


@pytest_asyncio.fixture(scope="module")
async def kept(ledger: Ledger, desk: Desk, scheduler: Ledger, case_id: CaseId) -> tuple[Checkpoint, ...]:
    """Two checkpoints, with events of another case between them."""
    async with ledger.connection() as connection:
        first = await take(connection, None)
        assert first is not None
        assert await take(connection, first) is None, "nothing was added since"
        await desk.post(await desk.filed(), examples.REFUSE)
        await tick(scheduler)
        second = await take(connection, first)
        assert second is not None
        assert second.position > first.position >= 2
        assert second.taken_at > first.taken_at
    return first, second


async def found(ledger: Ledger, kept: tuple[Checkpoint, ...]) -> list[int | None]:
    """Where each finding begins."""
    async with ledger.connection() as connection:
        return [one.position for one in await differing(connection, kept)]


async def test_it_is_computed_from_what_the_feed_gives_to_everybody(
    ledger: Ledger, kept: tuple[Checkpoint, ...]
) -> None:
    async with ledger.connection() as connection:
        page = await read(connection, ledger.vault, 0, limit=1_000)
    digest, after = bytes.fromhex(NOTHING), 0
    for one in kept:
        hashes = [told.hash for told in page.told if after < told.position <= one.position]
        digest, after = hashlib.sha256(digest + b"".join(hashes)).digest(), one.position
        assert digest.hex() == one.digest


async def test_what_was_only_added_to_is_as_it_was(
    ledger: Ledger, desk: Desk, scheduler: Ledger, kept: tuple[Checkpoint, ...]
) -> None:
    assert await found(ledger, kept) == []
    await desk.filed()
    await tick(scheduler)
    assert await found(ledger, kept) == []


@pytest.mark.parametrize("stretch", [0, 1])
async def test_another_hash_is_found_in_the_stretch_it_is_in(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Checkpoint, ...], stretch: int
) -> None:
    last = kept[stretch].position
    event = f"(SELECT case_id, version FROM feed WHERE position = {last})"  # noqa: S608
    begins = [1, kept[0].position + 1][stretch]
    anew = f"UPDATE events SET hash = sha256(hash) WHERE (case_id, version) = {event}"  # noqa: S608
    async with tampered(superuser, anew):
        assert await found(ledger, kept) == [begins]


async def test_an_end_that_was_cut_off_is_found_and_no_checkpoint_is_taken_of_it(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Checkpoint, ...]
) -> None:
    left = kept[1].position - 1
    async with tampered(superuser, f"UPDATE feed_state SET head = {left} WHERE lane = 0"):  # noqa: S608
        assert await found(ledger, kept) == [kept[0].position + 1]
        async with ledger.connection() as connection:
            with pytest.raises(ValueError, match=f"ends at position {left}, and there is a checkpoint of"):
                await take(connection, kept[1])


async def test_positions_that_were_exchanged_between_cases_are_found(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Checkpoint, ...]
) -> None:
    """No audit without a checkpoint finds it."""
    one, other = kept[0].position, kept[1].position
    away = f"UPDATE feed SET position = position + {AWAY} WHERE position IN ({one}, {other})"  # noqa: S608
    back = f"UPDATE feed SET position = {one + other + AWAY} - position WHERE position > {AWAY}"  # noqa: S608
    async with tampered(superuser, away, back, changes=2):
        assert await found(ledger, kept) == [1, one + 1]


async def test_none_is_taken_of_a_feed_with_a_gap(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Checkpoint, ...]
) -> None:
    async with tampered(superuser, f"DELETE FROM feed WHERE position = {kept[1].position}"):  # noqa: S608
        async with ledger.connection() as connection:
            with pytest.raises(ValueError, match="are not all there"):
                await take(connection, kept[0])
        assert await found(ledger, kept) == [kept[0].position + 1]
