"""Endpoints: where a client wants its webhooks, of what, and whether any are sent; each reads by a subscription.

An endpoint shows what the key that made it may see, whatever becomes of that key: it is the client's, as cases are.
Whoever changes one locks its subscription first, as the postman does when it has delivered: so none waits in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import asyncpg

from case_events.core.values import Instant, Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection
from case_events.ledger.webhooks import circuits, waiting

WEBHOOKS_CHANNEL = "caselog_webhooks"
"""Where the postmen hear that an endpoint was made, changed, paused, resumed or deleted, or an errand asked for."""
LIVE_MAX = 10_000
"""Endpoints of all clients together that the postmen look after; nobody makes more."""
POSTMAN = "postman"
"""Who pauses and disables by itself, in the journal."""

State = Literal["active", "paused", "disabled"]
STATES: tuple[State, ...] = ("active", "paused", "disabled")
TURNED: Mapping[State, str] = {
    "active": "webhook_resumed",
    "paused": "webhook_paused",
    "disabled": "webhook_disabled",
}
"""What the journal says of an endpoint that comes to be so."""

COLUMNS = """
id, client, url, description, types, merchants, shown_marketplaces, shown_merchants, desk, state, why, state_at,
created_by, created_at, deleted_at,
(SELECT coalesce(max(s.number), 0) FROM webhook_secrets s WHERE s.endpoint = webhook_endpoints.id) AS newest_secret
"""
ONE = f"SELECT {COLUMNS} FROM webhook_endpoints WHERE id = $1"
LIVE = f"""
SELECT {COLUMNS} FROM webhook_endpoints WHERE state = 'active' AND deleted_at IS NULL
ORDER BY client, created_at, id LIMIT {LIVE_MAX}
"""
# By client, because that is how they lie in their index; what a caller may not see is left out of the few they have.
PAGE = f"""
SELECT {COLUMNS} FROM webhook_endpoints
WHERE deleted_at IS NULL AND (client, created_at, id) > (
        SELECT client, created_at, id FROM webhook_endpoints WHERE id = $1
        UNION ALL SELECT '', timestamptz '-infinity', uuid '00000000-0000-0000-0000-000000000000' WHERE $1 IS NULL
    ) AND ($2::text IS NULL OR state = $2)
    AND ($3::text[] IS NULL OR shown_marketplaces <@ $3) AND ($4::text[] IS NULL OR shown_merchants <@ $4)
    AND ($5::boolean OR NOT desk){{client}}
ORDER BY client, created_at, id LIMIT $6
"""
OF_CLIENT = " AND client = $7"
TURN_TO = """
UPDATE webhook_endpoints SET state = $2, why = $3, state_at = clock_timestamp()
WHERE id = $1 AND state = ANY ($4::text[]) AND deleted_at IS NULL RETURNING id
"""
HOLD = "SELECT name FROM subscriptions WHERE name = $1 FOR UPDATE"
TELL = f"SELECT pg_notify('{WEBHOOKS_CHANNEL}', '')"


class Endpoint(Value, frozen=True, kw_only=True):
    """Where a client wants webhooks: events of ``types`` (None: all) in cases of ``merchants`` (None: all).

    ``shown_marketplaces``, ``shown_merchants`` and ``desk`` are those of the key that made it: what it may see at all.
    ``why`` it is not active, and since when: ``state_at``. ``newest_secret``: its number, which a rotation moves on.
    """

    id: UUID
    client: str
    url: str
    description: str
    types: tuple[str, ...] | None
    merchants: tuple[str, ...] | None
    shown_marketplaces: tuple[str, ...] | None
    shown_merchants: tuple[str, ...] | None
    desk: bool
    state: State
    why: str | None
    state_at: Instant
    created_by: str
    created_at: Instant
    deleted_at: Instant | None
    newest_secret: int

    @property
    def viewer(self) -> Viewer:
        """What of the cases there is for this endpoint; its own filters come on top."""
        return Viewer(marketplaces=self.shown_marketplaces, merchants=self.shown_merchants, desk=self.desk)

    @property
    def subscription(self) -> str:
        """The name under which it reads the feed."""
        return subscription_of(self.id)


class Changed(Exception):
    """The endpoint is not any more what it was when the round began: what it was sent is sent as it is told now."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(str(endpoint.id))
        self.endpoint = endpoint


class Shelf(Value, frozen=True, kw_only=True):
    """Whose endpoints there are for somebody: a client's (None: everybody's), as far as the viewer sees as much."""

    client: str | None
    viewer: Viewer = EVERYTHING

    def has(self, endpoint: Endpoint) -> bool:
        """Is this endpoint one of them? One that is told of more than the viewer may see is not."""
        own = self.viewer
        limits = ((own.marketplaces, endpoint.shown_marketplaces), (own.merchants, endpoint.shown_merchants))
        within = all(most is None or (shown is not None and set(shown) <= set(most)) for most, shown in limits)
        return within and (own.desk or not endpoint.desk) and self.client in (None, endpoint.client)


def subscription_of(endpoint_id: UUID) -> str:
    """The name under which the endpoint of this id reads the feed."""
    return f"webhook:{endpoint_id}"


async def read(connection: Connection, endpoint_id: UUID) -> Endpoint | None:
    """The endpoint of this id, whosever it is, and even if it was deleted."""
    row = await connection.fetchrow(ONE, endpoint_id)
    return _endpoint(row) if row is not None else None


async def find(connection: Connection, endpoint_id: UUID, shelf: Shelf, *, deleted: bool = False) -> Endpoint | None:
    """The endpoint, if it is on this shelf; ``deleted``: even one that was deleted."""
    endpoint = await read(connection, endpoint_id)
    if endpoint is None or not shelf.has(endpoint) or (endpoint.deleted_at is not None and not deleted):
        return None
    return endpoint


async def hold(connection: Connection, endpoint_id: UUID, shelf: Shelf, *, deleted: bool = False) -> Endpoint | None:
    """The endpoint as ``find`` has it, held until the caller's transaction ends: nobody else changes it or reads on."""
    await connection.fetchval(HOLD, subscription_of(endpoint_id))
    return await find(connection, endpoint_id, shelf, deleted=deleted)


async def check_unchanged(connection: Connection, endpoint: Endpoint) -> None:
    """Whoever changes an endpoint waits for its subscription's row, which is locked: so this holds. Raises Changed.

    Else what came after a change would be judged by the old filter, and the old receiver's answers charged to the new.
    """
    found = await read(connection, endpoint.id)
    if found is not None and _told_what(found) != _told_what(endpoint):
        raise Changed(found)


async def listed(
    connection: Connection, shelf: Shelf, *, state: str | None = None, limit: int, after: UUID | None = None
) -> tuple[Endpoint, ...]:
    """A page of the endpoints on a shelf, behind the one with the id ``after``: by client, the oldest first."""
    viewer = shelf.viewer
    sql = PAGE.format(client="" if shelf.client is None else OF_CLIENT)
    said = (after, state, words(viewer.marketplaces), words(viewer.merchants), viewer.desk, limit)
    rows = await connection.fetch(sql, *said, *(() if shelf.client is None else (shelf.client,)))
    return tuple(_endpoint(row) for row in rows)


async def live(connection: Connection) -> tuple[Endpoint, ...]:
    """Every endpoint that is sent to: active, not deleted. ``LIVE_MAX`` at most."""
    return tuple(_endpoint(row) for row in await connection.fetch(LIVE))


async def pause(connection: Connection, endpoint_id: UUID, why: str, who: str = POSTMAN) -> bool:
    """Send it nothing until it is resumed; False if it was not active. Nothing is lost: it reads no further."""
    return await _turn(connection, endpoint_id, "paused", why, ("active",), who)


async def disable(connection: Connection, endpoint_id: UUID, why: str) -> bool:
    """The receiver says that it is gone (410): as ``pause``, and one that is paused is disabled, too."""
    return await _turn(connection, endpoint_id, "disabled", why, ("active", "paused"), POSTMAN)


async def resume(connection: Connection, endpoint_id: UUID, who: str) -> bool:
    """Let a held endpoint go on exactly where it stood: what waits is tried at once. False if it was active."""
    if not await _turn(connection, endpoint_id, "active", None, ("paused", "disabled"), who):
        return False
    await circuits.forget(connection, endpoint_id)
    await waiting.try_at_once(connection, endpoint_id)
    return True


async def note(connection: Connection, what: str, who: str, endpoint_id: UUID, **data: object) -> None:
    """Say in the journal what was done to an endpoint, and wake the postmen; never its URL, where keys are hidden."""
    await journal.write(connection, what, who, webhook=endpoint_id, **data)
    await tell(connection)


async def tell(connection: Connection) -> None:
    """Wake the postmen when the caller's transaction is committed."""
    await connection.execute(TELL)


def words(said: Sequence[str] | None) -> list[str] | None:
    """A filter as Postgres keeps it: an array of its words, or null where there is none."""
    return None if said is None else list(said)


async def _turn(
    connection: Connection, endpoint_id: UUID, state: State, why: str | None, before: tuple[State, ...], who: str
) -> bool:
    if await connection.fetchval(TURN_TO, endpoint_id, state, why, list(before)) is None:
        return False
    await note(connection, TURNED[state], who, endpoint_id, **({} if why is None else {"reason": why}))
    return True


def _told_what(endpoint: Endpoint) -> tuple[object, ...]:
    return endpoint.url, endpoint.types, endpoint.merchants


def _endpoint(row: asyncpg.Record) -> Endpoint:
    lists = ("types", "merchants", "shown_marketplaces", "shown_merchants")
    return Endpoint(**{**row, **{name: tuple(row[name]) for name in lists if row[name] is not None}})
