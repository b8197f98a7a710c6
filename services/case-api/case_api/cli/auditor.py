"""`python -m case_api.cli.auditor`: one process of an audit; it verifies the pieces it is given, line by line.

The first line of stdin says where and what; each further one is a piece and is answered with its verdict. It ends
with its input, so that none is left over however its parent ended.
"""

from __future__ import annotations

import gc
import sys

import msgspec
import uvloop

from case_api.cli.outcomes import SILENT
from case_events.core.canonical import decode_hook, encode_hook
from case_events.core.values import Value
from case_events.ledger.audit.audit import Piece, Verdict, examine
from case_events.ledger.audit.chosen import Parcel, Selection
from case_events.ledger.audit.kept import open_connection
from case_events.ledger.audit.positions import Stretch
from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.proving.checkpoints import Checkpoint
from case_events.ledger.sealing import Vault

PIECES = msgspec.json.Decoder(Parcel | Stretch)


class Orders(Value, frozen=True, kw_only=True):
    """What an auditor is told first; ``checkpoints``: those kept outside that the feed is compared with."""

    url: str
    master_key: bytes
    selection: Selection
    checkpoints: tuple[Checkpoint, ...] = ()


async def audit(orders: Orders) -> None:
    """Verify what comes until nothing comes any more. Raises one of UNAVAILABLE."""
    connection = await open_connection(orders.url)
    spared()
    try:
        # Nothing else waits in this process, so that it may block on its input.
        for line in sys.stdin.buffer:
            piece: Piece = PIECES.decode(line)
            verdict = await examined(connection, piece, orders)
            sys.stdout.buffer.write(msgspec.json.encode(verdict) + b"\n")
            sys.stdout.buffer.flush()
            gc.collect()
    finally:
        await connection.close()


async def examined(connection: Connection, piece: Piece, orders: Orders) -> Verdict:
    """The verdict on one piece. Its cases are in no other, so that none of their keys is remembered after it."""
    return await examine(connection, piece, orders.selection, Vault(orders.master_key), orders.checkpoints)


def spared() -> None:
    """Values have no cycles: looking for some among a parcel's events would cost a tenth of the whole."""
    gc.collect()
    gc.freeze()
    gc.disable()


def said(orders: Orders) -> bytes:
    """The first line."""
    return msgspec.json.encode(orders, enc_hook=encode_hook) + b"\n"


def main() -> None:
    """Read the first line, then work."""
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders, dec_hook=decode_hook)
    try:
        uvloop.run(audit(orders))
    except UNAVAILABLE as fault:
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
        raise SystemExit(SILENT) from None


if __name__ == "__main__":
    main()
