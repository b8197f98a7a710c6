"""Figures of a policy that no scenario can show twice: each checked at the instant before and the instant after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.decide import Facts
from case_events.core.policy import InForce
from case_events.core.values import Instant
from tests.examples import FILING, NOON, OFFER, TICK, order_that_succeeded
from tests.spec import Dispute, days, hours

Boundary = Callable[[InForce, Calendar], None]


def not_received_is_filed_for_fifteen_days(in_force: InForce, calendar: Calendar) -> None:
    """F4: to the end of day 15 and not a microsecond longer."""
    closes = Instant.of(NOON + timedelta(days=15))
    _filed(in_force, calendar, closes).then("filed")
    _filed(in_force, calendar, Instant.of(closes + TICK)).refused("not_eligible", closed_at=closes)


def not_received_keeps_a_day_of_notice(in_force: InForce, calendar: Calendar) -> None:
    """A right unlocked on day 9 for 7 days, written on day 15 and an hour, lasts to day 16 and an hour."""
    dispute = _filed(in_force, calendar, NOON).when(OFFER, at=hours(1)).passes(days(15) + hours(1))
    dispute.runs(intervention=days(16) + hours(1))


BOUNDARIES: dict[str, tuple[Boundary, ...]] = {
    "taobao": (not_received_is_filed_for_fifteen_days, not_received_keeps_a_day_of_notice),
}
"""By marketplace."""


def _filed(in_force: InForce, calendar: Calendar, at: Instant) -> Dispute:
    order = order_that_succeeded(NOON)
    return Dispute(in_force, calendar, Facts(number="C-1"), "boundary").file(replace(FILING, order=order), at=at)
