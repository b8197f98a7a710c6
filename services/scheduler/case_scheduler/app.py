"""A scheduler process: wired here, runs until told to stop; any number of them may run, with no leader among them."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from case_events.ledger.clock import calendars
from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.heartbeat import leave
from case_events.ledger.connection import REFUSED, UNAVAILABLE
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.queries import health
from case_events.ledger.readable import refuse_other_key, refuse_unreadable
from case_events.ledger.sealing import read_master_key
from case_scheduler.chores import JOBS
from case_scheduler.clock.bell import Bell
from case_scheduler.clock.clockwork import RETRY_S, Clockwork
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.collective import keep_linking
from case_scheduler.door import answering, listening
from case_scheduler.measuring import keep_measuring
from case_scheduler.meters import Meters
from case_scheduler.pulse import Pulse
from case_scheduler.sequencer import end_numbering, keep_numbering
from case_scheduler.settings import Settings
from case_scheduler.upkeep import CALENDARS, Upkeep, keep_calendars
from case_scheduler.webhooks.postman import Postman
from case_scheduler.webhooks.sending import Sender

FIRING_POOL = 6
"""Connections for firing and numbering: nothing else ever waits for one, or keeps them waiting."""
ASIDE_POOL = 4
"""For upkeep, and for what collective complaints write at once."""
POST_POOL = 5
"""For webhooks: a session that listens, the look that renews holds, and the rest for rounds, which stand in line."""
DRAIN_S = 8.0
"""How long what is under way may take after SIGTERM; then it is broken off, which loses nothing."""
CLOSE_S = 2.0

log = structlog.get_logger("case_scheduler")


class Wish:
    """What the operator asked for: to stop, and with a second signal to hurry."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()

    def ask(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


async def run(settings: Settings) -> None:
    """Sweep whenever the bell rings, until SIGTERM or SIGINT; the transaction under way is finished first.

    Raises Unreadable, before anything is done, when the ledger holds what this release cannot read, or one of REFUSED
    when its login is not let in; CannotListen when the port it was given is not to be had.
    """
    wish, name = Wish(), f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, wish.ask)
    pulse, meters = Pulse(name), Meters()
    meters.watch(pulse, [*(job.name for job in JOBS), CALENDARS])
    sock = listening(settings.scheduler_host, settings.scheduler_port, _inherited())
    async with answering(sock, pulse, meters.exposed), _opened(settings, "caselog-scheduler", FIRING_POOL) as ledger:
        log.info("started", name=name, port=sock.getsockname()[1] if sock else None)
        if await _until_ready(ledger, pulse, wish):
            async with (
                _opened(settings, "caselog-upkeep", ASIDE_POOL) as aside,
                _opened(settings, "caselog-postman", POST_POOL) as post,
                _sending(settings) as sender,
            ):
                postman = Postman(post, name, sender, heard=meters.sent)
                await _work(settings, ledger, aside, postman, pulse, meters, wish)
            with suppress(*UNAVAILABLE):
                await asyncio.wait_for(leave(ledger, name), CLOSE_S)
    log.info("stopped", name=name)


def _inherited() -> int | None:
    """The listening socket a parent process handed down."""
    fd = os.environ.get("CASELOG_LISTEN_FD")
    return int(fd) if fd else None


@asynccontextmanager
async def _opened(settings: Settings, application: str, pool_size: int) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(
        settings.database_url,
        master_key=read_master_key(settings.master_key_file),
        pool_size=pool_size,
        application=application,
    )
    ledger.clock_tolerance_s = settings.clock_tolerance_s
    try:
        yield ledger
    finally:
        try:
            await asyncio.wait_for(ledger.close(), CLOSE_S)
        except TimeoutError:
            ledger.pool.terminate()


@asynccontextmanager
async def _sending(settings: Settings) -> AsyncIterator[Sender]:
    sender = Sender(loopback=settings.env == "development")
    try:
        yield sender
    finally:
        await sender.close()


async def _until_ready(ledger: Ledger, pulse: Pulse, wish: Wish) -> bool:
    """Wait for Postgres and for this release's tables; whether they came before somebody asked to stop.

    Raises Unreadable when the ledger holds what this release, or this master key, cannot read, one of REFUSED when
    nobody lets us in.
    """
    told = None
    while not wish.stop.is_set():
        try:
            pulse.migrated = (await health(ledger)).migrated
            pulse.away = None
            if pulse.migrated:
                async with ledger.connection() as connection:
                    await refuse_unreadable(connection)
                    await refuse_other_key(connection, ledger.vault)
                await calendars.refresh(ledger)
                return True
            why = "the tables are not this release's"
        except REFUSED:
            raise
        except UNAVAILABLE as error:
            why = pulse.away = f"{type(error).__name__}: {error}"
        pulse.tried()
        if why != told:
            log.warning("not_ready", why=why)
            told = why
        with suppress(TimeoutError):
            await asyncio.wait_for(wish.stop.wait(), RETRY_S)
    return False


async def _work(
    settings: Settings, ledger: Ledger, aside: Ledger, postman: Postman, pulse: Pulse, meters: Meters, wish: Wish
) -> None:
    """Everything a scheduler does, side by side, until somebody asks to stop."""
    stopping = wish.stop.is_set
    sweeper = Sweeper(ledger, share=settings.catch_up_share, told=meters.fired)
    meters.watch_sweeps(sweeper)
    clockwork = Clockwork(ledger, Gate(pulse.name, settings.clock_tolerance_s), sweeper, meters.lateness, pulse)
    upkeep = Upkeep(aside, pulse.name, JOBS, meters.upkept)
    async with Bell(settings.database_url, settings.collective_every_s) as bell:
        numbering = _begun(keep_numbering(ledger, bell, stopping, pulse.ticked), "numbering")
        tasks = {
            _begun(clockwork.keep(bell, stopping), "clockwork"),
            _begun(keep_linking(aside, bell, stopping, meters.linked), "linking"),
            _begun(upkeep.keep(bell, stopping), "upkeep"),
            _begun(keep_calendars([ledger, aside], wish.stop, meters.upkept), "calendars"),
            _begun(keep_measuring(aside, meters, pulse, wish.stop), "measuring"),
            _begun(postman.keep(wish.stop), "postman"),
        }
        try:
            await _until_asked(wish, tasks | {numbering})
            pulse.stopping = True
            for call in (bell.ring, bell.call_round, bell.call_upkeep):
                call()
            await _drained(tasks, wish)
        finally:
            try:
                await _broken_off(tasks)
            finally:
                await end_numbering(numbering)


def _begun(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


async def _until_asked(wish: Wish, tasks: set[asyncio.Task[None]]) -> None:
    """Until somebody asks to stop. What ends by itself before has failed: raises what ended it."""
    asked = asyncio.create_task(wish.stop.wait(), name="asked")
    done, _ = await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    for task in done - {asked}:
        task.result()


async def _drained(tasks: set[asyncio.Task[None]], wish: Wish) -> None:
    """What is under way ends, within ``DRAIN_S`` and unless somebody is in a hurry."""
    hurried = asyncio.create_task(wish.hurry.wait(), name="hurried")
    ended = asyncio.create_task(_all(tasks), name="ended")
    await asyncio.wait({hurried, ended}, timeout=DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    ended.cancel()


async def _all(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


async def _broken_off(tasks: set[asyncio.Task[None]]) -> None:
    """Whatever has not ended is cancelled: its transaction has then not happened. Raises what else ended one."""
    left = [task.get_name() for task in tasks if not task.done()]
    if left:
        log.warning("broken_off", tasks=left)
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=CLOSE_S)
    for task in done:
        with suppress(asyncio.CancelledError):
            task.result()
