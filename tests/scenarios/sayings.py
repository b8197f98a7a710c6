"""The short words of a scenario made whole: durations become instants, sums money, files evidence, names ids."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from case_events.core.values import Instant, Value

DURATION = re.compile(r"(-?)P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\S+")
NAME = re.compile(r"\{([a-z_]+)(?::([a-z_]+))?\}")
LENGTHS = ("within",)
"""Where a duration stays one: the time a side is given."""
SUMS = ("amount", "paid", "freight", "price", "loss", "return_freight", "owed")
CURRENCY = "CNY"


class Names(Value, frozen=True, kw_only=True):
    """What ``{name}`` stands for in a scenario as it goes; ``events``: the last event of each type, by its id."""

    run: str
    complainant: str = ""
    respondent: str = ""
    order: str = ""
    case: str = ""
    number: str = ""
    events: dict[str, str] = {}  # noqa: RUF012 (msgspec copies defaults)

    def of(self, name: str, more: str | None) -> str:
        return self.events[more or ""] if name == "event" else str(getattr(self, name))

    def about(self, **known: Any) -> Names:
        """The same names, of which some are known better."""
        return replace(self, **known)


def whole(said: Any, starts_at: Instant, names: Names, key: str = "") -> Any:
    """``said`` as it is sent, or read: every word of the language in its place, everything else as it stands."""
    if isinstance(said, Mapping):
        if "file" in said:
            said = {**evidence(said["file"]), **{name: one for name, one in said.items() if name != "file"}}
        if "currency" in said:
            return dict(said)
        return {name: whole(one, starts_at, names, name) for name, one in said.items()}
    if isinstance(said, list | tuple):
        if key == "evidence":
            said = [digest(one) if isinstance(one, str) else one for one in said]
        return [whole(one, starts_at, names, key) for one in said]
    if isinstance(said, int) and not isinstance(said, bool) and key in SUMS:
        return {"amount": said, "currency": CURRENCY}
    if not isinstance(said, str) or key in LENGTHS:
        return said
    if DURATION.fullmatch(said) or INSTANT.fullmatch(said):
        return instant(said, starts_at).rfc3339()
    return NAME.sub(lambda found: names.of(*found.groups()), said)


def instant(said: str, starts_at: Instant) -> Instant:
    """An instant as it is, or so long after the scenario's start (``-``: before it)."""
    return Instant.parse(said) if INSTANT.fullmatch(said) else Instant.of(starts_at + duration(said))


def duration(text: str) -> timedelta:
    """An ISO 8601 duration in days, hours, minutes and seconds; ``-`` before it counts backwards."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration like P9D or PT84H0.000001S")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    length = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "0").ljust(6, "0")),
    )
    return -length if sign else length


def evidence(file: str) -> dict[str, str]:
    return {"uri": f"https://files.example/{file}", "sha256": digest(file)}


def digest(file: str) -> str:
    return hashlib.sha256(file.encode()).hexdigest()


def merged(said: Mapping[str, Any], change: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """``said`` with the tables of ``change`` laid over it key by key, without what ``without`` names by its path."""
    result = dict(said)
    for key, value in change.items():
        inner = result.get(key)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[key] = merged(result[key], value) if both else value
    for path in without:
        result = _less(result, path.split("."))
    return result


def _less(said: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    first, *rest = path
    assert first in said, f"there is no {first} to leave out"
    left = {key: value for key, value in said.items() if key != first}
    return {**left, first: _less(said[first], rest)} if rest else left
