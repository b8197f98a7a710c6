"""The outages on record, as the rules are told of them: read once for a moment, and true of every earlier one."""

from __future__ import annotations

from case_events.core.events import Outage
from case_events.core.values import Instant
from case_events.ledger.connection import Connection

KNOWN_MAX = 1_000
"""The latest so many are told; a case does not live as long as a thousand outages."""
KNOWN = """
SELECT o.id, o.began_at, o.ended_at, o.recorded_at, now.at FROM (SELECT clock_timestamp() AS at) now
LEFT JOIN (SELECT id, began_at, ended_at, recorded_at FROM outages ORDER BY ended_at DESC LIMIT $1) o ON true
"""


class OutageBook:
    """What a process has read of the outages; they are only ever added to."""

    def __init__(self) -> None:
        self._read_at: Instant | None = None
        self._kept: tuple[tuple[Instant, Outage], ...] = ()

    async def known(self, connection: Connection, at: Instant) -> tuple[Outage, ...]:
        """Every outage that was on record at ``at``, the earliest first.

        All cases of one batch are judged at one moment, so that the first of them reads for the others.
        """
        if self._read_at is None or at > self._read_at:
            await self._read(connection)
        return self.on_record(at)

    def on_record(self, at: Instant) -> tuple[Outage, ...]:
        """The same of an instant that is no later than what was asked for last; nobody is asked."""
        return tuple(outage for recorded_at, outage in self._kept if recorded_at <= at)

    async def _read(self, connection: Connection) -> None:
        rows = await connection.fetch(KNOWN, KNOWN_MAX)
        kept = [
            (row["recorded_at"], Outage(id=row["id"], began_at=row["began_at"], ended_at=row["ended_at"]))
            for row in rows
            if row["id"] is not None
        ]
        kept.sort(key=lambda one: (one[1].began_at, one[1].ended_at, one[1].id))
        self._kept, self._read_at = tuple(kept), rows[0]["at"]
