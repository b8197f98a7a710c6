"""The sequencer: while events flow the feed ticks every few milliseconds; when none come it listens for the next one.

Every scheduler has one, and whichever is first takes the tick. To run one inside another program:

    async with Bell(url, 10) as bell:
        numbering = asyncio.create_task(keep_numbering(ledger, bell, lambda: False))
        ...
        await end_numbering(numbering)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import Ticked, tick
from case_scheduler.clock.bell import Bell

FLOWING_EVERY_S, EBBING_EVERY_S = 0.01, 0.025
"""How long to wait between looks: while events come, and when for ``EBBED_S`` none has."""
EBBED_S = 0.25
FLOWING_S = 2.0
"""How long after an event or a knock the next is expected; twice as long as one who appends may keep from knocking."""
IDLE_EVERY_S = 1.5
"""How often to look when nobody knocks: the knock may be lost, the event is not."""
RETRY_S = 0.5

log = structlog.get_logger("case_scheduler.sequencer")


async def keep_numbering(
    ledger: Ledger, bell: Bell, stopping: Callable[[], bool], ticked_well: Callable[[], None] = lambda: None
) -> None:
    """Tick until told to stop; whatever goes wrong in one tick, the next comes. ``ticked_well``: hears of each."""
    flowing_until = last_event = 0.0
    while not stopping():
        ticked = await _ticked(ledger)
        if ticked is None:
            await asyncio.sleep(RETRY_S)
            continue
        ticked_well()
        if ticked.more:
            continue
        now = time.monotonic()
        if ticked.numbered or ticked.busy:
            flowing_until, last_event = now + FLOWING_S, now
        if now < flowing_until:
            await asyncio.sleep(FLOWING_EVERY_S if now < last_event + EBBED_S else EBBING_EVERY_S)
        elif await bell.wait_for_knock(IDLE_EVERY_S):
            flowing_until = time.monotonic() + FLOWING_S


async def end_numbering(numbering: asyncio.Task[None]) -> None:
    """End the loop, in the middle of a tick if need be: that has then not happened. Raises what ended it before."""
    numbering.cancel()
    with suppress(asyncio.CancelledError):
        await numbering


async def _ticked(ledger: Ledger) -> Ticked | None:
    """What the tick did; None when it failed."""
    try:
        ticked = await tick(ledger)
    except UNAVAILABLE as error:
        log.warning("database_away", error=f"{type(error).__name__}: {error}")
        return None
    except Exception as error:
        log.exception("tick_failed", error=type(error).__name__)
        return None
    if ticked.resynced or ticked.more:
        log.info("sequenced", events=ticked.numbered, head=ticked.head, more=ticked.more, resynced=ticked.resynced)
    return ticked
