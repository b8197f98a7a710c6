"""What is said of every event, command, problem, setting and metric is what the code says today."""

from __future__ import annotations

from tests.docs.reference import PAGE, page


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.docs.reference"


def test_nothing_in_it_is_left_without_a_meaning() -> None:
    meanings = [line.split(" | ")[-1].rstrip("| ") for line in page().splitlines() if line.startswith("| ")]
    assert len(meanings) > 60
    assert all(meanings)
