"""A scheduler process: wired here, runs until told to stop; any number of them may run, with no leader among them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import structlog

from case_events.ledger.clock.firing import seconds_to_next
from case_events.ledger.clock.heartbeat import beat
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.readable import refuse_unreadable
from case_events.ledger.sealing import read_master_key
from case_scheduler.bell import Bell
from case_scheduler.collective import keep_linking
from case_scheduler.sequencer import end_numbering, keep_numbering
from case_scheduler.settings import Settings
from case_scheduler.timeouts import sweep

POOL_SIZE = 5
"""One for the sweep, one for the sequencer, the others for what collective complaints write at once."""
RETRY_S = 0.5
"""How long to wait before another sweep while Postgres is away, or when busy cases were left."""

log = structlog.get_logger("case_scheduler")


async def run(settings: Settings) -> None:
    """Sweep whenever the bell rings, until SIGTERM or SIGINT; the transaction under way is finished first.

    Raises Unreadable, before anything is done, when the ledger holds what this release cannot read.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ledger = await open_ledger(
        settings.database_url,
        master_key=read_master_key(settings.master_key_file),
        pool_size=POOL_SIZE,
        application="caselog-scheduler",
    )
    name = f"{socket.gethostname()}:{os.getpid()}"
    log.info("started", name=name)
    try:
        await _until_readable(ledger, stop)
        async with Bell(settings.database_url, settings.collective_every_s) as bell:
            loop.add_signal_handler(signal.SIGTERM, _stop, stop, bell)
            loop.add_signal_handler(signal.SIGINT, _stop, stop, bell)
            linking = asyncio.create_task(keep_linking(ledger, bell, stop.is_set), name="linking")
            numbering = asyncio.create_task(keep_numbering(ledger, bell, stop.is_set), name="numbering")
            while not stop.is_set():
                await _look(ledger, bell, stop, name)
                await bell.wait()
            await linking
            await end_numbering(numbering)
    finally:
        await ledger.close()
        log.info("stopped", name=name)


async def _until_readable(ledger: Ledger, stop: asyncio.Event) -> None:
    """Wait for Postgres; raises Unreadable when the ledger holds what this release cannot read."""
    while not stop.is_set():
        try:
            async with ledger.connection() as connection:
                await refuse_unreadable(connection)
                return
        except UNAVAILABLE as error:
            log.warning("database_away", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_S)


def _stop(stop: asyncio.Event, bell: Bell) -> None:
    stop.set()
    bell.ring()
    bell.call_round()


async def _look(ledger: Ledger, bell: Bell, stop: asyncio.Event, name: str) -> None:
    try:
        left = await sweep(ledger, stop.is_set)
        await beat(ledger, name)
        bell.ring_in(RETRY_S if left else await seconds_to_next(ledger))
    except UNAVAILABLE as error:
        log.warning("database_away", error=f"{type(error).__name__}: {error}")
        bell.ring_in(RETRY_S)
