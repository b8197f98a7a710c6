"""Webhooks: events a second delivered to a receiver on this machine, against httpx that posts the same bodies."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import httpx
from rich.console import Console

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.reader import read
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.webhooks.endpoints import Endpoint, Shelf
from case_events.ledger.webhooks.making import Origin, Wanted, create
from case_events.outgoing.cloudevents import cloud_event
from case_events.outgoing.form import encoded
from case_scheduler.webhooks.postman import Postman
from case_scheduler.webhooks.sending import PER_RECEIVER_MAX, Sender
from tests.bench import corpus, lives
from tests.bench.contest import Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, served
from tests.bench.load import Run, each
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

CASES = 1_000
"""Of five events each: what is delivered in a run."""
RUN_S_MAX = 300
POLL_S = 0.01
PAGE = 1_000
OURS = "the postman"
FLOOR = "floor (httpx, the same bodies)"
RECEIVER = [sys.executable, "-m", "tests.bench.taking", "{port}"]
READ = "SELECT position = head FROM subscriptions, feed_state WHERE name = $1"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Both in this process, as many requests at once, to a receiver in another that only answers."""
    async with house.database() as database:
        cases = scale.of(CASES)
        await corpus.write(database.owner, MASTER_KEY, (lives.five_events(),), cases, lives.under_another_order)
        ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY)
        while (await tick(ledger)).more:
            pass  # until all is numbered
        await database.settle()
        meter, bodies = Meter(house.postgres_pid), await _bodies(ledger)
        with served(RECEIVER, house.environment(database)) as (port, _):
            url = f"http://127.0.0.1:{port}/hooks"

            async def ours(_: int) -> Measured:
                endpoint = await _made(database, url)
                return await meter.measure(_delivered(ledger, database, endpoint, len(bodies)))

            async def floor(_: int) -> Measured:
                return await meter.measure(_posted(url, bodies))

            measured = await contest({FLOOR: floor, OURS: ours}, scale.repetitions)
        await ledger.close()
    measured.tell(console, f"webhooks, {PER_RECEIVER_MAX} at once to one receiver", "deliveries")
    return {
        "webhooks_vs_httpx": measured.rate_ratio(OURS, FLOOR),
        "webhooks_per_s": measured.rate(OURS),
        "webhooks_cpu_vs_httpx": measured.cpu_ratio(OURS, FLOOR),
        "webhooks_other_work_share": measured.other_share,
    }


async def _bodies(ledger: Ledger) -> list[bytes]:
    bodies, after = list[bytes](), 0
    async with ledger.connection() as connection:
        while True:
            page = await read(connection, ledger.vault, after, limit=PAGE)
            bodies += [encoded(cloud_event(told)) for told in page.told]
            if page.next == page.head:
                return bodies
            after = page.next


async def _made(database: Database, url: str) -> Endpoint:
    wanted = Wanted(url=url, description="", types=None, merchants=None)
    async with database.ledger() as ledger, ledger.connection() as connection, connection.transaction():
        origin = Origin(id=uuid4(), who="bench", after=0)
        endpoint, _, _ = await create(connection, ledger.vault, wanted, Shelf(client=str(origin.id)), origin)
    return endpoint


async def _delivered(ledger: Ledger, database: Database, endpoint: Endpoint, count: int) -> Run:
    """A postman comes, and goes when the endpoint has read all there is; nothing may have failed."""
    sender, stop, began = Sender(loopback=True), asyncio.Event(), time.perf_counter()
    postman = Postman(ledger, f"bench {uuid4()}", sender)
    walking = asyncio.create_task(postman.keep(stop))
    async with database.session() as session:
        async with asyncio.timeout(RUN_S_MAX):
            while not await session.fetchval(READ, endpoint.subscription):
                await asyncio.sleep(POLL_S)
        seconds = time.perf_counter() - began
        stop.set()
        await walking
        await sender.close()
        await _all_arrived(session, endpoint, count)
    return Run(count, seconds)


async def _all_arrived(session: asyncpg.Connection, endpoint: Endpoint, count: int) -> None:
    rows = await session.fetch("SELECT outcome FROM webhook_attempts WHERE endpoint = $1", endpoint.id)
    assert [row["outcome"] for row in rows] == ["delivered"] * count, "each once, and none in vain"
    await session.execute("UPDATE webhook_endpoints SET deleted_at = now() WHERE id = $1", endpoint.id)


async def _posted(url: str, bodies: Sequence[bytes]) -> Run:
    headers = {"content-type": "application/cloudevents+json"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:

        async def post(body: bytes) -> None:
            (await client.post(url, content=body)).raise_for_status()

        return await each(bodies, PER_RECEIVER_MAX, post)
