"""Deadlines of an import are held until it is over; then they run as any other's, or ran in their time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from case_events.core.plan import Moment, plan_timeouts
from case_events.core.values import CaseId, Instant
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import world_of
from case_events.ledger.locks import REBUILDING
from case_events.ledger.steps import commit
from case_events.ledger.store import load

HELD = timedelta(days=1)
"""How long a case waits for its next line; what died and is not run again by then lets its clocks run out."""
BATCH = 200

HOLD = """
UPDATE deadlines SET next_try_at = now() + $2::interval
WHERE case_id = ANY($1::uuid[]) AND test_clock IS NULL AND (next_try_at < now() + $2::interval OR provisional)
"""
"""A guess is held however far off it is: it is not tried, but confirmed as soon as its days are published."""
OF_CLIENT = """
SELECT DISTINCT d.case_id FROM deadlines d JOIN events e ON e.case_id = d.case_id AND e.version = 1
WHERE e.client = $1 AND d.test_clock IS NULL AND (d.due_at < $2 OR d.provisional) AND d.case_id > $3
ORDER BY d.case_id LIMIT $4
"""
REBUILT_POLL_S = 1.0
SHARE = "SELECT pg_try_advisory_lock_shared($1)"
GIVE_BACK = "SELECT pg_advisory_unlock_shared($1)"
RELEASE = "UPDATE deadlines SET next_try_at = due_at WHERE case_id = ANY($1::uuid[]) AND next_try_at <> due_at"


async def hold(connection: Connection, case_ids: set[CaseId]) -> None:
    """Let no scheduler fire these cases for a while; in the transaction that wrote them."""
    await connection.execute(HOLD, list(case_ids), HELD)


async def release(connection: Connection, client: str) -> None:
    """The import of this client is over: what fell due since is the schedulers' now.

    Waits for a rebuild that is under way.
    """
    while not await connection.fetchval(SHARE, REBUILDING):
        await asyncio.sleep(REBUILT_POLL_S)
    try:
        soon = await connection.fetchval("SELECT now() + $1::interval", HELD)
        last = UUID(int=0)
        while case_ids := await _of_client(connection, client, soon, last):
            await connection.execute(RELEASE, case_ids)
            last = case_ids[-1]
    finally:
        if not connection.is_closed():
            await connection.execute(GIVE_BACK, REBUILDING)


async def run_out(ledger: Ledger, connection: Connection, client: str, until: Instant) -> int:
    """What ran out in the cases of this client by ``until`` is recorded as it would have been; how many events.

    For a file that says everything that happened up to then. A case that changes at the same time is left as it is.
    """
    count, last = 0, UUID(int=0)
    while case_ids := await _of_client(connection, client, until, last):
        last = case_ids[-1]
        loaded = await load(connection, case_ids, ledger.vault)
        steps = []
        for one in loaded.values():
            world = await world_of(ledger, connection, one)
            now = one.moment.recorded_at
            moment = Moment(recorded_at=now, effective_at=min(until, now, ledger.believed_until()))
            step = plan_timeouts(one.history, replace(world, moment=moment, imported_by=client))
            if step.events:
                steps.append((step, one.head, one.keys))
        if not steps:
            continue
        async with connection.transaction():
            written = await commit(connection, steps, ledger.vault)
            await hold(connection, written)
        count += sum(len(step.events) for step, _, _ in steps if step.case_id in written)
    return count


async def _of_client(connection: Connection, client: str, before: Instant, after: UUID) -> list[CaseId]:
    return [row["case_id"] for row in await connection.fetch(OF_CLIENT, client, before, after, BATCH)]
