"""A ledger that holds what this release cannot read is refused, in words; one that held nothing of it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger import policy_book
from case_events.ledger.codec import WRITTEN
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.readable import Unreadable, holds_newer, refuse_other_key, refuse_unreadable
from case_events.ledger.sealing import Vault
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk

NEWER = """
INSERT INTO events SELECT gen_random_uuid(), 1, event_id, $1, $2, occurred_at, effective_at, recorded_at, who, agent,
    client, correlation, causation, asked, payload, payload_hash, hash FROM events WHERE type = 'filed' LIMIT 1
"""
"""What another release wrote, as far as this one looks at it."""


@pytest_asyncio.fixture
async def opened(database: Database) -> AsyncIterator[Ledger]:
    """A ledger of its own through the API's login, with a case in it."""
    opened = await open_ledger(database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with opened.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    await Desk(opened).filed()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def sequencer(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


async def refused(ledger: Ledger) -> str:
    """Why a release would not start on it; nothing when it would."""
    async with ledger.connection() as connection:
        try:
            await refuse_unreadable(connection)
        except Unreadable as newer:
            return str(newer)
        return ""


async def test_events_of_a_newer_release_are_refused_whether_they_are_numbered_yet_or_not(
    opened: Ledger, sequencer: Ledger, owner: asyncpg.Connection
) -> None:
    assert await refused(opened) == "", "nothing was ever numbered, and all of it can be read"
    await tick(sequencer)
    assert await refused(opened) == ""
    await owner.execute(NEWER, "telepathy", 1)
    await owner.execute(NEWER, "filed", WRITTEN["filed"] + 1)
    case_id = await owner.fetchval("SELECT case_id FROM events WHERE type = 'telepathy'")
    for numbered in (False, True):
        assert await holds_newer(opened) is numbered
        said = await refused(opened)
        assert f"telepathy in schema version 1, as in case {case_id} version 1, and this one does not know it" in said
        assert f"this one reads it up to version {WRITTEN['filed']}" in said
        assert "Start the release that wrote it, or a newer one" in said
        assert await refused(sequencer) == said
        await tick(sequencer)


async def test_a_ledger_whose_texts_another_master_key_has_sealed_is_refused(
    opened: Ledger, owner: asyncpg.Connection
) -> None:
    other = Vault(bytes(32))
    async with opened.connection() as connection:
        await refuse_other_key(connection, opened.vault)
        with pytest.raises(Unreadable, match="the master key is another than the one"):
            await refuse_other_key(connection, other)
        await owner.execute("UPDATE subject_keys SET wrapped = NULL, erased_at = now() WHERE side = 'complainant'")
        with pytest.raises(Unreadable, match="respondent's"):
            await refuse_other_key(connection, other)
        await owner.execute("UPDATE subject_keys SET wrapped = NULL, erased_at = now()")
        await refuse_other_key(connection, other)  # there is nothing left that it would have to open


async def test_an_event_that_was_in_flight_at_the_last_tick_is_not_overlooked(
    database: Database, opened: Ledger, sequencer: Ledger, owner: asyncpg.Connection
) -> None:
    await tick(sequencer)
    slow = await asyncpg.connect(database.superuser)
    try:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(NEWER, "telepathy", 1)
        for _ in range(2):
            await Desk(opened).filed()
            await tick(sequencer)
        assert await refused(opened) == "", "what is not committed is not there"
        await transaction.commit()
    finally:
        await slow.close()
    naive = "SELECT count(*) FROM events WHERE tx >= (SELECT pg_snapshot_xmax(snapshot) FROM feed_state)"
    assert await owner.fetchval(naive) == 0, "a look from where the last tick ended would miss it"
    assert "telepathy" in await refused(opened)


async def test_where_transaction_ids_mean_nothing_every_event_is_looked_at(
    opened: Ledger, sequencer: Ledger, owner: asyncpg.Connection
) -> None:
    await owner.execute(NEWER, "telepathy", 1)
    await tick(sequencer)
    await owner.execute("DELETE FROM event_kinds WHERE type = 'telepathy'")
    assert await refused(opened) == "", "what is numbered is known by its kind alone"
    await owner.execute("UPDATE feed_state SET cluster = cluster + 1")
    assert "telepathy" in await refused(opened)


async def test_a_kept_policy_that_cannot_be_read_or_reads_otherwise_is_refused(
    opened: Ledger, owner: asyncpg.Connection
) -> None:
    text = await owner.fetchval("SELECT text FROM policies")
    put = "UPDATE policies SET text = $1"
    for changed, said in (
        (text + '\n[telepathy]\nwithin = "P1D"\n', "policy taobao@2026.1 cannot be read"),
        (text.replace("open_period = { hours = 48 }", "open_period = { hours = 47 }"), "was kept with digest"),
        ("not TOML", "not TOML"),
    ):
        assert changed != text
        await owner.execute(put, changed)
        assert said in await refused(opened)
    await owner.execute(put, text + "\n# a comment changes nothing\n")
    assert await refused(opened) == ""
