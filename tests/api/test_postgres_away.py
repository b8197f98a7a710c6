"""While Postgres is away requests are refused quickly, and answered again by themselves as soon as it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from case_api.cli import postgres
from case_api.cli.prepare import prepare
from case_api.settings import Settings
from case_events.ledger import presence
from tests import clusters
from tests.api.house import House, complaint, filed, open_house
from tests.conftest import Database

SILENT_S, PROBE_S = 0.3, 0.4
SOON_S = 0.3
"""How long a refusal may take that waits for nobody."""
BACK_S = 10.0
AT_ONCE = 25
"""More than there are connections."""


class Ours:
    """A Postgres of ours, which comes and goes."""

    def __init__(self, server: postgres.Server) -> None:
        self.server = server
        self.url = server.url(postgres.APP)

    async def stop_dead(self) -> None:
        self.server.process.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(self.server.process.wait, BACK_S)

    async def start(self) -> None:
        self.server = await postgres.start_again(self.server)

    def send(self, number: signal.Signals) -> None:
        """To the server and everything it started."""
        pid = self.server.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        for one in (pid, *map(int, children.split())):
            os.kill(one, number)


@pytest_asyncio.fixture(scope="module")
async def ours() -> AsyncIterator[Ours]:
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as folder:
        Path(folder).chmod(0o711)
        clusters.furnish(Path(folder) / "data")
        ours = Ours(await postgres.start(Path(folder) / "data"))
        await prepare(ours.url, development_keys=True)
        yield ours
        await ours.server.stop()


@pytest_asyncio.fixture
async def house(ours: Ours, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(presence, "SILENT_S", SILENT_S)
    monkeypatch.setattr(presence, "PROBE_S", PROBE_S)
    async with open_house(settings, Database("caselog", *[ours.url] * 4)) as opened:
        yield opened


async def asked(house: House, path: str) -> tuple[int, float]:
    """What a request is answered with, and after how many seconds."""
    began = time.monotonic()
    answer = await house.caller("storefront").get(path)
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)
    return answer.status_code, time.monotonic() - began


async def test_a_server_that_hangs_is_found_out_and_nobody_waits_for_it_twice(house: House, ours: Ours) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    path, body = f"/v1/cases/{case['case_id']}", complaint()
    ours.send(signal.SIGSTOP)
    try:
        posted = asyncio.create_task(storefront.post("/v1/cases", json=body, headers={"Idempotency-Key": "once"}))
        answers = await asyncio.gather(*(asked(house, path) for _ in range(AT_ONCE)))
        assert {status for status, _ in answers} == {503}
        assert max(took for _, took in answers) < SILENT_S + PROBE_S + 1
        assert (await posted).status_code == 503
        for nowhere in (path, "/v1/cases?limit=1", "/readyz"):
            status, took = await asked(house, nowhere)
            assert (status, took < SOON_S) == (503, True), (nowhere, took)
        assert b"caselog_database_away 1.0" in house.app.state.meters.exposed()
    finally:
        ours.send(signal.SIGCONT)
    assert await until_answered(house, path) < 2
    again = await storefront.post("/v1/cases", json=body, headers={"Idempotency-Key": "once"})
    assert again.status_code == 201, "whatever became of the first"


async def until_answered(house: House, path: str) -> float:
    began = time.monotonic()
    async with asyncio.timeout(BACK_S):
        while (await asked(house, path))[0] != 200:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_server_that_was_stopped_is_refused_for_at_once_and_used_as_soon_as_it_is_back(
    house: House, ours: Ours
) -> None:
    case = await filed(house.caller("storefront"))
    path = f"/v1/cases/{case['case_id']}"
    await ours.stop_dead()
    answers = await asyncio.gather(*(asked(house, path) for _ in range(AT_ONCE)))
    assert {status for status, _ in answers} == {503}
    assert max(took for _, took in answers) < 1
    await ours.start()
    status, _ = await asked(house, path)
    assert status == 200, "the very first that could succeed does"


async def test_a_long_statement_is_no_sign_of_hanging(house: House) -> None:
    ledger = house.app.state.door.ledger
    async with ledger.connection() as connection:
        assert await connection.fetchval("SELECT 1 FROM pg_sleep($1)", SILENT_S * 3) == 1
    assert not ledger.presence.away
