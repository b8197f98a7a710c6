"""Erasing one side of a case as the ledger does it, whatever the rules say of when that may be."""

from __future__ import annotations

from case_events.core.values import CaseId
from case_events.ledger import erasing
from case_events.ledger.sealing import Subject
from tests.ledger.desk import Desk


async def erase(desk: Desk, case_id: CaseId, side: Subject) -> None:
    """The key is destroyed and the lists say so; no event tells of it."""
    async with desk.ledger.connection() as connection, connection.transaction():
        await erasing.erase(connection, [(case_id, side)])
