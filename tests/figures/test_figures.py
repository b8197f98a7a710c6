"""Each type of each marketplace keeps every figure it promises, to the microsecond and to the fen."""

from __future__ import annotations

import functools

import pytest

from case_events.policies import load, shipped
from tests.examples import calendar
from tests.figures.checks import FOR_ALL, Check, of_promise
from tests.figures.marketplaces import GENERAL, PROMISES, General
from tests.figures.promise import Promise
from tests.figures.scene import Market


@functools.cache
def markets() -> dict[str, Market]:
    """The shipped rules, by marketplace."""
    in_force = (load(text) for text in shipped())
    return {one.policy.marketplace: Market(one, calendar()) for one in in_force}


EACH = [
    pytest.param(where, promise, check, id=f"{where}-{promise.name}-{check.name}")
    for where, promises in PROMISES.items()
    for promise in promises
    for check in of_promise(promise)
]


@pytest.mark.parametrize(("where", "promise", "check"), EACH)
def test_the_type_keeps_its_promise(where: str, promise: Promise, check: Check) -> None:
    check.run(promise, markets()[where])


@pytest.mark.parametrize("check", FOR_ALL, ids=lambda one: one.__name__)
@pytest.mark.parametrize(("where", "general"), GENERAL.items(), ids=GENERAL.keys())
def test_the_marketplace_keeps_what_it_promises_for_all_types(where: str, general: General, check: object) -> None:
    assert callable(check)
    check(general, markets()[where])


@pytest.mark.parametrize("where", PROMISES)
def test_the_promises_are_of_every_type_and_subtype_of_the_marketplace(where: str) -> None:
    types = markets()[where].in_force.policy.types
    known = {(name, subtype) for name, rules in types.items() for subtype in rules.subtypes or (None,)}
    assert {(one.type, one.subtype) for one in PROMISES[where]} == known
