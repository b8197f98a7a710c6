"""Making an empty database of one that was played in: what our migrations made is dropped, in one transaction.

The record is append-only to the end: no row of it is deleted and no trigger disabled, the tables go in plain sight.
Which cases there were is kept in a table of the owner's until their files are removed, so that it can be gone on with.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from case_events.core.values import Value
from case_events.ledger.append_statements import GIVEN
from case_events.ledger.callers.keys import kept_development_keys
from case_events.ledger.connection import CONNECT_TIMEOUT_S, READ_COMMITTED, UNHURRIED, Connection, check_address
from case_events.ledger.locks import MIGRATING
from case_events.ledger.queries import MIGRATION
from case_events.ledger.rebuild.shadows import SCHEMA
from case_events.ledger.rebuild.shadows import TABLES as SHADOWS
from case_events.ledger.tables import metadata

LOCK = "5s"
"""How long it waits for somebody who holds a table."""
VERSION = "alembic_version"
WIPED = "wiped_cases"
"""The cases whose record is gone and whose files may be there."""

TABLES = (*metadata.tables, VERSION)
FUNCTIONS = ("refuse_change()", "clock_stands(uuid, timestamptz, boolean)", "delete_test_clock(uuid)")
THINGS = {"TABLE": TABLES, "SEQUENCE": ("complaint_number",), "TYPE": tuple(GIVEN), "FUNCTION": FUNCTIONS}
"""What the migrations made, in the order in which it can be dropped. Indexes, triggers, grants and the sequences of
columns go with their tables. Never CASCADE: what somebody else made of ours is in the way, and named."""

NAMES = [name.partition("(")[0] for names in THINGS.values() for name in names]
FOUND = """
SELECT name, owner = current_user::regrole AS own FROM (
    SELECT relname AS name, relowner AS owner, relnamespace AS place FROM pg_class WHERE relkind IN ('r', 'S', 'c')
    UNION ALL SELECT proname, proowner, pronamespace FROM pg_proc
) AS things WHERE place = current_schema()::regnamespace AND name = ANY($1::text[])
"""
SHADOWED = "SELECT true FROM pg_namespace WHERE nspname = $1 AND nspowner = current_user::regrole"
OTHERS = """
SELECT concat_ws(' as ', nullif(application_name, ''), usename) AS who FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (application_name LIKE 'caselog%' OR usename IN ('caselog_owner', 'caselog_app', 'caselog_scheduler'))
GROUP BY who ORDER BY who
"""
CASES, EVENTS = "SELECT count(*) FROM streams", "SELECT count(*) FROM events"
KEYS = "SELECT EXISTS (SELECT FROM api_keys)"
LEFT = f"SELECT count(*) FROM {WIPED}"


class NotReset(Exception):
    """Nothing was wiped; the message says why."""


class NotNow(Exception):
    """Nothing was wiped, because somebody is at work; the same may be tried again."""


class Standing(Value, frozen=True, kw_only=True):
    """What is in the database of this name. ``migrated``: our tables, of this release, and the owner's.

    ``guarded``: there is something, and no development key; so it may be one that is used in production, where none is
    let in. ``unfinished``: cases that an earlier reset wiped, and whose files it did not come to.
    """

    database: str
    migrated: bool
    cases: int = 0
    events: int = 0
    guarded: bool = False
    unfinished: int = 0
    others: tuple[str, ...] = ()


async def connect(url: str) -> asyncpg.Connection:
    """A connection of the owner's."""
    check_address(url)
    said = {"application_name": "caselog-reset", **READ_COMMITTED, **UNHURRIED}
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=said)


async def hold(connection: Connection) -> None:
    """Nobody migrates, and so nobody starts with new tables, until this connection ends. Raises NotNow."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATING):
        raise NotNow("somebody migrates this database, or resets it")


async def look(connection: Connection) -> Standing:
    """What is there. Raises NotReset where the tables are another release's, or another login's."""
    database, migrated = await connection.fetchval("SELECT current_database()"), await _migrated(connection)
    unfinished = 0
    if await connection.fetchval("SELECT to_regclass($1)", WIPED):
        unfinished = await connection.fetchval(LEFT)
    said = {"database": database, "unfinished": unfinished, "others": await _others(connection)}
    if not migrated:
        return Standing(migrated=False, **said)
    cases, events = await connection.fetchval(CASES), await connection.fetchval(EVENTS)
    used = events or await connection.fetchval(KEYS)
    guarded = bool(used) and not await kept_development_keys(connection)
    return Standing(migrated=True, cases=cases, events=events, guarded=guarded, **said)


async def wipe(connection: Connection, *, migrated: bool) -> int:
    """Drop everything that the migrations made, or nothing; of how many cases the files may be there afterwards.

    Raises NotReset, or NotNow where somebody is there.
    """
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE TABLE IF NOT EXISTS {WIPED} (case_id uuid PRIMARY KEY)")
            if migrated:
                await _drop(connection)
            return int(await connection.fetchval(LEFT))
    except asyncpg.DependentObjectsStillExistError as fault:
        raise NotReset(f"somebody made something of our tables, which would go with them: {fault.detail}") from None
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        raise NotNow("somebody holds the tables") from None


async def wiped(connection: Connection, limit: int) -> list[UUID]:
    """Some of the cases whose files may still be there; none at the end."""
    rows = await connection.fetch(f"SELECT case_id FROM {WIPED} ORDER BY case_id LIMIT $1", limit)
    return [row["case_id"] for row in rows]


async def forget(connection: Connection, case_ids: Iterable[UUID]) -> None:
    """Their files are gone."""
    await connection.execute(f"DELETE FROM {WIPED} WHERE case_id = ANY($1::uuid[])", list(case_ids))


async def finish(connection: Connection) -> None:
    """All files are gone."""
    await connection.execute(f"DROP TABLE {WIPED}")


def in_use(others: Iterable[str]) -> str:
    """Who is there, in words."""
    return f"stop first what is connected: {', '.join(others)}"


async def _drop(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK}'")
    await connection.execute(f"LOCK TABLE {', '.join(TABLES)}")
    # Who comes from here on waits for the tables, and then finds none.
    if others := await _others(connection):
        raise NotReset(in_use(others))
    await connection.execute(f"INSERT INTO {WIPED} SELECT case_id FROM streams ON CONFLICT DO NOTHING")
    for kind, names in THINGS.items():
        await connection.execute(f"DROP {kind} {', '.join(names)}")
    if await connection.fetchval(SHADOWED, SCHEMA):  # a rebuild was killed
        await connection.execute(f"DROP TABLE IF EXISTS {', '.join(f'{SCHEMA}.{name}' for name in SHADOWS)}")
        await connection.execute(f"DROP SCHEMA {SCHEMA}")


async def _others(connection: Connection) -> tuple[str, ...]:
    return tuple(row["who"] for row in await connection.fetch(OTHERS))


async def _migrated(connection: Connection) -> bool:
    found = {row["name"]: row["own"] for row in await connection.fetch(FOUND, NAMES)}
    if VERSION not in found:
        return False
    if not all(found.values()):
        raise NotReset("the tables belong to another login; set CASELOG_MIGRATION_URL")
    if found.keys() != set(NAMES) or await connection.fetchval(f"SELECT version_num FROM {VERSION}") != MIGRATION:
        raise NotReset("the tables are not this release's; run `caselog migrate`")
    return True
