"""How much is measured; what a person may set, and the smallest sizes that still show something."""

from __future__ import annotations

from dataclasses import dataclass

REPETITIONS = 5
MILLION = 1_000_000


@dataclass(frozen=True)
class Scale:
    """``growth``: events in the grown table; ``verify``: events that are verified; ``replay``: that are replayed.

    ``size``: of everything else, 1 for a real measurement; tests take less.
    """

    repetitions: int = REPETITIONS
    growth: int = MILLION
    verify: int = MILLION
    replay: int = MILLION // 5
    size: float = 1.0

    @property
    def runs(self) -> int:
        """How often each contender runs, the one to warm up included."""
        return self.repetitions + 1

    def of(self, count: int, least: int = 32) -> int:
        """So many, at this size."""
        return max(least, int(count * self.size))
