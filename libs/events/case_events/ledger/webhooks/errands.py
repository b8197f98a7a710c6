"""Errands: what somebody asked the postman for, a test or events once more, and how far it has come with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from case_events.core.values import LATEST, Instant, Value
from case_events.ledger.connection import Connection, touched
from case_events.ledger.webhooks.endpoints import Endpoint, tell

ERRANDS_MAX = 100
"""Errands that may wait for one endpoint."""
RANGE_MAX = 10_000
"""Positions one redelivery may be of."""
FORGOTTEN_AT_ONCE = 10_000
LAST = (LATEST, UUID(int=2**128 - 1))

COLUMNS = "id, endpoint, reason, first, last, reached, asked_by, asked_at, ended_at, outcome"
ONE = f"SELECT {COLUMNS} FROM webhook_errands WHERE id = $1"
COUNT = "SELECT count(*) FROM webhook_errands WHERE endpoint = $1 AND ended_at IS NULL"
ASK = "INSERT INTO webhook_errands (id, endpoint, reason, first, last, asked_by) VALUES ($1, $2, $3, $4, $5, $6)"
LEFT = f"""
SELECT {COLUMNS} FROM webhook_errands WHERE endpoint = $1 AND ended_at IS NULL ORDER BY asked_at, id LIMIT {ERRANDS_MAX}
"""
LISTED = f"""
SELECT {COLUMNS} FROM webhook_errands WHERE endpoint = $1 AND (asked_at, id) < ($2, $3)
ORDER BY asked_at DESC, id DESC LIMIT $4
"""
ASKED = "SELECT DISTINCT endpoint FROM webhook_errands WHERE ended_at IS NULL"
READ = "SELECT position FROM subscriptions WHERE name = $1"
PROGRESS = "UPDATE webhook_errands SET reached = $2 WHERE id = $1 AND ended_at IS NULL"
END = "UPDATE webhook_errands SET ended_at = clock_timestamp(), outcome = $2 WHERE id = $1 AND ended_at IS NULL"
END_ALL = """
UPDATE webhook_errands SET ended_at = clock_timestamp(), outcome = $2 WHERE endpoint = $1 AND ended_at IS NULL
"""
FORGET = """
DELETE FROM webhook_errands WHERE id = ANY (ARRAY(
    SELECT id FROM webhook_errands WHERE ended_at < clock_timestamp() - $1::interval LIMIT $2
))
"""


class Errand(Value, frozen=True, kw_only=True):
    """What was asked for. A ``redelivery`` is of the positions ``first`` to ``last``, and done up to ``reached``.

    ``outcome``: a word for how it ended; None until ``ended_at``. A test's id is the webhook-id it is sent under.
    """

    id: UUID
    endpoint: UUID
    reason: Literal["redelivery", "test"]
    first: int | None
    last: int | None
    reached: int | None
    asked_by: str
    asked_at: Instant
    ended_at: Instant | None
    outcome: str | None


class TooManyErrands(Exception):
    """ERRANDS_MAX errands wait for the endpoint already."""


class OtherErrand(Exception):
    """An errand of this id is there already, and it is another one."""


class NotRead(Exception):
    """The endpoint has read up to ``position`` only: what comes after it will come by itself."""

    def __init__(self, position: int) -> None:
        super().__init__(f"it has read up to {position}")
        self.position = position


async def ask(
    connection: Connection, endpoint: Endpoint, errand_id: UUID, who: str, *, span: tuple[int, int] | None = None
) -> tuple[Errand, bool]:
    """Ask for a test, or for the positions of ``span`` once more; whether this very errand was asked for before.

    The endpoint is held (``endpoints.hold``). Raises OtherErrand, TooManyErrands, or NotRead for what lies ahead of it.
    """
    first, last = span or (None, None)
    before = await find(connection, errand_id)
    if before is not None:
        if (before.endpoint, before.first, before.last) != (endpoint.id, first, last):
            raise OtherErrand
        return before, True
    if span is not None and span[1] > (read := int(await connection.fetchval(READ, endpoint.subscription))):
        raise NotRead(read)
    if await connection.fetchval(COUNT, endpoint.id) >= ERRANDS_MAX:
        raise TooManyErrands
    reason = "test" if span is None else "redelivery"
    await connection.execute(ASK, errand_id, endpoint.id, reason, first, last, who)
    await tell(connection)
    errand = await find(connection, errand_id)
    assert errand is not None, "it was just asked for"
    return errand, False


async def find(connection: Connection, errand_id: UUID) -> Errand | None:
    """The errand, or None if there is none of this id."""
    row = await connection.fetchrow(ONE, errand_id)
    return Errand(**row) if row is not None else None


async def left(connection: Connection, endpoint: UUID) -> tuple[Errand, ...]:
    """What is left to do for an endpoint, what was asked for first coming first."""
    return tuple(Errand(**row) for row in await connection.fetch(LEFT, endpoint))


async def asked(connection: Connection) -> frozenset[UUID]:
    """The endpoints for which anything is left to do."""
    return frozenset(row["endpoint"] for row in await connection.fetch(ASKED))


async def listed(
    connection: Connection, endpoint: UUID, *, limit: int, after: tuple[Instant, UUID] | None = None
) -> tuple[Errand, ...]:
    """Errands of an endpoint, the latest first, or those before the one that was asked for then and has this id."""
    rows = await connection.fetch(LISTED, endpoint, *(after or LAST), limit)
    return tuple(Errand(**row) for row in rows)


async def progress(connection: Connection, errand_id: UUID, reached: int) -> None:
    """A redelivery is done up to this position."""
    await connection.execute(PROGRESS, errand_id, reached)


async def end(connection: Connection, errand_id: UUID, outcome: str) -> None:
    """It is done, or given up: ``outcome`` is the word for it."""
    await connection.execute(END, errand_id, outcome)


async def end_all(connection: Connection, endpoint: UUID, outcome: str) -> None:
    """Nothing of what is left will be done: ``outcome`` is the word for why."""
    await connection.execute(END_ALL, endpoint, outcome)


async def forget(connection: Connection, older_than: timedelta) -> int:
    """Forget errands that ended so long ago, ``FORGOTTEN_AT_ONCE`` at most; how many were."""
    return touched(await connection.execute(FORGET, older_than, FORGOTTEN_AT_ONCE))
