"""What an auditor is shown: checkpoints with what is proved from them, and the verdict on one case."""

from __future__ import annotations

from uuid import UUID

from case_events.core.values import Instant, Sha256
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.proving.checkpoints import Checkpoint
from case_events.outgoing.form import Shown
from case_events.proof.tree import Path


class CheckpointView(Shown, frozen=True, kw_only=True):
    """What the feed was up to position ``size`` when it was ``taken_at``: the ``root`` of the tree over it (RFC 9162,
    in hex), and the ``note`` (C2SP tlog-checkpoint) that says both, signed."""

    size: int
    root: Sha256
    taken_at: Instant
    note: str


class CheckpointPage(Shown, frozen=True, kw_only=True):
    """Checkpoints, the newest first; ``key``: the public key (Ed25519) that signed them, with the log's name and id."""

    key: str
    items: tuple[CheckpointView, ...]
    next: str | None


class Inclusion(Shown, frozen=True, kw_only=True):
    """What proves that the event at this position of the feed is in the checkpoint: hashes in hex, the lowest first."""

    position: int
    path: tuple[Sha256, ...]


class Consistency(Shown, frozen=True, kw_only=True):
    """What proves that the checkpoint of ``since`` positions is the beginning of this one: hashes in hex."""

    since: int
    path: tuple[Sha256, ...]


class ProvenCheckpoint(Shown, frozen=True, kw_only=True):
    """A checkpoint, the key that signed it, and the proofs that were asked for."""

    checkpoint: CheckpointView
    key: str
    inclusion: Inclusion | None
    consistency: Consistency | None


class FoundView(Shown, frozen=True, kw_only=True):
    """Something that is not as it was written; without a version it is about the whole record."""

    version: int | None
    position: int | None
    what: str


class CaseAudit(Shown, frozen=True, kw_only=True):
    """The verdict on one case: all that is kept of it, computed anew from its events.

    ``proved``: how many of its ``events`` are proved from ``checkpoint``; younger ones will be from the next.
    """

    case_id: UUID
    number: str
    verified_at: Instant
    clean: bool
    events: int
    proved: int
    checkpoint: CheckpointView | None
    findings: tuple[FoundView, ...]


def checkpoint_view(one: Checkpoint) -> CheckpointView:
    """A checkpoint as it is shown."""
    return CheckpointView(size=one.size, root=one.root, taken_at=one.taken_at, note=one.note)


def hexed(path: Path) -> tuple[Sha256, ...]:
    """The hashes of a proof in hex."""
    return tuple(Sha256(one.hex()) for one in path)


def found_view(one: Finding) -> FoundView:
    """A finding as it is shown."""
    return FoundView(version=one.version, position=one.position, what=one.what)
