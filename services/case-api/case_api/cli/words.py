"""What a person reads in a terminal: instants, amounts of money and refusals, in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

NONE = "—"
INSTANTS = {"due_at": "the deadline was", "opens_at": "possible from", "closed_at": "it closed at"}


def instant(said: str | None) -> str:
    """An instant in this machine's time zone, with UTC beside where that is another."""
    if said is None:
        return NONE
    at = datetime.fromisoformat(said)
    local = at.astimezone()
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if local.utcoffset() == at.astimezone(UTC).utcoffset():
        return utc
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()} ({utc})"


def money(said: dict[str, Any] | None) -> str:
    """Minor units as people write them: CNY 129.00."""
    return NONE if said is None else f"{said['currency']} {said['amount'] // 100}.{said['amount'] % 100:02d}"


def penalty(said: dict[str, Any]) -> str:
    """A penalty with its points, and whose it is: points (6) for the respondent."""
    points = f" ({said['points']})" if said.get("points") else ""
    return f"{said['kind']}{points} for the {said['on']}"


def refusal(problem: dict[str, Any]) -> Iterable[str]:
    """A problem in lines: what was refused, under which rule, and the instants that matter."""
    yield f"refused: {problem.get('title', problem['code'])} ({problem['code']})"
    yield f"  {problem.get('detail', '')}"
    yield from _rule(problem)
    for name, words in INSTANTS.items():
        if name in problem:
            yield f"  {words}: {instant(problem[name])}"
    for fault in problem.get("errors", ()):
        yield f"  {fault['pointer'] or '/'}: {fault['detail']}"
    if "current_version" in problem:
        yield f"  the case is at version {problem['current_version']}"
    for missed in problem.get("missed", ()):
        yield f"  missed: version {missed.get('version')}, {missed.get('type')}"
    if "location" in problem:
        yield f"  see {problem['location']}"
    if "allowed_events" in problem:
        allowed = [
            f"{one['type']} (until {instant(one['due_at'])})" if one.get("due_at") else one["type"]
            for one in problem["allowed_events"]
        ]
        yield f"  possible now: {', '.join(allowed) or 'nothing'}"
    if "trace_id" in problem:
        yield f"  trace: {problem['trace_id']}"


def _rule(problem: dict[str, Any]) -> Iterable[str]:
    if "rule" in problem:
        yield f"  rule: {problem['rule']}"
    if "clause" in problem:
        yield f"  which says: {problem['clause']['en']} {problem['clause']['zh']}"
