"""The feed's numbers: from 1 to its head, without a gap and not beyond."""

from __future__ import annotations

from itertools import pairwise

from case_events.core.values import Value
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.connection import Connection

STRETCH = 3 * 65_536
"""How many positions are looked at in one statement: whole nodes of the log."""
FOUND_MAX = 1_000
"""Gaps told of one stretch; who finds so many needs no more."""
HEAD = "SELECT coalesce(max(head), 0) FROM feed_state"
GAPS = f"""
SELECT before + 1 AS first, position - 1 AS last FROM (
    SELECT position, lag(position, 1, $1::bigint) OVER (ORDER BY position) AS before
    FROM (SELECT position FROM feed WHERE position > $1 AND position <= $2 UNION ALL SELECT $2 + 1) AS there
) AS following
WHERE position > before + 1 ORDER BY first LIMIT {FOUND_MAX}
"""
BEYOND = f"""
SELECT position, case_id, version FROM feed WHERE position < 1
UNION ALL SELECT position, case_id, version FROM feed WHERE position > ({HEAD})
ORDER BY position LIMIT {FOUND_MAX}
"""


class Stretch(Value, frozen=True, kw_only=True, tag="stretch"):
    """The positions after one, up to and including another; ``last``: and whatever lies outside all of them."""

    after: int
    upto: int
    last: bool


async def stretches(connection: Connection, done: int | None = None) -> list[Stretch]:
    """The feed as it is now after the positions that are ``done`` (None: nothing is), in stretches."""
    head: int = await connection.fetchval(HEAD)
    if done is not None and done >= head:
        return []
    start = done or 0
    edges = [start, *range(start // STRETCH * STRETCH + STRETCH, head, STRETCH), head]
    return [Stretch(after=after, upto=upto, last=upto == head) for after, upto in pairwise(edges)]


async def gaps(connection: Connection, stretch: Stretch) -> list[Finding]:
    """The positions of a stretch that are missing, and after the last one those that should not be there."""
    found = [
        Finding(case_id=None, version=None, position=row["first"], what=_missing(row["first"], row["last"]))
        for row in await connection.fetch(GAPS, stretch.after, stretch.upto)
    ]
    if stretch.last:
        beyond = "the feed goes on beyond its head"
        found += [
            Finding(case_id=row["case_id"], version=row["version"], position=row["position"], what=beyond)
            for row in await connection.fetch(BEYOND)
        ]
    return found


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"position {first} of the feed is missing"
    return f"positions {first} to {last} of the feed are missing"
