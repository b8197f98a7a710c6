"""The clock: everything due is fired in bounded passes; one case that cannot fire never starves the rest.

A sweep remembers where it has got to and claims from there, so that what somebody keeps Postgres from clearing away
costs nothing; everywhere it looks often enough. With many overdue no merchant has more than its turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

import asyncpg
import structlog
from msgspec.structs import replace

from case_events import tracing
from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.append_statements import FRESH_S
from case_events.ledger.clock import backlog, claims, firing
from case_events.ledger.clock.firing import Ahead, Fired
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_scheduler.clock.pace import LARGEST, Pace
from case_scheduler.clock.passes import Took, tell
from case_scheduler.clock.streak import Streak

SWEEP_S = 2.0
"""How long a sweep fires; then the heartbeat and the watermark have their turn, and the next sweep goes on. Its passes
all end before that: the shorter it is, the more of it goes by with fewer and fewer of them under way."""
EVERYWHERE_S = 10
"""How often a sweep looks everywhere though nobody asked: what came to lie behind it waits no longer."""
SETTLED = timedelta(seconds=2 * FRESH_S)
"""So long ago nothing was due that is written only now, unless somebody knocks."""
ORDER_S = 5
"""How long an order of turns is followed before it is made anew: others may have become due meanwhile."""
CLOCKED_TIMES = 5
"""So many times as many cases of a test clock are fired at once: legal order reads a case again in each pass."""
CLOCKED_S = 1.0
"""How often to look for what test clocks have passed though nobody knocks: whoever moves one knocks."""
CLOCKED_REST = 20
"""So many times as long as it took nobody looks for that again: each look asks every test clock there is."""
FAILURES_MAX = 10
"""Passes of a sweep that fail; enough to find by halving the one case that Postgres refuses."""
AT_ONCE_S = 1.0
"""Postgres answers within that, or something is wrong with more than one case."""
SOON_S, OTHERS_S, RETRY_S = 0.01, 0.1, 0.5
"""When to look again: at what has just become due, at what others seem to be firing, and at what was busy."""

log = structlog.get_logger("case_scheduler.timeouts")


class Swept(Value, frozen=True, kw_only=True):
    """Is anything left that is due, and in how many seconds to look again (None: nothing is set).

    ``done``: nothing failed, or something was written all the same; what is left because time was over says nothing.
    """

    left: bool
    again_in_s: float | None
    done: bool = True


class Sweeper:
    """The sweeps of one process: how far they have got, how much they take at once, and whose turn it is."""

    def __init__(self, ledger: Ledger, *, share: float = 1.0, told: Callable[[Fired], None] | None = None) -> None:
        """``share``: of the time, for catching up. ``told``: hears of every pass that claimed something."""
        self.pace = Pace(share)
        self._clocked_pace = Pace(share)
        self._clocked_pace.batch = LARGEST
        self._ledger = ledger
        self._told = told
        self._floor: Instant | None = None
        self._everywhere_at = self._clocked_at = 0.0
        self._turns: deque[CaseId] = deque()
        self._ordered_until = 0.0
        self._failures = 0
        self._troubled = False
        self._failing, self._wrote = False, False
        self._streak = Streak()
        self._suspect: CaseId | None = None
        self._left_for_s: float | None = None

    def look_everywhere(self) -> None:
        """The next pass looks everywhere: after a knock, a fault, and whatever else may have left something behind."""
        self._floor, self._clocked_at = None, 0.0
        self._turns.clear()

    async def sweep(self, stopping: Callable[[], bool], believed_until: Callable[[], Instant]) -> Swept:
        """Fire what is due, live cases first, for about ``SWEEP_S``.

        Nothing fires at an instant after ``believed_until()``. Raises one of UNAVAILABLE while Postgres is away:
        nothing is lost, the next sweep finds the same due.
        """
        if time.monotonic() >= self._everywhere_at:
            self._floor, self._everywhere_at = None, time.monotonic() + EVERYWHERE_S
        self._failures, self._troubled, self._left_for_s = 0, False, None
        self._failing, self._wrote = False, False
        try:
            await self._live(stopping, believed_until)
            await self._clocked(stopping, believed_until)
            return self._swept(await firing.look_ahead(self._ledger, self._floor))
        except UNAVAILABLE:
            self.look_everywhere()
            raise

    def _swept(self, ahead: Ahead) -> Swept:
        done = self._wrote or not self._failing
        if self._left_for_s is not None:
            return Swept(left=True, again_in_s=self._left_for_s, done=done)
        settled = Instant.of(ahead.now - SETTLED)
        self._floor = max(self._floor or settled, settled)
        return Swept(left=False, again_in_s=_again_in_s(ahead.seconds), done=done)

    async def _live(self, stopping: Callable[[], bool], believed_until: Callable[[], Instant]) -> None:
        over = self._ends(stopping)
        while not over():
            if self._turns:
                if not await self._caught_up(over, believed_until):
                    self._leave(OTHERS_S)
                    return
            elif not (await self._pass("live", claims.CLAIM_LIVE, believed_until())).full:
                return
            if not self._turns:
                await self._order()

    async def _order(self) -> None:
        """With many overdue, whose turn it is; else the oldest is next, whosever it is."""
        if await backlog.overdue(self._ledger) > backlog.BACKLOG:
            self._floor = None  # what is worked off in turns lies on both sides of it
            self._turns.extend(await backlog.in_turns(self._ledger))
            self._ordered_until = time.monotonic() + ORDER_S

    async def _caught_up(self, over: Callable[[], bool], believed_until: Callable[[], Instant]) -> int:
        """Work off the turns, leaving the database to others for the rest of the time; cases claimed."""
        lanes = [self._lane(over, believed_until) for _ in range(self.pace.lanes)]
        claimed = 0
        for ended in await asyncio.gather(*lanes, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended
            claimed += ended
        if time.monotonic() > self._ordered_until:
            self._turns.clear()
        return claimed

    async def _lane(self, over: Callable[[], bool], believed_until: Callable[[], Instant]) -> int:
        claimed = 0
        while self._turns and not over():
            some = [self._turns.popleft() for _ in range(min(self.pace.batch, len(self._turns)))]
            took = await self._pass("live", claims.CLAIM_AMONG, believed_until(), some)
            claimed += took.claimed
            await asyncio.sleep(self.pace.pause_s(took.seconds))
        return claimed

    async def _clocked(self, stopping: Callable[[], bool], believed_until: Callable[[], Instant]) -> None:
        if time.monotonic() < self._clocked_at:
            return
        # A pass fires what is next in legal order; that it was not full does not say that nothing is left.
        over, claimed, took_s = self._ends(stopping), 1, 0.0
        while claimed and not over():
            took = await self._pass("clocked", claims.CLAIM_CLOCKED, believed_until())
            claimed, took_s = took.claimed, took.seconds
        if not claimed:
            self._clocked_at = time.monotonic() + max(CLOCKED_S, CLOCKED_REST * took_s)

    def _ends(self, stopping: Callable[[], bool]) -> Callable[[], bool]:
        """Whether this part of the sweep is over though something may be left."""
        end = time.monotonic() + SWEEP_S

        def over() -> bool:
            if self._failures >= FAILURES_MAX:
                self._leave(RETRY_S)
            elif stopping() or time.monotonic() > end:
                self._leave(SOON_S)
            else:
                return False
            return True

        return over

    def _leave(self, seconds: float) -> None:
        """Something is left, to be looked at again in so many seconds."""
        self._left_for_s = min(seconds, self._left_for_s or seconds)

    async def _pass(self, kind: str, claim: str, believed_until: Instant, only: Sequence[CaseId] | None = None) -> Took:
        pace = self._clocked_pace if kind == "clocked" else self.pace
        limit, began = len(only) if only else pace.batch, time.monotonic()
        if pace is self._clocked_pace and limit > 1:
            limit *= CLOCKED_TIMES
        floor = self._floor if claim is claims.CLAIM_LIVE else None
        claimed: list[CaseId] = []
        try:
            with tracing.span("firing.pass", claim=kind, limit=limit):
                fired = await firing.fire(
                    self._ledger,
                    claim,
                    believed_until=believed_until,
                    floor=floor,
                    limit=limit,
                    only=only,
                    back_off_s=self._streak.back_off_s,
                    heard=claimed.extend,
                )
                tracing.note(cases=len(fired.claimed), events=fired.events)
        except Exception as error:
            if not await self._failed(kind, claimed, pace, error):
                raise
            return Took(claimed=limit, limit=limit, seconds=time.monotonic() - began)
        took = Took(claimed=len(fired.claimed), limit=limit, seconds=time.monotonic() - began)
        seconds = took.seconds if pace is self.pace else 0.0
        pace.took(seconds, limit, full=took.full, in_turn=only is not None)
        self._note(kind, replace(fired, took_s=took.seconds), went_on=claim is claims.CLAIM_LIVE)
        return took

    async def _failed(self, kind: str, claimed: Sequence[CaseId], pace: Pace, error: Exception) -> bool:
        """Nothing of a batch was written; whether a case of it may be to blame. Which one is found by halving."""
        if not claimed:
            return False
        pace.failed()
        alone = len(claimed) == 1
        if isinstance(error, UNAVAILABLE) and not self._ended_it_again(claimed, error):
            return False
        told = not self._streak.of_all
        failed = [case_id for case_id in claimed if self._streak.failed(case_id, error)] if alone else []
        if alone and not await self._postponed(claimed):
            return False
        if told:
            log.error("pass_failed", claim=kind, cases=len(claimed), error=type(error).__name__, exc_info=error)
        for case_id in failed:
            log.error("case_failed", claim=kind, case_id=str(case_id), error=type(error).__name__)
        self._failures += 1
        self._failing = True
        self.look_everywhere()
        return True

    def _ended_it_again(self, claimed: Sequence[CaseId], error: Exception) -> bool:
        """Whether one case, alone in its pass, has ended its session twice: it is too long to be read in time.

        Once, Postgres may have gone away in that moment. That a table is locked is no case's doing.
        """
        before, self._suspect = self._suspect, claimed[0] if len(claimed) == 1 else None
        again = before is not None and before == self._suspect
        return again and not isinstance(error, asyncpg.LockNotAvailableError)

    async def _postponed(self, cases: Sequence[CaseId]) -> bool:
        """Whether these were postponed: not where Postgres does not answer at once."""
        try:
            async with asyncio.timeout(AT_ONCE_S):
                await firing.postpone(self._ledger, *cases, back_off_s=self._streak.back_off_s)
        except UNAVAILABLE:
            return False
        return True

    def _note(self, kind: str, fired: Fired, *, went_on: bool) -> None:
        if not fired.claimed:
            return
        if fired.events:
            self._ledger.waking.appended()
            self._wrote = True
        self._failing = self._failing or bool(fired.failed)
        if fired.written:
            self._streak.ended()
        for case_id, error in fired.failed:
            if fired.written or self._streak.failed(case_id, error):
                log.error("case_failed", claim=kind, case_id=str(case_id), error=type(error).__name__, exc_info=error)
        if fired.busy or fired.conflicts:
            self._leave(RETRY_S)
            self._troubled = True
        if self._troubled:
            self._floor = None  # the next sweep looks at what was left, wherever it is
        elif went_on:
            self._floor = fired.last_tried_at
        tell(kind, fired)
        if self._told is not None:
            self._told(fired)


def _again_in_s(seconds: float | None) -> float | None:
    """In how many seconds to look again at what is next due in so many; what is overdue, others are firing."""
    if seconds is None:
        return None
    if seconds >= 0:
        return max(SOON_S, seconds)  # what is due within that goes together
    return SOON_S if seconds > -OTHERS_S else OTHERS_S
