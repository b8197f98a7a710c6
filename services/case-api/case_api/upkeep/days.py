"""The days this process goes by, looked at when it starts and then every minute: somebody may have loaded others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from case_events.ledger.clock.calendars import REFRESH_S, refresh
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger

AGAIN_S = 2.0
"""How soon it is tried again where it could not be looked."""
NOT_YET: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.UndefinedTableError)
"""Postgres is away, or not migrated yet: until it is, nothing is judged here anyway."""

log = structlog.get_logger("case_api.days")


@asynccontextmanager
async def kept(ledger: Ledger) -> AsyncIterator[None]:
    """The ledger's calendar is what is published, as long as the block lasts."""
    looked = await _looked(ledger)
    keeping = asyncio.create_task(_keep(ledger, looked=looked), name="published days")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _keep(ledger: Ledger, *, looked: bool) -> None:
    while True:
        await asyncio.sleep(REFRESH_S if looked else AGAIN_S)
        looked = await _looked(ledger)


async def _looked(ledger: Ledger) -> bool:
    try:
        await refresh(ledger)
    except NOT_YET as error:
        log.warning("days_not_seen", error=f"{type(error).__name__}: {error}")
        return False
    except Exception as error:
        log.exception("days_not_seen", error=type(error).__name__)
        return False
    return True
