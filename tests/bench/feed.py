"""The feed: how long after its commit an event is there for a reader, while 2,000 of them come every second."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from uuid import UUID

import asyncpg
from rich.console import Console

from case_events.ledger.database import Ledger
from case_events.ledger.steps import Asking, submit
from tests import examples
from tests.bench import corpus, lives
from tests.bench.contest import Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, a_house, running
from tests.bench.library import EVIDENCE
from tests.bench.load import Run
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

RATE = 2_000
"""Events in a second that are asked for; what the machine gives is told."""
SECONDS = 4
TICK_S = 0.005
UNDER_WAY_MAX = 256
WATCH_S_MAX = 120
READER = "bench reader"
SCHEDULER = [sys.executable, "-m", "case_scheduler"]
CHANNEL = "caselog_feed"
FOLLOW = """
SELECT f.position, e.payload FROM feed f JOIN events e USING (case_id, version)
WHERE f.position > $1 ORDER BY f.position LIMIT 5000
"""
LISTENS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%'"
COMMITTED = """
SELECT f.position, extract(epoch FROM pg_xact_commit_timestamp(e.tx::xid))::float8 AS at
FROM feed f JOIN events e USING (case_id, version) WHERE f.position > $1 ORDER BY f.position
"""
FEED = "from commit to visible"


async def measure(_: House, scale: Scale, console: Console) -> Figures:
    """Steps by this process, the sequencer in a scheduler's process, the reader in a third: a server of its own.

    The commit's instant is Postgres's own (track_commit_timestamp, taken before the flush), the reader's is when it
    holds the row; both are the one clock of this machine.
    """
    count = scale.of(RATE * SECONDS)
    async with a_house("track_commit_timestamp = on") as house, house.database() as database:
        planned = (lives.five_events(),)
        cases = await corpus.write(database.owner, MASTER_KEY, planned, count, lives.under_another_order)
        await database.settle()
        environment = house.environment(database, CASELOG_DATABASE_URL=database.scheduler)
        with running(SCHEDULER, environment) as scheduler:
            await database.numbered()
            meter = Meter(house.postgres_pid, scheduler.pid)
            async with database.ledger() as ledger:

                async def run(number: int) -> Measured:
                    return await meter.measure(_watched(database, ledger, cases, number))

                measured = await contest({FEED: run}, scale.repetitions)
    measured.tell(console, f"the feed at {measured.rate(FEED):,.0f} events/s ({RATE:,} asked for)", "events")
    return {
        "feed_lag_p50_ms": measured.median(FEED, lambda one: one.run.percentile_ms(0.5)),
        "feed_lag_p99_ms": measured.median(FEED, lambda one: one.run.percentile_ms(0.99)),
        "feed_events_per_s": measured.rate(FEED),
        "feed_cpu_us": measured.cpu_us(FEED),
        "feed_other_work_share": measured.other_share,
    }


async def _watched(database: Database, ledger: Ledger, cases: Sequence[UUID], number: int) -> Run:
    """Post to every case once while another process reads; the lags of all of it, none missing and none twice."""
    async with database.session() as session:
        head: int = await session.fetchval("SELECT max(head) FROM feed_state")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            watch = partial(_watch, database.app, head, len(cases))
            seen = asyncio.get_running_loop().run_in_executor(pool, watch)
            async with asyncio.timeout(WATCH_S_MAX):
                while not await session.fetchval(LISTENS, READER):
                    await asyncio.sleep(TICK_S)
            seconds = await _appended(ledger, cases, f"run {number}")
            visible = await seen
        committed = {row["position"]: row["at"] for row in await session.fetch(COMMITTED, head)}
    assert sorted(visible) == sorted(committed) == list(range(head + 1, head + len(cases) + 1)), "dense, all of it"
    lags = tuple((at - committed[position]) * 1000 for position, at in visible.items())
    return Run(len(lags), seconds, lags)


async def _appended(ledger: Ledger, cases: Sequence[UUID], key: str) -> float:
    """Post to each case at the wanted rate, or as fast as it goes; how many seconds it took."""
    slots = asyncio.Semaphore(UNDER_WAY_MAX)

    async def post(case_id: UUID) -> None:
        asking = Asking(command=EVIDENCE, actor=examples.BUYER, client="bench", case_id=case_id, key=key)
        try:
            step = await submit(ledger, asking)
        finally:
            slots.release()
        assert step.problem is None, step.problem

    began, posts = time.perf_counter(), list[asyncio.Task[None]]()
    for started, case_id in enumerate(cases):
        while started > (time.perf_counter() - began) * RATE:
            await asyncio.sleep(TICK_S)
        await slots.acquire()
        posts.append(asyncio.create_task(post(case_id)))
    await asyncio.gather(*posts)
    return time.perf_counter() - began


def _watch(url: str, after: int, count: int) -> dict[int, float]:
    """Read the feed as it comes, in a process of its own: position → when its row was here (epoch seconds)."""
    return asyncio.run(_follow(url, after, count))


async def _follow(url: str, after: int, count: int) -> dict[int, float]:
    seen: dict[int, float] = {}
    told = asyncio.Event()
    connection = await asyncpg.connect(url, server_settings={"application_name": READER})
    try:
        await connection.add_listener(CHANNEL, lambda *_: told.set())
        async with asyncio.timeout(WATCH_S_MAX):
            while len(seen) < count:
                await told.wait()
                told.clear()
                while rows := await connection.fetch(FOLLOW, after):
                    now = time.time()
                    seen |= {row["position"]: now for row in rows}
                    after = rows[-1]["position"]
    finally:
        await connection.close()
    return seen
