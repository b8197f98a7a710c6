"""Erasing one side of a case: its key is destroyed, and the lists name it no more.

The events stay as they were written and their chain holds; what was sealed with the key opens no more, for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from case_events.core.events import Recorded, SubjectErased
from case_events.core.values import ERASED, CaseId
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import SUBJECTS, Subject

DESTROY = """
UPDATE subject_keys SET wrapped = NULL, erased_at = clock_timestamp()
WHERE case_id = ANY($1::uuid[]) AND side = $2 AND wrapped IS NOT NULL
"""
UNLIST: dict[Subject, str] = {
    side: f"UPDATE cases SET {side}_id = '{ERASED}' WHERE case_id = ANY($1::uuid[])" for side in SUBJECTS
}

Erasure = tuple[CaseId, Subject]


def erasures_in(events: Iterable[Recorded]) -> tuple[Erasure, ...]:
    """The sides that these events erase."""
    return tuple([(one.case_id, one.event.subject) for one in events if isinstance(one.event, SubjectErased)])


async def erase(connection: Connection, erasures: Sequence[Erasure]) -> None:
    """Erase these sides; the caller's transaction writes the events that say so."""
    for side, unlist in UNLIST.items():
        cases = [case_id for case_id, subject in erasures if subject == side]
        if cases:
            await connection.execute(DESTROY, cases, side)
            await connection.execute(unlist, cases)
