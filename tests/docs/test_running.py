"""What probes may say is missing is explained to whoever runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from case_api.routes.health import Missing
from case_scheduler.pulse import Pulse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"


def explained(after: str) -> set[str]:
    """The words of the first table about ``missing`` after a line."""
    table = PAGE.read_text(encoding="utf-8").split(after)[1].split("| `missing` | means |")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_whatever_a_scheduler_can_miss_is_explained() -> None:
    passed = iter(range(0, 10**6, 100))
    away, behind = Pulse("away", lambda: next(passed)), Pulse("behind", lambda: next(passed))
    behind.away, behind.paused = None, "the clocks disagree"
    for one in (away, behind):
        one.stopping = one.waits_for_days = True
    assert explained("## The schedulers' probes") == away.missing().keys() | behind.missing().keys()


def test_whatever_the_api_can_miss_and_go_on_is_explained() -> None:
    assert explained("## When something dies") == set(get_args(Missing))
