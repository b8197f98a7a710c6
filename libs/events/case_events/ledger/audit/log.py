"""Is the log what the feed makes it: every kept node of the tree, and every checkpoint, here or kept outside?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from case_events.ledger.audit.positions import HEAD, Stretch
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.connection import Connection
from case_events.ledger.proving.checkpoints import Checkpoint, between, newest
from case_events.ledger.proving.nodes import BITS, LEVELS_MAX, Missing, Nodes, Run, added, children, runs
from case_events.ledger.sealing import Vault
from case_events.proof.note import NotGenuine, Root, read
from case_events.proof.tree import Span

FOUND_MAX = 1_000
"""Nodes beyond the log that are told; who finds so many needs no more."""
NODES = "SELECT index, hash FROM tree_nodes WHERE level = $1 AND index >= $2 AND index < $3"
BEYOND = f"""
SELECT level, index FROM generate_series(1, {LEVELS_MAX}) AS level
JOIN LATERAL (SELECT index FROM tree_nodes n WHERE n.level = level.level AND n.index >= $1 >> {BITS} * level.level) n
    ON true
ORDER BY level, index LIMIT {FOUND_MAX}
"""


async def differing(
    connection: Connection, stretch: Stretch, vault: Vault, kept: Sequence[Checkpoint]
) -> list[Finding]:
    """What of the log over these positions is not what they make it; ``kept``: checkpoints that are kept outside.

    To be called in one snapshot. A node is verified from those below it as they are kept, which are verified likewise,
    and so is a root.
    """
    last = await newest(connection)
    logged = max([last.size if last is not None else 0, *(one.size for one in kept)])
    upto = min(stretch.upto, logged)
    found = list[Finding]()
    if upto > stretch.after:
        here = [
            *await between(connection, stretch.after, upto),
            *(one for one in kept if stretch.after < one.size <= upto),
        ]
        nodes = Nodes(connection)
        await nodes.read(_needed(stretch.after, upto, here))
        found += [
            *await _nodes(connection, nodes, stretch.after, upto, last),
            *(_said_of(one, what) for one in here for what in _wrong(one, nodes, vault)),
        ]
    if stretch.last:
        found += await _beyond(connection, last, kept)
    return found


def _needed(after: int, upto: int, here: Sequence[Checkpoint]) -> Iterator[Run]:
    """The leaves from the beginning of the first node on, and whatever else nodes and roots follow from."""
    yield Run(0, after >> BITS << BITS, upto)
    for level in range(2, LEVELS_MAX + 1):
        new = added(level, after, upto)
        if new:
            yield Run(level - 1, new.start << BITS, new.stop << BITS)
    for one in here:
        yield from (run for run in runs(Span(0, one.size)) if run.level)


async def _nodes(connection: Connection, nodes: Nodes, after: int, upto: int, last: Checkpoint | None) -> list[Finding]:
    """The nodes that end in these positions, as far as the last checkpoint that is kept here."""
    found = list[Finding]()
    upto = min(upto, last.size if last is not None else 0)
    for level in range(1, LEVELS_MAX + 1):
        new = added(level, after, upto)
        if not new:
            break
        there = {row["index"]: row["hash"] for row in await connection.fetch(NODES, level, new.start, new.stop)}
        for index in new:
            try:
                right = nodes.over(children(level, index)) == there.get(index)
            except Missing as missing:
                found.append(_finding(index << BITS * level, str(missing)))
                continue
            if not right:
                found.append(_finding(index << BITS * level, _wrong_node(level, index, there=index in there)))
    return found


def _wrong(one: Checkpoint, nodes: Nodes, vault: Vault) -> Iterator[str]:
    try:
        if nodes.root(Span(0, one.size)).hex() != one.root:
            yield f"positions 1 to {one.size} of the feed are not what they were when a checkpoint was taken"
    except Missing as missing:
        yield str(missing)
    try:
        if read(one.note, vault.verifying) != Root(size=one.size, root=bytes.fromhex(one.root)):
            yield "the checkpoint's note says something else than the checkpoint"
    except NotGenuine:
        yield "the checkpoint was not signed under this master key"


async def _beyond(connection: Connection, last: Checkpoint | None, kept: Sequence[Checkpoint]) -> list[Finding]:
    """What the log has of positions that the feed has not; and nodes over what no checkpoint says."""
    size, head = last.size if last is not None else 0, await connection.fetchval(HEAD)
    ahead = [one for one in (*((last,) if last is not None else ()), *kept) if one.size > head]
    return [
        *(_said_of(one, f"the feed ends at position {head}, before the checkpoint") for one in ahead),
        *(
            _finding(row["index"] << BITS * row["level"], "the tree has a node that no checkpoint is over")
            for row in await connection.fetch(BEYOND, size)
        ),
    ]


def _said_of(one: Checkpoint, what: str) -> Finding:
    return _finding(one.size - 1, f"checkpoint of {one.size}, {one.taken_at.rfc3339()}: {what}")


def _finding(index: int, what: str) -> Finding:
    return Finding(case_id=None, version=None, position=index + 1, what=what)


def _wrong_node(level: int, index: int, *, there: bool) -> str:
    span = f"the tree's node over positions {(index << BITS * level) + 1} to {(index + 1) << BITS * level}"
    return f"{span} is not the one that the events make" if there else f"{span} is missing"
