"""How webhooks are as a whole, for whoever watches: endpoints by state, what waits, and how old the oldest of it is."""

from __future__ import annotations

from case_events.core.values import Value
from case_events.ledger.connection import Connection
from case_events.ledger.webhooks.endpoints import STATES

# Of each endpoint one look-up by keys: the first event that it has not read. What is not for it counts until it has
# looked: at once where a scheduler has a hundred endpoints, and within minutes where it has thousands.
STANDING = """
SELECT e.state, count(*) AS endpoints, sum(w.events)::bigint AS waiting,
    count(*) FILTER (WHERE e.state = 'active' AND c.failures > 0 AND c.open_until IS NOT NULL) AS failing,
    extract(epoch FROM clock_timestamp() - min(least(w.since, n.recorded_at)))::float8 AS oldest_s
FROM webhook_endpoints e
LEFT JOIN webhook_circuits c ON c.endpoint = e.id
LEFT JOIN LATERAL (
    SELECT count(*) AS events, min(first_at) AS since FROM webhook_waiting WHERE endpoint = e.id
) AS w ON true
LEFT JOIN subscriptions s ON s.name = 'webhook:' || e.id::text
LEFT JOIN feed f ON f.position = s.position + 1
LEFT JOIN events n ON n.case_id = f.case_id AND n.version = f.version
WHERE e.deleted_at IS NULL GROUP BY e.state
"""
PARKED = "SELECT count(*) FROM parked"


class Standing(Value, frozen=True, kw_only=True):
    """Endpoints by state, those of them whose circuit is or was just open, events that wait, and the age of the oldest.

    ``lag_s``: since the oldest event was recorded, or was put aside, that an active endpoint has not got; 0: none.
    ``parked``: events that wait because they cannot be read.
    """

    endpoints: dict[str, int]
    failing: int
    waiting: int
    lag_s: float
    parked: int


async def standing(connection: Connection) -> Standing:
    """How they stand now."""
    rows = {row["state"]: row for row in await connection.fetch(STANDING)}
    active = rows.get("active")
    return Standing(
        endpoints={state: rows[state]["endpoints"] if state in rows else 0 for state in STATES},
        failing=active["failing"] if active else 0,
        waiting=sum(row["waiting"] or 0 for row in rows.values()),
        lag_s=(active["oldest_s"] or 0.0) if active else 0.0,
        parked=await connection.fetchval(PARKED),
    )
