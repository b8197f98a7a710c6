"""A failover to a server an hour ahead: schedulers fire nothing, the API records nothing, and all of it says why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from case_events.ledger.clock.journal import read
from case_events.ledger.queries import health
from case_events.ledger.steps import submit
from tests.conftest import Database
from tests.examples import AGREE
from tests.ledger.desk import asking
from tests.scheduler.disputes import file_many, rush_ledger
from tests.scheduler.fleet import scheduler
from tests.scheduler.skew import a_server_with_a_clock_of_its_own
from tests.serving import free_port

CASES = 20
SOON_S = 30
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out'"
ALL = "SELECT count(*) FROM events"


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON_S):
        while not await true():
            await asyncio.sleep(0.05)


async def test_an_hour_ahead_nothing_fires_or_is_recorded_and_when_it_is_right_again_everything_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("CASELOG_SCHEDULER_PORT", str(port))
    async with (
        a_server_with_a_clock_of_its_own(database) as server,
        rush_ledger(database.app, seconds=1800) as ledger,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as probe,
    ):
        cases = await file_many(ledger, CASES)
        await server.runs_ahead_by(3600)
        recorded = await server.superuser.fetchval(ALL)
        async with scheduler(database.scheduler, tmp_path, "one") as running:

            async def paused() -> bool:
                try:
                    answer = await probe.get("/readyz")
                except httpx.TransportError:
                    return False
                return "clock" in answer.json()["missing"] and answer.status_code == 503

            await until(paused)
            assert (await probe.get("/healthz")).status_code == 200, "it is well, and waits"
            step = await submit(ledger, asking(AGREE, cases[0]))
            assert step.problem is not None
            assert step.problem.code == "clock_disagrees"
            assert (await health(ledger)).clock_paused is not None
            await asyncio.sleep(1.5)
            assert await server.superuser.fetchval(ALL) == recorded
            assert running.lines("clock_paused")[0]["why"].endswith("ahead of this host's")
            assert running.lines("fired") == []

            await server.runs_ahead_by(0)
            await until(lambda: _ready(probe))
            assert await server.superuser.fetchval(FIRED) == 0, "the windows are open for half an hour yet"
            assert (await submit(ledger, asking(AGREE, cases[0]))).problem is None
            assert [entry.what for entry in await read(ledger)] == ["clock_resumed", "clock_paused"]
            assert (await health(ledger)).clock_paused is None


async def _ready(probe: httpx.AsyncClient) -> bool:
    return (await probe.get("/readyz")).status_code == 200
