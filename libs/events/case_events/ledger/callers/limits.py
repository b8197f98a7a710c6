"""How often a key may ask: a bucket that fills by itself, of which each process takes a little ahead.

Kept is when a bucket will be full again (the generic cell rate algorithm, GCRA, of ATM's I.371): it is empty when
that is as far away as filling it takes, and taking from it moves that instant on. Beside it stands what was given last;
below zero it is what is owed, and the instant is believed as far as that explains it. One statement takes for many
requests, on the database's clock, so that any number of processes share one bucket without asking at each request.
"""

from __future__ import annotations

from datetime import timedelta

from case_events.core.values import Value
from case_events.ledger.connection import Connection

KEPT = timedelta(minutes=10)
FORGOTTEN_MAX = 10_000
"""Rows one call forgets; the rest waits for the next."""

# $2: what is owed, $3: what is wanted, $4: the burst, $5: how long each takes to be there again. A clock that was set
# back, or a limit that was raised, locks nobody out for longer than what is really owed takes to be paid.
KEPT_UNTIL = "least(kept.full_at, now() + ($4::int + greatest(0, -kept.taken)) * $5::interval)"
FREE = f"""least($3::int, floor($4::int - $2::int + 0.000001
    - extract(epoch FROM greatest(interval '0', {KEPT_UNTIL} - now())) / extract(epoch FROM $5::interval))::int)"""
TAKE = f"""
INSERT INTO rate_limits AS kept (key_id, full_at, taken)
VALUES ($1, now() + ($2::int + greatest(0, least($3::int, $4::int - $2::int))) * $5::interval,
        least($3::int, $4::int - $2::int))
ON CONFLICT (key_id) DO UPDATE SET
    taken = {FREE},
    full_at = greatest(now(), {KEPT_UNTIL}) + ($2::int + greatest(0, {FREE})) * $5::interval
RETURNING greatest(0, taken) AS taken, extract(epoch FROM full_at - now())::float8 AS full_in_s
"""
FORGET = """
DELETE FROM rate_limits WHERE key_id IN (
    SELECT key_id FROM rate_limits WHERE full_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


class Limit(Value, frozen=True, kw_only=True):
    """What a key may: ``per_minute`` in the long run, and ``burst`` at once."""

    per_minute: int
    burst: int

    @property
    def each(self) -> timedelta:
        """How long it takes until one more is there."""
        return timedelta(minutes=1) / self.per_minute


class Taken(Value, frozen=True, kw_only=True):
    """What a process got: so many requests, and ``full_in_s``: when the bucket is full if nobody takes more."""

    requests: int
    full_in_s: float


async def take(connection: Connection, key_id: str, limit: Limit, *, owed: int, wanted: int) -> Taken:
    """Take up to ``wanted`` from the bucket of a key, fewer where fewer are there; what is ``owed`` (requests that were
    let through before this) is taken in any case."""
    row = await connection.fetchrow(TAKE, key_id, owed, wanted, limit.burst, limit.each)
    assert row is not None, "an upsert returns its row"
    return Taken(requests=row["taken"], full_in_s=row["full_in_s"])


async def forget(connection: Connection) -> None:
    """Forget buckets that have long been full; a key that comes back begins with a full one, which is the same."""
    await connection.execute(FORGET, KEPT, FORGOTTEN_MAX)
