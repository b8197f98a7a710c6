"""The clocks of this host: they judge nothing, they check the one that does, which is the database's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, timedelta

from case_events.core.values import Instant

TOLERANCE_S = 5.0
"""So far the database's clock and this host's may be apart before one of them is taken to be wrong."""

HostClock = Callable[[], Instant]
BootClock = Callable[[], float]


def host_clock() -> Instant:
    """What this host takes for the time."""
    return Instant.now(UTC)


def boot_clock() -> float:
    """Seconds that have really passed, those of a suspended machine too; nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def later(instant: Instant, seconds: float) -> Instant:
    """The instant so many seconds after; before, where they are negative."""
    return instant + timedelta(seconds=seconds)


def apart_s(one: Instant, other: Instant) -> float:
    """How many seconds ``one`` is after ``other``; negative where it is before."""
    return (one - other).total_seconds()
