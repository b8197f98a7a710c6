"""What did not happen in time, in words: which sentence tells each timeout, and what fills it in."""

from __future__ import annotations

from typing import assert_never

from case_events.core import words
from case_events.core.cast import Cast, Parts, Tale, back
from case_events.core.events import EVENT_NAMES
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    AssignmentTimedOut,
    DeadlineApproaching,
    EvidenceTimedOut,
    FollowUpTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RecoveryTimedOut,
    RemedyTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
    Timeout,
)
from case_events.core.values import Text


def by_clock(event: Timeout | DeadlineApproaching, cast: Cast) -> Tale:
    name = EVENT_NAMES[type(event)]
    parts: Parts = {"due": words.clock_time(event.due_at), "asked": cast.side(event.party)}
    match event:
        case DeadlineApproaching():
            return Tale(name, {**parts, "clock": clock(event.kind, cast, parts["asked"])})
        case ReturnTimedOut():
            return Tale(f"{name}.{event.effect}", parts, back(event.recoveries, cast))
        case InterventionWindowExpired() | AppealWindowExpired():
            return Tale(name, parts, back(event.recoveries, cast))
        case AcceptanceTimedOut() | AssignmentTimedOut() | RulingTimedOut() | RemedyTimedOut() | RecoveryTimedOut():
            return Tale(name, {**parts, "priority": event.priority})
        case EvidenceTimedOut() | MerchantResponseTimedOut() | NegotiationStalled() | FollowUpTimedOut():
            return Tale(name, parts)
        case _:
            assert_never(event)


def clock(kind: str, cast: Cast, party: Text | str | int) -> Text:
    """What a clock of this kind runs for."""
    return cast.say(words.CLOCKS[kind], party=party)
