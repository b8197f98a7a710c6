"""What the service answers, as frozen values; unknown members are ignored and every enumeration is open."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from caselog_client.pieces import (
    Advance,
    Clock,
    Deadline,
    EvidenceShown,
    Lacking,
    Missing,
    Offer,
    OutsideResult,
    PolicyRef,
    Rating,
    Recovery,
    Ruling,
    Shipment,
)
from caselog_client.values import LegalEntity, Money, Order, Party, Text, View


class Fault(View, frozen=True, kw_only=True):
    """One thing wrong with a body: where (RFC 6901 pointer, or ?name) and what."""

    pointer: str
    detail: str


class AllowedEvent(View, frozen=True, kw_only=True):
    """An event that may be posted now, by whom, and until when where a clock runs for it."""

    type: str
    by: tuple[str, ...] = ()
    due_at: datetime | None = None


class Problem(View, frozen=True, kw_only=True):
    """A refusal; members that do not apply are None or empty."""

    code: str
    detail: str = ""
    status: int = 0
    title: str = ""
    trace_id: str | None = None
    rule: str | None = None
    clause: Text | None = None
    due_at: datetime | None = None
    opens_at: datetime | None = None
    closed_at: datetime | None = None
    current_version: int | None = None
    location: str | None = None
    allowed_events: tuple[AllowedEvent, ...] | None = None
    errors: tuple[Fault, ...] = ()
    missed: tuple[dict[str, Any], ...] | None = None


class BlockedEvent(View, frozen=True, kw_only=True):
    """An event that cannot be posted now, with the problem that posting it would give."""

    type: str
    problem: Problem


class _Common(View, frozen=True, kw_only=True):
    """What a case shows wherever it is shown; what a viewer may not see is None."""

    case_id: UUID
    number: str
    version: int
    stage: str
    status: str
    type: str
    reason: str
    marketplace: str
    filed_at: datetime
    updated_at: datetime
    kind: str | None = None
    subtype: str | None = None
    group: UUID | None = None
    interventions: int = 0
    outcome: str | None = None
    complainant: Party | None = None
    respondent: Party | None = None
    amount: Money | None = None
    department: str | None = None
    assignee: str | None = None
    priority: int = 0
    external_ref: str | None = None
    test_clock: UUID | None = None
    closed_at: datetime | None = None


class CaseItem(_Common, frozen=True, kw_only=True):
    """A case as lists show it."""

    order_id: str | None = None
    next_due_at: datetime | None = None


class Case(_Common, frozen=True, kw_only=True):
    """A case at one version: who is next, until when, and what may be done. ``version`` is what If-Match wants."""

    policy: PolicyRef
    order: Order | None = None
    channel: str | None = None
    facts: dict[str, Any] | None = None
    complainant_entity: LegalEntity | None = None
    respondent_entity: LegalEntity | None = None
    anonymous: bool = False
    late: bool = False
    marks: int | None = None
    previous: UUID | None = None
    demand: str | None = None
    description: str | None = None
    offer: Offer | None = None
    rulings: tuple[Ruling, ...] = ()
    instance: str | None = None
    accepted_by: tuple[str, ...] = ()
    takedown: bool = False
    remedy: str | None = None
    owed: Money | None = None
    advances: tuple[Advance, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    freight_by: str | None = None
    shipment: Shipment | None = None
    forged_by: tuple[str, ...] = ()
    outside: tuple[OutsideResult, ...] = ()
    rating: Rating | None = None
    evidence: tuple[EvidenceShown, ...] = ()
    missing_evidence: tuple[Missing, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    required_action_by: tuple[str, ...] = ()
    allowed_events: tuple[AllowedEvent, ...] = ()
    blocked_events: tuple[BlockedEvent, ...] = ()


class Event(View, frozen=True, kw_only=True):
    """One event. ``recorded_at`` is None for an overdue timeout that will be recorded with the next step."""

    event_id: UUID
    version: int
    type: str
    occurred_at: datetime
    effective_at: datetime
    recorded_at: datetime | None = None
    who: str | None = None
    agent: str | None = None
    client: str | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    data: dict[str, Any]
    payload_hash: str | None = None
    hash: str | None = None

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The clocks this event started or moved."""
        return msgspec.convert(self.data.get("clocks") or (), tuple[Clock, ...])


class Step(View, frozen=True, kw_only=True):
    """Every event a step caused, and the case after it. ``replayed``: it had been recorded under this key before."""

    events: tuple[Event, ...]
    case: Case
    replayed: bool = False


class Named(Text, frozen=True, kw_only=True):
    word: str


class Clause(Text, frozen=True, kw_only=True):
    """The clause of the pinned policy that an entry goes by."""

    clause: str


class Until(Clock, frozen=True, kw_only=True):
    """A clock in words."""

    zh: str
    en: str


class Entry(Text, frozen=True, kw_only=True):
    """One event in words; ``clocks`` are those it started or moved."""

    version: int
    event_id: UUID
    type: str
    at: datetime
    occurred_at: datetime
    by: str | None = None
    rule: Clause | None = None
    clocks: tuple[Until, ...] = ()


class Next(Until, frozen=True, kw_only=True):
    """Who must act (nobody must where both merely may), on which clock, and until when."""

    by: tuple[str, ...]


class Timeline(View, frozen=True, kw_only=True):
    """A case in words, in one look."""

    case_id: UUID
    number: str
    version: int
    title: Text
    status: Named
    entries: tuple[Entry, ...]
    outcome: Named | None = None
    next: Next | None = None
    deadlines: tuple[Until, ...] = ()
    missing: tuple[Lacking, ...] = ()


class PolicyItem(View, frozen=True, kw_only=True):
    """A policy as the list shows it."""

    name: str
    version: str
    digest: str
    marketplace: str
    effective_from: datetime
    types: tuple[str, ...] = ()


class Policy(View, frozen=True, kw_only=True):
    """One version of a policy, with its rules as they are written."""

    name: str
    version: str
    digest: str
    policy: dict[str, Any]


class TestClock(View, frozen=True, kw_only=True):
    """A test clock; ``advancing`` until everything due at its instant has fired, then ``ready``; or ``frozen``.

    ``watermark``: everything that takes effect before it is recorded.
    """

    __test__ = False  # pytest looks for classes of this name

    id: UUID
    at: datetime
    status: str
    name: str | None = None
    watermark: datetime | None = None
    created_at: datetime | None = None
    frozen_at: datetime | None = None


class Page(View, frozen=True, kw_only=True):
    """A page of any list, its items not read yet; ``next`` is the cursor of the page after it, None on the last."""

    items: tuple[msgspec.Raw, ...]
    next: str | None = None
