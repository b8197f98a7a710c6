"""Readiness says that the feed is missing while events wait for their positions and nobody gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest_asyncio

from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import tick
from tests.api.conftest import MASTER_KEY
from tests.api.house import House
from tests.conftest import Database
from tests.ledger.desk import now
from tests.ledger.recording import record


@pytest_asyncio.fixture(scope="module")
async def sequencer(prepared: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(prepared.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def writer(prepared: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(prepared.app)
    await teach(connection)
    yield connection
    await connection.close()


async def said(house: House) -> tuple[bool, Any]:
    """Whether the feed is missing, and its head."""
    answer = await house.caller(None).get("/readyz")
    assert answer.status_code == 200, "a feed that stands still stops no request"
    return "feed" in answer.json()["missing"], answer.json()["feed_head"]


async def test_a_feed_that_stands_still_while_events_wait_is_missing(
    house: House, sequencer: Ledger, writer: asyncpg.Connection
) -> None:
    a_while_ago = now() - timedelta(seconds=11)
    assert await said(house) == (False, 0), "nothing waits"
    await record(writer, uuid4(), 1, at=a_while_ago)
    assert await said(house) == (True, 0), "there never was a tick"
    await tick(sequencer)
    assert await said(house) == (False, 1)
    await record(writer, uuid4(), 1, at=a_while_ago)
    assert await said(house) == (False, 1), "the last tick was just now: the next may be under way"
    await _as_if_it_ticked(house, ago="11 seconds")
    assert await said(house) == (True, 1)
    await tick(sequencer)
    await _as_if_it_ticked(house, ago="1 hour")
    assert await said(house) == (False, 2), "nothing waits, since an hour"
    await record(writer, uuid4(), 1)
    assert await said(house) == (False, 2), "what waits was recorded just now"


async def _as_if_it_ticked(house: House, ago: str) -> None:
    superuser = await asyncpg.connect(house.database.superuser)
    await superuser.execute(f"UPDATE feed_state SET ticked_at = clock_timestamp() - interval '{ago}'")  # noqa: S608
    await superuser.close()
