"""What the platform's desk can ask: imperative, frozen, each posted under the name of the event it would record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from case_events.core.values import (
    EVIDENCE_MAX,
    ClockParty,
    EventId,
    Identifier,
    Instant,
    Liable,
    Money,
    OutsideResult,
    Penalty,
    Private,
    Sha256,
    Value,
    Word,
)

PenaltyList = Annotated[tuple[Word | Penalty, ...], Meta(max_length=20)]
"""Penalties; one said by its word alone is the respondent's and counts no points."""


class Accept(Value, frozen=True, kw_only=True):
    """The platform takes the complaint (domain A1); one filed late, with the longer window it asked for (F3)."""


class Dismiss(Value, frozen=True, kw_only=True):
    """The platform does not take the complaint, and says why (domain A2), or what to do instead (IP1)."""

    reason: Private
    malicious: bool = False
    advice: Private | None = None
    penalties: PenaltyList = ()


class RequestEvidence(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform wants more from one side, in the policy's time or the one it names (domain A3)."""

    party: Literal["complainant", "respondent"]
    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    within: timedelta | None = None


class Escalate(Value, frozen=True, kw_only=True):
    """The platform hands the case one department up (domain I1)."""

    to: Word
    reason: Private


class Rule(Value, frozen=True, kw_only=True):
    """The platform decides (domain R1, R4)."""

    outcome: Word
    rule: Identifier
    reasons: Private
    amount: Money | None = None
    departs: Private | None = None
    liable: Annotated[tuple[Liable, ...], Meta(max_length=3)] = ()
    penalties: PenaltyList = ()
    evidence: Annotated[tuple[Sha256, ...], Meta(max_length=200)] = ()


class Close(Value, frozen=True, kw_only=True):
    """The platform ends a case whose remedy never came (domain P4)."""

    reason: Private


class ExtendDeadline(Value, frozen=True, kw_only=True):
    """The platform moves a running clock to a later instant, with cause (domain F3)."""

    kind: Word
    party: ClockParty
    due_at: Instant
    reason: Private


class ReverseTimeout(Value, frozen=True, kw_only=True):
    """The platform takes back a timeout of a party, with cause, as long as nothing was decided or done on it.

    ``due_at``: until when the party has its time again; none: the policy's minimum notice from now.
    """

    event: EventId
    reason: Private
    due_at: Instant | None = None


class RejectEvidence(Value, frozen=True, kw_only=True):
    """The platform finds that evidence does not count, or is forged (domain E2).

    ``of``: whose it is; where both sides brought it, that is said.
    """

    evidence: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    reason: Private
    forged: bool = False
    of: Literal["complainant", "respondent"] | None = None


class Assign(Value, frozen=True, kw_only=True):
    """Somebody at the desk takes the case."""

    department: Word
    agent: Identifier


class Link(Value, frozen=True, kw_only=True):
    """The platform makes the case part of one matter with others (domain C1)."""

    group: UUID
    by: Word


class Note(Value, frozen=True, kw_only=True):
    """The desk writes something down (domain N9), perhaps what somebody outside decided (P5)."""

    text: Private
    internal: bool = True
    outside: OutsideResult | None = None


class Correction(Value, frozen=True, kw_only=True):
    """The fields that were wrong; of a ruling any but ``text``, of other posts ``text`` alone.

    ``departs``: why the ruling, as it should read, differs from the policy's figures.
    """

    outcome: Word | None = None
    amount: Money | None = None
    rule: Identifier | None = None
    reasons: Private | None = None
    departs: Private | None = None
    liable: Annotated[tuple[Liable, ...], Meta(max_length=3)] | None = None
    penalties: PenaltyList | None = None
    text: Private | None = None


class Correct(Value, frozen=True, kw_only=True):
    """The platform puts a mistaken ruling or post right; what was there stays visible."""

    event: EventId
    fields: Correction
    reason: Private


class PayAdvance(Value, frozen=True, kw_only=True):
    """The platform pays the complainant first (domain P6)."""

    amount: Money
    reference: Private | None = None
    recover_from: Literal["ruling", "respondent", "complainant"] = "ruling"


class Recover(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform has back what it paid first (domain P6)."""

    party: Literal["complainant", "respondent"]
    amount: Money
    reference: Private | None = None


class FollowUp(Value, frozen=True, kw_only=True):
    """The platform looked how the respondent handled it (domain P4); handled badly, it may impose more."""

    solved: bool
    comment: Private | None = None
    remedy: Word | None = None
    amount: Money | None = None


class Erase(Value, frozen=True, kw_only=True):
    """The platform erases what names one side of a closed case; ``basis``: the ground in law, as in PIPL article 47."""

    subject: Literal["complainant", "respondent"]
    basis: Word
