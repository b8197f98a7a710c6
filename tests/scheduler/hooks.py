"""Endpoints, a postman and what there is to deliver, for tests of the postman in this process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from case_events.core.values import CaseId
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.webhooks import endpoints
from case_events.ledger.webhooks.endpoints import Endpoint, Shelf
from case_events.ledger.webhooks.making import Origin, Wanted, create
from case_scheduler.webhooks.postman import Postman
from case_scheduler.webhooks.sending import Sender
from case_scheduler.webhooks.walks import Retries
from tests import examples
from tests.ledger.desk import Desk

SOON_S = 30.0
POLL_S = 0.01
CLIENT = "storefront"
QUICK = Retries(after_s=(0.02,) * 6, jitter=0.1, errand_after_s=(0.01, 0.02))
WHOLE = Shelf(client=CLIENT)
_names = itertools.count(1)


async def made(api: Ledger, url: str, *, shelf: Shelf = WHOLE, **said: Any) -> tuple[Endpoint, str]:
    """An endpoint there, told everything from the beginning of the feed unless somebody says otherwise; its secret."""
    after = said.pop("after", 0)
    wanted = Wanted(url=url, description="", **({"types": None, "merchants": None} | said))
    async with api.connection() as connection, connection.transaction():
        endpoint, secret, _ = await create(
            connection, api.vault, wanted, shelf, Origin(id=uuid4(), who="test", after=after)
        )
    assert secret is not None
    return endpoint, secret


async def resumed(api: Ledger, endpoint: Endpoint) -> None:
    async with api.connection() as connection, connection.transaction():
        assert await endpoints.hold(connection, endpoint.id, WHOLE)
        assert await endpoints.resume(connection, endpoint.id, "test")


async def state_of(api: Ledger, endpoint: Endpoint) -> str:
    async with api.connection() as connection:
        found = await endpoints.read(connection, endpoint.id)
    assert found is not None
    return found.state


async def until_state(api: Ledger, endpoint: Endpoint, state: str) -> Endpoint:
    async with asyncio.timeout(SOON_S):
        while await state_of(api, endpoint) != state:
            await asyncio.sleep(POLL_S)
    async with api.connection() as connection:
        found = await endpoints.read(connection, endpoint.id)
    assert found is not None
    return found


@asynccontextmanager
async def walking(scheduler: Ledger, retries: Retries = QUICK, *, loopback: bool = True) -> AsyncIterator[Postman]:
    """A postman who walks until the block ends."""
    sender, stop = Sender(loopback=loopback), asyncio.Event()
    postman = Postman(scheduler, f"postman {next(_names)} {uuid4()}", sender, retries)
    task = asyncio.create_task(postman.keep(stop))
    try:
        yield postman
    finally:
        stop.set()
        async with asyncio.timeout(SOON_S):
            await task
        await sender.close()


async def numbered(scheduler: Ledger) -> None:
    while (await tick(scheduler)).more:
        pass  # until all is numbered


async def disputed(desk: Desk, scheduler: Ledger, cases: int, evidence: int) -> list[CaseId]:
    """So many cases, and so often evidence in each; numbered, each case's events spread over the feed."""
    made_ = [await desk.filed() for _ in range(cases)]
    for number in range(evidence):
        for case_id in made_:
            await desk.post(case_id, examples.EVIDENCE, key=f"{case_id} {number}")
    await numbered(scheduler)
    return made_


async def attempts(superuser: asyncpg.Connection, endpoint: UUID) -> list[asyncpg.Record]:
    return await superuser.fetch("SELECT * FROM webhook_attempts WHERE endpoint = $1 ORDER BY id", endpoint)


async def waiting_count(superuser: asyncpg.Connection, endpoint: UUID) -> int:
    return int(await superuser.fetchval("SELECT count(*) FROM webhook_waiting WHERE endpoint = $1", endpoint))
