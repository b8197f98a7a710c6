"""Upkeep: each job once in each of its slots, whoever does it; what was done, and how it ended, stays to be read.

Slots are cut by the database's clock, and nothing begins while that is ahead of what the host believes: by it all would
be old enough to be forgotten. A job whose owner died is anybody's again after a while, in the same slot.
"""

from __future__ import annotations

from case_events.core.values import Instant, Value
from case_events.ledger.connection import Connection, touched
from case_events.ledger.database import Ledger

ABANDONED_S = 900
"""A job that has not ended for so long was left by its owner; no job may take as long."""
KEPT_DAYS = 14
OUTCOME_MAX = 500
"""Letters of what a job came to."""

SLOT = "to_timestamp(floor(extract(epoch FROM clock_timestamp()) / $2::float8) * $2::float8)"
BELIEVED = "clock_timestamp() <= coalesce($4::timestamptz, 'infinity')"
TAKE = f"""
INSERT INTO upkeep (job, slot, owner) SELECT $1, {SLOT}, $3 WHERE {BELIEVED}
ON CONFLICT DO NOTHING RETURNING slot, began_at
"""
TAKE_OVER = f"""
UPDATE upkeep SET owner = $3, began_at = clock_timestamp()
WHERE job = $1 AND slot = {SLOT} AND ended_at IS NULL AND {BELIEVED}
    AND began_at < clock_timestamp() - interval '{ABANDONED_S} seconds'
RETURNING slot, began_at
"""
END = """
UPDATE upkeep SET ended_at = clock_timestamp(), outcome = $5, go_on_at = $6
WHERE (job, slot, owner, began_at) = ($1, $2, $3, $4) AND ended_at IS NULL
"""
# A slot that is yet to come was taken by a clock that was ahead, and has been put right since.
LAST = """
SELECT go_on_at FROM upkeep WHERE job = $1 AND ended_at IS NOT NULL AND slot <= clock_timestamp()
ORDER BY slot DESC LIMIT 1
"""
PRUNE = "DELETE FROM upkeep WHERE slot < clock_timestamp() - make_interval(days => $1)"


class Turn(Value, frozen=True, kw_only=True):
    """A job that is ours in this slot."""

    job: str
    slot: Instant
    owner: str
    began_at: Instant


class CameTo(Value, frozen=True, kw_only=True):
    """What a job came to, in words, and where its next turn goes on if it does not begin anew."""

    outcome: str
    go_on_at: str | None = None


async def take(
    connection: Connection, job: str, period_s: float, owner: str, believed_until: Instant | None = None
) -> Turn | None:
    """The job's turn in its current slot; None when somebody has it, or had it.

    None, too, while the database's clock is past ``believed_until``.
    """
    row = await connection.fetchrow(TAKE, job, period_s, owner, believed_until)
    if row is None:
        row = await connection.fetchrow(TAKE_OVER, job, period_s, owner, believed_until)
    return Turn(job=job, slot=row["slot"], owner=owner, began_at=row["began_at"]) if row else None


async def end(connection: Connection, turn: Turn, came_to: CameTo) -> bool:
    """Say what it came to; False if it was taken over meanwhile, and is somebody else's to end."""
    told = (turn.job, turn.slot, turn.owner, turn.began_at, came_to.outcome[:OUTCOME_MAX], came_to.go_on_at)
    return touched(await connection.execute(END, *told)) > 0


async def go_on_at(connection: Connection, job: str) -> str | None:
    """Where the job ended the last time; None: it begins anew."""
    said: str | None = await connection.fetchval(LAST, job)
    return said


async def prune(ledger: Ledger) -> int:
    """Forget what was done more than ``KEPT_DAYS`` ago; how many turns."""
    async with ledger.connection() as connection:
        return touched(await connection.execute(PRUNE, KEPT_DAYS))
