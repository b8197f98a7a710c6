"""Scheduler processes for tests: the real ones, started and ended one by one, their log lines read as data."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_api.cli.offspring import dies_with_parent

MASTER_KEY = b"k" * 32
SCHEDULER = (sys.executable, "-m", "case_scheduler")
END_S = 20


@dataclass
class Scheduler:
    """One running scheduler process and the file its log lines go to."""

    process: asyncio.subprocess.Process
    log: Path

    async def end(self, number: signal.Signals) -> int:
        """Send the signal and wait for the process; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(END_S):
            return await self.process.wait()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind; a line cut short by a kill -9 is no line."""
        found = []
        for line in self.log.read_text().splitlines():
            try:
                said = json.loads(line)
            except json.JSONDecodeError:
                continue
            if said.get("event") == event:
                found.append(said)
        return found


@asynccontextmanager
async def scheduler(url: str, folder: Path, name: str, command: Sequence[str] = SCHEDULER) -> AsyncIterator[Scheduler]:
    """A scheduler on the database behind ``url``, until the block ends."""
    key = folder / "master.key"
    if not key.exists():  # others that are starting read it
        key.write_text(base64.b64encode(MASTER_KEY).decode())
    log = folder / f"{name}.log"
    environment = os.environ | {
        "CASELOG_DATABASE_URL": url,
        "CASELOG_MASTER_KEY_FILE": str(key),
        "CASELOG_LOG": "json",
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_parent(signal.SIGKILL),  # so that a killed test run leaves none
        )
    running = Scheduler(process, log)
    try:
        yield running
    finally:
        await running.end(signal.SIGKILL)
