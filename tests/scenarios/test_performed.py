"""Each dispute lived through over HTTP on a whole Caselog, its schedulers firing; then the record is verified."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from tests.scenarios.perform import perform
from tests.scenarios.script import Scenario, scenarios
from tests.serving import Serving

ASK_S = 30.0
VERIFY_S = 60


@pytest.mark.parametrize("scenario", scenarios().values(), ids=list(scenarios()))
async def test_the_dispute_goes_as_it_is_told(scenario: Scenario, caselog: Serving) -> None:
    async with httpx.AsyncClient(base_url=caselog.url, timeout=ASK_S) as client:
        told = await perform(scenario, client)
    assert told.timeline["entries"]


def test_afterwards_the_record_is_verified_from_the_command_line(caselog: Serving) -> None:
    command = (sys.executable, "-c", "from case_api.cli import main; main()", "audit", "verify", "--json")
    done = subprocess.run(
        command, env=caselog.environment(), capture_output=True, text=True, timeout=VERIFY_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["findings"] == []
    assert verdict["cases"] >= len(scenarios())
