"""What goes out about the clock: how it is, and what it will do."""

from __future__ import annotations

from case_events.core.values import Instant
from case_events.ledger.clock.calendars import Coverage
from case_events.ledger.clock.forecast import Forecast
from case_events.ledger.clock.holds import Hold
from case_events.ledger.clock.overview import ClockState, Late, Mark, Overdue, Overview, Replica
from case_events.outgoing.form import Shown


class SchedulerView(Shown, frozen=True, kw_only=True):
    """How the clock is, at ``now`` by the database. ``forecast``: null where it was not asked for."""

    now: Instant
    watermark: Mark
    clock: ClockState
    overdue: Overdue
    lateness: Late
    schedulers: tuple[Replica, ...]
    calendar: Coverage
    holds: tuple[Hold, ...]
    forecast: Forecast | None


def scheduler_view(seen: Overview, ahead: Forecast | None) -> SchedulerView:
    """What was seen, and what lies ahead, as it is sent."""
    told = [name for name in SchedulerView.__struct_fields__ if name != "forecast"]
    return SchedulerView(forecast=ahead, **{name: getattr(seen, name) for name in told})
