"""Readiness says that the clock is missing while a scheduler, or this process, doubts it; it answers all the same."""

from __future__ import annotations

import asyncpg
import pytest

from case_events.ledger.clock.host import host_clock, later
from tests.api.house import House


async def missing(house: House) -> set[str]:
    answer = await house.caller(None).get("/readyz")
    assert answer.status_code == 200
    return set(answer.json()["missing"])


async def test_a_scheduler_that_pauses_is_told_of(house: House) -> None:
    assert "clock" not in await missing(house)
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        await superuser.execute("UPDATE clock_state SET paused = 'the clocks disagree'")
        assert "clock" in await missing(house)
        await superuser.execute("UPDATE clock_state SET paused = NULL")
        assert "clock" not in await missing(house)
    finally:
        await superuser.close()


async def test_a_process_whose_own_host_is_behind_the_database_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.app.state.door.ledger, "host_clock", lambda: later(host_clock(), -3600))
    assert "clock" in await missing(house)
