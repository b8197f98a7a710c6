"""Histories that happened elsewhere, as lines: who did what, so long after noon of 2 March 2026."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from case_events.core.commands import BY, POSTED_NAMES, File, Posted
from case_events.core.values import Instant, Party
from case_events.ledger.bulk.importing import Line
from tests import examples
from tests.spec import ACTORS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = itertools.count(1)


def at(after: timedelta) -> Instant:
    return Instant.of(examples.NOON + after)


def filing(order: str, after: timedelta = 0 * HOUR, **said: Any) -> File:
    """A complaint about this order, three days after it succeeded."""
    made = replace(examples.order_that_succeeded(at(after - 3 * DAY)), order_id=order)
    return replace(examples.FILING, order=made, **said)


def line(ref: str, after: timedelta, command: File | Posted, **said: Any) -> Line:
    """A line of the case that the file calls ``ref``, numbered after those made before it."""
    number = next(_numbers)
    side = "complainant" if isinstance(command, File) else BY[POSTED_NAMES[type(command)]][0]
    actor: Party = command.complainant if isinstance(command, File) else ACTORS[side]
    named: dict[str, Any] = {"actor": actor, "key": f"line {number}", "body": repr(command).encode()}
    return Line(number=number, case_ref=ref, command=command, occurred_at=at(after), **(named | said))


def told(ref: str, steps: Iterable[tuple[timedelta, Posted]], order: str | None = None, **said: Any) -> list[Line]:
    """A case from its filing at noon on."""
    first = line(ref, 0 * HOUR, filing(order or f"order of {ref}", **said))
    return [first, *(line(ref, after, command) for after, command in steps)]
