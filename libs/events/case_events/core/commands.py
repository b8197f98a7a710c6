"""Everything that can be asked: imperative, frozen, each posted under the name of the event it would record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from case_events.core.events import Decision, EvidenceList
from case_events.core.values import (
    EVIDENCE_MAX,
    ClockParty,
    Evidence,
    FilingFacts,
    Identifier,
    Instant,
    Liable,
    Money,
    Offer,
    Order,
    Party,
    Private,
    Sha256,
    Side,
    Value,
    Word,
)


class File(Value, frozen=True, kw_only=True):
    """File a complaint (domain F1–F6). Always the first thing asked of a case."""

    type: Word
    reason: Word
    marketplace: Word
    order: Order
    complainant: Party
    respondent: Party
    demand: Word
    amount: Money
    description: Private
    evidence: EvidenceList = ()
    facts: FilingFacts | None = None
    anonymous: bool = False
    external_ref: Identifier | None = None
    occurred_at: Instant | None = None
    test_clock: UUID | None = None


class Accept(Value, frozen=True, kw_only=True):
    """The platform takes the complaint (domain A1)."""


class Dismiss(Value, frozen=True, kw_only=True):
    """The platform does not take the complaint, and says why (domain A2)."""

    reason: Private
    malicious: bool = False


class RequestEvidence(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform wants more from one side, in the policy's time or the one it names (domain A3)."""

    party: Literal["complainant", "respondent"]
    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    within: timedelta | None = None


class Escalate(Value, frozen=True, kw_only=True):
    """The platform hands the case one department up (domain I1)."""

    to: Word
    reason: Private


class AmendClaim(Value, frozen=True, kw_only=True):
    """The complainant changes demand or amount (domain N2)."""

    demand: Word
    amount: Money


class SubmitEvidence(Value, frozen=True, kw_only=True):
    """A side brings evidence (domain E1)."""

    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]


class Reply(Value, frozen=True, kw_only=True):
    """The respondent agrees, refuses or offers something else (domain N4)."""

    decision: Decision
    reason: Private | None = None
    offer: Offer | None = None
    evidence: EvidenceList = ()


class Settle(Value, frozen=True, kw_only=True):
    """The complainant accepts the offer on the table (domain N4)."""

    basis: Literal["offer"]


class RequestIntervention(Value, frozen=True, kw_only=True):
    """A party calls the platform in (domain N3, N5, F9)."""

    reason: Private
    ground: Literal["requested"] = "requested"


class Rule(Value, frozen=True, kw_only=True):
    """The platform decides (domain R1, R4)."""

    outcome: Word
    rule: Identifier
    reasons: Private
    amount: Money | None = None
    departs: Private | None = None
    liable: Annotated[tuple[Liable, ...], Meta(max_length=3)] = ()
    penalties: Annotated[tuple[Word, ...], Meta(max_length=20)] = ()
    evidence: Annotated[tuple[Sha256, ...], Meta(max_length=200)] = ()


class Appeal(Value, frozen=True, kw_only=True):
    """A party asks for a second look, once per ruling, with new evidence (domain P1, E3)."""

    reason: Private
    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]


class Withdraw(Value, frozen=True, kw_only=True):
    """The complainant gives up."""

    reason: Private | None = None


class Return(Value, frozen=True, kw_only=True):
    """The next step of sending the goods back (domain N8)."""

    step: Literal["address", "shipped", "received"]
    address: Private | None = None
    tracking: Private | None = None
    received: bool | None = None


class Remedy(Value, frozen=True, kw_only=True):
    """The respondent or the platform says that what was owed is done (domain P4)."""

    kind: Word
    amount: Money | None = None
    reference: Private | None = None


class Close(Value, frozen=True, kw_only=True):
    """The platform ends a case whose remedy never came (domain P4)."""

    reason: Private


class ExtendDeadline(Value, frozen=True, kw_only=True):
    """The platform moves a running clock to a later instant, with cause (domain F3)."""

    kind: Word
    party: ClockParty
    due_at: Instant
    reason: Private


class Expire(Value, frozen=True, kw_only=True):
    """A clock has run out: asked by the clock itself, never by a client."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: int


Posted = (
    Accept
    | Dismiss
    | RequestEvidence
    | Escalate
    | AmendClaim
    | SubmitEvidence
    | Reply
    | Settle
    | RequestIntervention
    | Rule
    | Appeal
    | Withdraw
    | Return
    | Remedy
    | Close
    | ExtendDeadline
)
Command = File | Posted | Expire

POSTED: dict[str, type[Posted]] = {
    "accepted": Accept,
    "dismissed": Dismiss,
    "evidence_requested": RequestEvidence,
    "escalated": Escalate,
    "claim_amended": AmendClaim,
    "evidence_submitted": SubmitEvidence,
    "merchant_replied": Reply,
    "settled": Settle,
    "intervention_requested": RequestIntervention,
    "ruled": Rule,
    "appealed": Appeal,
    "withdrawn": Withdraw,
    "returned": Return,
    "remedied": Remedy,
    "closed": Close,
    "deadline_extended": ExtendDeadline,
}
"""The event name under which each command is posted to ``/v1/cases/{case_id}/events``."""

POSTED_NAMES: dict[type[Posted], str] = {kind: name for name, kind in POSTED.items()}

BY: dict[str, tuple[Side, ...]] = {
    "accepted": ("platform",),
    "dismissed": ("platform",),
    "evidence_requested": ("platform",),
    "escalated": ("platform",),
    "claim_amended": ("complainant",),
    "evidence_submitted": ("complainant", "respondent", "platform"),
    "merchant_replied": ("respondent",),
    "settled": ("complainant",),
    "intervention_requested": ("complainant", "respondent"),
    "ruled": ("platform",),
    "appealed": ("complainant", "respondent"),
    "withdrawn": ("complainant",),
    "returned": ("complainant", "respondent"),
    "remedied": ("respondent", "platform"),
    "closed": ("platform",),
    "deadline_extended": ("platform",),
}
"""Which side each event belongs to (api.md, "The actor must be a party of the case")."""
