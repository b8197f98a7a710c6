"""A case's chain of hashes, link by link, with what each was computed from, and what proves each from a checkpoint: for
who checks it without us."""

from __future__ import annotations

from typing import Any

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.codec import ENVELOPE
from case_events.ledger.database import Ledger
from case_events.ledger.proving.checkpoints import Checkpoint, inclusions, newest, of_size
from case_events.ledger.proving.nodes import Missing
from case_events.proof.tree import Path, includes, leaf

LINKS = f"""
SELECT {", ".join(f"e.{name}" for name in ENVELOPE)}, e.type, e.schema, e.payload, e.payload_hash, e.hash, e.asked,
    f.position
FROM events e LEFT JOIN feed f USING (case_id, version) WHERE e.case_id = $1 AND e.version <= $2 ORDER BY e.version
"""


class Link(Value, frozen=True, kw_only=True):
    """One event's place in the chain: ``hash`` is SHA-256 over the domain word, the hash before (32 bytes) and the
    canonical JSON of ``envelope``; ``payload_hash`` is SHA-256 of ``payload``, the sealed event as it is stored.

    ``position``: in the feed, once it has one; ``path``: what proves it from the chain's checkpoint, if it is that old.
    """

    version: int
    payload_hash: bytes
    hash: bytes
    envelope: dict[str, Any]
    payload: bytes
    position: int | None
    path: Path | None


class Chain(Value, frozen=True, kw_only=True):
    """The links of a case, the first event's first, and the checkpoint that they are proved from.

    ``read_at``: when they were read. ``wrong``: why there is no proof, where the log is not as it was kept.
    """

    read_at: Instant
    links: tuple[Link, ...]
    checkpoint: Checkpoint | None
    wrong: str | None = None


async def chain_of(ledger: Ledger, case_id: CaseId, up_to: int, size: int | None = None) -> Chain:
    """A case's first ``up_to`` events; no links for a case that is not there.

    Proved from the checkpoint of this ``size``, or the newest.
    """
    async with (
        ledger.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        read_at = await connection.fetchval("SELECT clock_timestamp()")
        rows = await connection.fetch(LINKS, case_id, up_to)
        checkpoint = await (newest(connection) if size is None else of_size(connection, size))
        paths, wrong = dict[int, Path](), None
        if checkpoint is not None:
            placed = [row["position"] for row in rows if row["position"] is not None]
            try:
                paths = await inclusions(connection, checkpoint.size, placed)
            except Missing as missing:
                wrong = str(missing)
    links = tuple(_link(row, paths.get(row["position"])) for row in rows)
    return Chain(read_at=read_at, links=links, checkpoint=checkpoint, wrong=wrong)


def proved(chain: Chain) -> int:
    """How many of its events the checkpoint proves."""
    return sum(_included(link, chain.checkpoint) for link in chain.links) if chain.checkpoint else 0


def unproved(case_id: CaseId, chain: Chain) -> list[Finding]:
    """Whether the checkpoint proves the events that it should; one that was changed takes others' proofs with it."""
    if chain.checkpoint is None:
        return []
    if chain.wrong is not None:
        return [Finding(case_id=None, version=None, what=chain.wrong)]
    wrong = sum(link.path is not None for link in chain.links) - proved(chain)
    what = f"the checkpoint of {chain.checkpoint.size} does not prove {wrong} of its events"
    return [Finding(case_id=case_id, version=None, what=what)] if wrong else []


def _included(link: Link, one: Checkpoint) -> bool:
    if link.position is None or link.path is None:
        return False
    return includes(bytes.fromhex(one.root), one.size, link.position - 1, leaf(link.hash), link.path)


def _link(row: Any, path: Path | None) -> Link:
    return Link(
        version=row["version"],
        payload_hash=row["payload_hash"],
        hash=row["hash"],
        envelope={name: row[name] for name in (*ENVELOPE, "type", "schema")}
        | {
            "asked": row["asked"].hex() if row["asked"] is not None else None,
            "payload_hash": row["payload_hash"].hex(),
        },
        payload=row["payload"],
        position=row["position"],
        path=path,
    )
