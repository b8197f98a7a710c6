"""What an operator does to a running Caselog meanwhile: commands at its side, and keys limited to a merchant."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from tests.scenarios.perform import KeyOf
from tests.serving import Serving

COMMAND_S = 120
CALLED = "from case_api.cli import main; main()"


def caselog_command(running: Serving, *words: str) -> Any:
    """What a command of the operator's says, read from its JSON."""
    command = (sys.executable, "-c", CALLED, *words, "--json")
    done = subprocess.run(
        command, env=running.environment(), capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def key_maker(running: Serving) -> KeyOf:
    """Makes keys limited to a merchant, as an operator does; the same merchant gets the same one."""
    made: dict[str, asyncio.Task[str]] = {}

    def make(merchant: str) -> str:
        words = ("keys", "create", "--role", "storefront", "--client", "shops", "--name", merchant)
        return str(caselog_command(running, *words, "--merchant", merchant)["secret"])

    async def key_of(merchant: str) -> str:
        made.setdefault(merchant, asyncio.create_task(asyncio.to_thread(make, merchant)))
        return await made[merchant]

    return key_of
