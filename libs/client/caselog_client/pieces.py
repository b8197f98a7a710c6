"""What a case is made of, as frozen values: evidence, clocks, rulings, what was paid first and is owed back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from caselog_client.values import Money, Text, View


class EvidenceShown(View, frozen=True, kw_only=True):
    """A piece of evidence of a case, and the side that brought it; ``uri`` is None where it is not for the viewer."""

    by: str
    kind: str
    sha256: str
    uri: str | None = None
    visibility: str | None = None
    region: str | None = None
    shows_at: datetime | None = None
    moved_at: datetime | None = None
    rejected: bool = False


class Missing(View, frozen=True, kw_only=True):
    """Evidence that was asked for and is not there: whose, and until when while its clock runs."""

    kind: str
    party: str = msgspec.field(name="from")
    due_at: datetime | None = None


class Lacking(Text, frozen=True, kw_only=True):
    """The same in words."""

    kind: str
    party: str = msgspec.field(name="from")
    due_at: datetime | None = None


class PolicyRef(View, frozen=True, kw_only=True):
    """The policy in force when the case was filed."""

    name: str
    version: str
    digest: str


class Clock(View, frozen=True, kw_only=True):
    """A promise that an event carries: until when, and for whom. ``provisional``: past the published calendar."""

    kind: str
    party: str
    due_at: datetime
    provisional: bool = False
    minimum_notice: bool = False


class Deadline(Clock, frozen=True, kw_only=True):
    """A clock that runs, and the version of the event that set it."""

    set_by: int


class Offer(View, frozen=True, kw_only=True):
    kind: str
    amount: Money | None = None


class Liable(View, frozen=True, kw_only=True):
    """A side's share of what is owed, in basis points, and what it comes to."""

    party: str
    share: int
    amount: Money | None = None


class Penalty(View, frozen=True, kw_only=True):
    """What a ruling costs a side beside money; ``points`` where the kind counts them."""

    kind: str
    on: str = "respondent"
    points: int | None = None


class Ruling(View, frozen=True, kw_only=True):
    """A ruling as it now reads, at the version that it made; ``corrected_by``: the version that put it right.

    ``departs``: why its amount is not the policy's.
    """

    version: int
    outcome: str
    rule: str
    reasons: str
    verdict: str | None = None
    round: int = 1
    owed: Money | None = None
    departs: str | None = None
    liable: tuple[Liable, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    evidence: tuple[str, ...] = ()
    final: bool = False
    ruled_at: datetime | None = None
    event_id: UUID | None = None
    corrected_by: int | None = None


class Advance(View, frozen=True, kw_only=True):
    """What the platform paid before anything was decided, and whom it wants it back from."""

    amount: Money
    ground: str
    recover_from: str


class Recovery(View, frozen=True, kw_only=True):
    """What a side has to pay back to the platform."""

    party: str
    amount: Money


class Rating(View, frozen=True, kw_only=True):
    """How the complainant rated the platform, from 1 to 5."""

    score: int
    comment: str | None = None


class OutsideResult(View, frozen=True, kw_only=True):
    """What somebody outside decided: 12315, a regulator, the police, a court."""

    authority: str
    reference: str
    result: str


class Shipment(View, frozen=True, kw_only=True):
    """Whether a shipment was late: when it was due, and the first official pickup."""

    ship_by: datetime
    picked_up_at: datetime | None = None
    late: bool = False
    fake: bool = False
    excused_by: tuple[str, ...] = ()
