"""What one pass came to: for whoever plans the next one, and for the log."""

from __future__ import annotations

import structlog

from case_events.core.values import Value
from case_events.ledger.clock.firing import Fired

log = structlog.get_logger("case_scheduler.timeouts")


class Took(Value, frozen=True, kw_only=True):
    """How many cases a pass claimed of those it wanted, and how long it took."""

    claimed: int
    limit: int
    seconds: float

    @property
    def full(self) -> bool:
        return self.claimed >= self.limit


def tell(kind: str, fired: Fired) -> None:
    """One line for a pass that claimed something."""
    log.info(
        "fired",
        claim=kind,
        claimed=len(fired.claimed),
        cases=fired.written,
        events=fired.events,
        busy=fired.busy,
        stale=fired.stale,
        conflicts=fired.conflicts,
        put_off=fired.put_off,
        failed=len(fired.failed),
        late_s_max=round(max((seconds for _, seconds in fired.late), default=0.0), 3),
    )
