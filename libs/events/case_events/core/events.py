"""Every fact that can be recorded: past tense, frozen, stored for ever; and the envelope it is recorded in.

An event names sides, never people: ids and free text are ``Private`` and stand sealed in the ledger.
An event that starts or moves a clock carries the promise itself in ``clocks``, so that a replay in ten
years gives the same dates although rules and holidays changed.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from case_events.core.timeouts import TIMEOUTS, Timeout
from case_events.core.values import (
    EVIDENCE_MAX,
    CaseId,
    Clock,
    ClockParty,
    EventId,
    Evidence,
    FilingFacts,
    Identifier,
    Instant,
    Liable,
    Money,
    Offer,
    Order,
    Party,
    PolicyRef,
    Private,
    Sha256,
    Side,
    Value,
    Who,
    Word,
)

EvidenceList = Annotated[tuple[Evidence, ...], Meta(max_length=EVIDENCE_MAX)]
Decision = Literal["agree", "refuse", "offer"]
Basis = Literal["agreement", "offer", "concession"]
Ground = Literal["requested", "refused", "response_timed_out", "stalled"]
Verdict = Literal["upheld", "partly_upheld", "rejected"]


class Filed(Value, frozen=True, kw_only=True):
    """The complainant stated goods, order, reason, demand and evidence (domain F6)."""

    number: Identifier
    type: Word
    reason: Word
    marketplace: Word
    policy: PolicyRef
    order: Order
    complainant: Party
    respondent: Party
    demand: Word
    amount: Money
    description: Private
    department: Word
    evidence: EvidenceList = ()
    anonymous: bool = False
    facts: FilingFacts | None = None
    external_ref: Identifier | None = None
    test_clock: UUID | None = None
    clocks: tuple[Clock, ...] = ()


class Accepted(Value, frozen=True, kw_only=True):
    """The platform took the complaint (domain A1); the reply clock starts here where the policy wants acceptance."""

    clocks: tuple[Clock, ...] = ()


class Dismissed(Value, frozen=True, kw_only=True):
    """The platform did not take the complaint (domain A2); a malicious one counts against the complainant."""

    reason: Private
    malicious: bool = False


class EvidenceRequested(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform asked one side for more, and that side's clock runs (domain A3)."""

    party: Literal["complainant", "respondent"]
    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    clocks: Annotated[tuple[Clock, ...], Meta(min_length=1, max_length=1)]


class Escalated(Value, frozen=True, kw_only=True):
    """The case went one department up (domain I1); it stays as open as it was."""

    to: Word
    reason: Private


class ClaimAmended(Value, frozen=True, kw_only=True):
    """The complainant changed demand or amount (domain N2)."""

    demand: Word
    amount: Money
    clocks: tuple[Clock, ...] = ()


class EvidenceSubmitted(Value, frozen=True, kw_only=True):
    """One side brought evidence (domain E1, E6)."""

    by: Side
    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]


class MerchantReplied(Value, frozen=True, kw_only=True):
    """The respondent agreed, refused or offered something else (domain N4)."""

    decision: Decision
    reason: Private | None = None
    offer: Offer | None = None
    evidence: EvidenceList = ()


class Settled(Value, frozen=True, kw_only=True):
    """The parties agree (domain N1, N4), or silence was taken as agreement (``concession``, N6)."""

    basis: Basis
    remedy: Word
    owed: Money | None
    clocks: tuple[Clock, ...] = ()


class InterventionRequested(Value, frozen=True, kw_only=True):
    """The platform became the arbiter: asked for, or brought in by refusal, silence or stall (domain N1, N3, N5)."""

    ground: Ground
    by: Literal["complainant", "respondent", "platform"]
    department: Word
    reason: Private | None = None
    clocks: tuple[Clock, ...] = ()


class Ruled(Value, frozen=True, kw_only=True):
    """The platform decided on the evidence (domain R1, R4); ``final`` when no appeal is left (P1)."""

    round: Annotated[int, Meta(ge=1)]
    outcome: Word
    verdict: Verdict
    rule: Identifier
    reasons: Private
    owed: Money | None = None
    departs: Private | None = None
    liable: tuple[Liable, ...] = ()
    penalties: tuple[Word, ...] = ()
    evidence: tuple[Sha256, ...] = ()
    final: bool = False
    clocks: tuple[Clock, ...] = ()


class Appealed(Value, frozen=True, kw_only=True):
    """One side asked for a second look, with new evidence (domain P1, E3)."""

    by: Literal["complainant", "respondent"]
    reason: Private
    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    clocks: tuple[Clock, ...] = ()


class Withdrawn(Value, frozen=True, kw_only=True):
    """The complainant gave up."""

    reason: Private | None = None


class Returned(Value, frozen=True, kw_only=True):
    """One step of sending the goods back (domain N8): where to, by which parcel, that they came."""

    step: Literal["address", "shipped", "received"]
    address: Private | None = None
    tracking: Private | None = None
    received: bool | None = None
    clocks: tuple[Clock, ...] = ()


class Remedied(Value, frozen=True, kw_only=True):
    """What was owed was done (domain P4)."""

    by: Side
    kind: Word
    amount: Money | None = None
    reference: Private | None = None


class Closed(Value, frozen=True, kw_only=True):
    """The end: nothing more is asked of anybody."""

    outcome: Word
    reason: Private | None = None


class DeadlineExtended(Value, frozen=True, kw_only=True):
    """A running clock was moved, with cause; a provisional one is corrected this way (design, "Policies")."""

    kind: Word
    party: ClockParty
    due_at: Instant
    reason: Private
    clocks: Annotated[tuple[Clock, ...], Meta(min_length=1, max_length=1)]


Event = (
    Filed
    | Accepted
    | Dismissed
    | EvidenceRequested
    | Escalated
    | ClaimAmended
    | EvidenceSubmitted
    | MerchantReplied
    | Settled
    | InterventionRequested
    | Ruled
    | Appealed
    | Withdrawn
    | Returned
    | Remedied
    | Closed
    | DeadlineExtended
    | Timeout
)

EVENTS: dict[str, type[Event]] = {
    "filed": Filed,
    "accepted": Accepted,
    "dismissed": Dismissed,
    "evidence_requested": EvidenceRequested,
    "escalated": Escalated,
    "claim_amended": ClaimAmended,
    "evidence_submitted": EvidenceSubmitted,
    "merchant_replied": MerchantReplied,
    "settled": Settled,
    "intervention_requested": InterventionRequested,
    "ruled": Ruled,
    "appealed": Appealed,
    "withdrawn": Withdrawn,
    "returned": Returned,
    "remedied": Remedied,
    "closed": Closed,
    "deadline_extended": DeadlineExtended,
    **TIMEOUTS,
}
"""The word of each event, in the API and in the ledger; never renamed, never reused."""

EVENT_NAMES: dict[type[Event], str] = {kind: name for name, kind in EVENTS.items()}


class Recorded(Value, frozen=True, kw_only=True):
    """An event in its envelope, as the ledger keeps it.

    ``recorded_at`` is when we knew (real time); ``effective_at`` is the instant the rules go by: the test
    clock's for a clocked case, else ``recorded_at``; ``occurred_at`` is what the storefront claims.
    ``asked`` is the keyed digest of the request that caused it (first event of a step sent with a key).
    """

    case_id: CaseId
    version: Annotated[int, Meta(ge=1)]
    event_id: EventId
    event: Event
    occurred_at: Instant
    effective_at: Instant
    recorded_at: Instant
    who: Who
    client: str
    correlation: UUID
    agent: str | None = None
    causation: UUID | None = None
    asked: bytes | None = None

    @property
    def name(self) -> str:
        return EVENT_NAMES[type(self.event)]


History = tuple[Recorded, ...]
