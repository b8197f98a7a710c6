"""A writer: a process that files complaints and acts on its own and on its neighbour's, through the real write path.

It keeps a diary of what it was told and reads its neighbour's, so that two writers, which know nothing else of each
other, are at the same cases. Whatever dies meanwhile it asks again with the same key until it is answered; killed and
started again it begins every course anew that had no end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from case_events.core.commands import File, Posted
from case_events.core.plan import Step
from case_events.core.values import CaseId, Instant, Party, Value
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.sealing import read_master_key
from case_events.ledger.steps import Asking, submit
from tests.faults.courses import Role, course, filing
from tests.faults.diary import ENDED, Diary, Reader, Told, diary_of, told_of

CLIENT = "storefront"
POOL = 6
FILING_AT_ONCE = 32
BURST = 16
"""Complaints that a writer files at the same time: they share transactions, and are due together."""
GIVE_UP_S = 90.0
AGAIN_S = 0.05
LOOK_S = 0.1
"""How often the neighbour's diary is read."""
UNHEARD: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.DeadlockDetectedError)
"""Whoever Postgres picks to end a deadlock asks again like a storefront; that there was one stands in the verdict."""
LINGER_S = 0.5
"""Nobody goes home before it is over, even if they have nothing to say."""


class Part(Value, frozen=True, kw_only=True):
    """What a writer has to do: which cases of how many are its own, and how fast they are filed.

    ``began``: when the run did, in POSIX seconds; the cases are filed evenly over ``spread_s`` from then.
    """

    writer: int
    writers: int
    cases: int
    seed: int
    began: float
    spread_s: float
    folder: str

    def numbers(self, writer: int) -> range:
        return range(writer, self.cases, self.writers)

    @property
    def neighbour(self) -> int:
        return (self.writer + 1) % self.writers


class Writer:
    """One life of a writer."""

    def __init__(self, ledger: Ledger, part: Part) -> None:
        self._ledger, self._part = ledger, part
        path = diary_of(Path(part.folder), part.writer)
        self._ended = {told.key for told in Reader(path).all()}
        """Keys, and words for courses, of which nothing more is to be done."""
        self._diary = Diary(path)
        self._neighbour = Reader(diary_of(Path(part.folder), part.neighbour))
        self._courses: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """File everything, act on everything; returns when all of it has ended."""
        await asyncio.gather(self._file_all(), self._follow())
        while self._courses:
            await asyncio.gather(*self._courses)
        self._diary.close()

    async def _file_all(self) -> None:
        gate = asyncio.Semaphore(FILING_AT_ONCE)
        part = self._part

        async def one(number: int) -> None:
            async with gate:
                together = number - number % (BURST * part.writers)
                await _until(part.began + part.spread_s * together / part.cases)
                step = await self._ask(f"file-{number}", filing(number, datetime.now(UTC)), None)
            due = next(one.due_at for one in step.answer[0].event.clocks if one.kind == "response")  # type: ignore[union-attr]
            self._begin("own", number, step.case_id, due)

        # A filing that was acknowledged and whose course has no end yet is asked for again: it tells when it is due.
        left = [number for number in part.numbers(part.writer) if _ended("own", number) not in self._ended]
        await asyncio.gather(*map(one, left))

    async def _follow(self) -> None:
        """Act on each case of the neighbour's as soon as its diary tells of it."""
        seen: set[str] = set()
        everything = len(self._part.numbers(self._part.neighbour))
        while len(seen) < everything:
            for told in self._neighbour.more():
                if told.due is None or told.case is None or told.key in seen:
                    continue
                seen.add(told.key)
                number = int(told.key.removeprefix("file-"))
                if _ended("rival", number) not in self._ended:
                    self._begin("rival", number, told.case, Instant.parse(told.due))
            await asyncio.sleep(LOOK_S)

    def _begin(self, role: Role, number: int, case: CaseId, due: Instant) -> None:
        async def ask(word: str, at: float, command: Posted, actor: Party) -> Step:
            await _until(at)
            return await self._ask(f"{role}-{number}-{word}", command, case, actor)

        async def whole() -> None:
            await course(role, number, self._part.seed, due, ask)
            await _until(due.timestamp() + LINGER_S)
            self._diary.write(Told(key=_ended(role, number)))

        self._keep(whole())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._courses.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._courses.discard(task)

    async def _ask(self, key: str, command: File | Posted, case: CaseId | None, actor: Party | None = None) -> Step:
        """The answer, however often it must be asked for; it is written down before anybody acts on it."""
        who = actor or (command.complainant if isinstance(command, File) else None)
        assert who is not None, "somebody asks"
        asking = Asking(command=command, actor=who, client=CLIENT, case_id=case, key=key, body=key.encode())
        end, last = time.monotonic() + GIVE_UP_S, "nothing was heard"
        while time.monotonic() < end:
            try:
                step = await submit(self._ledger, asking)
            except UNHEARD as error:
                last = repr(error)
                await asyncio.sleep(AGAIN_S)
                continue
            if step.problem is None or step.problem.code != "busy":
                self._tell(key, command, step)
                return step
            last = repr(step.problem)
            await asyncio.sleep(AGAIN_S)
        raise TimeoutError(f"{key} was not answered in {GIVE_UP_S} s: {last}")

    def _tell(self, key: str, command: File | Posted, step: Step) -> None:
        if step.problem is not None:
            assert not isinstance(command, File), step.problem
            self._diary.write(Told(key=key, case=step.case_id, problem=step.problem.code))
            return
        due = None
        if isinstance(command, File):
            clocks = step.answer[0].event.clocks  # type: ignore[union-attr]
            due = next(one.due_at for one in clocks if one.kind == "response").rfc3339()
        self._diary.write(told_of(step.case_id, key, step.answer, replayed=step.replayed, due=due))


def _ended(role: Role, number: int) -> str:
    return f"{ENDED}{role}-{number}"


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.time()))


async def _main(part: Part) -> None:
    key = read_master_key(Path(os.environ["CASELOG_MASTER_KEY_FILE"]))
    ledger = await open_ledger(os.environ["CASELOG_DATABASE_URL"], master_key=key, pool_size=POOL)
    try:
        await Writer(ledger, part).run()
    finally:
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(msgspec.json.decode(sys.argv[1], type=Part)))
