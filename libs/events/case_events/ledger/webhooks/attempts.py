"""Attempts: every time a webhook was sent, to which endpoint, and what came of it; kept for some weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from case_events.core.values import CaseId, EventId, Instant, Value
from case_events.ledger.connection import Connection, touched

PAGE_MAX = 500
LOOKED_AT_MAX = 10_000
"""Attempts one page looks at; one that asks for something rare may hold fewer than its limit and go on all the same."""
FORGOTTEN_AT_ONCE = 10_000
LAST = 2**63 - 1

Reason = Literal["event", "redelivery", "test"]
OUTCOMES = ("delivered", "refused", "redirected", "gone", "timed_out", "unreachable", "blocked")
"""What can come of an attempt: 2xx; another status; 3xx; 410; no whole answer in time; no connection, or it broke; and
an address that no webhook goes to."""

RECORD = """
INSERT INTO webhook_attempts
    (endpoint, position, event_id, case_id, type, reason, number, at, took_ms, outcome, status, detail)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::integer[],
    $8::timestamptz[], $9::integer[], $10::text[], $11::integer[], $12::text[])
"""
COLUMNS = "id, endpoint, position, event_id, case_id, type, reason, number, at, took_ms, outcome, status, detail"
# What is looked at is bounded, not what is found: the page says how far it came, and the next one goes on there.
LISTED = f"""
WITH looked AS MATERIALIZED (
    SELECT {COLUMNS} FROM webhook_attempts WHERE endpoint = $1 AND id < $2{{event}}
    ORDER BY id DESC LIMIT $6
)
SELECT w.looked_at, w.last, l.* FROM (SELECT count(*) AS looked_at, min(id) AS last FROM looked) AS w
LEFT JOIN (
    SELECT {COLUMNS} FROM looked WHERE ($4::uuid IS NULL OR case_id = $4) AND ($5::text IS NULL OR outcome = $5)
    ORDER BY id DESC LIMIT $3
) AS l ON true ORDER BY l.id DESC
"""
OF_EVENT = " AND event_id = $7"
SENT_AT = """
SELECT position FROM webhook_attempts WHERE endpoint = $1 AND event_id = $2 AND position IS NOT NULL
ORDER BY id DESC LIMIT 1
"""
# The oldest are looked at and no more, however many there are: they lie in the order in which they were recorded.
FORGET = """
DELETE FROM webhook_attempts WHERE id = ANY (ARRAY(
    SELECT id FROM (SELECT id, at FROM webhook_attempts ORDER BY id LIMIT $2) AS oldest
    WHERE at < clock_timestamp() - $1::interval
))
"""


class Attempt(Value, frozen=True, kw_only=True):
    """One request to a receiver, or the one that was not made: ``blocked``.

    ``event_id`` is the webhook-id that was sent. ``number``: which attempt at this event, from 1 on, since the
    endpoint was last resumed. ``type``: as CloudEvents has it. ``status``: what the receiver answered; ``detail``: our
    words for what went wrong, never theirs. A test has no position and no case.
    """

    endpoint: UUID
    position: int | None
    event_id: EventId
    case_id: CaseId | None
    type: str
    reason: Reason
    number: int
    at: Instant
    took_ms: int
    outcome: str
    status: int | None
    detail: str | None


class KnownAttempt(Attempt, frozen=True, kw_only=True):
    """An attempt that was recorded; the ``id`` grows in the order in which they were."""

    id: int


class Page(Value, frozen=True, kw_only=True):
    """Attempts, the latest first, and the id to go on before; None: there are no more."""

    attempts: tuple[KnownAttempt, ...]
    before: int | None


async def record(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Record what was sent, in the caller's transaction."""
    if attempts:
        rows = [tuple(getattr(one, name) for name in Attempt.__struct_fields__) for one in attempts]
        await connection.execute(RECORD, *(list(column) for column in zip(*rows, strict=True)))


async def listed(
    connection: Connection,
    endpoint: UUID,
    *,
    event_id: EventId | None = None,
    case_id: CaseId | None = None,
    outcome: str | None = None,
    limit: int,
    before: int | None = None,
) -> Page:
    """A page of an endpoint's attempts, the latest first; it may be short, even empty, and still go on."""
    assert 1 <= limit <= PAGE_MAX, "whoever asks has a limit"
    sql = LISTED.format(event="" if event_id is None else OF_EVENT)
    look_at = limit if case_id is None and outcome is None else max(limit, LOOKED_AT_MAX)
    said = (endpoint, LAST if before is None else before, limit, case_id, outcome, look_at)
    rows = await connection.fetch(sql, *said, *(() if event_id is None else (event_id,)))
    found = tuple(
        KnownAttempt(**{name: row[name] for name in KnownAttempt.__struct_fields__}) for row in rows if row["id"]
    )
    if len(found) == limit:
        return Page(attempts=found, before=found[-1].id)
    more = rows[0]["looked_at"] == look_at
    return Page(attempts=found, before=rows[0]["last"] if more else None)


async def position_of(connection: Connection, endpoint: UUID, event_id: EventId) -> int | None:
    """Where in the feed an event is that was sent to the endpoint; None if no attempt at it is kept."""
    position: int | None = await connection.fetchval(SENT_AT, endpoint, event_id)
    return position


async def forget(connection: Connection, older_than: timedelta) -> int:
    """Forget the oldest attempts, ``FORGOTTEN_AT_ONCE`` at most; how many were. To be asked again until it is few."""
    return touched(await connection.execute(FORGET, older_than, FORGOTTEN_AT_ONCE))
