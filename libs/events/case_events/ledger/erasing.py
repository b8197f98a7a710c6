"""Erasing one side of a case: its key is destroyed, and the lists name it no more.

The events stay as they were written and their chain holds; what was sealed with the key opens no more, for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from case_events.core.events import Recorded, SubjectErased
from case_events.core.values import ERASED, CaseId
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Subject

DESTROY = """
UPDATE subject_keys k SET wrapped = NULL, erased_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[]) AS erased (case_id, side)
WHERE (k.case_id, k.side) = (erased.case_id, erased.side) AND k.wrapped IS NOT NULL
"""
UNLIST = f"""
UPDATE cases c SET
    complainant_id = CASE erased.side WHEN 'complainant' THEN '{ERASED}' ELSE c.complainant_id END,
    respondent_id = CASE erased.side WHEN 'respondent' THEN '{ERASED}' ELSE c.respondent_id END
FROM unnest($1::uuid[], $2::text[]) AS erased (case_id, side) WHERE c.case_id = erased.case_id
"""

Erasure = tuple[CaseId, Subject]


def erasures_in(events: Iterable[Recorded]) -> tuple[Erasure, ...]:
    """The sides that these events erase."""
    return tuple([(one.case_id, one.event.subject) for one in events if isinstance(one.event, SubjectErased)])


async def erase(connection: Connection, erasures: Sequence[Erasure]) -> None:
    """Erase these sides; the caller's transaction writes the events that say so."""
    for side in ("complainant", "respondent"):
        cases = [case_id for case_id, subject in erasures if subject == side]
        if cases:
            await connection.execute(DESTROY, cases, [side] * len(cases))
            await connection.execute(UNLIST, cases, [side] * len(cases))
