"""What an auditor asks: the verdict on a case, and the signed checkpoints with what is proved from them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from caselog_client.asking import Asked, Id, Pages, got, read_bytes, segment
from caselog_client.values import View

CHECKPOINTS = "/v1/audit/checkpoints"


class Found(View, frozen=True, kw_only=True):
    """Something that is not as it was written; without a version it is about the whole record."""

    what: str
    version: int | None = None
    position: int | None = None


class Checkpoint(View, frozen=True, kw_only=True):
    """What the feed was up to position ``size``: ``root`` is that of the tree over it (RFC 9162, hex), and ``note``
    says both, signed (C2SP tlog-checkpoint)."""

    size: int
    root: str
    taken_at: datetime
    note: str


class CaseAudit(View, frozen=True, kw_only=True):
    """The verdict on one case. ``proved``: how many of its events are proved from ``checkpoint``."""

    case_id: UUID
    number: str
    verified_at: datetime
    clean: bool
    events: int
    proved: int = 0
    checkpoint: Checkpoint | None = None
    findings: tuple[Found, ...] = ()


class Inclusion(View, frozen=True, kw_only=True):
    """What proves that the event at ``position`` is in a checkpoint: hashes in hex, the lowest first."""

    position: int
    path: tuple[str, ...]


class Consistency(View, frozen=True, kw_only=True):
    """What proves that the checkpoint of ``since`` positions is the beginning of another: hashes in hex."""

    since: int
    path: tuple[str, ...]


class ProvenCheckpoint(View, frozen=True, kw_only=True):
    """A checkpoint, the public key that signed it, and the proofs that were asked for."""

    checkpoint: Checkpoint
    key: str
    inclusion: Inclusion | None = None
    consistency: Consistency | None = None


def audit_case(case_id: Id) -> Asked[CaseAudit]:
    """Whether all that is kept of a case follows from its events, computed now. Raises NotFound, Forbidden."""
    return got(f"/v1/audit/cases/{segment(case_id)}", CaseAudit)


def bundle(case_id: Id, *, checkpoint: int | None = None) -> Asked[bytes]:
    """The whole case as the file that ``caselog verify`` checks, proved from the checkpoint of this size or the newest.

    Raises NotFound, Forbidden.
    """
    params = {"format": "bundle"} | ({"checkpoint": str(checkpoint)} if checkpoint is not None else {})
    return Asked(method="GET", path=f"/v1/audit/cases/{segment(case_id)}", read=read_bytes, params=params)


def checkpoints(*, limit: int = 100) -> Pages[Checkpoint]:
    """The checkpoints, the newest first; ``limit`` is the size of a page. Raises Forbidden."""
    return Pages(CHECKPOINTS, Checkpoint, {"limit": limit})


def checkpoint(size: int, *, position: int | None = None, since: int | None = None) -> Asked[ProvenCheckpoint]:
    """One checkpoint, and what proves from it the event at a position, or an earlier checkpoint as its beginning.

    Raises NotFound, Invalid (beyond its size), Forbidden.
    """
    return got(f"{CHECKPOINTS}/{segment(str(size))}", ProvenCheckpoint, {"position": position, "since": since})
