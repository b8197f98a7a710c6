"""The nodes of the tree that are kept: over every 256 leaves, over every 256 of those, and so on upwards.

All others follow from these and the leaves with a few hundred hashes, however large the tree is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from case_events.ledger.connection import Connection
from case_events.proof.tree import Path, Span, joined, leaf, over, perfect

BITS = 8
"""A kept node is over 2 to the power of so many of the level below."""
LEVELS_MAX = 7
"""So high no feed reaches."""

# Each event is looked up by itself: by what a range might have at most, Postgres would rather read all events.
LEAVES = """
SELECT f.position - 1 AS index,
    (SELECT e.hash FROM events e WHERE e.case_id = f.case_id AND e.version = f.version) AS hash
FROM unnest($1::bigint[], $2::bigint[]) AS these (first, beyond)
JOIN feed f ON f.position > these.first AND f.position <= these.beyond
"""
NODES = """
SELECT n.level, n.index, n.hash FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS these (level, first, beyond)
JOIN tree_nodes n ON n.level = these.level AND n.index >= these.first AND n.index < these.beyond
"""
ADD = """
INSERT INTO tree_nodes (level, index, hash) SELECT $1, * FROM unnest($2::bigint[], $3::bytea[]) AS these (index, hash)
"""


class Missing(Exception):
    """A position of the feed, or a node of the tree, that is not there."""


class Run(NamedTuple):
    """Neighbours on one level, 0 being that of the leaves: from the number ``first`` up to, and without, ``beyond``."""

    level: int
    first: int
    beyond: int


class Nodes:
    """The part of the tree that was read so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: list[dict[int, bytes]] = [{} for _ in range(LEVELS_MAX + 1)]

    async def read(self, runs: Iterable[Run]) -> None:
        """Read these, those of them that are there."""
        wanted = set(runs)
        leaves = sorted((run.first, run.beyond) for run in wanted if run.level == 0)
        found = await self._rows(LEAVES, leaves)
        self._known[0].update([(index, leaf(hash_)) for index, hash_ in found if hash_ is not None])
        for level, index, hash_ in await self._rows(NODES, sorted(run for run in wanted if run.level)):
            self._known[level][index] = hash_

    def over(self, run: Run) -> bytes:
        """The root over these, which were read. Raises Missing."""
        known = self._known[run.level]
        try:
            return over([known[index] for index in range(run.first, run.beyond)])
        except KeyError as error:
            raise Missing(_named(run.level, error.args[0])) from None

    def root(self, span: Span) -> bytes:
        """The root of a span, whose ``runs`` were read. Raises Missing."""
        return joined([self.over(run) for run in runs(span)])

    async def _rows(self, sql: str, runs: Sequence[tuple[int, ...]]) -> Sequence[Any]:
        return await self._connection.fetch(sql, *map(list, zip(*runs, strict=True))) if runs else ()


def runs(span: Span) -> list[Run]:
    """What the root of a span follows from: for each whole tree in it the highest neighbours that are kept."""
    found = list[Run]()
    for piece in perfect(span):
        bits = (piece.size.bit_length() - 1) // BITS * BITS
        found.append(Run(bits // BITS, piece.start >> bits, piece.end >> bits))
    return found


def children(level: int, index: int) -> Run:
    """What a kept node is over."""
    return Run(level - 1, index << BITS, (index + 1) << BITS)


def added(level: int, before: int, size: int) -> range:
    """The numbers of the nodes on a level that a tree of ``size`` leaves has, and the one of ``before`` had not."""
    return range(before >> BITS * level, size >> BITS * level)


async def roots(connection: Connection, spans: Sequence[Span]) -> Path:
    """The root of each of these spans. Raises Missing."""
    nodes = Nodes(connection)
    await nodes.read(run for span in spans for run in runs(span))
    return tuple(nodes.root(span) for span in spans)


async def grow(connection: Connection, before: int, size: int) -> None:
    """Keep the nodes that a tree of ``size`` leaves has, and the one of ``before`` had not. Raises Missing."""
    for level in range(1, LEVELS_MAX + 1):
        new = added(level, before, size)
        if not new:
            return
        nodes = Nodes(connection)
        await nodes.read([Run(level - 1, new.start << BITS, new.stop << BITS)])
        await connection.execute(ADD, level, list(new), [nodes.over(children(level, index)) for index in new])


def _named(level: int, index: int) -> str:
    bits = BITS * level
    if not bits:
        return f"position {index + 1} of the feed is missing"
    return f"the tree's node over positions {(index << bits) + 1} to {(index + 1) << bits} is missing"
