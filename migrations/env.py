"""How alembic reaches the database: one connection, the owner's, with a lock so that nobody else migrates meanwhile."""

import asyncio
import os
import time
from functools import partial

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from case_events.ledger.locks import MIGRATING
from case_events.ledger.tables import metadata

OTHER_MIGRATION_S = 600  # how long another migration may take before we give up waiting for it
ASKED_AGAIN_S = 0.2
TABLE_LOCK = "5s"  # a step that waits for a busy table stands in everybody's way; rather fail and try again
CONNECT_S = 30
UNHURRIED = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}  # whatever is set for short ones


def run() -> None:
    """Print the SQL (`--sql`), or run it."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
    else:
        asyncio.run(_run_online())


def _url() -> str:
    given = context.config.attributes.get("url") or os.environ.get("CASELOG_MIGRATION_URL")
    if not given:
        raise SystemExit("set CASELOG_MIGRATION_URL to the owner's login")
    return str(given)


async def _run_online() -> None:
    # As the services connect: what their addresses may say (sslmode, several hosts), this one may say too.
    connect = partial(asyncpg.connect, _url(), timeout=CONNECT_S, server_settings=UNHURRIED)
    engine = create_async_engine("postgresql+asyncpg://", poolclass=pool.NullPool, async_creator=connect)
    async with engine.connect() as connection:
        await _in_utf8(connection)
        await _alone(connection)
        await connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK}'"))
        await connection.commit()
        await connection.run_sync(_run_steps)
    await engine.dispose()


async def _in_utf8(connection: AsyncConnection) -> None:
    """Another encoding would be found out by the first name that it has no character for, long after."""
    encoding = await connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise asyncpg.CharacterNotInRepertoireError(f"the database has the encoding {encoding}; make one with UTF8")


async def _alone(connection: AsyncConnection) -> None:
    """Nobody else migrates until this connection ends: the lock is the session's, so that a step may commit.

    It is asked for again and again: who waited for it in a transaction would keep an index from being made beside it.
    """
    until = time.monotonic() + OTHER_MIGRATION_S
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MIGRATING}):
        await connection.rollback()
        if time.monotonic() > until:
            raise TimeoutError(f"another migration has not ended for {OTHER_MIGRATION_S} s")
        await asyncio.sleep(ASKED_AGAIN_S)


def _run_steps(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
