"""Erasing one side of a case, as far as the ledger itself goes: its key is destroyed, and the lists say so."""

from __future__ import annotations

from case_events.core.values import CaseId
from tests.ledger.desk import Desk

ERASE = "UPDATE subject_keys SET wrapped = NULL, erased_at = clock_timestamp() WHERE case_id = $1 AND side = $2"


async def erase(desk: Desk, case_id: CaseId, side: str) -> None:
    """What the app's login may do, and all that erasing takes."""
    async with desk.ledger.connection() as connection, connection.transaction():
        assert await connection.execute(ERASE, case_id, side) == "UPDATE 1"
        column = {"complainant": "complainant_id", "respondent": "respondent_id"}[side]
        await connection.execute(f"UPDATE cases SET {column} = 'erased' WHERE case_id = $1", case_id)  # noqa: S608
