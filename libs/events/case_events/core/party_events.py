"""What the parties did, as it is recorded: filing, replying, offering, appealing, returning, rating."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from case_events.core.facts import FilingFacts
from case_events.core.values import (
    EVIDENCE_MAX,
    Clock,
    Evidence,
    Identifier,
    LegalEntity,
    Money,
    Offer,
    Order,
    Party,
    PolicyRef,
    Private,
    Recovery,
    Side,
    Value,
    Word,
)

EvidenceList = Annotated[tuple[Evidence, ...], Meta(max_length=EVIDENCE_MAX)]
Decision = Literal["agree", "refuse", "offer"]
Basis = Literal["agreement", "offer", "concession"]
Ground = Literal["requested", "refused", "response_timed_out", "stalled", "direct", "forged", "receipt_disputed"]
"""What brought the platform in: ``direct``: the type knows no turn of the respondent (domain F8)."""
AppealSide = Literal["complainant", "respondent"]


class Filed(Value, frozen=True, kw_only=True):
    """The complainant stated goods, order, reason, demand and evidence (domain F6).

    ``kind``: the party's list the case stands in (domain Q3). ``missing``: the evidence its reason requires and that
    was not there (domain E4). ``marks``: how often this complainant was malicious before (domain A2). ``previous``:
    the closed complaint this one takes up again (domain F14). ``late``: filed past the window, asking for a longer
    one (domain F3).
    """

    number: Identifier
    type: Word
    reason: Word
    marketplace: Word
    policy: PolicyRef
    complainant: Party
    respondent: Party
    demand: Word
    amount: Money
    description: Private
    department: Word
    order: Order | None = None
    subtype: Word | None = None
    kind: Word = "complaint"
    channel: Word | None = None
    evidence: EvidenceList = ()
    missing: tuple[Word, ...] = ()
    anonymous: bool = False
    late: bool = False
    facts: FilingFacts | None = None
    complainant_entity: LegalEntity | None = None
    respondent_entity: LegalEntity | None = None
    marks: Annotated[int, Meta(ge=0)] = 0
    previous: UUID | None = None
    external_ref: Identifier | None = None
    test_clock: UUID | None = None
    clocks: tuple[Clock, ...] = ()


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


class RespondentReplied(MerchantReplied, frozen=True, kw_only=True):
    """The same where the respondent is no merchant: a carrier, an insurer, a buyer."""


class Settled(Value, frozen=True, kw_only=True):
    """The parties agree (domain N1, N4), or silence was taken as agreement (``concession``, N6).

    ``recoveries``: what is owed to the platform instead of the complainant, because it paid first (domain P6).
    """

    basis: Basis
    remedy: Word
    owed: Money | None
    recoveries: tuple[Recovery, ...] = ()
    clocks: tuple[Clock, ...] = ()


class InterventionRequested(Value, frozen=True, kw_only=True):
    """The platform became the arbiter: asked for, or brought in by refusal, silence or stall (domain N1, N3, N5)."""

    ground: Ground
    by: Side
    department: Word
    reason: Private | None = None
    clocks: tuple[Clock, ...] = ()


class Expedited(Value, frozen=True, kw_only=True):
    """A dissatisfied complainant pressed (domain I2): another place in the queue, the same rules."""

    reason: Private
    priority: int


class Appealed(Value, frozen=True, kw_only=True):
    """One side asked for a second look, with new evidence (domain P1, E3).

    ``instance``: which look it is: an appeal, a reconsideration (domain P3), an arbitration (domain I4).
    """

    by: AppealSide
    reason: Private
    evidence: EvidenceList = ()
    instance: Word = "appeal"
    clocks: tuple[Clock, ...] = ()


class RulingAccepted(Value, frozen=True, kw_only=True):
    """One side accepted the ruling; ``stands``: both have, and nobody can appeal any more (domain P2)."""

    by: AppealSide
    stands: bool = False
    recoveries: tuple[Recovery, ...] = ()
    clocks: tuple[Clock, ...] = ()


class Withdrawn(Value, frozen=True, kw_only=True):
    """The complainant gave up."""

    reason: Private | None = None
    recoveries: tuple[Recovery, ...] = ()
    clocks: tuple[Clock, ...] = ()


class Returned(Value, frozen=True, kw_only=True):
    """One step of sending the goods back (domain N8): where to, by which parcel or pickup, that they came.

    ``received`` false: the respondent says that they did not come, or not as they should. ``freight_by``: who bore
    the return freight, said with the receipt (domain B1, B3).
    """

    step: Literal["address", "pickup", "shipped", "received"]
    address: Private | None = None
    pickup: Private | None = None
    tracking: Private | None = None
    received: bool | None = None
    freight_by: AppealSide | None = None
    clocks: tuple[Clock, ...] = ()


class Remedied(Value, frozen=True, kw_only=True):
    """What was owed was done (domain P4)."""

    by: Side
    kind: Word
    amount: Money | None = None
    reference: Private | None = None
    clocks: tuple[Clock, ...] = ()


class Messaged(Value, frozen=True, kw_only=True):
    """One side wrote to the other; both see it (domain N9)."""

    by: Side
    text: Private


class Rated(Value, frozen=True, kw_only=True):
    """The complainant rated how the platform handled it, from 1 to 5 (domain P4)."""

    score: Annotated[int, Meta(ge=1, le=5)]
    comment: Private | None = None
