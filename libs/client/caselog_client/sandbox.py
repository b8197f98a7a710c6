"""What can be asked of test clocks, which there are outside production only."""

from __future__ import annotations

from datetime import datetime, timedelta

from caselog_client.asking import Asked, Id, Pages, got, read_as, said_only, segment, sent
from caselog_client.desk import ClockDue
from caselog_client.views import TestClock

CLOCKS = "/v1/test-clocks"
POLL_S = 0.05


def create_clock(at: datetime, *, name: str | None = None) -> Asked[TestClock]:
    """Make a test clock that stands at ``at``, called ``name``; outside production only.

    A lost answer leaves a spare one behind.

    Raises Forbidden, Invalid, NotFound (there are none in production).
    """
    return sent(CLOCKS, said_only(at=at, name=name), read_as(TestClock))


def clock(clock_id: Id) -> Asked[TestClock]:
    """A test clock. Raises NotFound."""
    return got(_path(clock_id), TestClock)


def clocks(*, limit: int = 100) -> Pages[TestClock]:
    """The test clocks there are, the newest first; ``limit`` is the size of a page. Raises Forbidden."""
    return Pages(CLOCKS, TestClock, {"limit": limit})


def clock_due(clock_id: Id, *, before: datetime | None = None, limit: int = 100) -> Pages[ClockDue]:
    """What would fire on the way to ``before``, in legal order; ``limit`` is the size of a page.

    Raises NotFound, Invalid, Forbidden.
    """
    return Pages(f"{_path(clock_id)}/due", ClockDue, {"before": before, "limit": limit})


def freeze_clock(clock_id: Id) -> Asked[TestClock]:
    """Let nothing fire under a clock, nor anything be posted, until it is unfrozen. Raises NotFound, Forbidden."""
    return sent(f"{_path(clock_id)}/freeze", None, read_as(TestClock))


def unfreeze_clock(clock_id: Id) -> Asked[TestClock]:
    """Let it go on. Raises NotFound, Forbidden."""
    return sent(f"{_path(clock_id)}/unfreeze", None, read_as(TestClock))


def delete_clock(clock_id: Id) -> Asked[TestClock]:
    """Delete a test clock: its cases are hidden with it; twice is the same. Raises NotFound, Forbidden."""
    return sent(_path(clock_id), None, read_as(TestClock), method="DELETE")


def advance_to(clock_id: Id, to: datetime) -> Asked[TestClock]:
    return sent(f"{_path(clock_id)}/advance", {"to": to}, read_as(TestClock))


def destination(stands: TestClock | None, to: datetime | None, by: timedelta | None) -> datetime:
    """Where to advance: always an instant, so that sending it twice moves the clock once."""
    if to is not None:
        return to
    assert stands is not None, "a clock is read before it is moved by a while"
    assert by is not None, "to or by"
    return stands.at + by


def why_not_ready(stands: TestClock, within_s: float) -> str:
    """What to look at, where a clock did not get ready."""
    if stands.status == "advancing":
        return f"the test clock is not ready after {within_s:g} s: is a scheduler running?"
    return f"the test clock is {stands.status}: nothing of it fires"


def _path(clock_id: Id) -> str:
    return f"{CLOCKS}/{segment(clock_id)}"
