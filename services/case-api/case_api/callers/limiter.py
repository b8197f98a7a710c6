"""How often a caller may come: each key's share of what all workers may let through, and turns for unknown keys.

A process takes a little of a key's bucket ahead (ledger/callers/limits.py), about what the key used in the last tenth
of a second, while there still is something left: a request costs a subtraction and no round trip. What it does not use
within a second lapses. Decision 21 says why.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context

from case_api.refusals.problems import Refused
from case_events.core.values import Problem
from case_events.ledger.callers.keys import Caller
from case_events.ledger.callers.limits import Limit, Taken, forget, take
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger

BURST_MIN = 10
BURST_SHARE = 10
"""At once a key may send this part of what it may in a minute."""
LEASE_S = 1.0
"""So long a process may use what it took; what is left then lapses."""
LEASE_SHARE = 20
"""It takes this part of what a key may in a minute at most."""
AHEAD_S = 0.1
"""It takes what the key used within this time."""
BELIEVED_S = 5.0
"""So long what the bucket held is believed without asking."""
ROUNDS_MAX = 3
"""So often one request asks for more before it is refused: others may have used what came."""
ALLOWANCES_MAX = 10_000
FORGET_EVERY_S = 600.0

LOOK_UPS_MAX = 4
"""Keys that were not seen here which one process looks up at once."""
QUEUE_MAX, QUEUE_S = 100, 2.0
"""How many more may wait to be looked up, and how long."""

Headers = tuple[tuple[bytes, bytes], ...]
Taking = Callable[[str, Limit, int, int], Awaitable[Taken]]


class Limiter:
    """The allowances of the keys seen lately. ``per_minute``: of a key without a limit of its own; 0: it has none."""

    def __init__(self, ledger: Ledger, per_minute: int) -> None:
        self._ledger = ledger
        self._per_minute = per_minute
        self._allowances: dict[str, Allowance] = {}
        self._forget_at = time.monotonic() + FORGET_EVERY_S

    def of(self, caller: Caller) -> Allowance | None:
        """What this key may here; None where nothing limits it."""
        per_minute = caller.per_minute or self._per_minute
        if per_minute == 0:
            return None
        allowance = self._allowances.get(caller.key_id)
        if allowance is None or allowance.per_minute != per_minute:
            if len(self._allowances) >= ALLOWANCES_MAX:
                self._allowances.pop(next(iter(self._allowances)))
            allowance = self._allowances[caller.key_id] = Allowance(caller.key_id, per_minute, self._take)
        return allowance

    async def _take(self, key_id: str, limit: Limit, owed: int, wanted: int) -> Taken:
        async with self._ledger.connection() as connection:
            taken = await take(connection, key_id, limit, owed=owed, wanted=wanted)
            if time.monotonic() >= self._forget_at:
                self._forget_at = time.monotonic() + FORGET_EVERY_S
                await forget(connection)
        return taken


class Allowance:
    """What one key may still send through this process before more is taken."""

    def __init__(self, key_id: str, per_minute: int, taking: Taking) -> None:
        self.per_minute = per_minute
        self._key_id = key_id
        self._limit = Limit(per_minute=per_minute, burst=max(BURST_MIN, per_minute // BURST_SHARE))
        self._on_credit = max(1, self._limit.burst // LEASE_SHARE)
        self._each_s = self._limit.each.total_seconds()
        self._policy = (b"ratelimit-policy", b'"key";q=%d;w=60' % per_minute)
        self._taking = taking
        self._left = 0
        """Below zero: what was let through and is still to be taken."""
        self._low = 0
        self._lapses_at = self._spent_until = self._free_until = 0.0
        self._told_at = -math.inf
        self._full_at = 0.0
        self._used, self._used_since = 0, time.monotonic()
        self._waiting = 0
        self._asking: asyncio.Task[None] | None = None
        self._charging = asyncio.Lock()

    async def spend(self) -> None:
        """Let one request through. Refused: 429 when the key has sent what it may, with when to come back.

        While Postgres is away nobody is limited: what needs it fails by itself.
        """
        now = time.monotonic()
        if self._left > 0 and now >= self._lapses_at:
            self._left = 0
        if self._left > 0:
            self._spend()
            if self._left < self._low:
                self._ask()
            return
        for _ in range(ROUNDS_MAX):
            if now < self._free_until:
                return  # and nothing is owed for it
            if self._left > 0:
                self._spend()
                return
            if now < self._spent_until:
                break
            if -self._left < self._credit(now):
                self._spend()
                self._ask()
                return
            self._waiting += 1
            try:
                await asyncio.shield(self._ask())
            finally:
                self._waiting -= 1
            now = time.monotonic()
        raise _too_fast(max(self._spent_until - now, self._each_s))

    async def owe(self, requests: int) -> None:
        """So many more came in one: they are let through, and whoever comes next waits for it.

        Refused: 429 while something is owed: what is let through on credit is never more than one such lot.
        """
        async with self._charging:
            for asked in range(ROUNDS_MAX):
                now = time.monotonic()
                if now < self._free_until:
                    return
                free = self._left > 0 and now < self._lapses_at
                if not free and now < self._spent_until:
                    break
                if free or (asked and self._left >= -self._on_credit):
                    self._left -= requests
                    self._used += requests
                    return
                self._left = min(self._left, 0)
                await asyncio.shield(self._ask())
        raise _too_fast(max(self._spent_until - time.monotonic(), self._each_s))

    def headers(self) -> Headers:
        """What an answer tells the caller (draft-ietf-httpapi-ratelimit-headers): how many requests may come now, and
        in how many seconds it will be all that may ever come at once."""
        full_in_s = max(0.0, self._full_at - time.monotonic())
        there = self._left + self._limit.burst - math.ceil(full_in_s / self._each_s)
        said = b'"key";r=%d;t=%d' % (min(max(0, there), self._limit.burst), math.ceil(full_in_s))
        return (b"ratelimit", said), self._policy

    def _spend(self) -> None:
        self._left -= 1
        self._used += 1

    def _credit(self, now: float) -> int:
        """How many may go before anything is taken: a few, as long as the bucket was half full a moment ago."""
        if now - self._told_at > BELIEVED_S:
            return 0
        there = self._limit.burst - (self._full_at - now) / self._each_s
        return self._on_credit if there >= self._limit.burst / 2 else 0

    def _ask(self) -> asyncio.Task[None]:
        if self._asking is None or self._asking.done():
            # Its own context: it is asked for everybody with this key.
            self._asking = asyncio.create_task(self._asked(), name="allowance", context=Context())
        return self._asking

    async def _asked(self) -> None:
        now = time.monotonic()
        share = self._used * AHEAD_S / max(AHEAD_S, now - self._used_since)
        most = max(1, self.per_minute // LEASE_SHARE)
        wanted = min(max(1, round(share), self._waiting), most, self._limit.burst)
        self._used, self._used_since = 0, now
        owed = max(0, -self._left)
        try:
            taken = await self._taking(self._key_id, self._limit, owed, wanted)
        except UNAVAILABLE:
            self._free_until = time.monotonic() + LEASE_S
            return
        now = time.monotonic()
        self._left += owed + taken.requests
        self._low = taken.requests // 2
        self._lapses_at, self._told_at = now + LEASE_S, now
        self._full_at = now + taken.full_in_s
        if taken.requests == 0:
            self._spent_until = self._full_at - (self._limit.burst - 1) * self._each_s


class LookUps:
    """Turns for keys that were not seen here: a few are looked up at once, and those who wait are few.

    Nobody guesses a secret of 256 bits; what has an end is what trying costs, wherever it comes from: behind one
    address there may be everybody.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(LOOK_UPS_MAX)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While this lasts a key may be looked up. Refused: 429 where too many wait, or for too long."""
        if self._waiting >= QUEUE_MAX:
            raise _crowded()
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE_S):
                await self._turns.acquire()
        except TimeoutError:
            raise _crowded() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()


def _crowded() -> Refused:
    detail = "Too many keys that were not seen here lately wait to be looked up."
    return Refused(Problem(code="too_many_requests", detail=detail))


def _too_fast(wait_s: float) -> Refused:
    after = max(1, math.ceil(wait_s))
    detail = f"This key has sent what it may; come back in {after} s."
    return Refused(Problem(code="rate_limited", detail=detail), {"Retry-After": str(after)})
