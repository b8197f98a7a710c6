"""Legal order under a test clock: a pass fires no case further than the next one that waits, so that none overtakes.

A long advance then leaves the same feed as many short ones. One replica at a time works at a clock (the claim takes
its turn); what a storefront's own step finds overdue is recorded with that step, whatever else waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from case_events.core.plan import World
from case_events.core.values import CaseId, Instant
from case_events.ledger.clock.claims import NEXT_OF_CASE, SLICE_H
from case_events.ledger.connection import Connection

UNTIL = f"""
SELECT c.clock, least(t.at, greatest(c.last, least(c.first + interval '{SLICE_H} hours', (
    SELECT d.due_at FROM deadlines d
    WHERE d.test_clock = t.id AND NOT d.provisional AND d.due_at < t.at AND d.next_try_at < now()
        AND d.case_id <> ALL($4::uuid[]) AND {NEXT_OF_CASE}
    ORDER BY d.due_at LIMIT 1
))) + interval '1 microsecond') AS until
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS c (clock, first, last)
JOIN test_clocks t ON t.id = c.clock
"""


async def until(connection: Connection, claimed: Sequence[asyncpg.Record]) -> dict[CaseId, Instant]:
    """How far each clocked case of a claim is fired: until just after the next one of its clock that was not claimed.

    ``claimed``: rows with ``case_id``, ``test_clock`` and ``due_at``. Each case fires what it was claimed for.
    """
    due: dict[UUID, list[Instant]] = {}
    for row in claimed:
        due.setdefault(row["test_clock"], []).append(row["due_at"])
    cases = [row["case_id"] for row in claimed]
    rows = await connection.fetch(UNTIL, list(due), list(map(min, due.values())), list(map(max, due.values())), cases)
    ends = {row["clock"]: row["until"] for row in rows}
    return {row["case_id"]: ends[row["test_clock"]] for row in claimed}


def bounded(world: World, end: Instant | None) -> World:
    """The world at ``end``, if its clock has come further; None leaves it as it is."""
    if end is None or end >= world.moment.effective_at:
        return world
    return replace(world, moment=replace(world.moment, effective_at=end))
