"""What goes out of one case, exactly as the contract lists it: the case, its events, what a step did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from case_api import problems
from case_api.problems import ProblemView
from case_events.core.case import BroughtEvidence, Case, Deadline, Ruling
from case_events.core.events import Recorded
from case_events.core.gates import allowed_events, blocked_events, missing_evidence, required_action_by
from case_events.core.policy import ComplaintType
from case_events.core.values import (
    AllowedEvent,
    Instant,
    Money,
    Offer,
    Order,
    Party,
    PolicyRef,
    Side,
    Who,
    Word,
)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is only ever sent."""


class EvidenceView(Shown, frozen=True, kw_only=True):
    """A piece of evidence and the side that brought it."""

    by: Side
    kind: Word
    uri: str
    sha256: str
    visibility: str


class BlockedEvent(Shown, frozen=True, kw_only=True):
    """An event that cannot be posted now, with the problem that posting it would give."""

    type: str
    problem: ProblemView


class CaseView(Shown, frozen=True, kw_only=True):
    """The case at one version: who is next, until when, and what may be done."""

    case_id: UUID
    number: str
    version: int
    stage: Word
    status: Word
    outcome: Word | None
    type: Word
    reason: Word
    marketplace: Word
    policy: PolicyRef
    order: Order
    complainant: Party
    respondent: Party
    anonymous: bool
    demand: Word
    amount: Money
    description: str
    offer: Offer | None
    rulings: tuple[Ruling, ...]
    remedy: Word | None
    owed: Money | None
    department: Word
    assignee: str | None
    priority: int
    evidence: tuple[EvidenceView, ...]
    missing_evidence: tuple[Word, ...]
    deadlines: tuple[Deadline, ...]
    required_action_by: tuple[Side, ...]
    allowed_events: tuple[AllowedEvent, ...]
    blocked_events: tuple[BlockedEvent, ...] | msgspec.UnsetType = msgspec.UNSET
    external_ref: str | None
    test_clock: UUID | None
    filed_at: Instant
    updated_at: Instant
    closed_at: Instant | None


class EventView(Shown, frozen=True, kw_only=True):
    """One event of a case. ``recorded_at`` is null for an overdue timeout that will be recorded with the next step."""

    event_id: UUID
    version: int
    type: Word
    occurred_at: Instant
    effective_at: Instant
    recorded_at: Instant | None
    who: Who
    agent: str | None
    client: str
    correlation: UUID
    causation: UUID | None
    data: Any  # the Event; msgspec writes it, but has no schema for such a union: openapi.py has
    payload_hash: str | msgspec.UnsetType = msgspec.UNSET
    hash: str | msgspec.UnsetType = msgspec.UNSET


class StepView(Shown, frozen=True, kw_only=True):
    """Every event a step caused, and the case after it."""

    events: tuple[EventView, ...]
    case: CaseView


class EventPage(Shown, frozen=True, kw_only=True):
    """A case's history, the oldest event first."""

    items: tuple[EventView, ...]
    next: str | None


def case_view(case: Case, rules: ComplaintType, *, explain: bool = False) -> CaseView:
    """The case as it is sent; ``explain`` adds why every other event is not possible."""
    return CaseView(
        case_id=case.case_id,
        number=case.number,
        version=case.version,
        stage=case.stage,
        status=case.status,
        outcome=case.outcome,
        type=case.type,
        reason=case.reason,
        marketplace=case.marketplace,
        policy=case.policy,
        order=case.order,
        complainant=case.complainant,
        respondent=case.respondent,
        anonymous=case.anonymous,
        demand=case.demand,
        amount=case.amount,
        description=case.description,
        offer=case.offer,
        rulings=case.rulings,
        remedy=case.remedy,
        owed=case.owed,
        department=case.department,
        assignee=case.assignee,
        priority=case.priority,
        evidence=tuple(_evidence(brought) for brought in case.evidence),
        missing_evidence=missing_evidence(case),
        deadlines=case.clocks,
        required_action_by=required_action_by(case),
        allowed_events=allowed_events(case, rules),
        blocked_events=_blocked(case, rules) if explain else msgspec.UNSET,
        external_ref=case.external_ref,
        test_clock=case.test_clock,
        filed_at=case.filed_at,
        updated_at=case.updated_at,
        closed_at=case.closed_at,
    )


def event_view(one: Recorded, *, written: bool = True, hashes: tuple[bytes, bytes] | None = None) -> EventView:
    """The event as it is sent; with its payload's and its chain's hash where it is shown as recorded."""
    return EventView(
        event_id=one.event_id,
        version=one.version,
        type=one.name,
        occurred_at=one.occurred_at,
        effective_at=one.effective_at,
        recorded_at=one.recorded_at if written else None,
        who=one.who,
        agent=one.agent,
        client=one.client,
        correlation=one.correlation,
        causation=one.causation,
        data=one.event,
        payload_hash=hashes[0].hex() if hashes else msgspec.UNSET,
        hash=hashes[1].hex() if hashes else msgspec.UNSET,
    )


def _evidence(brought: BroughtEvidence) -> EvidenceView:
    one = brought.evidence
    return EvidenceView(by=brought.by, kind=one.kind, uri=one.uri, sha256=one.sha256, visibility=one.visibility)


def _blocked(case: Case, rules: ComplaintType) -> tuple[BlockedEvent, ...]:
    blocked = blocked_events(case, rules)
    return tuple(BlockedEvent(type=name, problem=problems.view(problem)) for name, problem in blocked.items())
