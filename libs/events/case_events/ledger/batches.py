"""What is asked while a batch is under way shares the next one, and each keeps its own answer: group commit, and
readers who share a round trip.

Nobody waits for a time, only for who is at the door already: a batch starts once the loop has gone round and brought
nobody new. One key is in one batch at a time. A batch that fails is tried again one by one, so that nobody pays for a
neighbour.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Any, Generic, TypeVar, cast

from case_events import tracing

SIZE_MAX = 32
"""How many go together; more buy little and cost the tail."""
SHARE_MIN = 8
"""So many go together even if another lane is free: a transaction has its price, of some two steps."""
ENOUGH = 16
"""So many wait for nobody more: of 32 callers one half is judged while the other is read (measured: a step takes a
twentieth less time)."""
QUIET_TURNS, QUIET_TURNS_ALONE = 3, 1
"""How often the loop goes round and brings nobody new before a batch starts, beside another one or alone: from a
socket to here a request takes two turns (measured with 32 callers: 16 share a transaction where 10 did; with eight a
step costs a seventh less CPU and a fourth less in Postgres, and takes no longer)."""
WAITING_MAX = 10_000
"""How many may wait; whoever comes then is told to come back."""
LANES = 2
"""How many batches are under way at once: while one waits for Postgres and its disk the other is judged (measured: four
keep the core a tenth busier, and use that up, because they share less; Postgres then spends a sixth more)."""

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Sequence[T]], Awaitable[Sequence[R]]]
Waiting = tuple[T, asyncio.Future[R], Any]
"""What is asked, where its answer goes, and the span that waits for it."""


class Full(Exception):
    """So many wait already that nobody more is let in; nothing was done."""


class Batches(Generic[T, R]):
    """A queue whose waiting items are worked off together."""

    def __init__(self, name: str, key: Callable[[T], Hashable], hopeless: tuple[type[Exception], ...]) -> None:
        """``name``: of a batch, in traces. ``key``: items with equal keys are never in one batch, nor under way in
        two. ``hopeless``: what fails a whole batch at once, because trying its items one by one would only fail
        again."""
        self._name = name
        self._key = key
        self._hopeless = hopeless
        self.told: Callable[[int], None] | None = None
        """Who counts how many went together."""
        self._waiting: deque[Waiting[T, R]] = deque()
        self._busy: set[Hashable] = set()
        self._lanes: set[asyncio.Task[None]] = set()
        self._under_way = 0

    async def add(self, item: T, work: Work[T, R]) -> R:
        """The answer of ``work`` for this item. Raises Full, or what ``work`` raises for it alone."""
        if len(self._waiting) >= WAITING_MAX:
            raise Full
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer, tracing.here()))
        if len(self._lanes) < LANES:
            # Its own context: it goes on with what others ask, and is of no one's request.
            lane = asyncio.create_task(self._lane(work), context=Context())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)  # one that was cancelled before it began, too
        return await answer

    async def _lane(self, work: Work[T, R]) -> None:
        try:
            await self._worked_off(work)
        finally:
            # Now, and not when the loop tells who waits for the task: by then those whose answers came with this
            # batch may have asked again, and found every lane taken by one that had ended.
            self._lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _worked_off(self, work: Work[T, R]) -> None:
        while batch := await self._gathered():
            keys = {self._key(item) for item, _, _ in batch}
            self._busy |= keys
            self._under_way += 1
            try:
                if self.told is not None:
                    self.told(len(batch))
                await self._work(batch, work)
            finally:
                self._under_way -= 1
                self._busy -= keys
                for _, answer, _ in batch:
                    answer.cancel()  # of what ended in the middle: nobody waits for ever; who was answered, stays so

    async def _work(self, batch: list[Waiting[T, R]], work: Work[T, R]) -> None:
        try:
            with tracing.together(self._name, [span for _, _, span in batch], together=len(batch)):
                answers = await work([item for item, _, _ in batch])
        except self._hopeless as error:
            for _, answer, _ in batch:
                _fail(answer, error)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever asked
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            for one in batch:
                await self._work([one], work)
        else:
            for (_, answer, _), said in zip(batch, answers, strict=True):
                if not answer.done():
                    answer.set_result(said)

    async def _gathered(self) -> list[Waiting[T, R]]:
        """The next batch, with those who were being read meanwhile; each further turn of the loop is somebody's."""
        before, quiet = len(self._waiting), 0
        while 0 < before < ENOUGH and quiet < (QUIET_TURNS if self._under_way else QUIET_TURNS_ALONE):
            await asyncio.sleep(0)
            now = len(self._waiting)
            before, quiet = now, 0 if now > before else quiet + 1
        return self._next()

    def _next(self) -> list[Waiting[T, R]]:
        """The items that have waited longest and can go together; whoever gave up waiting is left out."""
        batch: list[Waiting[T, R]] = []
        keys: set[Hashable] = set()
        later: list[Waiting[T, R]] = []
        # What waits is shared with the lanes that are free: one is judged while the other is written.
        share = math.ceil(len(self._waiting) / (LANES - self._under_way))
        size = min(SIZE_MAX, max(SHARE_MIN, share))
        while self._waiting and len(batch) < size:
            item, answer, span = self._waiting.popleft()
            key = self._key(item)
            if answer.done():
                continue
            if key in keys or key in self._busy:
                later.append((item, answer, span))
            else:
                keys.add(key)
                batch.append((item, answer, span))
        self._waiting.extendleft(reversed(later))
        return batch


def unlike(_: object) -> Hashable:
    """The key of what may always go together, several times the same too."""
    return object()


def _fail(answer: asyncio.Future[R], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
