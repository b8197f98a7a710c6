"""A peer, where it is installed (the extra `bench`): the `eventsourcing` library inserting events."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.bench.house import Database, Missing
from tests.bench.load import Run

LOCK = Path(__file__).resolve().parents[2] / "requirements-bench.lock"
STATE = b"x" * 500
INSTALL_S_MAX = 600


def install() -> None:
    """Install the extra's packages from its lock, beside those of the tests. Raises CalledProcessError."""
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    command = [*pip, "--quiet", "--require-hashes", "-r", str(LOCK)]
    subprocess.run(command, check=True, timeout=INSTALL_S_MAX)


class Recorder:
    """The Postgres recorder that an application of the library has (with its log of notifications), used by threads."""

    def __init__(self, database: Database, threads: int) -> None:
        """Make its table. Raises Missing when the library is not installed."""
        try:
            library: Any = importlib.import_module("eventsourcing.postgres")
        except ImportError as missing:
            raise Missing(f"{missing}; `make bench PEERS=yes` installs it") from None
        self._event: Any = importlib.import_module("eventsourcing.persistence").StoredEvent
        at = urlsplit(database.superuser)
        self._datastore = library.PostgresDatastore(
            dbname=database.name,
            host=at.hostname,
            port=str(at.port),
            user=at.username,
            password=at.password,
            pool_size=threads,
            max_overflow=0,
            originator_id_type="uuid",
        )
        self._recorder = library.PostgresApplicationRecorder(self._datastore, events_table_name="peer_events")
        self._recorder.create_table()
        self._threads = ThreadPoolExecutor(threads)

    async def insert(self, count: int) -> Run:
        """Insert so many events, each by itself."""
        return await asyncio.to_thread(self._insert, count)

    def _insert(self, count: int) -> Run:
        began = time.perf_counter()
        latencies = list(self._threads.map(self._one, range(count)))
        return Run(count, time.perf_counter() - began, tuple(latencies))

    def _one(self, _: int) -> float:
        event = self._event(originator_id=uuid4(), originator_version=1, topic="bench:Happened", state=STATE)
        began = time.perf_counter()
        self._recorder.insert_events([event])
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        self._threads.shutdown()
        self._datastore.close()
