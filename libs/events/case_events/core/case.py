"""The state of a case: everything that is true of it now; no rules, and nothing of how it came about."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from msgspec import Struct

from case_events.core.events import Decision, Verdict
from case_events.core.facts import FilingFacts
from case_events.core.values import (
    Advance,
    CaseId,
    ClockParty,
    EventId,
    Evidence,
    Instant,
    LegalEntity,
    Liable,
    Money,
    Offer,
    Order,
    OutsideResult,
    Party,
    Penalty,
    PolicyRef,
    Recovery,
    Sha256,
    Side,
    Value,
    Word,
)

Stage = Literal["inquiry", "claim", "appeal", "closed"]
Status = Literal[
    "waiting_for_acceptance",
    "waiting_for_merchant",
    "waiting_for_respondent",
    "waiting_for_complainant",
    "evidence_requested",
    "under_review",
    "appealable",
    "appeal_under_review",
    "waiting_for_return",
    "waiting_for_remedy",
    "waiting_for_recovery",
    "waiting_for_follow_up",
    "closed",
]

TakenDown = Literal["acceptance", "ruling"] | None
"""By what a listing is down, if it is (domain IP1, P3)."""


class Deadline(Value, frozen=True, kw_only=True):
    """A clock that runs: who must act, until when, and the version of the event that set it."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: int
    provisional: bool = False
    minimum_notice: bool = False


class Ruling(Value, frozen=True, kw_only=True):
    """A ruling as the case remembers it (domain R4); ``corrected_by``: the version that put it right, if one did."""

    event_id: EventId
    version: int
    round: int
    outcome: Word
    verdict: Verdict
    rule: str
    reasons: str
    owed: Money | None
    liable: tuple[Liable, ...]
    penalties: tuple[Penalty, ...]
    evidence: tuple[Sha256, ...]
    final: bool
    ruled_at: Instant
    departs: str | None = None
    corrected_by: int | None = None


class BroughtEvidence(Value, frozen=True, kw_only=True):
    """A piece of evidence and the side that brought it."""

    by: Side
    evidence: Evidence


class RequestedEvidence(Value, frozen=True, kw_only=True):
    """What one side was asked for and has not brought; ``back``: the status once it came or its time is over.

    None of ``back``: the reason of the complaint requires it, and the case goes on meanwhile (domain E4).
    """

    party: ClockParty
    kinds: tuple[Word, ...]
    back: Status | None


class Rating(Value, frozen=True, kw_only=True):
    """How the complainant rated the platform (domain P4)."""

    score: int
    comment: str | None


class Post(Value, frozen=True, kw_only=True):
    """Words that can be put right: the event they stand in, and whose they are."""

    event_id: EventId
    version: int
    type: str
    by: Side


class Undo(Value, frozen=True, kw_only=True):
    """A party's timeout that the platform can still take back: which, of which clock, and the case before it.

    The case before it remembers the one that ran out before that, if nothing was decided between.
    """

    event_id: EventId
    kind: Word
    party: ClockParty
    was: Case


class Case(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Everything that is true of a case now; built from its events and from nothing else.

    Only ``evolve`` and the changes it calls write to one, and only to one that is still their own (a test holds that
    nobody else does): to copy so many fields for each of its events would be a third of a fold. What is written into
    one is never the case itself, so there is no cycle for the collector to look for.
    """

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
    order: Order | None
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
    subtype: Word | None = None
    kind: Word = "complaint"
    channel: Word | None = None
    facts: FilingFacts | None = None
    complainant_entity: LegalEntity | None = None
    respondent_entity: LegalEntity | None = None
    marks: int = 0
    previous: CaseId | None = None
    late: bool = False
    priority: int = 0
    group: UUID | None = None
    interventions: int = 0
    expedites: int = 0
    assignee: str | None = None
    offer: Offer | None = None
    decision: Decision | None = None
    intervention_open: bool = False
    reply_started_at: Instant | None = None
    rulings: tuple[Ruling, ...] = ()
    instance: Word | None = None
    contested_by: tuple[Side, ...] = ()
    accepted_by: tuple[Side, ...] = ()
    taken_down: TakenDown = None
    remedy: Word | None = None
    owed: Money | None = None
    advances: tuple[Advance, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    freight_by: Side | None = None
    followed_up: bool = False
    rating: Rating | None = None
    outside: tuple[OutsideResult, ...] = ()
    evidence: tuple[BroughtEvidence, ...] = ()
    rejected_evidence: tuple[Sha256, ...] = ()
    forged_by: tuple[Side, ...] = ()
    requested: tuple[RequestedEvidence, ...] = ()
    posts: tuple[Post, ...] = ()
    clocks: tuple[Deadline, ...] = ()
    reminders: tuple[Deadline, ...] = ()
    expired: tuple[Deadline, ...] = ()
    undo: Undo | None = None
    closed_at: Instant | None = None

    @property
    def takedown(self) -> bool:
        """Is the listing down, by acceptance or by a ruling (domain IP1, P3)?"""
        return self.taken_down is not None
