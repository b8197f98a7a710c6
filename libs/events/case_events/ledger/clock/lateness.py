"""How late we are: how long after their legal instants the schedulers write timeouts, counted by kind and hour.

Counts stand in buckets whose bounds grow by a fifth, so that hours and schedulers add up and any quantile can be
told to within that much. They are kept in memory for a few seconds: what a kill -9 loses is counts, never a timeout.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from case_events.core.values import Value
from case_events.ledger.connection import Connection, touched
from case_events.ledger.database import Ledger

LEAST_S = 0.001
"""The bound of bucket 0; nothing is told more exactly."""
STEPS = 4
"""Buckets to each doubling."""
BUCKET_MAX = 160
"""Its bound is 34 years; whatever is later is counted there."""
KINDS_MAX = 64
"""Kinds of deadlines that are counted one by one; there are fewer than half as many."""
OTHER = "other"
FLUSH_S = 5
"""How often what was counted is written."""
KEPT = timedelta(days=30)

COUNT = """
INSERT INTO lateness (hour, kind, bucket, count)
SELECT date_trunc('hour', clock_timestamp(), 'UTC'), kind, bucket, count
FROM unnest($1::text[], $2::smallint[], $3::bigint[]) AS t (kind, bucket, count) ORDER BY kind, bucket
ON CONFLICT (hour, kind, bucket) DO UPDATE SET count = lateness.count + excluded.count
"""
SUMS = """
SELECT kind, bucket, sum(count)::bigint AS count FROM lateness
WHERE hour > clock_timestamp() - $1::interval - interval '1 hour' GROUP BY kind, bucket ORDER BY kind, bucket
"""
PRUNE = "DELETE FROM lateness WHERE hour < clock_timestamp() - $1::interval"


class Quantiles(Value, frozen=True, kw_only=True):
    """Of so many timeouts of a kind: half, 95 and 99 in a hundred, and all were written within so many seconds."""

    kind: str
    count: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


class Lateness:
    """What one scheduler has counted and not yet written."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._kinds: set[str] = set()
        self._next_at = 0.0

    def add(self, late: Iterable[tuple[str, float]]) -> None:
        """Timeouts that were written: of which kind, and how many seconds late."""
        for kind, seconds in late:
            if len(self._kinds) < KINDS_MAX:
                self._kinds.add(kind)
            self._counts[kind if kind in self._kinds else OTHER, bucket_of(seconds)] += 1

    async def keep(self, ledger: Ledger, *, at_once: bool = False) -> bool:
        """Write what was counted, unless that was done ``FLUSH_S`` ago or less; whether anything was.

        Raises one of UNAVAILABLE while Postgres is away: the counts are then kept for the next time.
        """
        now = time.monotonic()
        if not self._counts or (now < self._next_at and not at_once):
            return False
        self._next_at = now + FLUSH_S
        counted, self._counts = self._counts, Counter()
        kinds, buckets = [kind for kind, _ in counted], [bucket for _, bucket in counted]
        try:
            async with ledger.connection() as connection:
                await connection.execute(COUNT, kinds, buckets, list(counted.values()))
        except BaseException:
            self._counts.update(counted)
            raise
        return True


def bucket_of(seconds: float) -> int:
    """The first bucket whose bound is no less than ``seconds``."""
    if seconds <= LEAST_S:
        return 0
    return min(BUCKET_MAX, math.ceil(round(STEPS * math.log2(seconds / LEAST_S), 9)))


def bound_s(bucket: int) -> float:
    """What is counted in ``bucket`` was no later than this."""
    return float(LEAST_S * 2 ** (bucket / STEPS))


async def quantiles(connection: Connection, since: timedelta) -> tuple[Quantiles, ...]:
    """Of each kind that was written since then, by whole hours: the current one, and as many more as touch it."""
    by_kind: dict[str, list[tuple[int, int]]] = {}
    for row in await connection.fetch(SUMS, since):
        by_kind.setdefault(row["kind"], []).append((row["bucket"], row["count"]))
    return tuple(_quantiles(kind, counts) for kind, counts in by_kind.items())


async def prune(ledger: Ledger) -> int:
    """Forget the hours that are older than ``KEPT``; how many rows that were."""
    async with ledger.connection() as connection:
        return touched(await connection.execute(PRUNE, KEPT))


def _quantiles(kind: str, counts: list[tuple[int, int]]) -> Quantiles:
    total = sum(count for _, count in counts)
    p50, p95, p99 = (_within(counts, math.ceil(total * share)) for share in (0.5, 0.95, 0.99))
    return Quantiles(kind=kind, count=total, p50_s=p50, p95_s=p95, p99_s=p99, max_s=bound_s(counts[-1][0]))


def _within(counts: list[tuple[int, int]], wanted: int) -> float:
    """The bound of the bucket in which the ``wanted``-th of them lies; ``counts`` by bucket, the least first."""
    reached = 0
    for bucket, count in counts:
        reached += count
        if reached >= wanted:
            return bound_s(bucket)
    raise AssertionError("no more are wanted than were counted")
