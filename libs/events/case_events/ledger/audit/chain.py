"""A case's chain of hashes, link by link, with what each was computed from: for who checks it without us."""

from __future__ import annotations

from typing import Any

from case_events.core.values import CaseId, Value
from case_events.ledger.codec import ENVELOPE
from case_events.ledger.database import Ledger

LINKS = f"""
SELECT {", ".join(ENVELOPE)}, type, schema, payload, payload_hash, hash, asked
FROM events WHERE case_id = $1 AND version <= $2 ORDER BY version
"""


class Link(Value, frozen=True, kw_only=True):
    """One event's place in the chain: ``hash`` is SHA-256 over the domain word, the hash before (32 bytes) and the
    canonical JSON of ``envelope``; ``payload_hash`` is SHA-256 of ``payload``, the sealed event as it is stored."""

    version: int
    payload_hash: bytes
    hash: bytes
    envelope: dict[str, Any]
    payload: bytes


async def links_of(ledger: Ledger, case_id: CaseId, up_to: int) -> tuple[Link, ...]:
    """The links of a case's first ``up_to`` events, the first event's first; none for a case that is not there."""
    async with ledger.connection() as connection:
        rows = await connection.fetch(LINKS, case_id, up_to)
    return tuple(
        Link(
            version=row["version"],
            payload_hash=row["payload_hash"],
            hash=row["hash"],
            envelope={name: row[name] for name in (*ENVELOPE, "type", "schema")}
            | {
                "asked": row["asked"].hex() if row["asked"] is not None else None,
                "payload_hash": row["payload_hash"].hex(),
            },
            payload=row["payload"],
        )
        for row in rows
    )
