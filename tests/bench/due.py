"""Deadlines to fire: many cases whose respondents were silent, made due a run at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from case_events.ledger.clock.firing import FOR_EVER
from case_events.ledger.database import Ledger
from case_scheduler.clock.timeouts import Sweeper
from tests.bench import corpus, lives
from tests.bench.house import MASTER_KEY, Database

WINDOW = timedelta(hours=72)
"""How long the respondent of such a case has."""
SILENT = WINDOW + timedelta(hours=1)
"""Nothing that follows from its silence is due in the hour since."""
SWEEPS_MAX = 10_000
SCHEDULER = [sys.executable, "-m", "case_scheduler"]
START_S_MAX = 60
LATER = "UPDATE deadlines SET next_try_at = 'infinity' WHERE due_at < now()"
DUE = "UPDATE deadlines SET next_try_at = due_at WHERE case_id = ANY($1)"


async def overdue_cases(database: Database, count: int, vary: corpus.Vary = lives.under_another_order) -> list[UUID]:
    """So many real cases of five events that are overdue; none of them is tried before ``make_due``."""
    cases = await corpus.write(database.owner, MASTER_KEY, (lives.five_events(SILENT),), count, vary)
    async with database.session() as session:
        await session.execute(LATER)
    await database.settle()
    return cases


async def make_due(database: Database, cases: Sequence[UUID]) -> None:
    async with database.session() as session:
        await session.execute(DUE, cases)
    await database.settle()


async def swept(ledger: Ledger, share: float = 1.0) -> int:
    """Fire all that is due with the scheduler's own sweep, in this process; how many cases."""
    fired: list[int] = []
    sweeper = Sweeper(ledger, share=share, told=lambda one: fired.append(one.written))
    for _ in range(SWEEPS_MAX):
        if not (await sweeper.sweep(lambda: False, lambda: FOR_EVER)).left:
            return sum(fired)
    raise AssertionError("still something due")


async def until_swept(database: Database) -> None:
    """Until a scheduler that was started has swept for the first time."""
    async with database.session() as session, asyncio.timeout(START_S_MAX):
        while await session.fetchval("SELECT max(swept_at) FROM schedulers") is None:
            await asyncio.sleep(0.05)
