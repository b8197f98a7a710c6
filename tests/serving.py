"""A whole Caselog for a while: `caselog up` as an operator would start it, on a free port, in a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from case_api.cli.offspring import dies_with_parent
from tests import clusters

START_S = 120.0
STOP_S = 40.0
POLL_S = 0.1
ASK_S = 2.0


@dataclass(frozen=True)
class Serving:
    """A running Caselog: where it answers, where its data lies, and its parent process."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    log: Path

    def environment(self) -> dict[str, str]:
        """What a command needs to reach the same data."""
        return {**os.environ, "CASELOG_DATA_DIR": str(self.data)}


@contextmanager
def serving(*, workers: int = 1, schedulers: int = 1, **settings: str) -> Iterator[Serving]:
    """Start, wait until ready, and in the end stop as Ctrl-C does. RuntimeError, with the log, if it never is."""
    with tempfile.TemporaryDirectory(prefix="caselog-serving-") as folder:
        Path(folder).chmod(0o711)  # run by root, Postgres is somebody else and must pass through
        port, log = free_port(), Path(folder) / "caselog.log"
        data = Path(folder) / "data"
        if "CASELOG_DATABASE_URL" not in settings:
            clusters.furnish(data)
        environment = {
            **os.environ,
            "CASELOG_DATA_DIR": str(data),
            "CASELOG_PORT": str(port),
            "CASELOG_API_WORKERS": str(workers),
            "CASELOG_SCHEDULERS": str(schedulers),
            **settings,
        }
        command = (sys.executable, "-c", "from case_api.cli import main; main()", "up")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C reaches it once, through us
                preexec_fn=dies_with_parent(signal.SIGINT),  # noqa: PLW1509 - so that a killed test run leaves none
            )
        running = Serving(f"http://127.0.0.1:{port}", data, process, log)
        try:
            _wait(running)
            yield running
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask as an operator would, and firmly if that does not help; the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its children end with it
        return process.wait(STOP_S)


def answers(url: str) -> bool:
    """Whether a Caselog is ready there, with a scheduler."""
    with httpx.Client(base_url=url, timeout=ASK_S) as http:
        return _is_ready(http)


def _is_ready(http: httpx.Client) -> bool:
    try:
        said = http.get("/readyz")
    except httpx.TransportError:
        return False
    return said.status_code == 200 and not said.json()["missing"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(running: Serving) -> None:
    until = time.monotonic() + START_S
    # One client for all of it: each reads every root certificate there is, which takes longer than a poll.
    with httpx.Client(base_url=running.url, timeout=ASK_S) as http:
        while time.monotonic() < until and running.process.poll() is None:
            if _is_ready(http):
                return
            time.sleep(POLL_S)
    raise RuntimeError(f"caselog up did not become ready:\n{running.log.read_text(errors='replace')[-4000:]}")
