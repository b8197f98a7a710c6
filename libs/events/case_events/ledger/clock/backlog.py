"""The backlog: how much is overdue, and in which order it is worked off."""

from __future__ import annotations

from case_events.core.values import CaseId
from case_events.ledger.clock.watermark import BEHIND, LIVE
from case_events.ledger.database import Ledger

BACKLOG = 1_000
"""With more overdue than this no merchant has more than its turn."""
TURN = 20
"""Cases of one merchant in a round; then the others have theirs."""
WINDOW = 100_000
"""Overdue deadlines that are looked at to find the order; those beyond come with the next look."""
ORDERED = 10_000
"""Cases whose order one look tells."""

OVERDUE = f"SELECT count(*) FROM (SELECT FROM deadlines WHERE {LIVE} AND {BEHIND} LIMIT $1) AS overdue"
# The oldest first; of each merchant so many, then again so many of each. A case fires all it has at once.
IN_TURNS = f"""
SELECT case_id FROM (
    SELECT d.case_id, d.next_try_at, row_number() OVER (
        PARTITION BY c.marketplace, c.respondent_role, c.respondent_id ORDER BY d.next_try_at, d.case_id) AS place
    FROM (
        SELECT case_id, min(next_try_at) AS next_try_at FROM (
            SELECT case_id, next_try_at FROM deadlines WHERE {LIVE} AND {BEHIND}
            ORDER BY next_try_at LIMIT {WINDOW}
        ) AS oldest GROUP BY case_id
    ) AS d JOIN cases c USING (case_id)
) AS placed ORDER BY (place - 1) / {TURN}, next_try_at, case_id LIMIT {ORDERED}
"""


async def overdue(ledger: Ledger, most: int = BACKLOG + 1) -> int:
    """How many live deadlines are waiting to be fired, counted no further than ``most``."""
    async with ledger.connection() as connection:
        count: int = await connection.fetchval(OVERDUE, most)
        return count


async def in_turns(ledger: Ledger) -> tuple[CaseId, ...]:
    """The next cases to work off, fairly: the oldest first, ``TURN`` of each merchant in a round."""
    async with ledger.connection() as connection:
        rows = await connection.fetch(IN_TURNS)
    return tuple(row["case_id"] for row in rows)
