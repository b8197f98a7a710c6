"""The shape in which a type's promises are told: every figure by hand, none of them read from a policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from case_events.core.facts import FilingFacts
from case_events.core.values import Instant
from tests.examples import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Working:
    """So many of China's working days after the day something starts, to 24:00 of the last."""

    count: int


Length = timedelta | Working
ONE_WORKING_DAY, THREE_WORKING_DAYS, TWENTY_WORKING_DAYS = Working(1), Working(3), Working(20)
NOTHING_MORE = FilingFacts()
Silence = Literal["escalate", "unlock", "concede"]

OFF = ("04-06", "05-01", "05-04", "05-05", "06-19")
WORKED = ("05-09",)
"""What the State Council's notice has of the spring of 2026: the weekdays off, and a Saturday that is worked."""


def _is_worked(noon: Instant) -> bool:
    day = f"{noon:%m-%d}"
    return day in WORKED or (noon.weekday() < 5 and day not in OFF)


NOONS = tuple(Instant.of(NOON + number * DAY) for number in range(120))
WORKING_DAYS = tuple(Instant.of(noon + 12 * HOUR) for noon in NOONS if _is_worked(noon))
"""Where each working day of the months from ``NOON`` ends: at 24:00 in China."""


def ends(start: Instant, length: Length) -> Instant:
    """When this much time from ``start`` is over: the day it starts does not count, and 24:00 is still that day."""
    if isinstance(length, timedelta):
        return Instant.of(start + length)
    today_ends = start.replace(hour=16, minute=0, second=0, microsecond=0)
    if start > today_ends:
        today_ends += DAY
    return [end for end in WORKING_DAYS if end > today_ends][length.count - 1]


def doubled(length: Length, longest: Length) -> Length:
    """Twice as long, and no longer than the longest."""
    if isinstance(length, Working) and isinstance(longest, Working):
        return Working(min(2 * length.count, longest.count))
    assert isinstance(length, timedelta)
    assert isinstance(longest, timedelta)
    return min(2 * length, longest)


@dataclass(frozen=True)
class Bend:
    """What changes a filing window (F3), and how long it is then."""

    window: timedelta
    category: str | None = None
    promise: str | None = None
    extension: str | None = None


@dataclass(frozen=True)
class Channel:
    """The time of one channel (I3), and what the platform aims at."""

    name: str | None
    limit: Length
    target: Length | None = None


@dataclass(frozen=True)
class Owed:
    """What an outcome comes to (R3, L5-L11, B2), in fen, for the order of every figure and these circumstances."""

    outcome: str
    fen: int
    facts: FilingFacts = NOTHING_MORE
    category: str | None = None
    capped: bool = True


@dataclass(frozen=True)
class ReturnLeg:
    """The time of each step of sending goods back (N8)."""

    address: timedelta = 2 * DAY
    shipping: timedelta = 7 * DAY
    receipt: timedelta = 10 * DAY


@dataclass(frozen=True)
class Shipping:
    """When a shipment is late (E5, M1): the time from payment to pickup, and from pickup to the first movement."""

    ship_within: timedelta = 24 * HOUR
    moves_within: timedelta = 24 * HOUR


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One type of complaint, as a complainant would have it read out.

    ``type`` and ``subtype``, ``reason``, ``demand``, ``clause`` (one that a ruling may cite) and the parties: an
    example of filing it. ``status`` and ``counted_from``: the order as it is then, and the instant the window counts
    from. ``required``: the evidence its reason needs. ``cap``: the most that may be claimed, in fen, of the order of
    every figure. ``offer``: one it takes. ``says``: words of a clause that name a figure nothing else depends on.
    ``example``: which one, where a type has several.
    """

    type: str
    reason: str
    demand: str
    clause: str
    subtype: str | None = None
    example: str | None = None
    complainant: str = "buyer"
    respondent: str = "merchant"
    amount: int | None = 20_000
    facts: FilingFacts | None = None
    required: tuple[str, ...] = ()
    goods: str = "apparel"
    promises: tuple[str, ...] = ()

    status: str | None = "trade_success"
    counted_from: str = "succeeded_at"
    window: timedelta | None = 15 * DAY
    bends: tuple[Bend, ...] = ()
    refund_after: timedelta | None = None
    cap: int | None = None
    accuracy: int | None = None

    acceptance: timedelta | None = 24 * HOUR
    acceptance_again: timedelta = 12 * HOUR
    acceptance_again_up_to: timedelta = 30 * DAY
    evidence_within: timedelta | None = 3 * DAY
    reply: timedelta | None = 72 * HOUR
    final_period: timedelta | None = None
    after_amendment: timedelta = 24 * HOUR
    on_timeout: Silence = "escalate"
    offer: str | None = "partial_refund"
    stalls_after: timedelta | None = 9 * DAY

    lapses_after: timedelta = 7 * DAY
    steps_in: Length | None = None
    expedites: int = 3
    channels: tuple[Channel, ...] = ()
    ruling_again: Length = ONE_WORKING_DAY
    ruling_again_up_to: Length = TWENTY_WORKING_DAYS
    owed: tuple[Owed, ...] = ()
    points: tuple[str, int] | None = None
    shipping: Shipping | None = None

    appeal: timedelta = 7 * DAY
    appeals: int = 1
    ruling_on_appeal: Length = THREE_WORKING_DAYS

    return_leg: ReturnLeg | None = None
    remedy: timedelta = 3 * DAY
    remedy_again: timedelta = DAY
    remedy_again_up_to: timedelta = 30 * DAY
    follow_up: timedelta | None = None
    advance: int | None = None
    instant: int | None = None
    instant_reason: str | None = None
    reminders: tuple[tuple[str, timedelta], ...] = ()
    says: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        return "/".join(part for part in (self.type, self.subtype, self.example) if part)
