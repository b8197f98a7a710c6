"""How webhook endpoints, attempts and errands read on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case_api.cli import words


def told(said: dict[str, Any]) -> Iterator[str]:
    """The lines about an endpoint: where it is, how it is and why, what it is told of."""
    gone = ", deleted" if said["deleted_at"] else ""
    yield f"{said['id']}  {said['state']}{gone}  {said['url']}"
    if said["why"]:
        yield f"  why:       {said['why']} (since {words.instant(said['state_at'])})"
    yield f"  of:        {filters(said)}"


def filters(said: dict[str, Any]) -> str:
    """What an endpoint is told of."""
    types = ", ".join(said["types"]) if said["types"] else "every event"
    merchants = f" of {', '.join(said['merchants'])}" if said["merchants"] else ""
    limits = ", ".join([*(said["shown_marketplaces"] or ()), *(said["shown_merchants"] or ())])
    return f"{types}{merchants}{f' (its key sees {limits} only)' if limits else ''}"


def signs(one: dict[str, Any]) -> str:
    """Until when a secret signs."""
    return "signs" if one["until"] is None else f"signs until {words.instant(one['until'])}"


def parked(one: dict[str, Any]) -> str:
    """An event that cannot be read, and why."""
    return f"position {one['position']}, version {one['version']} of {one['case_id']}: {one['error']}"


def attempt(one: dict[str, Any]) -> tuple[Any, ...]:
    """The cells of an attempt."""
    status = words.NONE if one["status"] is None else one["status"]
    place = words.NONE if one["position"] is None else one["position"]
    outcome = one["outcome"] if one["detail"] is None else f"{one['outcome']} ({one['detail']})"
    at = words.instant(one["at"])
    return at, one["type"], place, one["number"], outcome, status, one["took_ms"], one["event_id"]


def errand(one: dict[str, Any]) -> tuple[Any, ...]:
    """The cells of an errand."""
    reached = words.NONE if one["reached"] is None else one["reached"]
    asked_at, ended_at = words.instant(one["asked_at"]), words.instant(one["ended_at"])
    return asked_at, one["asked_by"], asked(one), reached, ended_at, one["outcome"] or words.NONE, one["id"]


def asked(one: dict[str, Any]) -> str:
    """What an errand is for."""
    return "a test" if one["reason"] == "test" else f"positions {one['first']} to {one['last']}"
