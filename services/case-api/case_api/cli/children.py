"""The processes under `caselog up`: started, started again when they die, and stopped in good time."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from case_api.cli import postgres
from case_api.cli.offspring import dies_with_parent
from case_api.cli.premises import CannotStart

STEADY_S = 10.0  # who lives this long was all right; who does not died at once
QUICK_DEATHS = 5  # in a row, then we give up: it will not get better by itself
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
STOP_S = 15.0  # requests under way may end, a batch may commit
HURRIED_STOP_S = 1.0  # after a second Ctrl-C
KILL_S = 5.0
POLL_S = 0.1

Say = Callable[[str], None]


class GaveUp(Exception):
    """A process dies at once, again and again."""


@dataclass(frozen=True)
class Job:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    pass_fds: tuple[int, ...] = ()
    ended: Callable[[int], None] | None = None
    """Hears of each process that ended, by its id."""


@dataclass(frozen=True)
class Wish:
    """What the operator asked for meanwhile."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class Crew:
    """Some jobs that start and stop together."""

    def __init__(self, jobs: Sequence[Job], hurry: asyncio.Event, say: Say) -> None:
        self._stop = asyncio.Event()
        self.watches = [asyncio.create_task(_keep(job, self._stop, hurry, say), name=job.name) for job in jobs]

    async def stop(self) -> None:
        """Ask all at once, and wait for the slowest."""
        self._stop.set()
        await asyncio.gather(*self.watches, return_exceptions=True)


async def keep_postgres(server: postgres.Server, say: Say, current: Callable[[postgres.Server], None]) -> None:
    """Start the server again on its port when it dies; the others only see their connections break."""
    deaths = _Deaths("postgres")
    while True:  # as long as it is wanted: the caller cancels
        started = time.monotonic()
        while server.process.poll() is None:
            await asyncio.sleep(POLL_S)
        pause_s = deaths.pause_s(time.monotonic() - started)
        say(f"postgres ended with {server.process.returncode}; starting it again")
        await asyncio.sleep(pause_s)
        server = await _started_again(server, deaths, say)
        current(server)


async def _started_again(server: postgres.Server, deaths: _Deaths, say: Say) -> postgres.Server:
    """The server where it was. A start that fails is a death at once: it may have been killed in its recovery."""
    while True:  # deaths gives up
        try:
            return await postgres.start_again(server)
        except CannotStart as reason:
            try:
                pause_s = deaths.pause_s(0.0)
            except GaveUp:
                raise reason from None
            say("postgres ended before it was ready; starting it again")
            await asyncio.sleep(pause_s)


async def _keep(job: Job, stop: asyncio.Event, hurry: asyncio.Event, say: Say) -> None:
    deaths = _Deaths(job.name)
    while not stop.is_set():
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *job.command,
            env={**os.environ, **job.env},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=job.pass_fds,
            start_new_session=True,  # the terminal's Ctrl-C is for the parent, who stops us in order
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )
        try:
            if not await _first(process.wait(), stop):
                await _end(process, hurry, say, job.name)
                return
        except BaseException:
            process.kill()
            raise
        finally:
            if job.ended is not None and process.returncode is not None:
                job.ended(process.pid)
        pause_s = deaths.pause_s(time.monotonic() - started)
        say(f"{job.name} ended with {process.returncode}; starting it again in {pause_s:.2f} s")
        await _first(asyncio.sleep(pause_s), stop)


class _Deaths:
    """Counts the deaths in a row of one process that came at once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._quick = 0

    def pause_s(self, lived_s: float) -> float:
        """How long to wait before the next start; longer each time, and in the end never."""
        self._quick = self._quick + 1 if lived_s < STEADY_S else 0
        if self._quick >= QUICK_DEATHS:
            raise GaveUp(f"{self._name} died {self._quick} times in a row within {STEADY_S:.0f} s of its start")
        return min(FIRST_PAUSE_S * 2.0**self._quick, LONGEST_PAUSE_S)


async def _first(work: Awaitable[object], event: asyncio.Event) -> bool:
    """Wait for one of them; True when the work was done, whatever the event says."""
    working, waiting = asyncio.ensure_future(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.done()
    finally:
        working.cancel()
        waiting.cancel()


async def _end(process: asyncio.subprocess.Process, hurry: asyncio.Event, say: Say, name: str) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        process.send_signal(number)
        if number is signal.SIGKILL:
            say(f"{name} did not stop and was killed")
            await asyncio.wait_for(process.wait(), KILL_S)
        elif not await _ended_within(process, STOP_S, hurry):
            await _ended_within(process, HURRIED_STOP_S, asyncio.Event())


async def _ended_within(process: asyncio.subprocess.Process, wait_s: float, hurry: asyncio.Event) -> bool:
    try:
        return await asyncio.wait_for(_first(process.wait(), hurry), wait_s)
    except TimeoutError:
        return False
