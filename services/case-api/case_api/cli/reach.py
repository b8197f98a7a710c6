"""A ledger for a command that needs no service: the configured database, or the embedded one, running or not."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import msgspec

from case_api.cli import postgres
from case_api.cli.outcomes import Misused, Silence
from case_api.cli.premises import CannotStart, settle
from case_api.settings import Settings
from case_events.core.canonical import encode_hook
from case_events.ledger.connection import CONNECT_TIMEOUT_S, REFUSED, UNAVAILABLE, Connection, check_address
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.readable import Unreadable, refuse_unreadable_events
from case_events.ledger.sealing import read_master_key

Found = TypeVar("Found")

PORT_LINE = 3
"""Where the port stands in postmaster.pid, counted from 0."""


def with_connection(work: Callable[[Connection], Awaitable[Found]]) -> Found:
    """Do ``work`` on one connection to the ledger. Raises CannotStart, or Silence while Postgres is away."""
    return with_ledger(lambda _, connection: work(connection))


def with_ledger(work: Callable[[Ledger, Connection], Awaitable[Found]]) -> Found:
    """Do ``work`` on the ledger and one connection to it. Raises CannotStart, or Silence while Postgres is away."""

    async def run() -> Found:
        async with reached(Settings()) as ledger, ledger.connection() as connection:
            return await work(ledger, connection)

    with in_words():
        return asyncio.run(run())


@contextmanager
def in_words() -> Iterator[None]:
    """What can be wrong with a database, said so: raises CannotStart, Misused, or Silence while Postgres is away."""
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError as fault:
        raise Misused(f"CASELOG_DATABASE_URL or CASELOG_MIGRATION_URL cannot be used: {fault}") from None
    except REFUSED as fault:
        raise CannotStart(f"the database refuses us: {fault}") from None
    except UNAVAILABLE as fault:
        raise Silence(f"the database does not answer: {type(fault).__name__}: {fault}") from None
    except Unreadable as newer:
        raise CannotStart(str(newer)) from None
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as fault:
        raise CannotStart(f"the tables are not this release's ({fault}); run `caselog migrate`") from None


def plain(said: object) -> Any:
    """A value of ours as JSON data."""
    return msgspec.to_builtins(said, enc_hook=encode_hook, str_keys=True)


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[Ledger]:
    """The ledger, under the API's login, until the block ends. Raises CannotStart when there is none to reach."""
    async with whereabouts(settings) as (url, master_key):
        ledger = await open_ledger(url, master_key=master_key, application="caselog-cli")
        try:
            yield ledger
        finally:
            await ledger.close()


@asynccontextmanager
async def whereabouts(
    settings: Settings, login: str = postgres.APP, *, alone: bool = False
) -> AsyncIterator[tuple[str, bytes]]:
    """Where the ledger is for the API's login, or the owner's, and the master key, until the block ends.

    ``alone``: the embedded one only where it does not run, and nobody else starts it. Raises CannotStart.
    """
    key_file = settings.master_key_file or settings.data_dir / "master.key"
    if not key_file.is_file():
        raise CannotStart(f"there is no master key at {key_file}; CASELOG_MASTER_KEY_FILE or CASELOG_DATA_DIR names it")
    async with _url(settings, login, alone=alone) as url:
        check_address(url)
        try:
            master_key = read_master_key(key_file)
        except (ValueError, OSError) as fault:
            raise CannotStart(str(fault)) from None
        yield url, master_key


async def refuse_newer(url: str) -> None:
    """For a command that replays. Raises Unreadable where there are events that this release cannot read."""
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        await refuse_unreadable_events(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def _url(settings: Settings, login: str, *, alone: bool) -> AsyncIterator[str]:
    if login == postgres.OWNER and settings.migration_url is not None:
        yield settings.migration_url
        return
    if settings.database_url is not None:
        yield settings.database_url
        return
    running = None if alone else _running(settings.data_dir, login)
    if running is not None:
        yield running
        return
    server = await postgres.start(settings.data_dir)
    try:
        yield server.url(login)
    finally:
        await server.stop()


def _running(data_dir: Path, login: str) -> str | None:
    """Where the embedded server that `caselog up` runs on this folder listens; None when it does not run."""
    premises = settle(data_dir)
    if not _held(premises.home):
        return None
    try:
        lines = (premises.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        passwords = json.loads(premises.passwords.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CannotStart(f"the caselog on {premises.home} is still starting; try again in a moment") from None
    port = lines[PORT_LINE]
    return f"postgresql://{login}:{passwords[login]}@{postgres.HOST}:{port}/{postgres.DATABASE}"


def _held(home: Path) -> bool:
    """Whether a `caselog up` holds the folder, as the launcher does."""
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(folder)
    return False
