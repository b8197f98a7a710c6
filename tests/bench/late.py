"""Lateness: how long after its legal instant a timeout is committed, while a hundred fall due every second."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from rich.console import Console

from case_events.ledger.append_statements import DUE_CHANNEL
from tests.bench import corpus, lives
from tests.bench.contest import Contest, Figures
from tests.bench.due import SCHEDULER, WINDOW, until_swept
from tests.bench.house import MASTER_KEY, Database, House, a_house, running
from tests.bench.load import Run
from tests.bench.machine import Meter
from tests.bench.scale import Scale

RATE = 100
SECONDS = 20
LEAD_S, WRITING_S = 3, 0.02
"""From planning to the first due instant: in all, and for each case that is to be written before."""
WAIT_S_MAX = 60
LATE = "from the legal instant to the commit"
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out'"
LATENESS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(tx::xid) - occurred_at)::float8 * 1000
FROM events WHERE type = 'merchant_response_timed_out'
"""
NEXT = "SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM deadlines WHERE kind = 'response'"


async def measure(_: House, scale: Scale, console: Console) -> Figures:
    """A scheduler process on a server of its own, where Postgres keeps the instants of its commits."""
    count = scale.of(RATE * SECONDS)
    async with a_house("track_commit_timestamp = on") as house, house.database() as database:
        environment = house.environment(database, CASELOG_DATABASE_URL=database.scheduler)
        with running(SCHEDULER, environment) as scheduler:
            await until_swept(database)
            await _filed(database, count)
            measured = await Meter(house.postgres_pid, scheduler.pid).measure(_fired(database, count))
    Contest({LATE: [measured]}).tell(console, f"{RATE} deadlines due in a second, {count:,} in all", "deadlines")
    return {
        "lateness_p50_ms": measured.run.percentile_ms(0.5),
        "lateness_p99_ms": measured.run.percentile_ms(0.99),
        "lateness_cpu_us": measured.cpu_us,
        "lateness_other_work_share": measured.other_share,
    }


async def _filed(database: Database, count: int) -> None:
    """Cases whose windows end one after the other, ``RATE`` in a second, the first of them soon."""
    lead_s = LEAD_S + WRITING_S * count
    ends = [timedelta(seconds=lead_s + number / RATE) for number in range(count)]
    planned = [lives.five_events(WINDOW - end) for end in ends]
    await corpus.write(database.owner, MASTER_KEY, planned, count, lives.under_another_order)
    async with database.session() as session:
        await session.execute("ANALYZE")
        await session.execute(f"NOTIFY {DUE_CHANNEL}")  # as a step does that sets a clock at so short notice
        ahead_s = await session.fetchval(NEXT)
        assert ahead_s > 0, "they were written before the first is due"
        await asyncio.sleep(ahead_s)


async def _fired(database: Database, count: int) -> Run:
    began = time.perf_counter()
    async with database.session() as session:
        async with asyncio.timeout(count / RATE + WAIT_S_MAX):
            while await session.fetchval(FIRED) < count:
                await asyncio.sleep(0.1)
        seconds = time.perf_counter() - began
        late = [row[0] for row in await session.fetch(LATENESS)]
    assert min(late) > 0, "none was early"
    return Run(count, seconds, tuple(late))
