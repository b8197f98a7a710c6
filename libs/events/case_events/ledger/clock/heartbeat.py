"""Signs of life: which schedulers run, when each last looked, and when it last swept what was due."""

from __future__ import annotations

from case_events.core.values import Value
from case_events.ledger.connection import Connection, touched
from case_events.ledger.database import Ledger

FRESH_S = 30
"""Who was seen this lately is believed to run; a scheduler looks every few seconds."""
FORGOTTEN_AFTER_H = 24
BEAT = """
INSERT INTO schedulers AS s (name, started_at, seen_at, swept_at, offset_ms, paused, batch)
VALUES ($1, clock_timestamp(), clock_timestamp(), CASE WHEN $2 THEN clock_timestamp() END, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, swept_at = coalesce(excluded.swept_at, s.swept_at),
    offset_ms = excluded.offset_ms, paused = excluded.paused, batch = coalesce(excluded.batch, s.batch)
"""
LEAVE = "UPDATE schedulers SET paused = NULL WHERE name = $1 AND paused IS NOT NULL"
FORGET = """
DELETE FROM schedulers WHERE coalesce(seen_at, swept_at, started_at) < clock_timestamp() - make_interval(hours => $1)
    AND swept_at IS DISTINCT FROM (SELECT max(swept_at) FROM schedulers)
"""


class Vitals(Value, frozen=True, kw_only=True):
    """What a scheduler says of itself at a look.

    ``swept``: it fired what was due: in a sweep since it last said so nothing failed, or something was written all the
    same. ``offset_ms``: the database's clock less the host's. ``paused``: why it fires nothing. ``batch``: how many
    cases it takes at once, None where it has not said yet.
    """

    swept: bool = True
    offset_ms: float | None = None
    paused: str | None = None
    batch: int | None = None


async def beat(ledger: Ledger, name: str, vitals: Vitals) -> None:
    """Say how the scheduler ``name`` is. Raises one of UNAVAILABLE while Postgres is away."""
    async with ledger.connection() as connection:
        await say(connection, name, vitals)


async def say(connection: Connection, name: str, vitals: Vitals) -> None:
    """The same in the caller's transaction."""
    await connection.execute(BEAT, name, vitals.swept, vitals.offset_ms, vitals.paused, vitals.batch)


async def leave(ledger: Ledger, name: str) -> None:
    """A scheduler that ends says so: it holds nobody's readiness any more."""
    async with ledger.connection() as connection:
        await connection.execute(LEAVE, name)


async def forget(ledger: Ledger) -> int:
    """Forget schedulers that were not seen for a day; how many. Whoever swept last is remembered."""
    async with ledger.connection() as connection:
        return touched(await connection.execute(FORGET, FORGOTTEN_AFTER_H))
