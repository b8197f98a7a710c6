"""One Postgres for all tests, and for each who asks a fresh database in it with every migration done."""

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_api.cli.prepare import prepare
from tests import clusters, sharing
from tests.landed import load_landed
from tests.serving import Serving, serving


def pytest_configure(config: pytest.Config) -> None:
    """One folder for what all processes of this run share; whoever starts it removes it.

    A fault that is logged is written plainly: structlog by itself draws each with all that stood in its frames, which
    takes seconds, and the tests of what fails log dozens.
    """
    *before, _ = structlog.get_config()["processors"]
    structlog.configure(processors=[*before, ConsoleRenderer(exception_formatter=plain_traceback)])
    if clusters.PLACE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="caselog-tests-"))
        folder.chmod(0o711)  # run by root, Postgres is somebody else and must pass through
        os.environ[clusters.PLACE] = str(folder)
        config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before the processes are told which tests there are."""
    sharing.share_out(items)


@dataclass(frozen=True)
class Database:
    """A fresh database, and how each login reaches it."""

    name: str
    owner: str
    app: str
    scheduler: str
    superuser: str


@pytest.fixture(scope="session")
def caselog() -> Iterator[Serving]:
    """One whole Caselog, as `caselog up` starts it, for all tests that come through the front door.

    Taobao's cases are judged by taobao@2026.1 in it, other marketplaces' by what is shipped.
    """
    with serving(workers=2, schedulers=2) as running:
        load_landed(running)
        yield running


@pytest.fixture(scope="session")
def caselog_shipped() -> Iterator[Serving]:
    """One whole Caselog with the shipped policies and no other (taobao@2026.6, tmall@2026.6): for the scenarios.

    It looks for collective complaints every second.
    """
    with serving(workers=2, schedulers=2, CASELOG_COLLECTIVE_EVERY_S="1") as running:
        yield running


MakeDatabase = Callable[[], Awaitable[Database]]


@pytest.fixture(scope="session")
def pg_bin() -> Path | None:
    """Other binaries than the wheel's, where CASELOG_TEST_PG_BIN names them."""
    named = os.environ.get("CASELOG_TEST_PG_BIN")
    return Path(named) if named else None


@pytest_asyncio.fixture(scope="session")
async def postgres_server(pg_bin: Path | None) -> AsyncIterator[postgres.Server]:
    """The server all tests share; it ends with them, however they end."""
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as folder:
        Path(folder).chmod(0o711)  # run by root, the server is somebody else and must pass through
        if pg_bin is None:
            await asyncio.to_thread(clusters.furnish, Path(folder, "data"))
        server = await postgres.start(Path(folder, "data"), bin_dir=pg_bin)
        yield server
        server.process.send_signal(signal.SIGQUIT)  # nothing in it is wanted any more: it need not be tidied up
        await server.stop()


@pytest_asyncio.fixture(scope="session")
async def make_database(postgres_server: postgres.Server) -> AsyncIterator[MakeDatabase]:
    """Makes a fresh, migrated database each time it is called."""
    numbers = itertools.count(1)
    admin = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    template = clusters.TEMPLATE
    if not await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", template):
        await admin.execute(f"CREATE DATABASE {template} OWNER {postgres.OWNER}")
        await asyncio.to_thread(bring_to_head, postgres_server.url(postgres.OWNER, template))

    async def make() -> Database:
        name = f"caselog_{next(numbers)}"
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {postgres.OWNER}")
        logins = (*postgres.LOGINS, postgres.SUPERUSER)
        return Database(name, *(postgres_server.url(login, name) for login in logins))

    yield make
    await admin.close()


@pytest_asyncio.fixture
async def database(make_database: MakeDatabase) -> Database:
    """A fresh database for one test."""
    return await make_database()


@pytest_asyncio.fixture(scope="module")
async def shipped_database(make_database: MakeDatabase) -> Database:
    """A fresh database for the tests of one module, with the shipped policies kept and no other."""
    database = await make_database()
    await prepare(database.app, development_keys=True)
    return database


@pytest_asyncio.fixture(scope="module")
async def module_database(make_database: MakeDatabase) -> Database:
    """A fresh database for the tests of one module."""
    return await make_database()
