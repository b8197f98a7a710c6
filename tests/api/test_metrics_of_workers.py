"""Several API processes at one address: whichever is asked tells the numbers of all, and a limit is one limit."""

from __future__ import annotations

import asyncio
import os
import random
import string
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import httpx
import pytest_asyncio
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.parser import text_string_to_metric_families

from case_api.serving.meters import ROOM, Meters
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import Caller
from tests.api.house import House, filed
from tests.api.process import Served, api_process
from tests.conftest import Database

PER_MINUTE = 600
BURST = PER_MINUTE // 10
SENT = 70
MEASURED_S = 10.0
BLOCK_BYTES = 512


@pytest_asyncio.fixture
async def workers(prepared: Database, master_key_file: Path, tmp_path: Path) -> AsyncIterator[list[Served]]:
    """Two API processes on one database, which count in one folder."""
    async with AsyncExitStack() as stack:
        shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        yield [await stack.enter_async_context(api_process(prepared, master_key_file, **shared)) for _ in range(2)]


def samples(told: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and what its labels say, in their order."""
    families = text_string_to_metric_families(told)
    return {(sample.name, *sample.labels.values()): sample.value for one in families for sample in one.samples}


async def test_any_worker_tells_the_sum_and_no_key_gets_more_by_asking_several(
    workers: list[Served], prepared: Database, tmp_path: Path
) -> None:
    await _add_limited_key(prepared)
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": "Bearer limited"}, timeout=30) as client:

        async def sent(worker: Served) -> int:
            return (await client.get(f"{worker.url}/v1/cases?limit=1")).status_code

        began = asyncio.get_running_loop().time()
        statuses = await asyncio.gather(*(sent(worker) for _ in range(SENT) for worker in workers))
        took = asyncio.get_running_loop().time() - began
        through = statuses.count(200)
        assert set(statuses) == {200, 429}
        # Each worker may let a few go on credit, which are paid for afterwards; a lease that was not used is lost.
        assert BURST * 0.5 < through <= BURST + took * PER_MINUTE / 60 + 6, (through, took)
        for worker in workers:
            told = samples((await client.get(f"{worker.url}/metrics")).text)
            answered = told["caselog_http_requests_total", "GET", "/v1/cases", "200"]
            refused = told["caselog_http_requests_total", "GET", "/v1/cases", "429"]
            assert (answered, refused) == (through, 2 * SENT - through)
            assert told["caselog_rate_limited_total",] == told["caselog_http_refusals_total", "rate_limited"] == refused
            assert told["caselog_http_request_seconds_count", "GET", "/v1/cases"] == 2 * SENT
        told = await _until(client, workers[0], workers=2)
        assert told["process_cpu_seconds_total",] > 0.5, "of both of them"
        ended = workers[1].process
        ended.kill()
        await ended.wait()
        mark_process_dead(ended.pid, str(tmp_path))  # type: ignore[no-untyped-call]  # as `caselog up` does
        told = await _until(client, workers[0], workers=1)
        assert told["caselog_http_requests_total", "GET", "/v1/cases", "200"] == through, "what it counted stays"


async def test_whoever_counts_never_needs_more_room_on_the_disk(workers: list[Served], tmp_path: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for worker in workers:
            assert (await client.get(f"{worker.url}/metrics")).is_success
    files = [file.stat() for file in tmp_path.iterdir()]
    assert len(files) == len(ROOM) * len(workers), "each file that is written has its room"
    assert all(file.st_blocks * BLOCK_BYTES >= file.st_size for file in files), "a page without it ends its process"


async def _until(client: httpx.AsyncClient, worker: Served, *, workers: int) -> dict[tuple[str, ...], float]:
    async with asyncio.timeout(MEASURED_S):
        while True:
            told = samples((await client.get(f"{worker.url}/metrics")).text)
            if told["caselog_api_workers",] == workers and told["process_resident_memory_bytes",] > workers * 20e6:
                return told
            await asyncio.sleep(0.1)


async def _add_limited_key(database: Database) -> None:
    connection = await asyncpg.connect(database.superuser)
    try:
        caller = Caller(key_id="limited", client="limited", role="storefront", name="limited")
        await keys.add(connection, caller, "limited")
        await connection.execute("UPDATE api_keys SET per_minute = $1 WHERE key_id = 'limited'", PER_MINUTE)
    finally:
        await connection.close()


async def test_nobody_makes_series_by_what_they_send(house: House) -> None:
    storefront = house.caller("storefront")
    await filed(storefront)
    chosen = random.Random(7)
    for _ in range(5):
        await storefront.get("/v1/cases/mine")
        await storefront.request("BREW", "/coffee/pot")
        await storefront.get("/coffee/pot")
    before = set(samples(house.app.state.meters.exposed().decode()))
    for _ in range(50):
        word = "".join(chosen.choices(string.ascii_letters, k=12))
        await storefront.request(word.upper(), f"/{word}/{word}?{word}={word}", headers={word: word})
        await storefront.get(f"/v1/cases/{word}")
        await house.caller(None).get(f"/v1/{word}", headers={"Authorization": f"Bearer {word}"})
    after = set(samples(house.app.state.meters.exposed().decode()))
    assert after == before


async def test_what_is_refused_is_counted_by_its_code(house: House) -> None:
    storefront = house.caller("storefront")
    before = samples(house.app.state.meters.exposed().decode())
    await storefront.get("/v1/cases/00000000-0000-4000-8000-000000000000")
    await house.with_key("nobody's").get("/v1/cases")
    after = samples(house.app.state.meters.exposed().decode())

    def more(*sample: str) -> float:
        return after.get(sample, 0) - before.get(sample, 0)

    assert more("caselog_http_refusals_total", "not_found") == 1
    assert more("caselog_http_refusals_total", "unauthenticated") == more("caselog_auth_failures_total") == 1


async def test_the_pool_and_what_went_together_are_told(house: House) -> None:
    await filed(house.caller("storefront"))
    told = samples(house.app.state.meters.exposed().decode())
    assert told["caselog_database_connections", "idle"] >= 1
    assert told["caselog_database_away",] == 0
    assert told["caselog_commit_steps_sum",] >= told["caselog_commit_steps_count",] >= 1
    build = [sample for sample in told if sample[0] == "caselog_build_info"]
    assert [told[sample] for sample in build] == [1]


def test_alone_a_process_tells_of_itself() -> None:
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    told = samples(Meters().exposed().decode())
    assert told["process_resident_memory_bytes",] > 0
    assert told["caselog_api_workers",] == 1
