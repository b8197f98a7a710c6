"""What the parties can ask: imperative, frozen, each posted under the name of the event it would record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.events import Decision, EvidenceList
from case_events.core.values import EVIDENCE_MAX, Evidence, Money, Offer, Private, Value, Word


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


class Respond(Reply, frozen=True, kw_only=True):
    """The same where the respondent is no merchant: a carrier, an insurer, a buyer."""


class Settle(Value, frozen=True, kw_only=True):
    """The complainant accepts the offer on the table (domain N4)."""

    basis: Literal["offer"]


class RequestIntervention(Value, frozen=True, kw_only=True):
    """A party calls the platform in (domain N3, N5, F9)."""

    reason: Private
    ground: Literal["requested"] = "requested"


class Appeal(Value, frozen=True, kw_only=True):
    """A party asks for the next look, once per ruling (domain P1, P3, I4), with new evidence where it is needed."""

    reason: Private
    evidence: EvidenceList = ()


class Withdraw(Value, frozen=True, kw_only=True):
    """The complainant gives up."""

    reason: Private | None = None


class Return(Value, frozen=True, kw_only=True):
    """The next step of sending the goods back (domain N8).

    ``pickup``: the respondent fetches the goods itself. ``received`` false: they did not come, or not as they should.
    """

    step: Literal["address", "pickup", "shipped", "received"]
    address: Private | None = None
    pickup: Private | None = None
    tracking: Private | None = None
    received: bool | None = None


class Remedy(Value, frozen=True, kw_only=True):
    """The respondent or the platform says that what was owed is done (domain P4)."""

    kind: Word
    amount: Money | None = None
    reference: Private | None = None


class Expedite(Value, frozen=True, kw_only=True):
    """A dissatisfied complainant presses (domain I2)."""

    reason: Private


class AcceptRuling(Value, frozen=True, kw_only=True):
    """A party accepts the ruling; once both have, it stands (domain P2)."""


class Message(Value, frozen=True, kw_only=True):
    """A side writes to the other (domain N9)."""

    text: Private


class Rate(Value, frozen=True, kw_only=True):
    """The complainant rates how the platform handled it, from 1 to 5 (domain P4)."""

    score: Annotated[int, Meta(ge=1, le=5)]
    comment: Private | None = None
