"""`caselog audit verify` on a million events of every kind, against reading and hashing the same rows and no more."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from uuid import UUID

import asyncpg
from rich.console import Console

from case_events.ledger.database import open_ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.proving.checkpoints import take
from tests.bench import corpus, lives
from tests.bench.contest import Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, caselog
from tests.bench.load import Run
from tests.bench.machine import Measured, Meter
from tests.bench.scale import MILLION, Scale

JOBS = 2
LIVES = 200
BATCH = 500
TICKS_MAX = 1_000
ROWS = "SELECT * FROM events WHERE case_id = ANY($1) ORDER BY case_id, version"
CASES = "SELECT case_id FROM streams ORDER BY case_id"
BARE = f"floor: read and hashed, {JOBS} processes"
VERIFY = f"caselog audit verify --jobs {JOBS}"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """The command as an auditor runs it, its start and its report included; it must find nothing."""
    async with house.database() as database:
        await filled(database, scale.of(scale.verify), scale)
        meter = Meter(house.postgres_pid)

        async def verify(_: int) -> Measured:
            return await meter.measure(_verified(house, database))

        async def bare(_: int) -> Measured:
            return await meter.measure(_hashed(database))

        measured = await contest({BARE: bare, VERIFY: verify}, scale.repetitions)
    events = measured.results[VERIFY][0].run.count
    seconds = measured.median(VERIFY, lambda one: one.run.seconds)
    measured.tell(console, f"verifying {events:,} events", "events")
    console.print(f"{events:,} events in {seconds:.1f} s: {seconds * MILLION / events:.1f} s for a million\n")
    return {
        "verify_1m_s": seconds * MILLION / events,
        "verify_events": events,
        "verify_cpu_us": measured.cpu_us(VERIFY),
        "verify_vs_bare": measured.rate_ratio(VERIFY, BARE),
        "verify_other_work_share": measured.other_share,
    }


async def filled(database: Database, events: int, scale: Scale) -> None:
    """About so many events of whole lives, numbered in the feed and logged in checkpoints."""
    planned = lives.mixed(max(2, math.ceil(LIVES * min(1, scale.size))))
    count = math.ceil(events * len(planned) / sum(map(len, planned)))
    await corpus.write(database.owner, MASTER_KEY, planned, count, lives.of_other_parties)
    ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    for _ in range(TICKS_MAX):
        if not (await tick(ledger)).more:
            break
    async with ledger.connection() as connection:
        for _ in range(TICKS_MAX):
            if await take(connection, ledger.vault) is None:
                break
    await ledger.close()
    await database.settle()


async def _verified(house: House, database: Database) -> Run:
    began = time.perf_counter()
    said = await asyncio.to_thread(caselog, house, database, "audit", "verify", "--jobs", str(JOBS), "--json")
    seconds = time.perf_counter() - began
    verdict = json.loads(said)
    assert not verdict["findings"], verdict["findings"][:3]
    return Run(verdict["events"], seconds)


async def _hashed(database: Database) -> Run:
    began = time.perf_counter()
    async with database.session() as session:
        ids = [row["case_id"] for row in await session.fetch(CASES)]
    with ProcessPoolExecutor(JOBS, mp_context=get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        parts = [ids[len(ids) * job // JOBS : len(ids) * (job + 1) // JOBS] for job in range(JOBS)]
        work = [loop.run_in_executor(pool, partial(_hash, database.app, part)) for part in parts]
        count = sum(await asyncio.gather(*work))
    return Run(count, time.perf_counter() - began)


def _hash(url: str, ids: Sequence[UUID]) -> int:
    return asyncio.run(_read_and_hash(url, ids))


async def _read_and_hash(url: str, ids: Sequence[UUID]) -> int:
    """Every column of every row; a digest of the payload, and one that chains it."""
    count = 0
    connection = await asyncpg.connect(url)
    for start in range(0, len(ids), BATCH):
        head = b""
        for row in await connection.fetch(ROWS, ids[start : start + BATCH]):
            head = hashlib.sha256(head + hashlib.sha256(row["payload"]).digest()).digest()
            count += 1
    await connection.close()
    return count
