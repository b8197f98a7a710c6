"""How much at once, and how much of the time: a batch grows while it is quick, and is halved when it is not."""

from __future__ import annotations

SMALLEST, LARGEST = 1, 200
"""Cases in one transaction."""
FIRST = 100
GROWS_BY = 20
LONGEST_S = 0.5
"""A transaction that takes longer halves the next ones: it held its cases, and a connection, all that time."""
PAUSE_S_MAX = 2.0


class Pace:
    """The size of the next batch, and the pause before it while there is much to catch up with."""

    def __init__(self, share: float) -> None:
        """``share``: of the time, in which something may be firing while there is a backlog (above 0, at most 1)."""
        assert 0 < share <= 1
        self.batch = FIRST
        self._share = share

    def took(self, seconds: float, *, full: bool) -> None:
        """A batch was worked off; only a full one says that a larger one would be filled too."""
        if seconds > LONGEST_S:
            self.failed()
        elif full:
            self.batch = min(LARGEST, self.batch + GROWS_BY)

    def failed(self) -> None:
        """Nothing of a batch was written."""
        self.batch = max(SMALLEST, self.batch // 2)

    def pause_s(self, took_s: float) -> float:
        """How long to leave the database to others after a batch that took so long."""
        return min(PAUSE_S_MAX, took_s * (1 - self._share) / self._share)
