"""What the ledger is said to guarantee has a test for each of the twelve, and the tests that are named exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guarantees.md"
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`")


def rows() -> list[list[str]]:
    """The cells of the table of the twelve."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def test_there_are_twelve_and_each_says_what_it_means_and_what_shows_it() -> None:
    assert [int(row[0]) for row in rows()] == list(range(1, 13))
    for _, happens, relied_on, shown_by in rows():
        assert happens.endswith(".")
        assert relied_on.endswith(".")
        assert NAMED.fullmatch(shown_by)


@pytest.mark.parametrize(("path", "name"), NAMED.findall(PAGE.read_text(encoding="utf-8")))
def test_the_test_that_shows_it_exists(path: str, name: str) -> None:
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = {one.name for one in module.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert not name or name in tests
