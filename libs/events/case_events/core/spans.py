"""Lengths of time as a policy says them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from case_events.core.values import Value

Count = Annotated[int, Meta(ge=1, le=100_000)]


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


Term = Annotated[Span, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]
"""A span as a policy says it; the schema knows "exactly one" too, so that this fault is named beside all others."""
MaybeTerm = Annotated[Span | None, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]
"""The same where it may be left out; said of the whole union, or msgspec drops it from the schema."""
