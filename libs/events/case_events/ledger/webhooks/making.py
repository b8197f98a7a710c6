"""Endpoints as their clients make, change and delete them, and how one stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from case_events.core.values import Instant, Value
from case_events.ledger import locks
from case_events.ledger.connection import Connection
from case_events.ledger.feed import subscriptions
from case_events.ledger.feed.rows import HEAD
from case_events.ledger.sealing import Vault
from case_events.ledger.webhooks import circuits, errands, secrets, waiting
from case_events.ledger.webhooks.endpoints import LIVE_MAX, Endpoint, Shelf, note, read, subscription_of, words

ENDPOINTS_MAX = 50
"""Endpoints one client may have."""
TOLD_AGAIN_FOR = timedelta(minutes=10)

ASKED = "SELECT asked FROM webhook_endpoints WHERE id = $1"
COUNT = """
SELECT count(*) FILTER (WHERE client = $1) AS of_client, count(*) AS of_all FROM webhook_endpoints
WHERE deleted_at IS NULL
"""
ADD = """
INSERT INTO webhook_endpoints (id, client, url, description, types, merchants, shown_marketplaces, shown_merchants,
    desk, state, created_by, asked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $11)
"""
CHANGE = """
UPDATE webhook_endpoints SET url = $2, description = $3, types = $4, merchants = $5
WHERE id = $1 AND deleted_at IS NULL
"""
DELETE = "UPDATE webhook_endpoints SET deleted_at = clock_timestamp() WHERE id = $1 AND deleted_at IS NULL RETURNING id"
STANDING = f"""
SELECT s.position, f.head, w.waiting, w.waiting_since, coalesce(c.failures, 0) AS failures,
    CASE WHEN c.open_until > clock_timestamp() THEN c.open_until END AS open_until, c.succeeded_at, c.failed_at
FROM subscriptions s CROSS JOIN ({HEAD}) AS f
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, min(first_at) AS waiting_since FROM webhook_waiting WHERE endpoint = $2
) AS w
LEFT JOIN webhook_circuits c ON c.endpoint = $2
WHERE s.name = $1
"""


class Wanted(Value, frozen=True, kw_only=True):
    """What a client says of an endpoint. ``url``: one that ``targets.wrong_with`` has nothing against."""

    url: str
    description: str
    types: tuple[str, ...] | None
    merchants: tuple[str, ...] | None


class Origin(Value, frozen=True, kw_only=True):
    """Which endpoint it is to be, who makes it, and behind which position it begins.

    ``asked``: the keyed digest of the request, where the same may come twice.
    """

    id: UUID
    who: str
    after: int | Literal["now"] = "now"
    asked: bytes | None = None


class Standing(Value, frozen=True, kw_only=True):
    """How an endpoint stands: it has read up to ``position``, and ``head - position`` positions are ahead of it.

    Of what it read, ``waiting`` events could not be delivered so far, or wait behind one of their case that could not.
    ``failures``: attempts that failed since the last that did not; nothing is sent before ``open_until``.
    """

    position: int
    head: int
    waiting: int
    waiting_since: Instant | None
    failures: int
    open_until: Instant | None
    succeeded_at: Instant | None
    failed_at: Instant | None


class TooMany(Exception):
    """The client has ENDPOINTS_MAX endpoints, or all together have as many as are sent to: delete one first."""


class OtherEndpoint(Exception):
    """An endpoint of this id was made by another request."""


class Deleted(Exception):
    """The endpoint of this id was made, and deleted since."""


async def create(
    connection: Connection, vault: Vault, wanted: Wanted, shelf: Shelf, origin: Origin
) -> tuple[Endpoint, str | None, bool]:
    """Make an endpoint that shows what the shelf's viewer sees; its secret, and whether it was made before.

    The secret of one that was made before is there for ``TOLD_AGAIN_FOR``: who asks again so soon did not get the
    answer. Raises TooMany, OtherEndpoint, Deleted, or BeyondFeed for a position that was never given.
    """
    assert shelf.client is not None, "an endpoint is somebody's"
    await connection.execute("SELECT pg_advisory_xact_lock($1)", locks.WEBHOOKS)
    before = await read(connection, origin.id)
    if before is not None:
        if origin.asked is None or await connection.fetchval(ASKED, origin.id) != origin.asked or not shelf.has(before):
            raise OtherEndpoint
        if before.deleted_at is not None:
            raise Deleted
        return before, await secrets.first(connection, vault, origin.id, TOLD_AGAIN_FOR), True
    (count,) = await connection.fetch(COUNT, shelf.client)
    if count["of_client"] >= ENDPOINTS_MAX:
        raise TooMany(f"a client has {ENDPOINTS_MAX} endpoints at most; delete one first")
    if count["of_all"] >= LIVE_MAX:
        raise TooMany(f"all clients together have {LIVE_MAX} endpoints at most")
    viewer = shelf.viewer
    limits = (words(viewer.marketplaces), words(viewer.merchants), viewer.desk)
    await connection.execute(ADD, origin.id, shelf.client, *_said(wanted), *limits, origin.who, origin.asked)
    secret = await secrets.make(connection, vault, origin.id)
    await subscriptions.subscribe(connection, subscription_of(origin.id), origin.after)
    await note(connection, "webhook_made", origin.who, origin.id)
    return await _there(connection, origin.id), secret, False


async def change(connection: Connection, endpoint: Endpoint, wanted: Wanted, who: str) -> Endpoint:
    """Change what a held endpoint is told, or where; it goes on where it stood."""
    if _said(wanted) == _said(endpoint):
        return endpoint
    await connection.execute(CHANGE, endpoint.id, *_said(wanted))
    if wanted.url != endpoint.url:  # another receiver: what was wrong with the last is not wrong with it
        await circuits.forget(connection, endpoint.id)
        await waiting.try_at_once(connection, endpoint.id)
    await note(connection, "webhook_changed", who, endpoint.id)
    return await _there(connection, endpoint.id)


async def rotate(connection: Connection, vault: Vault, endpoint: Endpoint, overlap: timedelta, who: str) -> str:
    """A new secret of a held endpoint, as ``secrets.rotate`` has it."""
    secret = await secrets.rotate(connection, vault, endpoint.id, overlap)
    await note(connection, "webhook_rotated", who, endpoint.id, overlap_s=round(overlap.total_seconds()))
    return secret


async def delete(connection: Connection, endpoint: Endpoint, who: str) -> Endpoint:
    """Delete a held endpoint with its secrets, its subscription and what waits; its row and its attempts stay.

    What was asked for and is not done yet has ended, with the outcome ``deleted``.
    """
    if await connection.fetchval(DELETE, endpoint.id) is not None:
        await subscriptions.remove(connection, endpoint.subscription)
        await secrets.destroy(connection, endpoint.id)
        await circuits.forget(connection, endpoint.id)
        await waiting.forget(connection, endpoint.id)
        await errands.end_all(connection, endpoint.id, "deleted")
        await note(connection, "webhook_deleted", who, endpoint.id)
    return await _there(connection, endpoint.id)


async def standing(connection: Connection, endpoint: Endpoint) -> Standing | None:
    """How the endpoint stands; None if it was deleted this very moment."""
    row = await connection.fetchrow(STANDING, endpoint.subscription, endpoint.id)
    return Standing(**row) if row is not None else None


async def _there(connection: Connection, endpoint_id: UUID) -> Endpoint:
    endpoint = await read(connection, endpoint_id)
    assert endpoint is not None, "its row is never removed"
    return endpoint


def _said(wanted: Wanted | Endpoint) -> tuple[object, ...]:
    return wanted.url, wanted.description, words(wanted.types), words(wanted.merchants)
