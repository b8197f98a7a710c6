"""How `caselog scheduler status` tells people how the clock is: what is wrong first, and each thing in a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case_api.cli import words
from case_api.cli.printing import lines, table

SHOWN_MAX = 5
"""Overdue deadlines that are shown; --json has more."""


def tell(said: dict[str, Any]) -> None:
    """The answer of GET /v1/scheduler, for people. What is held the caller tells."""
    lines(*_summary(said))
    if said["overdue"]["oldest"]:
        table(("due", "kind", "case", "tried in vain", "next try"), _overdue(said), title="Overdue")
    if said["lateness"]["day"]:
        table(("kind", "written", "p50", "p95", "p99", "latest"), _late(said), title="How late in the last day")
    table(("scheduler", "runs", "last sweep", "clock off", "paused"), _replicas(said), title="Schedulers")


def _summary(said: dict[str, Any]) -> Iterator[str]:
    mark, overdue, calendar = said["watermark"], said["overdue"], said["calendar"]
    if mark["at"] is None:
        yield "watermark   none yet: no scheduler has published one"
    else:
        breached = ", BREACHED: a deadline before it is unprocessed" if mark["breached"] else ""
        yield f"watermark   {words.instant(mark['at'])}, {_span(mark['lag_s'])} behind{breached}"
    count = f"{overdue['count']}{'' if overdue['complete'] else ' or more'}"
    yield f"overdue     {count}; {overdue['held']} held, {overdue['failed']} failed"
    if said["clock"]["paused"]:
        yield f"clock       PAUSED: {said['clock']['paused']}"
    guessed = f"; {calendar['provisional']} deadlines are provisional" if calendar["provisional"] else ""
    yield f"calendar    published until {calendar['last_day']}, {calendar['days_left']} days from now{guessed}"


def _overdue(said: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """What fails again and again first, then the oldest."""
    failing = said["overdue"]["failing"]
    for one in (*failing, *(one for one in said["overdue"]["oldest"] if one not in failing))[:SHOWN_MAX]:
        due, again = words.instant(one["due_at"]), words.instant(one["next_try_at"])
        yield (due, one["kind"], one["case_id"], one["attempts"], again)


def _late(said: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for one in said["lateness"]["day"]:
        yield (one["kind"], one["count"], *(_span(one[name]) for name in ("p50_s", "p95_s", "p99_s", "max_s")))


def _replicas(said: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for one in said["schedulers"]:
        off = "" if one["offset_ms"] is None else f"{one['offset_ms']:.1f} ms"
        yield (one["name"], "yes" if one["running"] else "no", words.instant(one["swept_at"]), off, one["paused"] or "")


def _span(seconds: float) -> str:
    """So long, in the unit that reads best."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1000:.0f} ms"
