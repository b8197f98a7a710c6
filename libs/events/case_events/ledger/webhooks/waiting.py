"""What waits: events that could not be delivered, and behind each of them what came later in its case.

The earliest of a case is its head: it alone is tried, by its own ``next_try_at``, and the others go when it has gone.
Only who holds the endpoint's subscription writes here; all instants are the database's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.connection import Connection

WAITING_MAX = 5_000
"""Events that may wait for one endpoint; at so many it reads no further until some are delivered."""
CHAINS_MAX = 200
"""Events that are taken along at once from what waits."""

BACKLOG = """
SELECT count(*) AS events, min(first_at) AS since,
    extract(epoch FROM min(next_try_at) FILTER (WHERE nth = 1) - clock_timestamp())::float8 AS due_in_s
FROM (
    SELECT first_at, next_try_at, row_number() OVER (PARTITION BY case_id ORDER BY position) AS nth
    FROM webhook_waiting WHERE endpoint = $1
) AS w
"""
HEADS = """
SELECT DISTINCT ON (case_id) case_id, position, attempts, next_try_at FROM webhook_waiting WHERE endpoint = $1
ORDER BY case_id, position
"""
# Cases of which nothing was refused before the others, in either limit: what is refused for good keeps nobody out.
DUE = f"""
SELECT position, case_id, attempts, due FROM (
    SELECT w.position, w.case_id, w.attempts, w.next_try_at <= clock_timestamp() AS due FROM (
        SELECT case_id, attempts > 0 AS refused FROM ({HEADS}) AS h WHERE next_try_at <= clock_timestamp()
        ORDER BY refused, next_try_at, position LIMIT $2
    ) AS c JOIN webhook_waiting w ON w.endpoint = $1 AND w.case_id = c.case_id ORDER BY c.refused, w.position LIMIT $2
) AS d ORDER BY position
"""
# One that could not be read is none before its turn.
PROBED = f"""
SELECT h.position, h.case_id, h.attempts, h.next_try_at <= clock_timestamp() AS due,
    min(h.position) OVER () = h.position AS first
FROM ({HEADS}) AS h
WHERE {{which}} AND (h.next_try_at <= clock_timestamp() OR NOT EXISTS (
    SELECT FROM parked p WHERE p.subscription = 'webhook:' || $1::uuid::text AND p.position = h.position
))
"""
# The latest: what was read together with those that were refused, and lies next to them, may be refused for the same.
UNTRIED = f"""
SELECT position, case_id, attempts, due FROM ({PROBED.format(which="h.attempts = 0")}) AS heads
ORDER BY position DESC LIMIT 1
"""
# The earliest of all whenever it is due, so that its tries end in time; else one after the other.
REFUSED = f"""
SELECT position, case_id, attempts, due FROM ({PROBED.format(which="h.attempts > 0")}) AS heads
ORDER BY first AND due DESC, position > $2 DESC, position LIMIT 1
"""
CASES = "SELECT DISTINCT case_id FROM webhook_waiting WHERE endpoint = $1 AND case_id = ANY ($2::uuid[])"
HELD_BACK = "SELECT position FROM webhook_waiting WHERE endpoint = $1 AND position = ANY ($2::bigint[])"
PUT = """
INSERT INTO webhook_waiting AS w (endpoint, position, case_id, attempts, next_try_at)
SELECT $1, position, case_id, attempts, clock_timestamp() + make_interval(secs => in_s)
FROM unnest($2::bigint[], $3::uuid[], $4::integer[], $5::float8[]) AS t (position, case_id, attempts, in_s)
ON CONFLICT (endpoint, position) DO UPDATE SET attempts = excluded.attempts, next_try_at = excluded.next_try_at
"""
DONE = "DELETE FROM webhook_waiting WHERE endpoint = $1 AND position = ANY ($2::bigint[])"
AT_ONCE = """
UPDATE webhook_waiting SET next_try_at = clock_timestamp(), attempts = 0
WHERE endpoint = $1 AND (attempts > 0 OR next_try_at > clock_timestamp())
"""
# What was tried stays known as such. What was refused before the last success, or in the round of it, was refused by a
# receiver that takes others: given its tries back whenever the circuit closes, it would never come to their end.
SOONER = """
UPDATE webhook_waiting w SET next_try_at = clock_timestamp(), attempts = greatest(attempts - 1, least(attempts, 1))
WHERE endpoint = $1 AND next_try_at > clock_timestamp() AND NOT EXISTS (
    SELECT FROM webhook_circuits c, feed f JOIN events e ON e.case_id = f.case_id AND e.version = f.version
    JOIN webhook_attempts a ON a.endpoint = $1 AND a.event_id = e.event_id AND a.reason = 'event'
    WHERE c.endpoint = $1 AND f.position = w.position AND a.at <= c.succeeded_at
)
"""
FORGET = "DELETE FROM webhook_waiting WHERE endpoint = $1"


class Waiting(Value, frozen=True, kw_only=True):
    """An event that waits, and how often it was tried in its turn; ``due``: whether it is its turn by now."""

    position: int
    case_id: CaseId
    attempts: int
    due: bool


class Delayed(Value, frozen=True, kw_only=True):
    """An event that is to wait, tried so often by now, and in how many seconds it is its turn again."""

    position: int
    case_id: CaseId
    attempts: int
    in_s: float


class Backlog(Value, frozen=True, kw_only=True):
    """How many events wait for an endpoint, since when, and in how many seconds the first head is due (None: none)."""

    events: int
    since: Instant | None
    due_in_s: float | None


async def backlog(connection: Connection, endpoint: UUID) -> Backlog:
    """What waits for the endpoint, in sum."""
    (row,) = await connection.fetch(BACKLOG, endpoint)
    return Backlog(**dict(row))


async def due(connection: Connection, endpoint: UUID, limit: int = CHAINS_MAX) -> tuple[Waiting, ...]:
    """The heads whose turn it is, each with what waits behind it in its case: up to ``limit``, by position."""
    return _read(await connection.fetch(DUE, endpoint, limit))


async def untried(connection: Connection, endpoint: UUID) -> Waiting | None:
    """A head that was never tried, to be tried while a circuit is open."""
    found = _read(await connection.fetch(UNTRIED, endpoint))
    return found[0] if found else None


async def refused(connection: Connection, endpoint: UUID, after: int) -> Waiting | None:
    """A head that was tried in vain, to be tried while a circuit is open; ``after``: the one that was the last time."""
    found = _read(await connection.fetch(REFUSED, endpoint, after))
    return found[0] if found else None


async def cases(connection: Connection, endpoint: UUID, among: Collection[CaseId]) -> frozenset[CaseId]:
    """Those of the cases of which something waits: what is later in them waits too."""
    return frozenset(row["case_id"] for row in await connection.fetch(CASES, endpoint, list(among)))


async def held_back(connection: Connection, endpoint: UUID, among: Collection[int]) -> frozenset[int]:
    """Those of the positions that wait."""
    return frozenset(row["position"] for row in await connection.fetch(HELD_BACK, endpoint, list(among)))


async def put(connection: Connection, endpoint: UUID, delayed: Sequence[Delayed]) -> None:
    """These wait from now on, or wait on."""
    if delayed:
        columns = zip(*((one.position, one.case_id, one.attempts, one.in_s) for one in delayed), strict=True)
        await connection.execute(PUT, endpoint, *(list(column) for column in columns))


async def done(connection: Connection, endpoint: UUID, positions: Collection[int]) -> None:
    """These wait no more: delivered, or not for the endpoint after all."""
    if positions:
        await connection.execute(DONE, endpoint, list(positions))


async def try_at_once(connection: Connection, endpoint: UUID) -> None:
    """Somebody resumed the endpoint: whatever waits has its turn now, and all its tries before it."""
    await connection.execute(AT_ONCE, endpoint)


async def try_sooner(connection: Connection, endpoint: UUID) -> None:
    """The receiver is back: what was refused since it last took something has its turn now, at no cost of a try."""
    await connection.execute(SOONER, endpoint)


async def forget(connection: Connection, endpoint: UUID) -> None:
    """Nothing waits any more for an endpoint that was deleted."""
    await connection.execute(FORGET, endpoint)


def _read(rows: Sequence[asyncpg.Record]) -> tuple[Waiting, ...]:
    return tuple(Waiting(**dict(row)) for row in rows)
