"""Signs of life: which schedulers run, and when each last swept everything that was due."""

from __future__ import annotations

from case_events.ledger.database import Ledger

BEAT = """
INSERT INTO schedulers (name, started_at, swept_at) VALUES ($1, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET swept_at = clock_timestamp()
"""


async def beat(ledger: Ledger, name: str) -> None:
    """Say that the scheduler ``name`` has just swept. Raises one of UNAVAILABLE while Postgres is away."""
    async with ledger.connection() as connection:
        await connection.execute(BEAT, name)
