"""Lengths of time as a policy says them, and how the time of a clock grows that nobody stops."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from case_events.core.values import Value

Count = Annotated[int, Meta(ge=1, le=100_000)]
SECONDS = {"seconds": 1, "hours": 3_600, "days": 86_400}
"""How long the units of elapsed time are; the others count days, and no number of seconds is as long."""


class Span(Value, frozen=True, kw_only=True):
    """A length of time, said in exactly one unit.

    Seconds, hours and days are elapsed time (a day is 24 h); working and calendar days leave out the day
    they start and end at 24:00 China time of the last (design, "Durations").
    """

    seconds: Count | None = None
    hours: Count | None = None
    days: Count | None = None
    working_days: Count | None = None
    calendar_days: Count | None = None

    def __post_init__(self) -> None:
        said = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError("a span says exactly one of seconds, hours, days, working_days, calendar_days")

    @property
    def said(self) -> tuple[str, int]:
        """Its unit, and how many of them."""
        return next((name, count) for name in self.__struct_fields__ if (count := getattr(self, name)) is not None)

    @property
    def length(self) -> tuple[str, int]:
        """The same in seconds, where it is elapsed time: of one unit the greater count is longer."""
        unit, count = self.said
        return ("seconds", count * SECONDS[unit]) if unit in SECONDS else (unit, count)


Term = Annotated[Span, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]
"""A span as a policy says it; the schema knows "exactly one" too, so that this fault is named beside all others."""
MaybeTerm = Annotated[Span | None, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]
"""The same where it may be left out; said of the whole union, or msgspec drops it from the schema."""


class Again(Value, frozen=True, kw_only=True):
    """A clock that runs again when it ran out, until what it waits for is done.

    ``again_after``: for how long; where ``again_up_to`` is said, twice as long each time that it runs out in a row,
    up to that, so that a case which is left alone does not fill the record.
    """

    again_after: Term
    again_up_to: MaybeTerm = None

    def interval(self, before: int) -> Span:
        """How long it runs again when it has run out now, and ``before`` times in a row before that."""
        if self.again_up_to is None:
            return self.again_after
        unit, count = self.again_after.said
        grown = Span(**{unit: count << before})
        return min(grown, self.again_up_to, key=lambda one: one.length)
