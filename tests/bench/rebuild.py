"""`caselog rebuild`: the rows of cases and deadlines made anew from the events, against Postgres copying those rows."""

from __future__ import annotations

import asyncio
import json
import time

from rich.console import Console

from tests.bench.contest import Figures, contest
from tests.bench.house import Database, House, caselog
from tests.bench.load import Run
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale
from tests.bench.verify import filled

EVENTS = 100_000
JOBS = 2
COUNT = "SELECT (SELECT count(*) FROM cases) + (SELECT count(*) FROM deadlines)"
COPY = tuple(
    statement.format(table=table)
    for table in ("cases", "deadlines")
    for statement in (
        "CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)",
        "INSERT INTO copied_{table} TABLE {table}",
        "DROP TABLE copied_{table}",
    )
)
COPIED = "floor: the rows and their indexes copied"
REBUILT = f"caselog rebuild --jobs {JOBS}"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """The command as an operator runs it, its verification and the switch included; nobody else is at work."""
    async with house.database() as database:
        await filled(database, scale.of(EVENTS), scale)
        async with database.session() as session:
            rows: int = await session.fetchval(COUNT)
        meter = Meter(house.postgres_pid)

        async def rebuilt(_: int) -> Measured:
            return await meter.measure(_rebuilt(house, database, rows))

        async def copied(_: int) -> Measured:
            return await meter.measure(_copied(database, rows))

        measured = await contest({COPIED: copied, REBUILT: rebuilt}, scale.repetitions)
    measured.tell(console, f"rebuilding {rows:,} rows of cases and deadlines", "rows")
    return {
        "rebuild_rows_per_s": measured.rate(REBUILT),
        "rebuild_vs_copy": measured.rate_ratio(REBUILT, COPIED),
        "rebuild_cpu_us": measured.cpu_us(REBUILT),
        "rebuild_other_work_share": measured.other_share,
    }


async def _rebuilt(house: House, database: Database, rows: int) -> Run:
    began = time.perf_counter()
    said = await asyncio.to_thread(caselog, house, database, "rebuild", "--jobs", str(JOBS), "--json")
    seconds = time.perf_counter() - began
    done = json.loads(said)
    assert not done["differences"], done["differences"]
    return Run(rows, seconds)


async def _copied(database: Database, rows: int) -> Run:
    began = time.perf_counter()
    async with database.session() as session:
        for statement in COPY:
            await session.execute(statement)
    return Run(rows, time.perf_counter() - began)
