"""A digest that was kept before there was a tree still finds whatever was changed, even by who computed all anew."""

from __future__ import annotations

import hashlib

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId, Instant, Sha256
from case_events.ledger.audit.digests import NOTHING, Digest, differing
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
async def kept(ledger: Ledger, desk: Desk, scheduler: Ledger, case_id: CaseId) -> tuple[Digest, ...]:
    """Two lines as they were taken, with events of another case between them."""
    first = await digested(ledger, None)
    await desk.post(await desk.filed(), examples.REFUSE)
    await tick(scheduler)
    second = await digested(ledger, first)
    assert second.position > first.position >= 2
    return first, second


async def digested(ledger: Ledger, before: Digest | None) -> Digest:
    """The feed's digest as its definition says, from what the feed gives to everybody."""
    async with ledger.connection() as connection:
        page = await read(connection, ledger.vault, before.position if before else 0, limit=1_000)
    begun = bytes.fromhex(before.digest if before else NOTHING)
    digest = hashlib.sha256(begun + b"".join(told.hash for told in page.told)).hexdigest()
    return Digest(position=page.told[-1].position, digest=Sha256(digest), taken_at=Instant.now())


async def found(ledger: Ledger, kept: tuple[Digest, ...]) -> list[int | None]:
    """Where each finding begins."""
    async with ledger.connection() as connection:
        return [one.position for one in await differing(connection, kept)]


async def test_what_was_only_added_to_is_as_it_was(
    ledger: Ledger, desk: Desk, scheduler: Ledger, kept: tuple[Digest, ...]
) -> None:
    assert await found(ledger, kept) == []
    await desk.filed()
    await tick(scheduler)
    assert await found(ledger, kept) == []


@pytest.mark.parametrize("stretch", [0, 1])
async def test_another_hash_is_found_in_the_stretch_it_is_in(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Digest, ...], stretch: int
) -> None:
    last = kept[stretch].position
    event = f"(SELECT case_id, version FROM feed WHERE position = {last})"  # noqa: S608
    begins = [1, kept[0].position + 1][stretch]
    anew = f"UPDATE events SET hash = sha256(hash) WHERE (case_id, version) = {event}"  # noqa: S608
    async with tampered(superuser, anew):
        assert await found(ledger, kept) == [begins]


async def test_an_end_that_was_cut_off_is_found(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Digest, ...]
) -> None:
    left = kept[1].position - 1
    async with tampered(superuser, f"UPDATE feed_state SET head = {left} WHERE lane = 0"):  # noqa: S608
        assert await found(ledger, kept) == [kept[0].position + 1]


async def test_positions_that_were_exchanged_between_cases_are_found(
    ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Digest, ...]
) -> None:
    """No audit without a checkpoint finds it."""
    one, other = kept[0].position, kept[1].position
    away = f"UPDATE feed SET position = position + {AWAY} WHERE position IN ({one}, {other})"  # noqa: S608
    back = f"UPDATE feed SET position = {one + other + AWAY} - position WHERE position > {AWAY}"  # noqa: S608
    async with tampered(superuser, away, back, changes=2):
        assert await found(ledger, kept) == [1, one + 1]


async def test_a_gap_is_found(ledger: Ledger, superuser: asyncpg.Connection, kept: tuple[Digest, ...]) -> None:
    async with tampered(superuser, f"DELETE FROM feed WHERE position = {kept[1].position}"):  # noqa: S608
        assert await found(ledger, kept) == [kept[0].position + 1]
