"""Many real disputes for the schedulers: filed through the write path under a policy whose windows pass in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.values import Instant
from case_events.ledger import policy_book
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.steps import Asking, submit
from tests.examples import BUYER, FILING, order_that_succeeded, taobao_text
from tests.scheduler.fleet import MASTER_KEY

AT_ONCE = 8


def rush_policy(seconds: int) -> str:
    """Taobao's rules for a marketplace of their own, with a reply window of so many seconds."""
    text = taobao_text()
    for old, new in {
        'name = "taobao"': 'name = "rush"',
        'marketplace = "taobao"': 'marketplace = "rush"',
        "open_period = { hours = 48 }": f"open_period = {{ seconds = {seconds} }}",
        "final_period = { hours = 24 }": "final_period = { seconds = 1 }",
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def rush_ledger(url: str, seconds: int) -> AsyncIterator[Ledger]:
    """The API's ledger, with the rush policy kept."""
    ledger = await open_ledger(url, master_key=MASTER_KEY, pool_size=AT_ONCE)
    try:
        async with ledger.connection() as connection:
            await policy_book.keep(connection, rush_policy(seconds))
        yield ledger
    finally:
        await ledger.close()


async def file_many(ledger: Ledger, count: int) -> list[UUID]:
    """File so many complaints, each about an order of its own; their case ids."""
    yesterday = Instant.of(datetime.now(UTC) - timedelta(days=1))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> UUID:
        order = replace(order_that_succeeded(yesterday), order_id=f"R{number}")
        command: File = replace(FILING, marketplace="rush", order=order)
        async with gate:
            step = await submit(ledger, Asking(command=command, actor=BUYER, client="test", key=f"file-{number}"))
        assert step.problem is None, step.problem
        return step.case_id

    return await asyncio.gather(*(one(number) for number in range(count)))
