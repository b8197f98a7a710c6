"""A scheduler with nothing to do: how much of a core it takes, by itself and together with Postgres."""

from __future__ import annotations

import asyncio
import time

from rich.console import Console

from tests.bench.contest import Figures
from tests.bench.due import SCHEDULER, until_swept
from tests.bench.house import House, running
from tests.bench.load import Run
from tests.bench.machine import Meter
from tests.bench.scale import Scale

SECONDS = 20
SETTLE_S = 2


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """One scheduler process in an empty ledger, from when it has come to rest."""
    seconds = max(1.0, SECONDS * min(1.0, scale.size))
    async with house.database() as database:
        environment = house.environment(database, CASELOG_DATABASE_URL=database.scheduler)
        with running(SCHEDULER, environment) as scheduler:
            await until_swept(database)
            await asyncio.sleep(SETTLE_S * min(1.0, scale.size))
            measured = await Meter(house.postgres_pid, scheduler.pid).measure(_rest(seconds))
    share, with_postgres = (us / 1e6 / measured.run.seconds for us in (measured.service_us, measured.cpu_us))
    console.print(f"an idle scheduler takes {share:.2%} of a core, {with_postgres:.2%} with what it has Postgres do\n")
    return {
        "idle_core_share": share,
        "idle_core_share_with_postgres": with_postgres,
        "idle_other_work_share": measured.other_share,
    }


async def _rest(seconds: float) -> Run:
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    return Run(1, time.perf_counter() - began)
