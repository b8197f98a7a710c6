"""Everything that can be asked: imperative, frozen, each posted under the name of the event it would record."""

from __future__ import annotations

from uuid import UUID

from case_events.core.events import EvidenceList
from case_events.core.facts import FilingFacts
from case_events.core.party_commands import (
    AcceptRuling,
    AmendClaim,
    Appeal,
    Expedite,
    Message,
    Rate,
    Remedy,
    Reply,
    RequestIntervention,
    Respond,
    Return,
    Settle,
    SubmitEvidence,
    Withdraw,
)
from case_events.core.platform_commands import (
    Accept,
    Assign,
    Close,
    Correct,
    Correction,
    Dismiss,
    Erase,
    Escalate,
    ExtendDeadline,
    FollowUp,
    Link,
    Note,
    PayAdvance,
    PenaltyList,
    Recover,
    RejectEvidence,
    RequestEvidence,
    ReverseTimeout,
    Rule,
)
from case_events.core.values import (
    CaseId,
    ClockParty,
    Identifier,
    Instant,
    LegalEntity,
    Money,
    Order,
    Party,
    Private,
    Side,
    Value,
    Word,
)

__all__ = [
    "BY",
    "POSTED",
    "POSTED_NAMES",
    "Accept",
    "AcceptRuling",
    "AmendClaim",
    "Appeal",
    "Assign",
    "Close",
    "Command",
    "Correct",
    "Correction",
    "Dismiss",
    "Erase",
    "Escalate",
    "Expedite",
    "Expire",
    "ExtendDeadline",
    "File",
    "FollowUp",
    "Link",
    "Message",
    "Note",
    "PayAdvance",
    "PenaltyList",
    "Posted",
    "Rate",
    "Recover",
    "RejectEvidence",
    "Remedy",
    "Reply",
    "RequestEvidence",
    "RequestIntervention",
    "Respond",
    "Return",
    "ReverseTimeout",
    "Rule",
    "Settle",
    "SubmitEvidence",
    "Withdraw",
]


class File(Value, frozen=True, kw_only=True):
    """File a complaint (domain F1-F8, F14). Always the first thing asked of a case.

    ``order``: left out by the types about no order; ``amount``: by those that claim no money. ``previous``: the
    closed complaint this one takes up again. ``instant_refund``: the storefront asks for it (domain P6).
    """

    type: Word
    reason: Word
    marketplace: Word
    complainant: Party
    respondent: Party
    demand: Word
    description: Private
    order: Order | None = None
    amount: Money | None = None
    subtype: Word | None = None
    channel: Word | None = None
    evidence: EvidenceList = ()
    facts: FilingFacts | None = None
    anonymous: bool = False
    instant_refund: bool = False
    previous: CaseId | None = None
    complainant_entity: LegalEntity | None = None
    respondent_entity: LegalEntity | None = None
    external_ref: Identifier | None = None
    occurred_at: Instant | None = None
    test_clock: UUID | None = None


class Expire(Value, frozen=True, kw_only=True):
    """A clock has run out: asked by the clock itself, never by a client."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: int


Posted = (
    AmendClaim
    | SubmitEvidence
    | Reply
    | Respond
    | Settle
    | RequestIntervention
    | Expedite
    | Appeal
    | AcceptRuling
    | Withdraw
    | Return
    | Message
    | Rate
    | Remedy
    | Accept
    | Dismiss
    | RequestEvidence
    | RejectEvidence
    | Assign
    | Escalate
    | Link
    | Note
    | ExtendDeadline
    | ReverseTimeout
    | Rule
    | Correct
    | PayAdvance
    | Recover
    | FollowUp
    | Close
    | Erase
)
Command = File | Posted | Expire

POSTED: dict[str, type[Posted]] = {
    "claim_amended": AmendClaim,
    "evidence_submitted": SubmitEvidence,
    "merchant_replied": Reply,
    "respondent_replied": Respond,
    "settled": Settle,
    "intervention_requested": RequestIntervention,
    "expedited": Expedite,
    "appealed": Appeal,
    "ruling_accepted": AcceptRuling,
    "withdrawn": Withdraw,
    "returned": Return,
    "messaged": Message,
    "rated": Rate,
    "remedied": Remedy,
    "accepted": Accept,
    "dismissed": Dismiss,
    "evidence_requested": RequestEvidence,
    "evidence_rejected": RejectEvidence,
    "assigned": Assign,
    "escalated": Escalate,
    "linked": Link,
    "noted": Note,
    "deadline_extended": ExtendDeadline,
    "timeout_reversed": ReverseTimeout,
    "ruled": Rule,
    "corrected": Correct,
    "advance_paid": PayAdvance,
    "recovered": Recover,
    "followed_up": FollowUp,
    "closed": Close,
    "subject_erased": Erase,
}
"""The event name under which each command is posted to ``/v1/cases/{case_id}/events``."""

POSTED_NAMES: dict[type[Posted], str] = {kind: name for name, kind in POSTED.items()}

BY: dict[str, tuple[Side, ...]] = {
    "claim_amended": ("complainant",),
    "evidence_submitted": ("complainant", "respondent", "platform"),
    "merchant_replied": ("respondent",),
    "respondent_replied": ("respondent",),
    "settled": ("complainant",),
    "intervention_requested": ("complainant", "respondent"),
    "expedited": ("complainant",),
    "appealed": ("complainant", "respondent"),
    "ruling_accepted": ("complainant", "respondent"),
    "withdrawn": ("complainant",),
    "returned": ("complainant", "respondent"),
    "messaged": ("complainant", "respondent", "platform"),
    "rated": ("complainant",),
    "remedied": ("respondent", "platform"),
    "accepted": ("platform",),
    "dismissed": ("platform",),
    "evidence_requested": ("platform",),
    "evidence_rejected": ("platform",),
    "assigned": ("platform",),
    "escalated": ("platform",),
    "linked": ("platform",),
    "noted": ("platform",),
    "deadline_extended": ("platform",),
    "timeout_reversed": ("platform",),
    "ruled": ("platform",),
    "corrected": ("platform",),
    "advance_paid": ("platform",),
    "recovered": ("platform",),
    "followed_up": ("platform",),
    "closed": ("platform",),
    "subject_erased": ("platform",),
}
"""Which side each event belongs to (api.md, "The actor must be a party of the case")."""
