"""`caselog scheduler status`: what is wrong stands first, and nothing of it needs a manual."""

from __future__ import annotations

from typing import Any

import pytest

from case_api.cli.scheduler_status import tell
from tests.cli.desk import Desk
from tests.serving import Serving

AT = "2026-11-22T08:00:00.000000Z"
OVERDUE = {"case_id": "c-1", "kind": "response", "party": "respondent", "due_at": AT, "next_try_at": AT, "attempts": 4}
WRONG: dict[str, Any] = {
    "now": AT,
    "watermark": {"at": AT, "lag_s": 7_200.0, "published_at": AT, "breached": True},
    "clock": {"high_water": AT, "paused": "the database's clock is 7.0 s ahead of this host's"},
    "overdue": {
        "count": 10_000,
        "complete": False,
        "held": 3,
        "failed": 1,
        "oldest": [OVERDUE],
        "failing": [OVERDUE],
    },
    "lateness": {
        "hour": [],
        "day": [{"kind": "response", "count": 9, "p50_s": 0.012, "p95_s": 1.5, "p99_s": 90.0, "max_s": 7_200.0}],
    },
    "schedulers": [
        {"name": "a:1", "running": False, "swept_at": None, "offset_ms": -7_000.0, "paused": "clocks", "batch": None}
    ],
    "calendar": {"last_day": "2026-12-31", "days_left": 39, "provisional": 2},
}


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def test_it_says_how_far_everything_is_done_and_who_runs(desk: Desk) -> None:
    said = desk.types("scheduler", "status")
    assert said.code == 0, said.err
    assert said.out.startswith("watermark ")
    assert "published until 2026-12-31" in said.out
    told = desk.types("scheduler", "status", "--json").json()
    assert {one["name"] in said.out for one in told["schedulers"]} == {True}
    assert told["forecast"] is None


def test_what_is_wrong_cannot_be_overlooked(capsys: pytest.CaptureFixture[str]) -> None:
    tell(WRONG)
    said = capsys.readouterr().out
    for words in ("2.0 h behind, BREACHED", "10000 or more; 3 held, 1 failed", "PAUSED: the database's clock"):
        assert words in said
    assert said.count("c-1") == 1
    for words in ("c-1", "2 deadlines are provisional", "12 ms", "1.5 min", "-7000.0 ms", "clocks"):
        assert words in said
