"""A day or a run of days that somebody wrote down, and where."""

from __future__ import annotations

from datetime import date, timedelta

from case_events.core.values import Fault, Value


class Marked(Value, frozen=True, kw_only=True):
    """From ``first`` to ``last``, both included. ``where``: ``line 7`` of a text, or a pointer into a body."""

    first: date
    last: date
    where: str

    def __len__(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def days(self) -> tuple[date, ...]:
        """None for a run that ends before it begins."""
        return tuple(self.first + timedelta(days=number) for number in range(len(self)))

    def fault(self, detail: str) -> Fault:
        """What is wrong with it, said where it stands."""
        if self.where.startswith("/"):
            return Fault(pointer=self.where, detail=detail)
        return Fault(pointer="", detail=f"{self.where}: {detail}")
