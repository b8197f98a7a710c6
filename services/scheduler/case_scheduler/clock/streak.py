"""A streak of failures: when one case after the other fails alike and none succeeds, it is the fault of none of them.

They cannot be told from a few that are really broken, and those must not starve the others. So each is tried again
and again, soon, until something succeeds; and what was nobody's fault is over for everybody seconds after its end.
"""

from __future__ import annotations

import structlog

from case_events.core.values import CaseId
from case_events.ledger.clock.claims import BACK_OFF_S_MAX

FEW = 3
"""So many cases that fail alike may be broken themselves."""
SOON_S = 5
"""How long one waits for its next try, at most, while nothing succeeds."""

log = structlog.get_logger("case_scheduler.timeouts")


class Streak:
    """The cases of one process that failed alike since something was last written."""

    def __init__(self) -> None:
        self._cases = set[CaseId]()
        self._alike: tuple[type[Exception], str | None] | None = None

    @property
    def of_all(self) -> bool:
        """Whether more fail alike than may be broken themselves."""
        return len(self._cases) > FEW

    @property
    def back_off_s(self) -> int:
        """How long what fails now waits at most for its next try."""
        return SOON_S if self.of_all else BACK_OFF_S_MAX

    def failed(self, case_id: CaseId, error: Exception) -> bool:
        """Whether that is worth telling: of a streak that goes on it was told once."""
        alike = type(error), getattr(error, "sqlstate", None)
        if alike != self._alike:
            self._alike, self._cases = alike, set()
        before = len(self._cases)
        if before <= FEW:
            self._cases.add(case_id)
        if before <= FEW < len(self._cases):
            log.error("all_fail", error=type(error).__name__, sqlstate=alike[1], exc_info=error)
        return len(self._cases) <= FEW

    def ended(self) -> None:
        """Something was written."""
        if self.of_all:
            log.warning("all_fail_no_more")
        self._cases, self._alike = set(), None
