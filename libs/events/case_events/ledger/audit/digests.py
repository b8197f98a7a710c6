"""Digests of the feed, as files of checkpoints had them before there was a tree; what was kept then still proves.

Each is SHA-256 over the digest before it (of the first: 32 zero bytes) and the hashes of the events at the positions
since, 32 bytes each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from case_events.core.values import Instant, Sha256, Value
from case_events.ledger.audit.positions import HEAD
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.connection import Connection

AT_A_TIME = 10_000
"""Positions that are read together."""
NOTHING = "0" * 64
"""The digest before the first."""
HASHES = """
SELECT f.position, e.hash FROM feed f JOIN events e USING (case_id, version)
WHERE f.position > $1 AND f.position <= $2 ORDER BY f.position
"""


class Digest(Value, frozen=True, kw_only=True):
    """What the feed was up to ``position`` when it was ``taken_at``; ``digest``: see the module."""

    position: int
    digest: Sha256
    taken_at: Instant


async def differing(connection: Connection, kept: Sequence[Digest]) -> list[Finding]:
    """What of the feed is not what these digests, in their order, say of it."""
    found = list[Finding]()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = await connection.fetchval(HEAD)
        for before, one in pairwise((None, *kept)):
            assert one is not None, "only the first of all has none before it"
            after, digest = (0, NOTHING) if before is None else (before.position, before.digest)
            if head < one.position or await _digest(connection, digest, after, one.position) != one.digest:
                was = f"when a checkpoint was taken at {one.taken_at.rfc3339()}"
                what = f"positions {after + 1} to {one.position} of the feed are not what they were {was}"
                found.append(Finding(case_id=None, version=None, position=after + 1, what=what))
    return found


async def _digest(connection: Connection, before: Sha256, after: int, upto: int) -> Sha256 | None:
    """The digest at ``upto``; None where a position is missing on the way."""
    digest, count = hashlib.sha256(bytes.fromhex(before)), 0
    for start in range(after, upto, AT_A_TIME):
        rows = await connection.fetch(HASHES, start, min(start + AT_A_TIME, upto))
        count += len(rows)
        for _, hash_ in rows:
            digest.update(hash_)
    return digest.hexdigest() if count == upto - after else None
