"""Every figure of every shipped policy matters: one more or one less, and a scenario or a boundary fails."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from case_events.policies import load, shipped
from case_events.shape import Misshapen
from tests.examples import calendar
from tests.policy_text import as_toml
from tests.scenarios.boundaries import BOUNDARIES
from tests.scenarios.rehearse import rehearse
from tests.scenarios.script import scenarios

Path = tuple[str, ...]
POLICIES: dict[str, dict[str, Any]] = {said["name"]: said for said in map(tomllib.loads, shipped())}
ALL = scenarios()


def figures(said: object, at: Path = ()) -> Iterator[Path]:
    """Where every number of a policy stands."""
    if isinstance(said, dict):
        for key, value in said.items():
            yield from figures(value, (*at, key))
    elif isinstance(said, list):
        assert not any(isinstance(item, int | float | dict | list) for item in said), f"figures in a list: {at}"
    elif isinstance(said, int | float) and not isinstance(said, bool):
        yield at


def with_figure(said: dict[str, Any], at: Path, change: int) -> dict[str, Any]:
    other: dict[str, Any] = copy.deepcopy(said)
    inner = other
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] += change
    return other


def failing(said: dict[str, Any]) -> list[str]:
    """The scenarios and boundaries of this marketplace that do not hold under the policy as ``said``."""
    in_force, failed = load(as_toml(said)), []
    for name, scenario in ALL.items():
        if scenario.filing.marketplace == said["marketplace"]:
            failed += [name] if fails(lambda one=scenario: rehearse(one, in_force, calendar())) else []
    for boundary in BOUNDARIES.get(said["marketplace"], ()):
        failed += [boundary.__name__] if fails(lambda one=boundary: one(in_force, calendar())) else []
    return failed


def fails(check: Any) -> bool:
    try:
        check()
    except AssertionError:
        return True
    return False


def can_be_loaded(said: dict[str, Any]) -> bool:
    try:
        load(as_toml(said))
    except Misshapen:
        return False
    return True


CHANGES = [
    (name, at, change)
    for name, said in POLICIES.items()
    for at in figures(said)
    for change in (+1, -1)
    if can_be_loaded(with_figure(said, at, change))
]


@pytest.mark.parametrize("name", POLICIES)
def test_the_shipped_policy_holds_in_every_scenario_and_at_every_boundary(name: str) -> None:
    assert failing(POLICIES[name]) == []


@pytest.mark.parametrize(
    ("name", "at", "change"), CHANGES, ids=[f"{name}: {'.'.join(at)} {change:+d}" for name, at, change in CHANGES]
)
def test_a_figure_that_is_one_off_is_noticed(name: str, at: Path, change: int) -> None:
    assert failing(with_figure(POLICIES[name], at, change)) != [], "nothing tells this policy from the shipped one"


def test_the_figures_include_those_only_lateness_shows() -> None:
    told = {".".join(at) for at in figures(POLICIES["taobao"])}
    assert len(told) == 63
    assert {(name, at) for name, at, _change in CHANGES} >= {("taobao", at) for at in figures(POLICIES["taobao"])}
    assert told >= {
        "minimum_notice.hours",
        "types.not_received.intervention.lapses_after.days",
        "types.not_received.ruling.again_after.working_days",
        "types.not_received.remedy.again_after.days",
        "types.not_received.appeal.rounds",
    }
