"""Somebody who watches the watermark while everything dies: it goes forward only, and nothing is written before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import asyncpg

from case_events.ledger.connection import UNAVAILABLE

EVERY_S = 0.3
CONNECT_S, ASK_S = 2, 5
SHOWN = "SELECT watermark, clock_timestamp() AS at FROM clock_state WHERE watermark IS NOT NULL"
Seen = tuple[datetime, datetime]
"""A watermark, and when it was shown by the database's clock."""


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[list[Seen]]:
    """Watch until the block ends, over every crash of the server behind ``url``; what was seen, as it was."""
    seen: list[Seen] = []
    task = asyncio.create_task(_look(url, seen))
    try:
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _look(url: str, seen: list[Seen]) -> None:
    while True:  # until the block ends
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_S)
            try:
                await _keep_looking(connection, seen)
            finally:
                connection.terminate()
        except UNAVAILABLE:
            await asyncio.sleep(EVERY_S)


async def _keep_looking(connection: asyncpg.Connection, seen: list[Seen]) -> None:
    while True:  # until the server is gone
        row = await connection.fetchrow(SHOWN, timeout=ASK_S)
        if row is not None:
            seen.append((row["watermark"], row["at"]))
        await asyncio.sleep(EVERY_S)
