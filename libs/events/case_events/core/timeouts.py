"""What did not happen in time: a fact for each kind of clock, recorded by nobody but the clock itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.values import Clock, ClockParty, Instant, Recovery, Value, Word


class TimedOut(Value, frozen=True, kw_only=True):
    """What every timeout tells: which promise passed, the version that set it, and how late it was written."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: Annotated[int, Meta(ge=1)]
    late_s: Annotated[int, Meta(ge=0)]
    clocks: tuple[Clock, ...] = ()


class AcceptanceTimedOut(TimedOut, frozen=True, kw_only=True):
    """The platform did not answer in time (domain A1); the case gains priority and is never lost."""

    priority: int


class EvidenceTimedOut(TimedOut, frozen=True, kw_only=True):
    """The asked side did not bring what the platform wanted (domain A3); the case goes on without it."""


class MerchantResponseTimedOut(TimedOut, frozen=True, kw_only=True):
    """The respondent was silent (domain N6); what follows is in the events after this one."""


class ResponseTimedOut(MerchantResponseTimedOut, frozen=True, kw_only=True):
    """The same where the respondent is no merchant."""


class NegotiationStalled(TimedOut, frozen=True, kw_only=True):
    """Nothing was agreed in the policy's time (domain N3): the complainant may call the platform in."""


class InterventionWindowExpired(TimedOut, frozen=True, kw_only=True):
    """Nobody used the right to call the platform in; the case lapses (design, "Clocks")."""

    recoveries: tuple[Recovery, ...] = ()


class ReturnTimedOut(TimedOut, frozen=True, kw_only=True):
    """A step of the return was not taken in time (domain N8): the refund is owed at once, or the case lapses."""

    step: Literal["address", "shipped", "received"]
    effect: Literal["owe", "lapse"]
    recoveries: tuple[Recovery, ...] = ()


class RulingTimedOut(TimedOut, frozen=True, kw_only=True):
    """The platform did not rule in time (domain I3); the case gains priority and the clock runs again."""

    priority: int


class AppealWindowExpired(TimedOut, frozen=True, kw_only=True):
    """Nobody appealed: the ruling stands (domain P2)."""

    recoveries: tuple[Recovery, ...] = ()


class RemedyTimedOut(TimedOut, frozen=True, kw_only=True):
    """What is owed was not done in time (domain P4); the case gains priority, the platform may close it."""

    priority: int


class RecoveryTimedOut(TimedOut, frozen=True, kw_only=True):
    """What the platform is owed back did not come in time (domain P6); the platform may write it off."""

    priority: int


class AssignmentTimedOut(TimedOut, frozen=True, kw_only=True):
    """Nobody at the desk took the case in time (domain N1); it gains priority."""

    priority: int


class FollowUpTimedOut(TimedOut, frozen=True, kw_only=True):
    """Nobody looked how the respondent handled it (domain P4); the case closes as it was decided."""


class DeadlineApproaching(Value, frozen=True, kw_only=True):
    """A clock of this party runs out soon (domain Q2); the clock goes on, only its reminder ends."""

    kind: Word
    party: ClockParty
    due_at: Instant
    set_by: Annotated[int, Meta(ge=1)]


Timeout = (
    AcceptanceTimedOut
    | EvidenceTimedOut
    | MerchantResponseTimedOut
    | NegotiationStalled
    | InterventionWindowExpired
    | RulingTimedOut
    | ReturnTimedOut
    | AppealWindowExpired
    | RemedyTimedOut
    | ResponseTimedOut
    | AssignmentTimedOut
    | FollowUpTimedOut
    | RecoveryTimedOut
)

TIMEOUTS: dict[str, type[Timeout | DeadlineApproaching]] = {
    "acceptance_timed_out": AcceptanceTimedOut,
    "evidence_timed_out": EvidenceTimedOut,
    "merchant_response_timed_out": MerchantResponseTimedOut,
    "negotiation_stalled": NegotiationStalled,
    "intervention_window_expired": InterventionWindowExpired,
    "return_timed_out": ReturnTimedOut,
    "ruling_timed_out": RulingTimedOut,
    "appeal_window_expired": AppealWindowExpired,
    "remedy_timed_out": RemedyTimedOut,
    "response_timed_out": ResponseTimedOut,
    "assignment_timed_out": AssignmentTimedOut,
    "follow_up_timed_out": FollowUpTimedOut,
    "recovery_timed_out": RecoveryTimedOut,
    "deadline_approaching": DeadlineApproaching,
}
"""The word of each timeout, and of the reminder before one; the clock's alone to record."""
