"""Every fact that can be recorded: past tense, frozen, stored for ever; and the envelope it is recorded in.

An event names sides, never people: ids and free text are ``Private`` and stand sealed in the ledger.
An event that starts or moves a clock carries the promise itself in ``clocks``, so that a replay in ten
years gives the same dates although rules and holidays changed.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from case_events.core.party_events import (
    Appealed,
    AppealSide,
    Basis,
    ClaimAmended,
    Decision,
    EvidenceList,
    EvidenceSubmitted,
    Expedited,
    Filed,
    Ground,
    InterventionRequested,
    MerchantReplied,
    Messaged,
    Rated,
    Remedied,
    RespondentReplied,
    Returned,
    RulingAccepted,
    Settled,
    Withdrawn,
)
from case_events.core.platform_events import (
    Accepted,
    AdvancePaid,
    Assigned,
    Closed,
    Corrected,
    DeadlineExtended,
    Dismissed,
    Escalated,
    EvidenceRejected,
    EvidenceRequested,
    FollowedUp,
    Linked,
    Noted,
    Outage,
    Recovered,
    Ruled,
    SubjectErased,
    TimeoutReversed,
    Verdict,
)
from case_events.core.timeouts import TIMEOUTS, DeadlineApproaching, Timeout
from case_events.core.values import CaseId, Clock, EventId, Instant, Value, Who

__all__ = [
    "EVENTS",
    "EVENT_NAMES",
    "Accepted",
    "AdvancePaid",
    "AppealSide",
    "Appealed",
    "Assigned",
    "Basis",
    "ClaimAmended",
    "Closed",
    "Corrected",
    "DeadlineExtended",
    "Decision",
    "Dismissed",
    "Escalated",
    "Event",
    "EvidenceList",
    "EvidenceRejected",
    "EvidenceRequested",
    "EvidenceSubmitted",
    "Expedited",
    "Filed",
    "FollowedUp",
    "Ground",
    "Happened",
    "History",
    "InterventionRequested",
    "Linked",
    "MerchantReplied",
    "Messaged",
    "Noted",
    "Outage",
    "Rated",
    "Recorded",
    "Recovered",
    "Remedied",
    "RespondentReplied",
    "Returned",
    "Ruled",
    "RulingAccepted",
    "Settled",
    "SubjectErased",
    "TimeoutReversed",
    "Verdict",
    "Withdrawn",
    "clocks_of",
]

Event = (
    Filed
    | ClaimAmended
    | EvidenceSubmitted
    | MerchantReplied
    | RespondentReplied
    | Settled
    | InterventionRequested
    | Expedited
    | Appealed
    | RulingAccepted
    | Withdrawn
    | Returned
    | Remedied
    | Messaged
    | Rated
    | Accepted
    | Dismissed
    | EvidenceRequested
    | EvidenceRejected
    | Assigned
    | Escalated
    | Linked
    | Noted
    | DeadlineExtended
    | TimeoutReversed
    | Ruled
    | Corrected
    | AdvancePaid
    | Recovered
    | FollowedUp
    | Closed
    | SubjectErased
    | Timeout
    | DeadlineApproaching
)

EVENTS: dict[str, type[Event]] = {
    "filed": Filed,
    "claim_amended": ClaimAmended,
    "evidence_submitted": EvidenceSubmitted,
    "merchant_replied": MerchantReplied,
    "respondent_replied": RespondentReplied,
    "settled": Settled,
    "intervention_requested": InterventionRequested,
    "expedited": Expedited,
    "appealed": Appealed,
    "ruling_accepted": RulingAccepted,
    "withdrawn": Withdrawn,
    "returned": Returned,
    "remedied": Remedied,
    "messaged": Messaged,
    "rated": Rated,
    "accepted": Accepted,
    "dismissed": Dismissed,
    "evidence_requested": EvidenceRequested,
    "evidence_rejected": EvidenceRejected,
    "assigned": Assigned,
    "escalated": Escalated,
    "linked": Linked,
    "noted": Noted,
    "deadline_extended": DeadlineExtended,
    "timeout_reversed": TimeoutReversed,
    "ruled": Ruled,
    "corrected": Corrected,
    "advance_paid": AdvancePaid,
    "recovered": Recovered,
    "followed_up": FollowedUp,
    "closed": Closed,
    "subject_erased": SubjectErased,
    **TIMEOUTS,
}
"""The word of each event, in the API and in the ledger; never renamed, never reused."""

EVENT_NAMES: dict[type[Event], str] = {kind: name for name, kind in EVENTS.items()}


def clocks_of(event: Event) -> tuple[Clock, ...]:
    """The clocks that an event starts or moves; none where events of its kind never do."""
    clocks: tuple[Clock, ...] = getattr(event, "clocks", ())
    return clocks


class Happened(Value, frozen=True, kw_only=True):
    """An event and as much of its envelope as the state of its case depends on.

    ``effective_at`` is the instant the rules go by: the test clock's for a clocked case, what an import was told,
    else when it was recorded.
    """

    case_id: CaseId
    version: Annotated[int, Meta(ge=1)]
    event_id: EventId
    event: Event
    effective_at: Instant

    @property
    def name(self) -> str:
        return EVENT_NAMES[type(self.event)]


class Recorded(Happened, frozen=True, kw_only=True):
    """An event in its envelope, as the ledger keeps it.

    ``recorded_at`` is when we knew (real time); ``occurred_at`` is what the storefront claims. ``asked`` is the keyed
    digest of the request that caused it (first event of a step sent with a key).
    """

    occurred_at: Instant
    recorded_at: Instant
    who: Who
    client: str
    correlation: UUID
    agent: str | None = None
    causation: UUID | None = None
    asked: bytes | None = None


History = tuple[Recorded, ...]
