"""A migration runs while the release before it works: it takes nothing away from it, and asks nothing more of it."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory

from case_api.cli import postgres
from case_events.ledger.queries import MIGRATION
from tests.commands import typed
from tests.conftest import Database
from tests.ledger.leaning import Schema, harms, schema
from tests.ledger.test_migrations import config

LOGINS = (postgres.APP, postgres.SCHEDULER)
NAME = "caselog_rolled_out"
MIGRATE_S = 60
STOPPED_WITH = {"0002", "0003"}
"""Migrations that nothing could run through, of before the first release. No other may join them."""


@pytest_asyncio.fixture(scope="module")
async def schemas(postgres_server: postgres.Server) -> AsyncIterator[dict[str, Schema]]:
    """The schema after each migration, in their order."""
    admin = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    await admin.execute(f"CREATE DATABASE {NAME} OWNER {postgres.OWNER}")
    logins = (*postgres.LOGINS, postgres.SUPERUSER)
    database = Database(NAME, *(postgres_server.url(login, NAME) for login in logins))
    looking = await asyncpg.connect(database.superuser)
    found = {}
    steps = ScriptDirectory.from_config(config(database)).walk_revisions()
    for revision in reversed([step.revision for step in steps]):
        await asyncio.to_thread(command.upgrade, config(database), revision)
        found[revision] = await schema(looking, LOGINS)
    await looking.close()
    yield found
    await admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    await admin.close()


def test_what_ran_before_a_migration_goes_on_after_it(schemas: dict[str, Schema]) -> None:
    revisions = list(schemas)
    harmed = {later: harms(schemas[before], schemas[later]) for before, later in itertools.pairwise(revisions)}
    assert revisions[-1] == MIGRATION
    assert {revision: harm for revision, harm in harmed.items() if harm and revision not in STOPPED_WITH} == {}
    assert "newly: cases has to have anonymous" in harmed["0002"]
    assert "newly: cases has to have kind" in harmed["0003"]


@pytest.mark.parametrize(
    ("change", "harm"),
    [
        ("ALTER TABLE cases DROP COLUMN priority", "no longer: cases.priority is integer"),
        ("ALTER TABLE cases RENAME COLUMN priority TO rank", "no longer: cases.priority is integer"),
        ("ALTER TABLE cases ALTER COLUMN interventions TYPE integer", "no longer: cases.interventions is smallint"),
        ("ALTER TABLE holds RENAME TO halts", "no longer: holds.reason is text"),
        ("ALTER TABLE deadlines ADD COLUMN weight integer NOT NULL", "newly: deadlines has to have weight"),
        (
            "ALTER TABLE deadlines ALTER COLUMN attempts DROP DEFAULT",
            "no longer: attempts may be left out of deadlines",
        ),
        ("ALTER TABLE cases ALTER COLUMN subtype SET NOT NULL", "no longer: subtype may be left out of cases"),
        ("ALTER TABLE cases ADD CHECK (amount >= 0)", "newly: cases has to CHECK ((amount >= 0))"),
        ("CREATE UNIQUE INDEX ON cases (number)", "newly: cases has to be unique by btree (number)"),
        ("ALTER TYPE new_event ADD ATTRIBUTE more text", "no longer: new_event holds"),
        ("DROP SEQUENCE complaint_number CASCADE", "no longer: there is the sequence complaint_number"),
        ("REVOKE SELECT ON cases FROM caselog_app", "no longer: caselog_app may SELECT cases.amount"),
        ("REVOKE DELETE ON deadlines FROM caselog_app", "no longer: caselog_app may DELETE from deadlines"),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            "newly: cases is watched by mine",
        ),
    ],
)
async def test_a_migration_that_would_stop_it_is_found(superuser: asyncpg.Connection, change: str, harm: str) -> None:
    before = await schema(superuser, LOGINS)
    changes = superuser.transaction()
    await changes.start()
    try:
        await superuser.execute(change)
        found = harms(before, await schema(superuser, LOGINS))
    finally:
        await changes.rollback()
    assert any(one.startswith(harm) for one in found), found


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE cases ADD COLUMN weight integer",
        "ALTER TABLE cases ADD COLUMN weight integer NOT NULL DEFAULT 0",
        "ALTER TABLE cases ADD COLUMN weight integer UNIQUE CHECK (weight > 0)",
        "CREATE TABLE more (a integer NOT NULL PRIMARY KEY)",
        "CREATE INDEX ON cases (amount)",
        "ALTER TABLE cases ALTER COLUMN order_id DROP NOT NULL",
        "GRANT SELECT ON alembic_version TO caselog_app",
    ],
)
async def test_one_that_only_adds_is_none(superuser: asyncpg.Connection, change: str) -> None:
    before = await schema(superuser, LOGINS)
    changes = superuser.transaction()
    await changes.start()
    try:
        await superuser.execute(change)
        assert harms(before, await schema(superuser, LOGINS)) == []
    finally:
        await changes.rollback()


async def test_who_migrates_while_another_does_waits_and_finds_it_done(postgres_server: postgres.Server) -> None:
    """Also where a step makes an index beside who writes, which waits for every transaction that is open."""
    admin = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    name = f"{NAME}_twice"
    await admin.execute(f"CREATE DATABASE {name} OWNER {postgres.OWNER}")
    try:
        url = postgres_server.url(postgres.OWNER, name)
        migrating = partial(
            typed, "migrate", environment={**os.environ, "CASELOG_MIGRATION_URL": url}, within_s=MIGRATE_S
        )
        ended = await asyncio.gather(*(asyncio.to_thread(migrating) for _ in range(3)))
        assert [one.code for one in ended] == [0, 0, 0], [one.err for one in ended]
        looking = await asyncpg.connect(url)
        made = "SELECT count(*) FILTER (WHERE NOT indisvalid) FROM pg_index"
        assert await looking.fetchval("SELECT version_num FROM alembic_version") == MIGRATION
        assert await looking.fetchval(made) == 0
        await looking.close()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
