"""How often a caller may come: each key's share of what all workers may let through, and strangers' patience.

A process takes a little of a key's bucket ahead (ledger/callers/limits.py), about what the key used in the last tenth
of a second, while there still is something left: a request costs a subtraction and no round trip. What it does not use
within a second lapses. Decision 21 says why.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

from case_api.problems import Refused
from case_events.core.values import Problem
from case_events.ledger.callers.keys import Caller
from case_events.ledger.callers.limits import DEBT_MAX, Limit, Taken, forget, take
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
ALLOWANCES_MAX = 10_000
FORGET_EVERY_S = 600.0

FAILURES_MAX = 100
"""Keys that nobody has which one address may send at once, and"""
FAILURES_EVERY_S = 1.0
"""how long it takes until one more may come."""
STRANGERS_MAX = 10_000

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
            if self._left > 0 or now < self._free_until:
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
        raise _too_fast(max(self._spent_until - now, self._each_s), "This key has sent what it may")

    def owe(self, requests: int) -> None:
        """So many more came in one: they are let through, and whoever comes next waits for it."""
        self._left -= min(requests, DEBT_MAX)
        self._used += requests

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
        return max(1, self._limit.burst // LEASE_SHARE) if there >= self._limit.burst / 2 else 0

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


class Strangers:
    """Who sent keys that nobody has, by address: each such key costs a look, and nobody guesses one.

    It only ever delays keys that were not known here before: behind one address there may be many callers.
    """

    def __init__(self) -> None:
        self._forgiven_at: dict[str, float] = {}
        """When an address is as good as any other again."""

    def wary_of(self, address: str) -> bool:
        """Did a key that nobody has come from there lately?"""
        return address in self._forgiven_at

    def check(self, address: str) -> None:
        """Refused: 429 where this address has sent too many."""
        wait_s = self._forgiven_at.get(address, 0.0) - time.monotonic() - (FAILURES_MAX - 1) * FAILURES_EVERY_S
        if wait_s > 0:
            raise _too_fast(wait_s, "This address has sent too many keys that nobody has")

    def failed(self, address: str) -> None:
        """A key from there is nobody's."""
        now = time.monotonic()
        until = max(now, self._forgiven_at.pop(address, now)) + FAILURES_EVERY_S
        if len(self._forgiven_at) >= STRANGERS_MAX:
            self._forgiven_at.pop(next(iter(self._forgiven_at)))
        self._forgiven_at[address] = min(until, now + (FAILURES_MAX + 1) * FAILURES_EVERY_S)


def _too_fast(wait_s: float, why: str) -> Refused:
    after = max(1, math.ceil(wait_s))
    return Refused(Problem(code="rate_limited", detail=f"{why}; come back in {after} s."), {"Retry-After": str(after)})
