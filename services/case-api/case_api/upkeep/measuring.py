"""What an API process measures of itself, every second: another worker may be the one that is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from case_api.door import Door
from case_api.serving.meters import Meters
from case_api.serving.watch import Watch
from case_api.streams.fanout import Fanout

EVERY_S = 1.0


@asynccontextmanager
async def measuring(app: FastAPI) -> AsyncIterator[None]:
    """While the block lasts, the meters know the streams, the requests under way and the pool of this process."""
    meters: Meters = app.state.meters
    door: Door = app.state.door
    watch: Watch = app.state.watch
    fanout: Fanout = app.state.fanout
    pool = door.ledger.pool

    def look() -> None:
        meters.measured(
            streams=len(fanout.streams),
            in_flight=watch.in_flight,
            connections=pool.get_size(),
            idle=pool.get_idle_size(),
            away=door.ledger.presence.away,
        )

    meters.watch(look)
    door.ledger.steps.told = meters.together
    looking = asyncio.create_task(_keep(meters), name="measuring")
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _keep(meters: Meters) -> None:
    while True:
        meters.look()
        await asyncio.sleep(EVERY_S)
