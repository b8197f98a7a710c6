"""Two who want the same turn: seeing that the second waits for the first."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

WAITING = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
LOOKS_MAX = 200


async def waits(superuser: asyncpg.Connection, task: asyncio.Task[Any]) -> None:
    """Until somebody in this database waits for a turn, or the task has ended without."""
    for _ in range(LOOKS_MAX):
        if task.done() or await superuser.fetchval(WAITING):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits, and nobody is done")
