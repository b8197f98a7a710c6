"""The pulse of this process: what its probes are told, from memory, so that no probe ever waits for the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

ALIVE_WITHIN_S = 30.0
"""A sweep takes a second, and one that fails as long as its statement may; whoever finished none for so long hangs.
Who waits to be ready looks oftener."""
SWEPT_WITHIN_S = 15.0
TICKED_WITHIN_S = 10.0
"""The sequencer looks every second and a half when nothing comes."""


class Pulse:
    """Written by what this process does, read by its probes; every age is on the monotonic clock."""

    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.paused: str | None = None
        self.offset_ms: float | None = None
        self.away: str | None = "not reached yet"
        self.migrated = False
        self.stopping = False
        self.waits_for_days = False
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._tried_at: float | None = None
        self._swept_at: float | None = None
        self._ticked_at: float | None = None

    def tried(self) -> None:
        """A look ended, well or not, at what is due or at whether there is anything to look at: the loop lives."""
        self._tried_at = self._monotonic()

    def swept(self) -> None:
        """A sweep fired what was due: nothing failed in it, or something was written all the same."""
        self._swept_at = self._monotonic()

    def ticked(self) -> None:
        """The sequencer has had its turn."""
        self._ticked_at = self._monotonic()

    def unswept_s(self) -> float:
        """For how long nothing was swept: since the last sweep, or since the process began."""
        return self._since(self._swept_at)

    def unticked_s(self) -> float:
        """For how long the sequencer has had no turn: since the last one, or since the process began."""
        return self._since(self._ticked_at)

    def alive(self) -> bool:
        """Whether the loop that fires still goes round; one whose first round hangs is found out too."""
        return self._since(self._tried_at) <= ALIVE_WITHIN_S

    def told(self) -> dict[str, Any]:
        """How this process is; ``missing`` names what it needs to do its work and has not, with why."""
        missing = self.missing()
        return {
            "ready": not missing,
            "missing": missing,
            "name": self.name,
            "swept_s_ago": self._ago(self._swept_at),
            "tried_s_ago": self._ago(self._tried_at),
            "paused": self.paused,
            "offset_ms": self.offset_ms,
        }

    def missing(self) -> dict[str, str]:
        """What is not as it should be, and why; nothing when it is ready."""
        missing = {}
        if self.stopping:
            missing["running"] = "it was told to stop"
        if self.away is not None:
            missing["database"] = self.away
        elif not self.migrated:
            missing["migrations"] = "the tables are not this release's"
        if self.paused is not None:
            missing["clock"] = self.paused
        elif _long_ago(self._ago(self._swept_at), SWEPT_WITHIN_S):
            missing["sweep"] = f"nothing was swept in the last {SWEPT_WITHIN_S:.0f} s"
        if self.waits_for_days:
            missing["calendar"] = "a deadline is near that waits for days nobody has loaded: caselog calendar load"
        if _long_ago(self._ago(self._ticked_at), TICKED_WITHIN_S):
            missing["feed"] = f"the sequencer has not ticked in the last {TICKED_WITHIN_S:.0f} s"
        return missing

    def _ago(self, at: float | None) -> float | None:
        return None if at is None else self._since(at)

    def _since(self, at: float | None) -> float:
        """Seconds since then; since the process began, where it never was."""
        return round(self._monotonic() - (self._began_at if at is None else at), 3)


def _long_ago(seconds: float | None, most: float) -> bool:
    return seconds is None or seconds > most
