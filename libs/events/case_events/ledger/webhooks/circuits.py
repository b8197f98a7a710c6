"""Circuits: whether a receiver is spoken to at all, so that a dead one costs a request now and then and no more."""

from __future__ import annotations

from uuid import UUID

from case_events.core.values import Value
from case_events.ledger.connection import Connection
from case_events.ledger.webhooks import waiting

FAILURES_MAX = 5
"""Attempts that fail one after the other until the circuit opens."""
PROBE_S, PROBE_S_MAX = 5.0, 300.0
"""How long it is open: at first, and at most; it doubles with every probe that fails."""

CIRCUIT = """
SELECT failures, greatest(extract(epoch FROM open_until - clock_timestamp()), 0)::float8 AS open_for_s
FROM webhook_circuits WHERE endpoint = $1
"""
TURN = """
INSERT INTO webhook_circuits AS c (endpoint, failures, open_until, succeeded_at, failed_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3),
    CASE WHEN $4 THEN clock_timestamp() END, CASE WHEN $5 THEN clock_timestamp() END)
ON CONFLICT (endpoint) DO UPDATE SET failures = excluded.failures, open_until = excluded.open_until,
    succeeded_at = coalesce(excluded.succeeded_at, c.succeeded_at),
    failed_at = coalesce(excluded.failed_at, c.failed_at)
"""
FORGET = "DELETE FROM webhook_circuits WHERE endpoint = $1"


class Circuit(Value, frozen=True, kw_only=True):
    """How many attempts failed one after the other, and for how many seconds more nothing is sent (0: it is)."""

    failures: int = 0
    open_for_s: float = 0.0

    @property
    def probing(self) -> bool:
        """Whether one event at a time is tried, and nothing else."""
        return self.failures >= FAILURES_MAX

    def succeeded(self) -> Circuit:
        """After an attempt that the receiver took."""
        return Circuit()

    def failed(self, retry_after_s: float | None) -> Circuit:
        """After one that it did not; ``retry_after_s``: so long it asked to be left alone."""
        failures = self.failures + 1
        doubled = max(0, failures - FAILURES_MAX)
        own_s = min(PROBE_S_MAX, PROBE_S * 2 ** min(doubled, 10)) if failures >= FAILURES_MAX else 0.0
        return Circuit(failures=failures, open_for_s=max(own_s, retry_after_s or 0.0))


CLOSED = Circuit()


async def circuit(connection: Connection, endpoint: UUID) -> Circuit:
    """How the endpoint's circuit is now, by the database's clock."""
    row = await connection.fetchrow(CIRCUIT, endpoint)
    return Circuit(failures=row["failures"], open_for_s=row["open_for_s"] or 0.0) if row else CLOSED


async def turn(connection: Connection, endpoint: UUID, now: Circuit, *, succeeded: bool, failed: bool) -> None:
    """Keep how it is now; ``succeeded``, ``failed``: what there was among the attempts since it was read."""
    open_for_s = now.open_for_s or None
    await connection.execute(TURN, endpoint, now.failures, open_for_s, succeeded, failed)


async def close(connection: Connection, endpoint: UUID, now: Circuit = CLOSED, *, failed: bool = False) -> None:
    """The receiver took something: who takes events again takes at once what waited for a later try.

    ``now``: how it is after all there was. Whoever calls has the row of the endpoint's subscription: nobody else turns
    the circuit meanwhile.
    """
    if (await circuit(connection, endpoint)).probing:
        await waiting.try_sooner(connection, endpoint)
    await turn(connection, endpoint, now, succeeded=True, failed=failed)


async def forget(connection: Connection, endpoint: UUID) -> None:
    """It is closed, and nothing is known of it: somebody resumed the endpoint, or it is gone."""
    await connection.execute(FORGET, endpoint)
