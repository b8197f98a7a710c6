"""The state of a case: everything that is true of it now; no rules, and nothing of how it came about."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from case_events.core.events import Decision, Verdict
from case_events.core.values import (
    CaseId,
    ClockParty,
    Evidence,
    Instant,
    Liable,
    Money,
    Offer,
    Order,
    Party,
    PolicyRef,
    Sha256,
    Side,
    Value,
    Word,
)

Stage = Literal["inquiry", "claim", "appeal", "closed"]
Status = Literal[
    "waiting_for_acceptance",
    "waiting_for_merchant",
    "waiting_for_complainant",
    "evidence_requested",
    "under_review",
    "appealable",
    "appeal_under_review",
    "waiting_for_return",
    "waiting_for_remedy",
    "closed",
]


class Deadline(Value, frozen=True, kw_only=True):
    """A clock that runs: who must act, until when, and the version of the event that set it."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: int
    provisional: bool = False
    minimum_notice: bool = False


class Ruling(Value, frozen=True, kw_only=True):
    """A ruling as the case remembers it (domain R4)."""

    version: int
    round: int
    outcome: Word
    verdict: Verdict
    rule: str
    reasons: str
    owed: Money | None
    liable: tuple[Liable, ...]
    penalties: tuple[Word, ...]
    evidence: tuple[Sha256, ...]
    final: bool
    ruled_at: Instant


class BroughtEvidence(Value, frozen=True, kw_only=True):
    """A piece of evidence and the side that brought it."""

    by: Side
    evidence: Evidence


class RequestedEvidence(Value, frozen=True, kw_only=True):
    """What the platform asked one side for and has not got; ``back``: the status once it came or its time is over."""

    party: ClockParty
    kinds: tuple[Word, ...]
    back: Status


class Case(Value, frozen=True, kw_only=True):
    """Everything that is true of a case now; built from its events and from nothing else."""

    case_id: CaseId
    number: str
    version: int
    stage: Stage
    status: Status
    outcome: Word | None
    type: Word
    reason: Word
    marketplace: Word
    policy: PolicyRef
    order: Order
    complainant: Party
    respondent: Party
    demand: Word
    amount: Money
    description: str
    anonymous: bool
    external_ref: str | None
    test_clock: UUID | None
    department: Word
    filed_at: Instant
    updated_at: Instant
    priority: int = 0
    assignee: str | None = None
    offer: Offer | None = None
    decision: Decision | None = None
    intervention_open: bool = False
    reply_started_at: Instant | None = None
    rulings: tuple[Ruling, ...] = ()
    appealed_by: Side | None = None
    remedy: Word | None = None
    owed: Money | None = None
    evidence: tuple[BroughtEvidence, ...] = ()
    requested: RequestedEvidence | None = None
    clocks: tuple[Deadline, ...] = ()
    expired: tuple[Deadline, ...] = ()
    closed_at: Instant | None = None
