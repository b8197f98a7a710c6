"""One key sent to two API processes at the same time: one event, two equal answers."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest_asyncio

from case_api.cli.prepare import prepare
from tests.api.house import MERCHANT, complaint, happened
from tests.conftest import Database
from tests.landed import keep_landed
from tests.serving import free_port

ROUNDS = 25
START_S = 60.0
END_S = 20
STOREFRONT = {"Authorization": "Bearer dev-storefront"}


@asynccontextmanager
async def worker(database: Database, key: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An API process of its own, and a client that speaks to it alone."""
    port = free_port()
    environment = os.environ | {
        "CASELOG_DATABASE_URL": database.app,
        "CASELOG_MASTER_KEY_FILE": str(key),
        "CASELOG_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "case_api", env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=STOREFRONT, timeout=30) as client:
            await _until_ready(client)
            yield client
    finally:
        process.terminate()
        async with asyncio.timeout(END_S):
            await process.wait()


async def _until_ready(client: httpx.AsyncClient) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("the worker did not become ready")


@pytest_asyncio.fixture
async def workers(database: Database, tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two API processes on one database."""
    await prepare(database.app, development_keys=True)
    await keep_landed(database.app)
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(b"k" * 32).decode())
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(worker(database, key)) for _ in range(2)]


async def test_a_filing_and_a_step_sent_twice_at_once_happen_once(
    workers: list[httpx.AsyncClient], database: Database
) -> None:
    for number in range(ROUNDS):
        filed = await _both(workers, "/v1/cases", f"file-{number}", complaint())
        step = happened("merchant_replied", MERCHANT, decision="agree")
        await _both(workers, f"/v1/cases/{filed['case_id']}/events", f"step-{number}", step)
    admin = await asyncpg.connect(database.superuser)
    counted = await admin.fetch("SELECT type, count(*) FROM events GROUP BY type")
    await admin.close()
    assert {row["type"]: row["count"] for row in counted} == {
        "filed": ROUNDS,
        "merchant_replied": ROUNDS,
        "settled": ROUNDS,
    }


async def _both(workers: list[httpx.AsyncClient], path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Idempotency-Key": key}
    one, other = await asyncio.gather(*(client.post(path, json=body, headers=headers) for client in workers))
    assert (one.status_code, other.status_code) == (201, 201), (one.text, other.text)
    assert one.content == other.content
    assert {one.headers.get("Idempotency-Replayed"), other.headers.get("Idempotency-Replayed")} == {None, "true"}
    answered: dict[str, Any] = one.json()
    return answered
