"""`caselog up` as the parent of small stand-ins: it starts, restarts, gives up and stops in order."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from case_api.cli import orphans
from tests import clusters

WAIT_S = 40.0
PARENT = """
import asyncio, sys
from case_api.cli import main
from case_api.cli.premises import CannotStart
from case_api.cli.up import Plan, run
from case_api.settings import Settings

async def prepare(url, *, development_keys):
    return ("dev-storefront",) if development_keys else ()

plan = Plan((sys.executable, "-c", sys.argv[1]), (sys.executable, "-c", sys.argv[2]), prepare)
try:
    code = asyncio.run(run(Settings(), plan))
except CannotStart as reason:
    sys.exit(f"caselog: {reason}")
sys.exit(code)
"""
API = """
import http.server, os, socket
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        urls = (os.environ[f"CASELOG_{whose}_URL"] for whose in ("DATABASE", "MIGRATION", "SCHEDULER"))
        body = " ".join((str(os.getpid()), *urls)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=int(os.environ["CASELOG_LISTEN_FD"]))
server.serve_forever()
"""
SCHEDULER = "import time; time.sleep(600)"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that strangers may pass through."""
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as path:
        Path(path).chmod(0o711)
        yield Path(path)


@pytest.fixture
def made(folder: Path) -> Path:
    """The same with a cluster in it that was made before, for who does not ask how one is made."""
    clusters.furnish(folder / "data")
    return folder


@contextmanager
def _up(folder: Path, *, api: str = API, scheduler: str = SCHEDULER, **settings: str) -> Iterator["Run"]:
    port = _free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASELOG_")}
    env = kept | {"CASELOG_DATA_DIR": str(folder / "data"), "CASELOG_PORT": str(port)} | settings
    command = [sys.executable, "-c", PARENT, api, scheduler]
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    running = Run(process, port, folder)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        _until(lambda: not running.left())


class Run:
    """One `caselog up`, and what is to be seen of it from outside."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder

    def said(self) -> str:
        return (self.folder / "out").read_text()

    def ask(self) -> list[str]:
        return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5, trust_env=False).text.split()

    def left(self) -> list[int]:
        """Whatever still runs of it: stand-ins know its data folder, and the server stands in it."""
        wanted = f"CASELOG_DATA_DIR={self.folder / 'data'}\0".encode()
        found = orphans.living(self.folder / "data" / "postgres" / "data")
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def postmaster(self) -> int:
        """The server that is ready; 0 while none is."""
        lines = self._lock_file()
        return int(lines[0]) if len(lines) > 7 and lines[7].strip() == "ready" else 0

    def starting(self, after: int) -> int:
        """The server that was started after this one, ready or not; 0 while there is none."""
        lines = self._lock_file()
        return int(lines[0]) if len(lines) > 1 and int(lines[0]) != after else 0

    def _lock_file(self) -> list[str]:
        try:
            return (self.folder / "data" / "postgres" / "data" / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return []

    def wait(self) -> int:
        return self.process.wait(WAIT_S)


def test_it_starts_everything_and_ctrl_c_leaves_nothing(folder: Path) -> None:
    others = {f"CASELOG_{whose}_URL": f"postgresql://{whose}:geheim@x/y" for whose in ("MIGRATION", "SCHEDULER")}
    with _up(folder, **others) as running:
        _until(lambda: "Caselog is up" in running.said())
        _, database_url, *other_urls = running.ask()
        assert database_url.startswith("postgresql://caselog_app:")
        assert other_urls == [], "the API has its own login and nobody else's"
        assert "dev-storefront" in running.said()
        assert database_url.split(":")[2].split("@")[0] not in running.said()
        assert (folder / "data" / "master.key").stat().st_mode & 0o777 == 0o600
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0
        assert running.left() == []
        assert not (folder / "data" / "postgres" / "data" / "postmaster.pid").exists()


def test_what_dies_is_started_again(made: Path) -> None:
    with _up(made, CASELOG_API_WORKERS="1") as running:
        _until(lambda: "Caselog is up" in running.said())
        first = int(running.ask()[0])
        os.kill(first, signal.SIGKILL)
        assert int(running.ask()[0]) != first  # asked meanwhile: the port never closed
        server = running.postmaster()
        os.kill(server, signal.SIGKILL)
        _until(lambda: running.starting(server) != 0)
        recovering = running.starting(server)
        os.kill(recovering, signal.SIGKILL)  # before it was ready, as a rule
        _until(lambda: running.postmaster() not in {0, server, recovering})
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 0
        assert running.left() == []


def test_it_gives_up_on_what_dies_at_once(made: Path) -> None:
    with _up(made, scheduler="raise SystemExit(3)") as running:
        assert running.wait() == 1
        assert "scheduler-1 died 5 times in a row" in running.said()
        assert running.left() == []


def test_kill_9_of_the_parent_takes_everything_along(made: Path) -> None:
    with _up(made) as running:
        _until(lambda: "Caselog is up" in running.said())
        running.process.kill()
        running.wait()
        _until(lambda: not running.left())


def test_a_second_ctrl_c_hurries_who_does_not_listen(made: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    with _up(made, scheduler=deaf) as running:
        _until(lambda: "Caselog is up" in running.said() and "deaf" in running.said())
        running.process.send_signal(signal.SIGINT)
        _until(lambda: "stopping" in running.said())
        asked = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0
        assert time.monotonic() - asked < 10
        assert "scheduler-1 did not stop and was killed" in running.said()


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with _up(folder, CASELOG_PORT=port) as running:
            assert running.wait() == 1
            assert f"port {port}" in running.said()
            assert "CASELOG_PORT" in running.said()


def test_production_names_all_that_is_missing(folder: Path) -> None:
    with _up(folder, CASELOG_ENV="production") as running:
        assert running.wait() == 1
        assert "CASELOG_DATABASE_URL" in running.said()
        assert "CASELOG_MASTER_KEY_FILE" in running.said()
        assert not (folder / "data").exists()


def test_a_database_without_its_master_key_is_not_given_another(folder: Path) -> None:
    (folder / "data" / "postgres" / "data").mkdir(parents=True)
    with _up(folder) as running:
        assert running.wait() == 1
        assert "master.key is missing" in running.said()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
