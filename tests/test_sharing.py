"""Several processes share the tests so that none starts what another has already."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

from tests.sharing import LONG, SHARED

ROOT = Path(__file__).parents[1]


def group_of(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    assert mark is not None, item.nodeid
    return str(mark.args[0])


def test_a_file_is_run_by_one_process_and_so_is_all_that_needs_one_caselog(request: pytest.FixtureRequest) -> None:
    by_file: dict[str, set[str]] = defaultdict(set)
    for item in request.session.items:
        by_file[item.nodeid.partition("::")[0]].add(group_of(item))
        for shared in SHARED:
            if shared in getattr(item, "fixturenames", ()):
                assert group_of(item) == shared, f"{item.nodeid} would start a Caselog of its own"
    assert {file: groups for file, groups in by_file.items() if len(groups) > 1} == {}


@pytest.mark.parametrize("long", [name for name in LONG if name not in SHARED])
def test_what_is_said_to_take_long_is_there(long: str) -> None:
    assert (ROOT / long).exists()


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs them all")
def test_who_hands_the_tests_out_sees_what_goes_together(request: pytest.FixtureRequest) -> None:
    # pytest-xdist writes it behind the test's id; where it does not, each test is handed out by itself.
    assert request.node.nodeid.endswith(f"@{group_of(request.node)}")
