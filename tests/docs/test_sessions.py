"""What docs/running.md says of how many sessions the processes have is what they have."""

from __future__ import annotations

import inspect
from pathlib import Path

from case_api.cli.postgres import SETTINGS
from case_events.ledger.database import open_ledger
from case_scheduler.app import ASIDE_POOL, FIRING_POOL, POST_POOL

RUNNING = Path(__file__).parents[2] / "docs" / "running.md"
BELL = 1
FEW = 20
WORKERS = 16


def test_the_page_says_how_many_sessions_each_process_has_and_for_how_many_the_embedded_postgres_has_room() -> None:
    api = inspect.signature(open_ledger).parameters["pool_size"].default
    scheduler = FIRING_POOL + ASIDE_POOL + POST_POOL + BELL
    said = " ".join(RUNNING.read_text(encoding="utf-8").split())
    assert f"{api} of each API process, {scheduler} of each scheduler" in said
    assert f"has {SETTINGS['max_connections']}, which is enough for {WORKERS} API workers and a scheduler" in said
    assert WORKERS * api + scheduler + FEW <= int(SETTINGS["max_connections"])
