"""What the platform's desk did, as it is recorded: accepting, asking, ruling, correcting, following up, closing."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from case_events.core.party_events import AppealSide
from case_events.core.values import (
    EVIDENCE_MAX,
    Advance,
    Clock,
    ClockParty,
    EventId,
    Identifier,
    Instant,
    Liable,
    Money,
    OutsideResult,
    Penalty,
    Private,
    Recovery,
    Sha256,
    Value,
    Word,
)

Verdict = Literal["upheld", "partly_upheld", "rejected"]


class Accepted(Value, frozen=True, kw_only=True):
    """The platform took the complaint (domain A1); the reply clock starts here where the policy wants acceptance.

    ``takedown``: the listing goes at once (domain IP1).
    """

    takedown: bool = False
    clocks: tuple[Clock, ...] = ()


class Dismissed(Value, frozen=True, kw_only=True):
    """The platform did not take the complaint (domain A2); a malicious one counts against the complainant.

    ``advice``: what to do instead, where a complaint is sent back (domain IP1).
    """

    reason: Private
    malicious: bool = False
    advice: Private | None = None
    penalties: tuple[Penalty, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    clocks: tuple[Clock, ...] = ()


class EvidenceRequested(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform asked one side for more, and that side's clock runs (domain A3)."""

    party: AppealSide
    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    clocks: Annotated[tuple[Clock, ...], Meta(min_length=1)]


class EvidenceRejected(Value, frozen=True, kw_only=True):
    """Evidence of one side does not count; ``forged``: that side's cause fails with it (domain E2)."""

    evidence: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    of: AppealSide
    forged: bool
    reason: Private


class Assigned(Value, frozen=True, kw_only=True):
    """Somebody at the desk has the case."""

    department: Word
    agent: Identifier


class Escalated(Value, frozen=True, kw_only=True):
    """The case went one department up (domain I1); it stays as open as it was."""

    to: Word
    reason: Private


class Linked(Value, frozen=True, kw_only=True):
    """The case is part of one matter with others (domain C1); ``by``: what they have in common."""

    group: UUID
    by: Word
    department: Word | None = None


class Noted(Value, frozen=True, kw_only=True):
    """The desk wrote something down (domain N9), for itself (``internal``) or for both sides.

    ``outside``: what 12315, a regulator, the police or a court decided (domain P5).
    """

    text: Private
    internal: bool = True
    outside: OutsideResult | None = None


class Outage(Value, frozen=True, kw_only=True):
    """A time in which no scheduler looked at the clocks, as it was put on record."""

    id: UUID
    began_at: Instant
    ended_at: Instant


class DeadlineExtended(Value, frozen=True, kw_only=True):
    """A running clock was moved, with cause; a provisional one is corrected this way (design, "Policies").

    Of the kind ``filing`` it is the longer filing window the complainant had asked for (domain F3); no clock runs.
    ``reason``: what the desk wrote. ``outage``: the policy gives back what this outage took of a party's window; no
    desk was asked.
    """

    kind: Word
    party: ClockParty
    due_at: Instant
    reason: Private | None = None
    clocks: tuple[Clock, ...] = ()
    outage: Outage | None = None


class TimeoutReversed(Value, frozen=True, kw_only=True):
    """The platform took back a party's timeout that our own outage caused (design, "Late cascades").

    ``event``: the timeout. The case is as it was before it, but for what was said and brought since; ``clocks``: those
    that ran then, until when they run now. What the timeout brought about is undone with it.
    """

    event: EventId
    kind: Word
    party: ClockParty
    reason: Private
    clocks: Annotated[tuple[Clock, ...], Meta(min_length=1)]


class Ruled(Value, frozen=True, kw_only=True):
    """The platform decided on the evidence (domain R1, R4); ``final`` when no appeal is left (P1).

    ``owed``: what the ruling grants; of a loss that is shared, without the complainant's own share, while the
    amounts of ``liable`` add up to the whole (domain R1). ``recoveries`` of a final one: how much of it the platform
    had paid already, or is owed back (domain P6).
    """

    round: Annotated[int, Meta(ge=1)]
    outcome: Word
    verdict: Verdict
    rule: Identifier
    reasons: Private
    owed: Money | None = None
    departs: Private | None = None
    liable: tuple[Liable, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    evidence: tuple[Sha256, ...] = ()
    final: bool = False
    recoveries: tuple[Recovery, ...] = ()
    clocks: tuple[Clock, ...] = ()


class Corrected(Value, frozen=True, kw_only=True):
    """The platform put right what it, or a party, had posted by mistake; what was there stays in the history.

    ``ruling``: the ruling as it now reads; its round and finality stay. ``text``: the words as they now read.
    """

    event: EventId
    version: Annotated[int, Meta(ge=1)]
    reason: Private
    ruling: Ruled | None = None
    text: Private | None = None
    clocks: tuple[Clock, ...] = ()


class AdvancePaid(Value, frozen=True, kw_only=True):
    """The platform paid the complainant before anything was decided (domain P6)."""

    advance: Advance
    reference: Private | None = None


class Recovered(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """The platform has back from one side what it had paid first (domain P6)."""

    party: AppealSide
    amount: Money
    reference: Private | None = None
    clocks: tuple[Clock, ...] = ()


class FollowedUp(Value, frozen=True, kw_only=True):
    """The platform looked how the respondent handled it (domain P4); handled badly, more may be owed."""

    solved: bool
    comment: Private | None = None
    remedy: Word | None = None
    owed: Money | None = None
    clocks: tuple[Clock, ...] = ()


class Closed(Value, frozen=True, kw_only=True):
    """The end: nothing more is asked of anybody."""

    outcome: Word
    reason: Private | None = None


class SubjectErased(Value, frozen=True, kw_only=True):
    """What names one side was erased: its key is destroyed with this event, and its texts read ``ERASED`` from then on.

    ``basis``: the ground in law, one word of an open enumeration; nothing here names anybody.
    """

    subject: AppealSide
    basis: Word
