"""The company on the stage: schedulers and writers, each a process that is started again whenever it was killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import msgspec

from case_api.cli import postgres
from tests.faults.stage import Stage
from tests.faults.writer import Part
from tests.scheduler.fleet import Scheduler, scheduler

WRITER = (sys.executable, "-m", "tests.faults.writer")
SHOWN = 4_000


@dataclass
class Actor:
    """One place in the company: who fills it now, and how many have."""

    name: str
    login: str
    command: Sequence[str]
    cut: bool
    running: Scheduler | None = None
    lives: int = 0
    stopped: bool = False

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.process.returncode is None

    def kill(self) -> bool:
        """Kill -9; whether there was anybody to kill."""
        return self._send(signal.SIGKILL)

    def stop(self) -> bool:
        """In the middle of whatever it does; it does not even know."""
        self.stopped = self._send(signal.SIGSTOP)
        return self.stopped

    def go_on(self) -> None:
        self.stopped = False
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> bool:
        if self.running is None or self.running.process.returncode is not None:
            return False
        os.kill(self.running.process.pid, number)
        return True


class Failed(Exception):
    """A process ended that nobody had killed; it says what the process said."""


class Company:
    """Everybody who plays; whoever is killed is there again, whoever ends by itself was done or has failed."""

    def __init__(self, stage: Stage, stack: AsyncExitStack) -> None:
        self._stage, self._stack = stage, stack
        self.schedulers: list[Actor] = []
        self.writers: list[Actor] = []
        self._casting: list[asyncio.Task[None]] = []
        self._closing = False

    async def engage(self, schedulers: Sequence[Sequence[str]], parts: Sequence[Part]) -> None:
        """Start a scheduler for each command and a writer for each part; every other one of them can be cut off."""
        self.schedulers = [
            Actor(f"scheduler-{number}", postgres.SCHEDULER, command, cut=number % 2 == 1)
            for number, command in enumerate(schedulers)
        ]
        self.writers = [
            Actor(f"writer-{part.writer}", postgres.APP, _writer(part), cut=part.writer % 2 == 1) for part in parts
        ]
        for one in (*self.schedulers, *self.writers):
            await self._start(one)
            self._casting.append(asyncio.create_task(self._keep_filled(one)))

    async def _start(self, actor: Actor) -> None:
        actor.lives += 1
        url = self._stage.url(actor.login, cut=actor.cut)
        name = f"{actor.name}-{actor.lives}"
        process = scheduler(url, self._stage.folder, name, actor.command)
        actor.running, actor.stopped = await self._stack.enter_async_context(process), False

    async def _keep_filled(self, actor: Actor) -> None:
        """Raises Failed when somebody ended who was neither killed nor done."""
        while True:
            assert actor.running is not None
            code = await actor.running.process.wait()
            if self._closing or (code == 0 and actor in self.writers):
                return
            if code != -signal.SIGKILL:
                raise Failed(f"{actor.name} ended with {code}:\n{actor.running.log.read_text()[-SHOWN:]}")
            await self._start(actor)

    async def until_written(self) -> None:
        """Until the writers have done their parts; each of their steps has its limit. Raises Failed."""
        writing = self._casting[len(self.schedulers) :]
        await self._until(writing)

    async def _until(self, writing: Sequence[asyncio.Task[None]]) -> None:
        waiting = set(writing)
        watched = set(self._casting)
        while waiting:
            done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what it raised
            waiting -= done

    async def dismiss(self) -> list[int]:
        """End the schedulers as an operator would; their exit codes."""
        self._closing = True
        codes = []
        for one in self.schedulers:
            assert one.running is not None
            one.go_on()
            codes.append(await one.running.end(signal.SIGTERM))
        return codes

    def close(self) -> None:
        self._closing = True
        for task in self._casting:
            task.cancel()

    def somebody(self, of: Sequence[Actor], chance: random.Random) -> Actor | None:
        """One who is there and not stopped, if there is one."""
        there = [one for one in of if one.alive and not one.stopped]
        return chance.choice(there) if there else None


def _writer(part: Part) -> tuple[str, ...]:
    return (*WRITER, msgspec.json.encode(part).decode())


@asynccontextmanager
async def a_company(stage: Stage) -> AsyncIterator[Company]:
    """Nobody yet; whoever is engaged is gone when the block ends."""
    async with AsyncExitStack() as stack:
        company = Company(stage, stack)
        try:
            yield company
        finally:
            company.close()
