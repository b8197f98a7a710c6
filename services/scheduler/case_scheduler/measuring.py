"""Measuring: now and then a scheduler looks at the clock and the feed as a whole, for whoever asks for its metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from case_events.ledger.clock.overview import overview
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import state
from case_events.ledger.webhooks.measured import standing
from case_scheduler.meters import Meters
from case_scheduler.pulse import Pulse

EVERY_S = 10

log = structlog.get_logger("case_scheduler.measuring")


async def keep_measuring(ledger: Ledger, meters: Meters, pulse: Pulse, stop: asyncio.Event) -> None:
    """Look every ``EVERY_S`` until told to stop; whatever goes wrong in one look, the next comes."""
    while not stop.is_set():
        try:
            await measure(ledger, meters, pulse)
        except UNAVAILABLE as error:
            log.warning("database_away", error=f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("not_measured", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


async def measure(ledger: Ledger, meters: Meters, pulse: Pulse) -> None:
    """One look. Raises one of UNAVAILABLE while Postgres is away."""
    seen = await overview(ledger)
    async with ledger.connection() as connection:
        meters.saw(seen, await state(connection))
        meters.saw_webhooks(await standing(connection))
    pulse.waits_for_days = seen.calendar.waits_too_long
