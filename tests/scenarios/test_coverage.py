"""The table of coverage is what policies and scenarios say today, and no row of the domain is without either."""

from __future__ import annotations

import re

import pytest

from tests.docs.rules import ROWS, coverage
from tests.scenarios.coverage import ACROSS, PAGE, across, page, shown
from tests.scenarios.script import row_scenarios

CLAUSES, FILES, TESTS = coverage(), row_scenarios(), across(ACROSS)
NAMED = re.compile(r"rows/([A-Z]+\d+)_[a-z0-9_]+")


def test_the_table_of_coverage_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.scenarios.coverage"


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_clause_and_a_scenario_named_after_it(row: str) -> None:
    assert CLAUSES[row], "no clause of a shipped policy carries it"
    files = [name for name in FILES if name.startswith(f"rows/{row}_")]
    tests = [name for name in TESTS if name.startswith(f"test_{row.lower()}_")]
    assert files or tests, "no scenario is named after it"


def test_scenarios_and_clauses_name_no_row_that_is_not_there() -> None:
    assert set(shown()) == set(ROWS)
    assert set(CLAUSES) == set(ROWS)


@pytest.mark.parametrize("name", FILES)
def test_a_scenario_is_named_after_a_row_that_it_shows(name: str) -> None:
    found = NAMED.fullmatch(name)
    assert found is not None, "ROW_what_it_shows.toml"
    assert found.group(1) in FILES[name].shows
