"""What goes out of one case, exactly as the contract lists it: the case, its events, what a step did."""

from __future__ import annotations

from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from case_api.refusals import problems
from case_api.refusals.problems import ProblemView
from case_events.core.case import BroughtEvidence, Case, Deadline, Rating, Ruling
from case_events.core.facts import FilingFacts
from case_events.core.gates import allowed_events, blocked_events, required_action_by
from case_events.core.lateness import Shipment, shipment
from case_events.core.missing import missing_evidence
from case_events.core.policy import ComplaintType
from case_events.core.promises import Rulebook
from case_events.core.values import (
    Advance,
    AllowedEvent,
    ClockParty,
    Instant,
    LegalEntity,
    Money,
    Offer,
    Order,
    OutsideResult,
    Party,
    PolicyRef,
    Recovery,
    Side,
    Word,
)
from case_events.core.viewer import WITHHELD
from case_events.outgoing.events import EventView
from case_events.outgoing.form import Shown


class EvidenceView(Shown, frozen=True, kw_only=True):
    """A piece of evidence and the side that brought it. ``uri``: null where the viewer may not open it.

    ``rejected``: the platform found that it does not count (domain E2).
    """

    by: Side
    kind: Word
    uri: str | None
    sha256: str
    visibility: str
    region: str | None
    shows_at: Instant | None
    moved_at: Instant | None
    rejected: bool


class MissingView(Shown, frozen=True, kw_only=True, rename={"party": "from"}):
    """Evidence that was asked for and is not there: whose, and until when while its clock runs (domain A3, E4)."""

    kind: Word
    party: ClockParty
    due_at: Instant | None


class BlockedEvent(Shown, frozen=True, kw_only=True):
    """An event that cannot be posted now, with the problem that posting it would give."""

    type: str
    problem: ProblemView


class _AsItIs(Shown, frozen=True):
    """What a case shows just as the core has it, made by place: by name, so many fields take ten times as long."""

    case_id: UUID
    number: str
    version: int
    stage: Word
    status: Word
    outcome: Word | None
    type: Word
    subtype: Word | None
    kind: Word
    channel: Word | None
    reason: Word
    marketplace: Word
    policy: PolicyRef
    order: Order | None
    facts: FilingFacts | None
    complainant: Party
    complainant_entity: LegalEntity | None
    respondent: Party
    respondent_entity: LegalEntity | None
    anonymous: bool
    late: bool
    previous: UUID | None
    group: UUID | None
    demand: Word
    amount: Money
    offer: Offer | None
    rulings: tuple[Ruling, ...]
    instance: Word | None
    accepted_by: tuple[Side, ...]
    takedown: bool
    remedy: Word | None
    owed: Money | None
    advances: tuple[Advance, ...]
    recoveries: tuple[Recovery, ...]
    freight_by: Side | None
    interventions: int
    department: Word
    assignee: str | None
    priority: int
    forged_by: tuple[Side, ...]
    outside: tuple[OutsideResult, ...]
    rating: Rating | None
    external_ref: str | None
    test_clock: UUID | None
    filed_at: Instant
    updated_at: Instant
    closed_at: Instant | None


_as_it_is = attrgetter(*_AsItIs.__struct_fields__)


class CaseView(_AsItIs, frozen=True, kw_only=True):
    """The case at one version: who is next, until when, and what may be done.

    ``description``: null where the viewer may not read it; ``marks``: null but for the platform's own people.
    ``shipment``: whether it was late (domain E5), for the types whose rules ask. ``outside``: what 12315, a
    regulator, the police or a court decided (domain P5).
    """

    description: str | None
    evidence: tuple[EvidenceView, ...]
    missing_evidence: tuple[MissingView, ...]
    marks: int | None
    shipment: Shipment | None
    deadlines: tuple[Deadline, ...]
    required_action_by: tuple[Side, ...]
    allowed_events: tuple[AllowedEvent, ...]
    blocked_events: tuple[BlockedEvent, ...] | msgspec.UnsetType = msgspec.UNSET


class StepView(Shown, frozen=True, kw_only=True):
    """Every event a step caused, and the case after it."""

    events: tuple[EventView, ...]
    case: CaseView


class BatchResult(Shown, frozen=True, kw_only=True):
    """What became of one item of a batch: the status and the body that it would have been answered by itself.

    ``id``: the item's own. ``location``, ``etag``: of the case, where nothing was refused. ``replayed``: this is the
    original answer again. ``body`` is absent where nothing was refused and a minimal answer is preferred.
    """

    status: int
    id: str | None
    location: str | msgspec.UnsetType = msgspec.UNSET
    etag: str | msgspec.UnsetType = msgspec.UNSET
    replayed: bool | msgspec.UnsetType = msgspec.UNSET
    body: Any = msgspec.UNSET  # CaseView, StepView or ProblemView


class EventPage(Shown, frozen=True, kw_only=True):
    """A case's history, the oldest event first."""

    items: tuple[EventView, ...]
    next: str | None


def case_view(case: Case, book: Rulebook, *, desk: bool, explain: bool = False) -> CaseView:
    """The case as it is sent, to one of the platform's own people or not; ``explain`` adds why other events cannot be.

    ``book``: the rules it is judged by.
    """
    rules = book.rules
    return CaseView(
        *_as_it_is(case),
        description=None if case.description == WITHHELD else case.description,
        evidence=tuple([evidence_view(brought, case) for brought in case.evidence]),
        missing_evidence=tuple(
            [MissingView(kind=one.kind, party=one.party, due_at=one.due_at) for one in missing_evidence(case)]
        ),
        marks=case.marks if desk else None,
        shipment=shipment(case, book),
        deadlines=case.clocks,
        required_action_by=required_action_by(case),
        allowed_events=allowed_events(case, rules),
        blocked_events=_blocked(case, rules) if explain else msgspec.UNSET,
    )


def evidence_view(brought: BroughtEvidence, case: Case) -> EvidenceView:
    """A piece of evidence as it is sent."""
    one = brought.evidence
    return EvidenceView(
        by=brought.by,
        kind=one.kind,
        uri=None if one.uri == WITHHELD else one.uri,
        sha256=one.sha256,
        visibility=one.visibility,
        region=one.region,
        shows_at=one.shows_at,
        moved_at=one.moved_at,
        rejected=one.sha256 in case.rejected_evidence,
    )


def _blocked(case: Case, rules: ComplaintType) -> tuple[BlockedEvent, ...]:
    blocked = blocked_events(case, rules)
    return tuple(BlockedEvent(type=name, problem=problems.view(problem)) for name, problem in blocked.items())
