"""What a scenario expects held against what is so: the same for both drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from case_events.core.values import Instant
from tests.scenarios.sayings import Names
from tests.scenarios.script import Refused, Scenario

MISSING = object()


def check_refusal(scenario: Scenario, expected: Refused | None, told: Mapping[str, Any] | None) -> None:
    """``told``: the members of the problem as they are sent; None: it was not refused."""
    if expected is None:
        assert told is None, f"refused: {told}"
        return
    assert told is not None, f"not refused with {expected.code}"
    assert told.get("code") == expected.code, told
    for name in ("due_at", "opens_at", "closed_at"):
        wanted = getattr(expected, name)
        said = scenario.instant(wanted).rfc3339() if wanted is not None else None
        assert told.get(name) == said, f"{name} is {told.get(name)}, not {said}"
    if expected.rule is not None:
        assert str(told.get("rule")).partition("#")[2] == expected.rule, told.get("rule")
    if expected.detail is not None:
        assert expected.detail in str(told.get("detail")), told.get("detail")
    if expected.errors is not None:
        faults = {fault["pointer"]: fault["detail"] for fault in told.get("errors") or ()}
        assert set(faults) == set(expected.errors), faults
        for pointer, words in expected.errors.items():
            assert words in faults[pointer], faults


def check_reads(
    scenario: Scenario, names: Names, reads: Mapping[str, Any], lacks: Iterable[str], document: object
) -> None:
    """JSON pointers into ``document`` (plain JSON) with what must stand there, and those that are null or not there."""
    for pointer, said in reads.items():
        key = next((step for step in reversed(pointer.split("/")) if not step.isdecimal()), "")
        expected, actual = scenario.whole(said, names, key), found(document, pointer)
        assert matches(expected, actual), f"{pointer} is {actual!r}, not {expected!r}"
    for pointer in lacks:
        actual = found(document, scenario.whole(pointer, names))
        assert actual is MISSING or actual is None, f"{pointer} is {actual!r}"


def found(document: object, pointer: str) -> object:
    """What stands at an RFC 6901 pointer, or MISSING."""
    for step in pointer.split("/")[1:]:
        if isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return MISSING
    return document


def matches(expected: object, actual: object) -> bool:
    """A table has at least what is expected of it, a list exactly; a sum may be told by its fen alone."""
    if isinstance(expected, dict) and isinstance(actual, int):
        return expected.get("amount") == actual
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            matches(value, actual.get(key, MISSING)) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(matches(one, other) for one, other in zip(expected, actual, strict=True))
        )
    return type(expected) is type(actual) and expected == actual


def running(clocks: Iterable[tuple[str, str, Instant]]) -> dict[str, Instant]:
    """Clocks (kind, party, due_at) by their kind; one that runs for both sides at once by kind and party."""
    told = list(clocks)
    kinds = [kind for kind, _, _ in told]
    return {kind if kinds.count(kind) == 1 else f"{kind}.{party}": due_at for kind, party, due_at in told}
