"""Durable subscriptions: how far each has read, who reads for it now, and what was set aside so that the rest goes on.

Delivery is at least once and in order: work first, then ``advance``; whoever dies in between leaves the same events
to the next. Work is done under a hold, a lease by the database's clock. One that ran out is worth nothing, even if
nobody took it over: its owner can neither advance nor park, and must hold anew. An owner's name is used by one worker
only, and by it only while it lives.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from case_events.core.values import CaseId, Instant, Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.feed.reader import Page, read
from case_events.ledger.feed.rows import HEAD, BeyondFeed, head
from case_events.ledger.sealing import Vault

NAME_MAX = 200
HOLD_MAX_S = 3_600
ERROR_MAX = 2_000
"""Characters of an error that are kept."""
PARKED_PAGE_MAX = 1_000

SUBSCRIBE = f"""
INSERT INTO subscriptions (name, position)
SELECT $1, coalesce($2, ({HEAD})) ON CONFLICT (name) DO NOTHING
RETURNING position
"""
# Whoever is at one of them in this moment is not waited for, so that no two wait for each other.
ALL = f"""
UPDATE subscriptions s SET owner = $2, held_until = clock_timestamp() + make_interval(secs => $3)
FROM ({HEAD}) AS f, (
    SELECT name FROM subscriptions WHERE name = ANY ($1::text[]) AND {{which}} FOR UPDATE SKIP LOCKED
) AS free
WHERE s.name = free.name RETURNING s.name, s.position < f.head AS behind
"""
HOLD_ON = ALL.format(which="owner = $2")
HOLD_FREE = ALL.format(
    which="(owner IS NULL OR owner = $2 OR held_until <= clock_timestamp()) ORDER BY name LIMIT $4",
)
RELEASE = "UPDATE subscriptions SET owner = NULL, held_until = NULL WHERE name = $1 AND owner = $2 RETURNING name"
# Read anew after a wait for the row's lock: who waited until the hold ran out does not have it any more.
HELD = "s.name = $1 AND s.owner = $2 AND s.held_until > clock_timestamp()"
POSITION = f"SELECT s.position FROM subscriptions s WHERE {HELD}"
ADVANCE = f"""
UPDATE subscriptions s SET position = greatest(s.position, $3) FROM ({HEAD}) AS f
WHERE $3 <= f.head AND {HELD} RETURNING s.position
"""
PARK = f"""
INSERT INTO parked AS p (subscription, position, attempts, error)
SELECT s.name, f.position, 1, $4 FROM subscriptions s JOIN feed f ON f.position = $3 WHERE {HELD} FOR UPDATE OF s
ON CONFLICT (subscription, position)
    DO UPDATE SET attempts = p.attempts + 1, error = excluded.error, parked_at = clock_timestamp()
RETURNING attempts
"""
UNPARK = f"""
DELETE FROM parked p USING subscriptions s
WHERE p.subscription = s.name AND p.position = ANY ($3::bigint[]) AND {HELD} RETURNING p.position
"""
PARKED = """
SELECT p.position, f.case_id, f.version, p.attempts, p.error, p.parked_at
FROM parked p JOIN feed f USING (position)
WHERE p.subscription = $1 ORDER BY p.position LIMIT $2
"""
REMOVE = "DELETE FROM subscriptions WHERE name = $1 RETURNING name"


class NotHeld(Exception):
    """The subscription is not held by this owner, or no longer: somebody else may be at the same events."""


class Parked(Value, frozen=True, kw_only=True):
    """An event that was set aside, how often it was tried, and why it failed the last time."""

    position: int
    case_id: CaseId
    version: int
    attempts: int
    error: str
    parked_at: Instant


async def subscribe(connection: Connection, name: str, after: int | Literal["now"] = 0) -> bool:
    """Make a subscription that begins behind ``after``; False, and nothing changes, if there is one of this name.

    Raises ValueError for a name that is none, BeyondFeed for a position that was never given.
    """
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise ValueError(f"a subscription's name has 1 to {NAME_MAX} printable characters")
    if after != "now" and after > (last := await head(connection)):
        raise BeyondFeed(last)
    return await connection.fetchval(SUBSCRIBE, name, None if after == "now" else after) is not None


async def hold_on(connection: Connection, names: Collection[str], owner: str, for_s: float) -> dict[str, bool]:
    """Hold those of the subscriptions longer that are still this owner's, and nobody is busy with; of each whether
    there is anything ahead of it. One that is missing may be held all the same, until its hold runs out."""
    assert 0 < for_s <= HOLD_MAX_S, "a hold runs out, so that a dead owner's ends"
    rows = await connection.fetch(HOLD_ON, list(names), owner, float(for_s))
    return {row["name"]: row["behind"] for row in rows}


async def hold_free(
    connection: Connection, names: Collection[str], owner: str, for_s: float, most: int
) -> dict[str, bool]:
    """Hold up to ``most`` of the subscriptions that nobody else holds or is busy with; answers as ``hold_on`` does.

    Commit at once: they are held from then on.
    """
    assert 0 < for_s <= HOLD_MAX_S, "a hold runs out, so that a dead owner's ends"
    rows = await connection.fetch(HOLD_FREE, list(names), owner, float(for_s), most)
    return {row["name"]: row["behind"] for row in rows}


async def release(connection: Connection, name: str, owner: str) -> bool:
    """Give a hold up before it runs out, so that the next need not wait; False if it was somebody else's by then."""
    return await connection.fetchval(RELEASE, name, owner) is not None


async def next_batch(
    connection: Connection,
    vault: Vault,
    name: str,
    owner: str,
    *,
    viewer: Viewer = EVERYTHING,
    types: tuple[str, ...] | None = None,
    merchants: tuple[str, ...] | None = None,
    limit: int,
) -> Page:
    """What comes next, as ``feed.read`` has it; when it is done or parked, ``advance`` to its ``next``.

    A page may be empty and still have a ``next`` to advance to. Raises NotHeld, and what ``feed.read`` raises.
    """
    position = await connection.fetchval(POSITION, name, owner)
    if position is None:
        raise NotHeld(name)
    return await read(connection, vault, position, viewer=viewer, types=types, merchants=merchants, limit=limit)


async def advance(connection: Connection, name: str, owner: str, position: int) -> int:
    """Everything up to ``position`` is done with, or parked; returns how far the subscription has read now.

    It never goes back. Work that is written in the same transaction is done exactly once. Raises NotHeld, BeyondFeed.
    """
    reached = await connection.fetchval(ADVANCE, name, owner, position)
    if reached is None:
        if position > (last := await head(connection)):
            raise BeyondFeed(last)
        raise NotHeld(name)
    return int(reached)


async def park(connection: Connection, name: str, owner: str, position: int, error: str) -> int:
    """Set the event at ``position`` aside, so that the rest goes on; returns how often it was tried. Raises NotHeld.

    ``error`` is kept for people: nothing in it that names a person.
    """
    said = error.replace("\0", "")[:ERROR_MAX]
    attempts = await connection.fetchval(PARK, name, owner, position, said)
    if attempts is None:
        raise NotHeld(name)
    return int(attempts)


async def parked(connection: Connection, name: str, *, limit: int) -> tuple[Parked, ...]:
    """What was set aside first, in the order of the feed."""
    assert 1 <= limit <= PARKED_PAGE_MAX, "whoever asks has a limit"
    return tuple(Parked(**dict(row)) for row in await connection.fetch(PARKED, name, limit))


async def unpark(connection: Connection, name: str, owner: str, positions: Collection[int]) -> int:
    """What was set aside is done after all, or given up; how many of these were set aside. Raises NotHeld."""
    if not positions:
        return 0
    done = await connection.fetch(UNPARK, name, owner, list(positions))
    if not done and await connection.fetchval(POSITION, name, owner) is None:
        raise NotHeld(name)
    return len(done)


async def remove(connection: Connection, name: str) -> bool:
    """Remove the subscription with everything it has set aside; False if there is none."""
    return await connection.fetchval(REMOVE, name) is not None
