"""`python -m case_api` as a process of its own, on a socket of ours, and what is said to it byte by byte."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.conftest import Database

START_S = 60.0
ANSWER_S = 5.0


class Served:
    """A running process and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port
        self.url = f"http://127.0.0.1:{port}"

    async def say(self, raw: bytes, *, wait_s: float = ANSWER_S) -> bytes:
        """Send bytes as they are; what comes back until the other side hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            return await asyncio.wait_for(reader.read(), wait_s)
        finally:
            writer.close()

    def resident_kb(self) -> int:
        """What of its memory lies in the machine's, in kB."""
        said = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in said.splitlines() if line.startswith("VmRSS:")).split()[1])


@asynccontextmanager
async def api_process(database: Database, master_key_file: Path, **settings: str) -> AsyncIterator[Served]:
    """The process, ready; killed in the end if it still runs."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        environment = {
            **os.environ,
            "CASELOG_LISTEN_FD": str(listening.fileno()),
            "CASELOG_DATABASE_URL": database.app,
            "CASELOG_MASTER_KEY_FILE": str(master_key_file),
            "CASELOG_LOG": "json",
            **settings,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "case_api"),
            env=environment,
            pass_fds=(listening.fileno(),),
            stderr=asyncio.subprocess.PIPE,
        )
        served = Served(process, listening.getsockname()[1])
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=START_S) as client:
                assert (await client.get(f"{served.url}/healthz")).status_code == 200
            yield served
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
