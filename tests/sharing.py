"""How the tests are shared out when several processes run them: by file, and what needs one Caselog goes together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

SHARED = ("caselog_shipped", "caselog")
"""Fixtures that start a whole Caselog: the files that ask for one of them are run by one process, so it starts once."""
LONG = (
    "caselog_shipped",
    "tests/core/test_histories.py",
    "caselog",
    "tests/scheduler/test_exactly_once.py",
    "tests/up/test_up.py",
    "tests/api/test_fuzz.py",
    "tests/faults/test_survival.py",
    "tests/faults/test_fault_suite.py",
    "tests/up/test_postgres.py",
    "tests/figures/test_figures.py",
)
"""What takes longest comes first, so that nobody is left alone with it in the end."""


def share_out(items: list[pytest.Item]) -> None:
    """Mark each test with the group it goes with, and bring the long groups forward; the rest keeps its order."""
    groups = _groups(items)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[_file(item)]))
    rank = {group: number for number, group in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(groups[_file(item)], len(LONG)))


def _groups(items: Sequence[pytest.Item]) -> dict[str, str]:
    """The group of each file: the Caselog that a test of it needs, or the file itself."""
    groups = {_file(item): _file(item) for item in items}
    for item in items:
        for shared in SHARED:
            if shared in getattr(item, "fixturenames", ()):
                groups[_file(item)] = shared
    return groups


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
