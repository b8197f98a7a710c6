"""How much at once, and how much of the time: a batch grows while it is quick, and is cut to size when it is not."""

from __future__ import annotations

SMALLEST, LARGEST = 1, 200
"""Cases in one transaction."""
FIRST = 100
GROWS_BY = 20
"""Cases; and the fewest that slowness leaves: with less, a slow commit would be most of what is done."""
LONGEST_S = 0.5
"""A transaction that takes longer is too large: it held its cases, and a connection, all that time."""
TURN_S = 0.05
"""The same for a pass that others wait for while there is a backlog: the pause after it is their turn."""
PAUSE_S_MAX = 2.0
LANES = 4
"""Passes under way at once by who has all of the time: one is planned here while Postgres writes the others (measured:
three fire a seventh more than two; four, and sweeps of two seconds, a twentieth more again)."""


class Pace:
    """The size of the next batch, and the pause before it while there is much to catch up with.

    ``lanes``: passes under way at once then. Who shares the time has one, which never keeps more than one core busy.
    """

    def __init__(self, share: float) -> None:
        """``share``: of the time, in which something may be firing while there is a backlog (above 0, at most 1)."""
        assert 0 < share <= 1
        self.batch = FIRST
        self._share = share
        self.lanes, self._turn_s = (1, TURN_S) if share < 1 else (LANES, LONGEST_S)

    def took(self, seconds: float, cases: int, *, full: bool, in_turn: bool = False) -> None:
        """A batch of so many cases was worked off; only a full one says that a larger one would be filled too.

        ``in_turn``: while there is a backlog, with a pause after it.
        """
        longest_s = self._turn_s if in_turn else LONGEST_S
        if seconds > longest_s:
            self.batch = max(min(self.batch, GROWS_BY), int(cases * longest_s / seconds))
        elif full:
            self.batch = min(LARGEST, self.batch + GROWS_BY)

    def failed(self) -> None:
        """Nothing of a batch was written."""
        self.batch = max(SMALLEST, self.batch // 2)

    def pause_s(self, took_s: float) -> float:
        """How long to leave the database to others after a batch that took so long."""
        return min(PAUSE_S_MAX, took_s * (1 - self._share) / self._share)
