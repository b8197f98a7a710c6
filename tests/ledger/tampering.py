"""What somebody with all power over the server could do to the record; put back afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from case_events.core.values import CaseId
from tests.ledger.desk import stored

APPEND_ONLY = ("events", "credit_marks", "feed", "tree_nodes", "checkpoints")
TABLES = ("streams", "cases", "deadlines", "subject_keys", "open_complaints", "feed_state", "policies", *APPEND_ONLY)


@asynccontextmanager
async def tampered(superuser: asyncpg.Connection, *statements: str, changes: int = 1) -> AsyncIterator[None]:
    """Run the statements with the triggers disabled, each changing as many rows; afterwards all is as it was."""
    await superuser.execute("CREATE SCHEMA kept")
    for table in TABLES:
        await superuser.execute(f"CREATE TABLE kept.{table} AS TABLE {table}")
    for table in APPEND_ONLY:
        await superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        for statement in statements:
            done = await superuser.execute(statement)
            assert int(done.split()[-1]) == changes, f"{statement}: {done}"
        await _guarded(superuser)
        yield
    finally:
        for table in APPEND_ONLY:
            await superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in TABLES:
            await superuser.execute(f"TRUNCATE {table}")
            await superuser.execute(f"INSERT INTO {table} SELECT * FROM kept.{table}")  # noqa: S608
        await superuser.execute("DROP SCHEMA kept CASCADE")
        await _guarded(superuser)


async def _guarded(superuser: asyncpg.Connection) -> None:
    """As whoever covers their tracks leaves it."""
    for table in APPEND_ONLY:
        await superuser.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        await superuser.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_truncated")


@asynccontextmanager
async def unreadable(superuser: asyncpg.Connection, case_id: object, version: int) -> AsyncIterator[None]:
    """While it lasts this event is of a kind that no release here knows; others may read and write meanwhile."""

    async def rename(before: str, after: str) -> None:
        async with superuser.transaction():
            await superuser.execute("ALTER TABLE events DISABLE TRIGGER USER")
            done = await superuser.execute(
                "UPDATE events SET type = $4 WHERE case_id = $1 AND version = $2 AND type = $3",
                case_id,
                version,
                before,
                after,
            )
            assert done == "UPDATE 1", done
            for trigger in ("append_only", "never_truncated"):
                await superuser.execute(f"ALTER TABLE events ENABLE ALWAYS TRIGGER {trigger}")

    named = await superuser.fetchval("SELECT type FROM events WHERE case_id = $1 AND version = $2", case_id, version)
    await rename(named, "telepathy")
    try:
        yield
    finally:
        await rename("telepathy", named)


async def poison(superuser: asyncpg.Connection, case_id: CaseId, payload: bytes) -> bytes:
    """Put another payload under the filing; the one that was there."""
    before: bytes = (await stored(superuser, case_id))[0]["payload"]
    await superuser.execute("ALTER TABLE events DISABLE TRIGGER append_only")
    await superuser.execute("UPDATE events SET payload = $2 WHERE case_id = $1 AND version = 1", case_id, payload)
    await superuser.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only")
    return before
