"""Postgres and a worker die by kill -9 under load: what was acknowledged is there, once, and everything goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.house import BUYER, PROOF, complaint, happened
from tests.serving import Serving, serving

WRITERS = 6
STEPS = 40
GIVE_UP_S = 60.0
STOREFRONT = {"Authorization": "Bearer dev-storefront"}


@pytest.fixture
def mortal() -> Iterator[Serving]:
    """A Caselog of its own, to be hurt."""
    with serving(workers=2) as running:
        yield running


async def test_what_was_acknowledged_survives_kill_9_of_postgres_and_of_a_worker(mortal: Serving) -> None:
    async with httpx.AsyncClient(base_url=mortal.url, headers=STOREFRONT, timeout=10) as client:
        writers = [asyncio.create_task(_write(client, number)) for number in range(WRITERS)]
        for victim in (_postmaster(mortal.data), _worker(mortal.process.pid)):
            await asyncio.sleep(1.0)
            os.kill(victim, signal.SIGKILL)
        cases = await asyncio.gather(*writers)
        for case_id in cases:
            history = (await _until_answered(client, "GET", f"/v1/cases/{case_id}/events", None, None)).json()["items"]
            assert [one["version"] for one in history] == list(range(1, STEPS + 2))
    command = (sys.executable, "-c", "from case_api.cli import main; main()", "audit", "verify", "--json")
    verified = subprocess.run(command, env=mortal.environment(), capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(verified.stdout)["findings"] == []


async def _write(client: httpx.AsyncClient, number: int) -> str:
    """File a complaint and post to it, each step again with its key until it is answered; the case id."""
    filed = await _until_answered(client, "POST", "/v1/cases", complaint(), f"file-{number}")
    case_id: str = filed.json()["case_id"]
    for step in range(STEPS):
        body = happened("evidence_submitted", BUYER, evidence=PROOF)
        answer = await _until_answered(client, "POST", f"/v1/cases/{case_id}/events", body, f"step-{step}")
        assert answer.json()["case"]["version"] == step + 2, "no step was lost or recorded twice"
    return case_id


async def _until_answered(
    client: httpx.AsyncClient, method: str, path: str, body: object, key: str | None
) -> httpx.Response:
    end = time.monotonic() + GIVE_UP_S
    while time.monotonic() < end:
        try:
            answer = await client.request(method, path, json=body, headers={"Idempotency-Key": key} if key else {})
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            continue
        if answer.status_code != 503:
            assert answer.is_success, answer.text
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"{method} {path} was not answered in {GIVE_UP_S} s")


def _postmaster(data: Path) -> int:
    return int((data / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def _worker(parent: int) -> int:
    """The process of one API worker, a child of `caselog up`."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and "case_api" in (entry / "cmdline").read_text().split("\0"):
                return int(entry.name)
        except OSError:
            continue
    raise AssertionError("no worker is left")
