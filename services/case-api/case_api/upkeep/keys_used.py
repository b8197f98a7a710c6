"""When keys were last used, noted once a minute and beside the requests, never on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

import asyncpg
import structlog

from case_events.ledger.callers.changing import USED_MAX, note_used
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger

NOTED_S = 60.0
NOT_NOW: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)
"""Postgres is away, or not migrated yet: what was used is noted when it is there."""

log = structlog.get_logger("case_api.keys")


@asynccontextmanager
async def noted(ledger: Ledger, used: set[str]) -> AsyncIterator[None]:
    """The keys in ``used`` are noted and taken out of it each minute, and when the block ends."""
    noting = asyncio.create_task(_keep(ledger, used), name="keys used")
    try:
        yield
    finally:
        noting.cancel()
        await asyncio.wait([noting])
        await note(ledger, used)


async def _keep(ledger: Ledger, used: set[str]) -> None:
    while True:
        await asyncio.sleep(NOTED_S)
        await note(ledger, used)


async def note(ledger: Ledger, used: set[str]) -> None:
    """Note these now, ``USED_MAX`` at most; where that cannot be, they stay in ``used`` for the next time."""
    some = list(islice(used, USED_MAX))
    if not some:
        return
    used.difference_update(some)
    try:
        async with ledger.connection() as connection:
            await note_used(connection, some)
    except NOT_NOW as error:
        used.update(some)
        log.warning("uses_not_noted", error=type(error).__name__)
    except Exception as error:
        used.update(some)
        log.exception("uses_not_noted", error=type(error).__name__)
