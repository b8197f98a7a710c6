"""The journal: what operators and schedulers did that no case's history says; it is only ever added to."""

from __future__ import annotations

from typing import Any

import msgspec

from case_events.core.canonical import encode_hook
from case_events.core.values import Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

PAGE_MAX = 500
WRITE = "INSERT INTO journal (what, who, data) VALUES ($1, $2, $3::text::jsonb)"
READ = """
SELECT number, at, what, who, data::text AS data FROM journal WHERE number < $1 ORDER BY number DESC LIMIT $2
"""
LAST = 2**63 - 1


class JournalEntry(Value, frozen=True, kw_only=True):
    """One thing that was done: ``what`` in the past tense, by ``who`` (a client, or a scheduler's name)."""

    number: int
    at: Instant
    what: str
    who: str
    data: dict[str, Any]


async def write(connection: Connection, what: str, who: str, **data: object) -> None:
    """Note it in the caller's transaction. ``data``: what JSON can say, instants too."""
    await connection.execute(WRITE, what, who, msgspec.json.encode(data, enc_hook=encode_hook).decode())


async def read(ledger: Ledger, *, before: int | None = None, limit: int = PAGE_MAX) -> tuple[JournalEntry, ...]:
    """The latest entries, or the latest before a number; the newest first."""
    assert 1 <= limit <= PAGE_MAX
    async with ledger.connection() as connection:
        rows = await connection.fetch(READ, LAST if before is None else before, limit)
    return tuple(
        JournalEntry(
            number=row["number"],
            at=row["at"],
            what=row["what"],
            who=row["who"],
            data=msgspec.json.decode(row["data"]),
        )
        for row in rows
    )
