"""What a reader of the feed hears of an event that cannot be read: where, which, and why; and who does not mind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest_asyncio
from httpx import AsyncClient

from case_events.ledger.database import Ledger
from tests.api.house import REFUSE, House, filed, post
from tests.api.listening import listener, number, sequencer
from tests.ledger.tampering import unreadable


@pytest_asyncio.fixture(scope="module")
async def numbering(house: House) -> AsyncIterator[Ledger]:
    async with sequencer(house.database) as opened:
        yield opened


@pytest_asyncio.fixture
async def superuser(house: House) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(house.database.superuser)
    yield connection
    await connection.close()


async def test_pages_tell_what_comes_before_it_and_then_refuse_by_its_name(
    house: House, storefront: AsyncClient, numbering: Ledger, superuser: asyncpg.Connection
) -> None:
    ops, case = house.caller("ops"), await filed(storefront)
    await number(numbering)
    before = (await ops.get("/v1/events?limit=1000")).json()["next"]
    await filed(storefront)
    broken = await filed(storefront)
    at = await number(numbering)
    change = "UPDATE subject_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE case_id = $1"
    await superuser.execute(change, UUID(broken["case_id"]))
    try:
        page = (await ops.get(f"/v1/events?after={before}")).json()
        assert [item["position"] for item in page["items"]] == [page["next"]] == [at - 1]
        refused = await ops.get(f"/v1/events?after={page['next']}")
        assert (refused.status_code, refused.json()["code"]) == (500, "internal")
        assert f"position {at} (version 1 of case {broken['case_id']}) cannot be read" in refused.json()["detail"]
        assert (await ops.get(f"/v1/cases/{case['case_id']}")).status_code == 200
    finally:
        await superuser.execute(change, UUID(broken["case_id"]))
    assert len((await ops.get(f"/v1/events?after={page['next']}")).json()["items"]) == 1


async def test_a_stream_ends_before_it_and_says_so_and_one_it_is_not_for_goes_on(
    house: House, storefront: AsyncClient, numbering: Ledger, superuser: asyncpg.Connection
) -> None:
    case: dict[str, Any] = await filed(storefront)
    at = await number(numbering)
    async with (
        listener(house.app, after=str(at)) as everything,
        listener(house.app, after=str(at), types="filed") as filings,
    ):
        await post(storefront, case, REFUSE)
        async with unreadable(superuser, UUID(case["case_id"]), 2):
            end = await number(numbering)
            await everything.end()
            assert (everything.positions, everything.last_id) == ([], at)
            assert f"the event at position {at + 1} (version 2 of case {case['case_id']})" in everything.comments[-1]
            assert everything.comments[-1].endswith(f"go on after {at}")
            async with listener(house.app, last_id=at) as back:
                await back.end()
                assert back.status == 503
                assert f"position {at + 1} ".encode() in back.body
            await filed(storefront)
            last = await number(numbering)
            await filings.heard(last)
            assert filings.positions == [last]
            assert end < last
        async with listener(house.app, last_id=at) as back:
            await back.heard(last)
            assert back.positions == list(range(at + 1, last + 1))
