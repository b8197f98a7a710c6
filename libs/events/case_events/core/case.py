"""The state of a case and how events change it; no rules: evolve never judges and never computes a date."""

from __future__ import annotations

from typing import Literal, assert_never
from uuid import UUID

from msgspec.structs import asdict, replace

from case_events.core import events
from case_events.core.events import Decision, History, Recorded, Verdict
from case_events.core.values import (
    CaseId,
    Clock,
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
    "under_review",
    "appealable",
    "appeal_under_review",
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
    clocks: tuple[Deadline, ...] = ()
    expired: tuple[Deadline, ...] = ()
    closed_at: Instant | None = None


def fold(history: History) -> Case | None:
    """The case after ``history``, oldest first; None for no history."""
    case: Case | None = None
    for recorded in history:
        case = evolve(case, recorded)
    return case


def evolve(case: Case | None, recorded: Recorded) -> Case:
    """The case after one more event. The first is ``Filed`` and no other is (an assertion: the ledger keeps it so)."""
    event = recorded.event
    if isinstance(event, events.Filed):
        assert case is None, "a case is filed once"
        return _filed(event, recorded)
    assert case is not None, "nothing happens before filing"
    case = replace(case, version=recorded.version, updated_at=recorded.effective_at)
    match event:
        case events.Accepted():
            case = replace(case, status="waiting_for_merchant", reply_started_at=recorded.effective_at)
            return _clocks(case, event.clocks, stop=("acceptance",))
        case events.ClaimAmended():
            case = replace(case, demand=event.demand, amount=event.amount, offer=None, decision=None)
            return _clocks(replace(case, status="waiting_for_merchant"), event.clocks)
        case events.EvidenceSubmitted():
            return _brought(case, event.by, event.evidence)
        case events.MerchantReplied():
            return _replied(case, event)
        case events.Settled():
            outcome = "conceded" if event.basis == "concession" else "settled"
            return _decided(case, outcome, event.remedy, event.owed, event.clocks)
        case events.InterventionRequested():
            case = replace(case, stage="claim", status="under_review", department=event.department)
            return _clocks(case, event.clocks, stop=NEGOTIATION)
        case events.Ruled():
            return _ruled(case, event, recorded)
        case events.Appealed():
            case = replace(case, stage="appeal", status="appeal_under_review", appealed_by=event.by)
            return _clocks(_brought(case, event.by, event.evidence), event.clocks, stop=("appeal",))
        case events.Withdrawn():
            return _clocks(replace(case, outcome="withdrawn"), (), stop=ALL)
        case events.Remedied():
            return _clocks(replace(case, owed=None), (), stop=("remedy",))
        case events.Closed():
            case = replace(
                case, stage="closed", status="closed", outcome=event.outcome, closed_at=recorded.effective_at
            )
            return _clocks(case, (), stop=ALL)
        case events.DeadlineExtended():
            return _clocks(case, event.clocks)
        case events.AcceptanceTimedOut() | events.RulingTimedOut() | events.RemedyTimedOut():
            return _expired(replace(case, priority=event.priority), event)
        case events.MerchantResponseTimedOut() | events.NegotiationStalled() | events.InterventionWindowExpired():
            return _expired(case, event)
        case events.AppealWindowExpired():
            ruling = case.rulings[-1]
            return _decided(_expired(case, event), ruling.verdict, ruling.outcome, ruling.owed, event.clocks)
        case _:
            assert_never(event)


NEGOTIATION = ("acceptance", "response", "negotiation", "intervention")
ALL = (*NEGOTIATION, "ruling", "appeal", "remedy")
"""Every kind of clock there is; a closed case has none running."""

TimedOutEvent = (
    events.AcceptanceTimedOut
    | events.MerchantResponseTimedOut
    | events.NegotiationStalled
    | events.InterventionWindowExpired
    | events.RulingTimedOut
    | events.AppealWindowExpired
    | events.RemedyTimedOut
)


def _filed(event: events.Filed, recorded: Recorded) -> Case:
    accepted = not any(clock.kind == "acceptance" for clock in event.clocks)
    case = Case(
        case_id=recorded.case_id,
        number=event.number,
        version=recorded.version,
        stage="inquiry",
        status="waiting_for_merchant" if accepted else "waiting_for_acceptance",
        outcome=None,
        type=event.type,
        reason=event.reason,
        marketplace=event.marketplace,
        policy=event.policy,
        order=event.order,
        complainant=event.complainant,
        respondent=event.respondent,
        demand=event.demand,
        amount=event.amount,
        description=event.description,
        anonymous=event.anonymous,
        external_ref=event.external_ref,
        test_clock=event.test_clock,
        department=event.department,
        filed_at=recorded.effective_at,
        updated_at=recorded.effective_at,
        reply_started_at=recorded.effective_at if accepted else None,
    )
    return _clocks(_brought(case, "complainant", event.evidence), event.clocks)


def _replied(case: Case, event: events.MerchantReplied) -> Case:
    case = replace(
        _brought(case, "respondent", event.evidence),
        decision=event.decision,
        offer=event.offer,
        status="waiting_for_complainant",
        intervention_open=case.intervention_open or event.decision == "refuse",
    )
    return _clocks(case, (), stop=("response",))


def _ruled(case: Case, event: events.Ruled, recorded: Recorded) -> Case:
    ruling = Ruling(
        version=recorded.version,
        round=event.round,
        outcome=event.outcome,
        verdict=event.verdict,
        rule=event.rule,
        reasons=event.reasons,
        owed=event.owed,
        liable=event.liable,
        penalties=event.penalties,
        evidence=event.evidence,
        final=event.final,
        ruled_at=recorded.effective_at,
    )
    case = replace(case, rulings=(*case.rulings, ruling))
    if event.final:
        return _decided(case, event.verdict, event.outcome, event.owed, event.clocks)
    return _clocks(replace(case, status="appealable"), event.clocks, stop=("ruling",))


def _decided(case: Case, outcome: Word, remedy: Word, owed: Money | None, clocks: tuple[Clock, ...]) -> Case:
    """The outcome is fixed; what is owed is waited for. Nothing owed: the ``closed`` of the same step ends it."""
    case = replace(case, outcome=outcome, remedy=remedy, owed=owed, status="waiting_for_remedy")
    return _clocks(case, clocks, stop=tuple(kind for kind in ALL if kind != "remedy"))


def _expired(case: Case, event: TimedOutEvent) -> Case:
    gone = Deadline(kind=event.kind, party=event.party, due_at=event.due_at, set_by=event.set_by)
    case = replace(case, expired=(*case.expired, gone))
    match event:
        case events.MerchantResponseTimedOut() | events.NegotiationStalled():
            case = replace(case, status="waiting_for_complainant", intervention_open=True)
            return _clocks(case, event.clocks, stop=(event.kind, "negotiation"))
        case _:
            return _clocks(case, event.clocks, stop=(event.kind,))


def _brought(case: Case, by: Side, evidence: tuple[Evidence, ...]) -> Case:
    brought = tuple(BroughtEvidence(by=by, evidence=item) for item in evidence)
    return replace(case, evidence=(*case.evidence, *brought)) if brought else case


def _clocks(case: Case, started: tuple[Clock, ...], stop: tuple[str, ...] = ()) -> Case:
    """Stop the named kinds, then start or move what the event promises."""
    moved = {(clock.kind, clock.party) for clock in started}
    running = [d for d in case.clocks if d.kind not in stop and (d.kind, d.party) not in moved]
    running += [Deadline(set_by=case.version, **asdict(clock)) for clock in started]
    running.sort(key=lambda deadline: (deadline.due_at, deadline.kind, deadline.party))
    return replace(case, clocks=tuple(running))
