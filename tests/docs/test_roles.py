"""The page of roles is what tests/rights.py says of the operations there are."""

from __future__ import annotations

from tests.docs.roles import PAGE, described_app, page


def test_the_page_of_roles_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(described_app()), "run: python -m tests.docs.roles"
