"""The migrated schema is the one the code speaks of, and there is no way back."""

from __future__ import annotations

import asyncio
from importlib import resources

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects import postgresql

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_api.cli.premises import CannotStart
from case_events.ledger.append_statements import CLOCKED, GIVEN
from case_events.ledger.database import Ledger
from case_events.ledger.queries import MIGRATION, health
from case_events.ledger.rebuild import building
from case_events.ledger.tables import metadata
from tests.conftest import Database
from tests.ledger.desk import Desk, contents

COLUMNS = """
SELECT c.relname, a.attname, lower(format_type(a.atttypid, a.atttypmod)) AS type, NOT a.attnotnull AS nullable
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
    AND a.attnum > 0 AND NOT a.attisdropped
"""
UNIQUE = """
SELECT c.relname, con.contype = 'p' AS is_primary, array(
    SELECT attname::text FROM unnest(con.conkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY place
) AS columns
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid
WHERE con.contype IN ('p', 'u') AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
"""
FIELDS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('c', 'r') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""
WRITTEN_TO = {
    "filed_case": ("cases", "streams"),
    "moved_case": ("cases", "streams"),
    "new_event": ("events",),
    "started_deadline": ("deadlines",),
    "stopped_deadline": ("deadlines",),
    "new_key": ("subject_keys",),
}
KNOWN_TO_THE_DATABASE_ONLY: set[tuple[str, bool, tuple[str, ...]]] = {("events", False, ("case_id", "event_id"))}
"""Constraints no query needs to know of."""


def config(database: Database) -> Config:
    made = Config()
    made.set_main_option("script_location", str(resources.files("case_migrations")))
    made.attributes["url"] = database.owner
    return made


async def test_every_column_is_as_the_code_says(superuser: asyncpg.Connection) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed
    said = {
        (table.name, column.name, column.type.compile(dialect=dialect).lower(), bool(column.nullable))
        for table in metadata.tables.values()
        for column in table.columns
    }
    assert {tuple(row) for row in await superuser.fetch(COLUMNS)} == said
    assert ("events", "tx", "xid8", False) in said


async def test_every_key_is_as_the_code_says(superuser: asyncpg.Connection) -> None:
    said = set(KNOWN_TO_THE_DATABASE_ONLY)
    for table in metadata.tables.values():
        said.add((table.name, True, tuple(column.name for column in table.primary_key.columns)))
        uniques = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
        said |= {(table.name, False, tuple(column.name for column in one.columns)) for one in uniques}
    found = {(row["relname"], row["is_primary"], tuple(row["columns"])) for row in await superuser.fetch(UNIQUE)}
    assert found == said


async def test_every_unique_key_of_a_case_s_table_contains_its_case(superuser: asyncpg.Connection) -> None:
    """So that the tables can be distributed by it (design, "The ledger"). The feed is one order over all of them."""
    elsewhere = {"test_clocks", "schedulers", "api_keys", "policies", "open_complaints"}
    elsewhere |= {"feed", "feed_state", "event_kinds", "subscriptions", "parked"}
    elsewhere |= {"rate_limits", "console_sessions", "webhook_endpoints", "webhook_secrets", "webhook_circuits"}
    elsewhere |= {"webhook_waiting", "webhook_attempts", "webhook_errands"}
    elsewhere |= {"clock_state", "lateness", "upkeep", "holds", "outages", "journal", "calendars"}
    elsewhere |= {"tree_nodes", "checkpoints"}
    for row in await superuser.fetch(UNIQUE):
        if row["relname"] not in elsewhere:
            assert "case_id" in row["columns"], row["relname"]


async def test_what_an_append_is_given_has_the_fields_it_sends_in_the_types_they_are_written_to(
    superuser: asyncpg.Connection,
) -> None:
    fields: dict[str, dict[str, str]] = {}
    for row in await superuser.fetch(FIELDS):
        fields.setdefault(row["relname"], {})[row["attname"]] = row["type"]
    assert {name: tuple(fields[name]) for name in GIVEN} == GIVEN
    assert WRITTEN_TO.keys() == GIVEN.keys()
    for name, tables in WRITTEN_TO.items():
        kept = {column: kind for table in tables for column, kind in fields[table].items()}
        differing = {field: kind for field, kind in fields[name].items() if kept.get(field, kind) != kind}
        assert not differing, f"{name} has another type than {tables}: {differing}"
        assert len(kept.keys() & fields[name].keys()) >= len(fields[name]) - len((*CLOCKED, "reserve"))


async def test_this_release_needs_the_newest_migration(module_database: Database, ledger: Ledger) -> None:
    assert ScriptDirectory.from_config(config(module_database)).get_heads() == [MIGRATION]
    assert (await health(ledger)).migrated


async def test_migrating_again_changes_nothing_that_is_recorded(
    module_database: Database, desk: Desk, superuser: asyncpg.Connection
) -> None:
    await desk.filed()
    before = await contents(superuser)
    await asyncio.to_thread(bring_to_head, module_database.owner)
    assert await contents(superuser) == before


async def test_the_ledger_is_never_downgraded(
    module_database: Database, desk: Desk, superuser: asyncpg.Connection
) -> None:
    await desk.filed()
    before = await contents(superuser)
    with pytest.raises(RuntimeError, match="only goes forward"):
        await asyncio.to_thread(command.downgrade, config(module_database), "base")
    assert await contents(superuser) == before


async def test_a_database_that_has_no_room_for_every_name_gets_no_tables(postgres_server: postgres.Server) -> None:
    name, superuser = "in_euc_cn", await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    made = f"CREATE DATABASE {name} OWNER {postgres.OWNER} ENCODING 'EUC_CN' LOCALE 'C' TEMPLATE template0"
    await superuser.execute(made)
    try:
        with pytest.raises(CannotStart, match="the encoding EUC_CN"):
            await asyncio.to_thread(bring_to_head, postgres_server.url(postgres.OWNER, name))
    finally:
        await superuser.execute(f"DROP DATABASE {name}")
        await superuser.close()


async def test_what_is_set_for_everybodys_short_statements_ends_no_long_one_of_the_owners(
    postgres_server: postgres.Server,
) -> None:
    name, superuser = "hurried", await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    await superuser.execute(f"CREATE DATABASE {name} OWNER {postgres.OWNER}")
    try:
        await superuser.execute(f"ALTER DATABASE {name} SET statement_timeout = '3ms'")
        owner = postgres_server.url(postgres.OWNER, name)
        await asyncio.to_thread(bring_to_head, owner)
        rebuilding = await building.connect(owner)
        assert await rebuilding.fetchval("SELECT pg_sleep(0.05)::text") == ""
        await rebuilding.close()
    finally:
        await superuser.execute(f"DROP DATABASE {name}")
        await superuser.close()


async def test_the_services_logins_cannot_migrate(module_database: Database) -> None:
    for url in (module_database.app, module_database.scheduler):
        connection = await asyncpg.connect(url)
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE TABLE more (a int)")
        finally:
            await connection.close()


async def test_a_ledger_whose_schema_is_another_release_s_says_so(
    superuser: asyncpg.Connection, ledger: Ledger
) -> None:
    moved = "UPDATE alembic_version SET version_num = $1"
    await superuser.execute(moved, "9999")
    try:
        assert not (await health(ledger)).migrated
    finally:
        await superuser.execute(moved, MIGRATION)
    assert (await health(ledger)).migrated
