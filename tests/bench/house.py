"""The house that is measured: an embedded Postgres, fresh databases in it, and the processes of the services."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_api.cli.prepare import prepare
from case_events.ledger.database import Ledger, open_ledger
from tests.serving import free_port

MASTER_KEY = b"b" * 32
TEMPLATE = "caselog_bench"
START_S = 30
STOP_S = 30
READY_POLL_S = 0.05
CASELOG_S_MAX = 1_800
SHOWN = 4_000
NUMBERED = "SELECT head >= (SELECT count(*) FROM events) FROM feed_state WHERE lane = 0"
LOOK_S = 0.5
NUMBERED_S_MAX = 1_800


class Missing(Exception):
    """What would be measured is not here; it says what."""


@dataclass(frozen=True)
class Database:
    """A fresh database with the shipped policies and the development keys, and how each login reaches it."""

    name: str
    owner: str
    app: str
    scheduler: str
    superuser: str

    @asynccontextmanager
    async def ledger(self, pool_size: int = 10) -> AsyncIterator[Ledger]:
        """The ledger in it, as an API process opens it."""
        opened = await open_ledger(self.app, master_key=MASTER_KEY, pool_size=pool_size)
        try:
            yield opened
        finally:
            await opened.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """A session of the owner of the server."""
        connection = await asyncpg.connect(self.superuser)
        try:
            yield connection
        finally:
            await connection.close()

    async def settle(self) -> None:
        """What was just written is vacuumed, analysed and flushed: none of it is done during a measurement."""
        async with self.session() as connection:
            await connection.execute("VACUUM (FREEZE, ANALYZE)")
            await connection.execute("CHECKPOINT")

    async def numbered(self) -> None:
        """Until all that was written has its position in the feed: no sequencer works on that any more."""
        async with self.session() as session, asyncio.timeout(NUMBERED_S_MAX):
            while not await session.fetchval(NUMBERED):
                await asyncio.sleep(LOOK_S)


@dataclass(frozen=True)
class House:
    """The server all benchmarks share, and a folder for what else they need; all of it is gone in the end."""

    server: postgres.Server
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def postgres_pid(self) -> int:
        return self.server.process.pid

    @property
    def pgbench(self) -> Path:
        """The server's own pgbench. Raises Missing where its binaries have none."""
        path = self.server.premises.bin_dir / "pgbench"
        if not path.exists():
            raise Missing(f"there is no pgbench in {path.parent}")
        return path

    def environment(self, database: Database, **more: str) -> dict[str, str]:
        """What our processes are started with."""
        key = self.folder / "master.key"
        key.write_text(base64.b64encode(MASTER_KEY).decode())
        said = {
            "CASELOG_DATABASE_URL": database.app,
            "CASELOG_SCHEDULER_URL": database.scheduler,
            "CASELOG_MIGRATION_URL": database.owner,
            "CASELOG_MASTER_KEY_FILE": str(key),
            "CASELOG_DATA_DIR": str(self.folder / "files"),
            "CASELOG_LOG": "json",  # as it is run in earnest
            # One key sends it all: it is counted as everywhere, and never held up.
            "CASELOG_RATE_PER_MINUTE": str(10_000_000),
        }
        return {**os.environ, **said, **more}

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A fresh, migrated database, removed when the block ends."""
        admin = await asyncpg.connect(self.server.url(postgres.SUPERUSER, "postgres"))
        name = f"{TEMPLATE}_{next(self._numbers)}"
        try:
            await self._template(admin)
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {postgres.OWNER}")
            logins = (*postgres.LOGINS, postgres.SUPERUSER)
            yield Database(name, *(self.server.url(login, name) for login in logins))
        finally:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await admin.close()

    async def _template(self, admin: asyncpg.Connection) -> None:
        if await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", TEMPLATE):
            return
        await admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER {postgres.OWNER}")
        await asyncio.to_thread(bring_to_head, self.server.url(postgres.OWNER, TEMPLATE))
        await prepare(self.server.url(postgres.APP, TEMPLATE), development_keys=True)


@asynccontextmanager
async def a_house(*settings: str) -> AsyncIterator[House]:
    """A Postgres in a folder of its own until the block ends; ``settings``: of the server, ``name = value``."""
    with tempfile.TemporaryDirectory(prefix="caselog-bench-") as folder:
        Path(folder).chmod(0o711)  # run by root, Postgres is somebody else and must pass through
        data = Path(folder, "data")
        server = await postgres.start(data)
        try:
            if settings:
                server = await _set(server, data, settings)
            yield House(server, Path(folder))
        finally:
            await server.stop()


async def _set(server: postgres.Server, data: Path, settings: tuple[str, ...]) -> postgres.Server:
    admin = await asyncpg.connect(server.url(postgres.SUPERUSER, "postgres"))
    for setting in settings:
        await admin.execute(f"ALTER SYSTEM SET {setting}")
    await admin.close()
    await server.stop()
    return await postgres.start(data)


@contextmanager
def served(command: list[str], environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """An HTTP server on a free port (``{port}`` in the command) until the block ends; its port and its process.

    Raises RuntimeError when it does not answer in time.
    """
    port = free_port()
    with running([part.format(port=port) for part in command], {**environment, "CASELOG_PORT": str(port)}) as process:
        end = time.monotonic() + START_S
        while not _answers(port):
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError(f"{command} does not answer")
            time.sleep(READY_POLL_S)
        yield port, process.pid


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=START_S)
    except httpx.TransportError:
        return False
    return True


@contextmanager
def running(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours until the block ends; what it said is shown if the block fails."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
        try:
            yield process
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-SHOWN:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)


def caselog(house: House, database: Database, *arguments: str) -> str:
    """What `caselog` with these arguments prints. Raises subprocess.CalledProcessError when it fails."""
    command = [sys.executable, "-c", "from case_api.cli import main; main()", *arguments]
    done = subprocess.run(
        command, env=house.environment(database), check=True, stdout=subprocess.PIPE, text=True, timeout=CASELOG_S_MAX
    )
    return done.stdout
