"""Checkpoints: signed roots of the tree over the feed, each the beginning of the next; and what is proved from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from case_events.core.values import Instant, Sha256, Value
from case_events.ledger.connection import Connection
from case_events.ledger.feed import rows
from case_events.ledger.locks import CHECKPOINTS
from case_events.ledger.proving.nodes import grow, roots
from case_events.ledger.sealing import Vault
from case_events.proof.note import Root, signed
from case_events.proof.tree import Path, Span, consistency, continues, inclusion

STEP = 65_536
"""The most positions between two checkpoints: what was never logged is logged in as many steps as it takes."""
ALONE = "SELECT pg_advisory_xact_lock($1)"
COLUMNS = "size, encode(root, 'hex') AS root, note, taken_at"
NEWEST = f"SELECT {COLUMNS} FROM checkpoints ORDER BY size DESC LIMIT 1"
OF_SIZE = f"SELECT {COLUMNS} FROM checkpoints WHERE size = $1"
PAGE = f"SELECT {COLUMNS} FROM checkpoints WHERE size < $1 ORDER BY size DESC LIMIT $2"
BETWEEN = f"SELECT {COLUMNS} FROM checkpoints WHERE size > $1 AND size <= $2 ORDER BY size"
ADD = f"""
INSERT INTO checkpoints (size, root, note, taken_at) VALUES ($1, $2, $3, clock_timestamp()) RETURNING {COLUMNS}
"""


class Checkpoint(Value, frozen=True, kw_only=True):
    """What the feed was up to position ``size`` when it was ``taken_at``; ``note`` says so, signed."""

    size: int
    root: Sha256
    note: str
    taken_at: Instant


class Contradicted(Exception):
    """The record is not what a checkpoint says it was: no further one is signed."""


async def take(connection: Connection, vault: Vault) -> Checkpoint | None:
    """Keep a checkpoint of what the feed has by now, ``STEP`` more at the most; None where nothing was added.

    One at a time, and only one that goes on from the last. Raises Contradicted, or Missing.
    """
    async with connection.transaction():
        await connection.execute(ALONE, CHECKPOINTS)
        before, head = await newest(connection), await rows.head(connection)
        size = before.size if before is not None else 0
        if before is not None:
            await _check(connection, before, head)
        if head == size:
            return None
        upto = min(head, size + STEP)
        await grow(connection, size, upto)
        (root,) = await roots(connection, [Span(0, upto)])
        note = signed(Root(size=upto, root=root), vault.verifying, vault.sign)
        return _checkpoint(await connection.fetchrow(ADD, upto, root, note))


async def _check(connection: Connection, before: Checkpoint, head: int) -> None:
    if head < before.size:
        raise Contradicted(f"the feed ends at position {head}, and there is a checkpoint of {before.size}")
    (root,) = await roots(connection, [Span(0, before.size)])
    if root.hex() != before.root:
        raise Contradicted(f"the tree over {before.size} positions has another root than its checkpoint")


async def following(connection: Connection, before: Root) -> Checkpoint | None:
    """The newest, once it is proved to go on from one that was kept outside; None where it is no newer.

    Raises Contradicted where it does not, or Missing.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        last = await newest(connection)
        size = last.size if last is not None else 0
        if last is None or size < before.size:
            raise Contradicted(f"the newest checkpoint is of {size} positions, and this one of {before.size}")
        path = await continuation(connection, before.size, size)
    if not continues(before.root, before.size, bytes.fromhex(last.root), size, path):
        raise Contradicted(f"the newest checkpoint, of {size} positions, does not go on from this one")
    return last if size > before.size else None


async def newest(connection: Connection) -> Checkpoint | None:
    """The largest that is kept."""
    row = await connection.fetchrow(NEWEST)
    return None if row is None else _checkpoint(row)


async def of_size(connection: Connection, size: int) -> Checkpoint | None:
    """The one of this size, if there is one."""
    row = await connection.fetchrow(OF_SIZE, size)
    return None if row is None else _checkpoint(row)


async def page(connection: Connection, below: int, limit: int) -> list[Checkpoint]:
    """The largest below this size."""
    return [_checkpoint(row) for row in await connection.fetch(PAGE, below, limit)]


async def between(connection: Connection, after: int, upto: int) -> list[Checkpoint]:
    """Those larger than the one size and no larger than the other."""
    return [_checkpoint(row) for row in await connection.fetch(BETWEEN, after, upto)]


async def inclusions(connection: Connection, size: int, positions: Iterable[int]) -> dict[int, Path]:
    """What proves each of these positions from a checkpoint of ``size``; none of one beyond. Raises Missing."""
    spans = {position: inclusion(position - 1, size) for position in positions if 0 < position <= size}
    return await _paths(connection, spans)


async def continuation(connection: Connection, before: int, size: int) -> Path:
    """What proves that the checkpoint of ``before`` is the beginning of that of ``size``. Raises Missing."""
    return (await _paths(connection, {before: consistency(before, size)}))[before]


def _checkpoint(row: Any) -> Checkpoint:
    """Whatever the connection makes of an instant."""
    return Checkpoint(size=row["size"], root=row["root"], note=row["note"], taken_at=Instant.of(row["taken_at"]))


async def _paths(connection: Connection, spans: dict[int, list[Span]]) -> dict[int, Path]:
    each: Sequence[Span] = [span for path in spans.values() for span in path]
    rest = iter(await roots(connection, each))
    return {one: tuple(next(rest) for _ in path) for one, path in spans.items()}
