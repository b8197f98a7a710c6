"""The file of checkpoints: one JSON object a line, to be kept where who owns the database cannot write.

Lines that were taken before there was a tree have a digest of the feed instead of a root.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import msgspec

from case_api.cli.outcomes import Misused
from case_events.core.canonical import canonical, decode_hook
from case_events.ledger.audit.digests import Digest
from case_events.ledger.connection import Connection
from case_events.ledger.proving.checkpoints import Checkpoint, following, newest
from case_events.proof.note import Root

Line = Checkpoint | Digest


def position(line: Line) -> int:
    """The last position that it speaks of."""
    return line.size if isinstance(line, Checkpoint) else line.position


async def newer(connection: Connection, before: Line | None) -> Checkpoint | None:
    """The newest that is kept, if it is newer than the last line. Raises Contradicted, or Missing.

    It is proved to go on from a root; what a digest says is compared by the audit.
    """
    if isinstance(before, Checkpoint):
        return await following(connection, Root(size=before.size, root=bytes.fromhex(before.root)))
    last = await newest(connection)
    return last if last is not None and (before is None or last.size > before.position) else None


def read(file: Path) -> tuple[Line, ...]:
    """What the file has; nothing where there is none yet. Raises Misused, with the line."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as fault:
        raise Misused(f"{file} cannot be read: {fault}") from None
    kept = tuple(_read(file, number, line) for number, line in enumerate(lines, 1))
    for number, (before, after) in enumerate(pairwise([0, *map(position, kept)]), 1):
        if after <= before:
            raise Misused(f"{file}, line {number}: its position is not behind those before it")
    return kept


def roots(file: Path) -> dict[int, str]:
    """The root of each size that the file has. Raises Misused."""
    return {one.size: one.root for one in read(file) if isinstance(one, Checkpoint)}


def append(file: Path, checkpoint: Checkpoint) -> None:
    """Add a line, on the disk when this returns; nothing else of the file is written. Raises Misused.

    The last line may have lost its end, where an editor took it away.
    """
    try:
        with file.open("a+b") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 1))
            ended = stream.read(1) in (b"", b"\n")
            stream.write((b"" if ended else b"\n") + canonical(checkpoint) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as fault:
        raise Misused(f"{file} cannot be written: {fault}") from None


def _read(file: Path, number: int, line: bytes) -> Line:
    # Which of the two it would be shows in the one word that only digests have.
    kind: type[Line] = Digest if b'"digest"' in line else Checkpoint
    try:
        one = msgspec.json.decode(line, type=kind, dec_hook=decode_hook)
        bytes.fromhex(one.root if isinstance(one, Checkpoint) else one.digest)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise Misused(f"{file}, line {number}: no checkpoint: {fault}") from None
    return one
