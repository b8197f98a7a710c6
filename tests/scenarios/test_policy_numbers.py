"""Every figure of every shipped policy matters: one more or one less, and what was promised is not kept."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.policy import ComplaintType, InForce, Policy
from case_events.policies import load, shipped
from case_events.shape import Misshapen
from tests.examples import calendar
from tests.figures.checks import failing
from tests.figures.scene import Market
from tests.policy_text import as_toml

Path = tuple[str | int, ...]
Rules = dict[tuple[str, str | None], ComplaintType]
SAID: dict[str, dict[str, Any]] = {said["name"]: said for said in map(tomllib.loads, shipped())}


def figures(said: object, at: Path = ()) -> Iterator[Path]:
    """Where every number of a policy stands."""
    match said:
        case dict():
            for key, value in said.items():
                yield from figures(value, (*at, key))
        case list():
            for index, value in enumerate(said):
                yield from figures(value, (*at, index))
        case bool():
            return
        case int() | float():
            yield at
        case _:
            return


def with_figure(said: dict[str, Any], at: Path, change: int) -> dict[str, Any]:
    other: dict[str, Any] = copy.deepcopy(said)
    inner: Any = other
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] += change
    return other


def rules(policy: Policy) -> Rules:
    """The rules of each type and subtype; not what is said about them in words."""
    return {
        (name, subtype): replace(one, clauses={}, subtypes={})
        for name, whole in policy.types.items()
        for subtype, one in ((None, whole), *whole.subtypes.items())
    }


def near(said: dict[str, Any], at: Path) -> dict[str, Any]:
    """The policy cut down to a few types, some of which take the figure that stands there: quicker to load."""
    types, kept = said["types"], {"not_received", "shipping_insurance"}
    if at[0] == "types":
        kept.add(str(at[1]))
    if at[0] == "procedures":
        kept.update([name for name in types if at[1] in followed(said, name)][:2])
    procedures = {procedure for name in kept for procedure in followed(said, name)}
    return {
        **{key: value for key, value in said.items() if key != "elsewhere"},
        "types": {name: one for name, one in types.items() if name in kept},
        "procedures": {name: one for name, one in said["procedures"].items() if name in procedures},
    }


def followed(said: dict[str, Any], name: str) -> list[str]:
    """The procedures a type takes its figures from, the nearest first."""
    chain, procedure = [], said["types"][name].get("procedure")
    while procedure is not None:
        chain.append(procedure)
        procedure = said["procedures"][procedure].get("procedure")
    return chain


def loaded(said: dict[str, Any]) -> InForce | None:
    """The policy in force as it is said; None where that is no policy."""
    try:
        return load(as_toml(said))
    except Misshapen:
        return None


def noticed(said: dict[str, Any], at: Path, change: int) -> bool:
    """No such policy can be loaded, or a type that takes the figure does not keep what it promises."""
    in_force = loaded(with_figure(said, at, change))
    if in_force is None:
        return True
    shipped_rules = SHIPPED[said["name"]]
    fed = [which for which, one in rules(in_force.policy).items() if one != shipped_rules[which]]
    return failing(Market(in_force, calendar()), fed) is not None


SHIPPED: dict[str, Rules] = {name: rules(load(as_toml(said)).policy) for name, said in SAID.items()}
CHANGES = [
    pytest.param(name, at, change, id=f"{name}: {'.'.join(map(str, at))} {change:+d}")
    for name, said in SAID.items()
    for at in figures(said)
    for change in (+1, -1)
]


@pytest.mark.parametrize(("name", "at", "change"), CHANGES)
def test_a_figure_that_is_one_off_is_noticed(name: str, at: Path, change: int) -> None:
    said = SAID[name]
    seen = noticed(near(said, at), at, change) or noticed(said, at, change)
    assert seen, "nothing tells this policy from the shipped one"


@pytest.mark.parametrize("name", SAID)
def test_the_shipped_policy_itself_keeps_everything(name: str) -> None:
    assert failing(Market(load(as_toml(SAID[name])), calendar()), SHIPPED[name]) is None


@pytest.mark.parametrize("name", SAID)
def test_a_policy_cut_down_to_what_is_near_a_figure_is_still_a_policy(name: str) -> None:
    """Else every change would seem to be refused."""
    places = {at[:2]: at for at in figures(SAID[name])}.values()
    assert all(loaded(near(SAID[name], at)) is not None for at in places)


def test_the_figures_include_those_in_lists_and_those_only_lateness_shows() -> None:
    told = {".".join(map(str, at)) for at in figures(SAID["taobao"])}
    assert told >= {
        "minimum_notice.hours",
        "procedures.case.intervention.lapses_after.days",
        "procedures.case.ruling.again_after.working_days",
        "procedures.case.remedy.again_after.days",
        "types.after_sales_guarantee.ruling.sanctions.serious_violation.0.points",
        "types.ip_infringement.appeal.rounds",
    }
