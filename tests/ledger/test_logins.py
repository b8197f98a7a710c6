"""The database itself says no: through the services' own logins the record can be added to and not changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.exceptions import InsufficientPrivilegeError

from case_events.core.values import CaseId
from case_events.ledger.callers import keys
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import Desk, contents, stored

CHANGES_OF_EVENTS = (
    "UPDATE events SET client = client",
    "UPDATE events SET tx = tx",
    "DELETE FROM events",
    "TRUNCATE events",
    "TRUNCATE events CASCADE",
    "INSERT INTO events SELECT * FROM events ON CONFLICT (case_id, version) DO UPDATE SET client = 'x'",
    "MERGE INTO events e USING events f ON e.case_id = f.case_id WHEN MATCHED THEN DELETE",
    "SELECT * FROM events FOR UPDATE",
    "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
)
CHANGES_OF_THE_HOUSE = (
    "ALTER TABLE events DISABLE TRIGGER append_only",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "ALTER TABLE events ADD COLUMN more text",
    "ALTER TABLE events RENAME TO gone",
    "ALTER TABLE events OWNER TO CURRENT_USER",
    "DROP TRIGGER append_only ON events",
    "DROP TABLE events",
    "CREATE TRIGGER mine BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE POLICY mine ON events USING (true)",
    "ALTER TABLE events ENABLE ROW LEVEL SECURITY",
    "SELECT setval('events_seq', 1)",
    "SELECT setval('complaint_number', 1)",
    "UPDATE alembic_version SET version_num = 'x'",
    "UPDATE journal SET who = 'another'",
    "DELETE FROM journal",
    "DELETE FROM outages",
)
POWERS = (
    "SET ROLE caselog_owner",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION caselog_owner",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE ROLE mine",
    "COPY events TO PROGRAM 'cat'",
    "COPY events FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "CREATE EXTENSION file_fdw",
)
EITHER = (*CHANGES_OF_EVENTS, *CHANGES_OF_THE_HOUSE, *POWERS)
APP_ONLY = (
    "SET ROLE caselog_scheduler",
    "UPDATE policies SET text = ''",
    "UPDATE policies SET digest = ''",
    "DELETE FROM policies",
    # A key gets another secret and never another owner, role or reach: who it was stays true.
    "UPDATE api_keys SET key_id = 'another'",
    "UPDATE api_keys SET role = 'admin'",
    "UPDATE api_keys SET client = 'another'",
    "UPDATE api_keys SET name = 'another'",
    "UPDATE api_keys SET marketplaces = NULL",
    "UPDATE api_keys SET merchants = NULL",
    "UPDATE api_keys SET created_at = now()",
    "DELETE FROM api_keys",
    "UPDATE subject_keys SET side = 'respondent'",
    "UPDATE subject_keys SET key_id = gen_random_uuid()",
    "DELETE FROM subject_keys",
    "DELETE FROM streams",
    "DELETE FROM cases",
    "UPDATE open_complaints SET case_id = gen_random_uuid()",
    "UPDATE test_clocks SET client = 'another'",
    "DELETE FROM test_clocks",
    "INSERT INTO schedulers VALUES ('mine', now(), now())",
    "DELETE FROM schedulers",
    "UPDATE clock_state SET high_water = now()",
    "INSERT INTO upkeep (job, slot, owner) VALUES ('verify', now(), 'mine')",
)
SCHEDULER_ONLY = (
    "SET ROLE caselog_app",
    "SELECT * FROM api_keys",
    "INSERT INTO policies SELECT * FROM policies",
    "INSERT INTO streams SELECT * FROM streams",
    "DELETE FROM streams",
    "DELETE FROM cases",
    "SELECT nextval('complaint_number')",
    "UPDATE test_clocks SET at = now()",
    "UPDATE subject_keys SET wrapped = NULL",
    "DELETE FROM subject_keys",
    "UPDATE holds SET released_at = now(), released_by = 'mine'",
    "INSERT INTO calendars (year, edition, rest, work) VALUES (2026, 1, '{}', '{}')",
)


@pytest_asyncio.fixture(scope="module")
async def case_id(desk: Desk) -> CaseId:
    """A case there is something to change about."""
    case_id = await desk.filed()
    await desk.post(case_id, examples.REFUSE)
    async with desk.ledger.connection() as connection:
        for caller, secret in keys.development_keys():
            await keys.add(connection, caller, secret)
    return case_id


@pytest_asyncio.fixture(scope="module")
async def app(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.app)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def watch(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    """The scheduler's login."""
    connection = await asyncpg.connect(module_database.scheduler)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def owner(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.owner)
    yield connection
    await connection.close()


async def refused(connection: asyncpg.Connection, superuser: asyncpg.Connection, statement: str) -> str:
    """The statement fails for want of a right, and nothing is different afterwards; what the database said."""
    before = await contents(superuser)
    tried = connection.transaction()
    await tried.start()
    try:
        with pytest.raises(InsufficientPrivilegeError) as told:
            await connection.execute(statement)
    finally:
        await tried.rollback()
    assert await contents(superuser) == before
    return str(told.value)


@pytest.mark.parametrize("statement", [*EITHER, *APP_ONLY])
async def test_the_app_s_login_may_not(
    app: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId, statement: str
) -> None:
    said = await refused(app, superuser, statement)
    assert "append-only" not in said, "by privilege, before any trigger is asked"


@pytest.mark.parametrize("statement", [*EITHER, *SCHEDULER_ONLY])
async def test_the_scheduler_s_login_may_not(
    watch: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId, statement: str
) -> None:
    said = await refused(watch, superuser, statement)
    assert "append-only" not in said, "by privilege, before any trigger is asked"


async def test_the_services_have_no_right_they_could_hand_on(
    app: asyncpg.Connection, watch: asyncpg.Connection, superuser: asyncpg.Connection
) -> None:
    rights = "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    before = await superuser.fetch(rights)
    for login in (app, watch):
        await login.execute("SET client_min_messages = error")
        for statement in ("GRANT ALL ON events TO PUBLIC", "GRANT UPDATE, DELETE, TRUNCATE ON events TO CURRENT_USER"):
            await login.execute(statement)  # Postgres grants nothing and says so in a warning
    assert await superuser.fetch(rights) == before


async def test_what_they_do_all_day_they_may(
    app: asyncpg.Connection, watch: asyncpg.Connection, case_id: CaseId
) -> None:
    for login in (app, watch):
        assert await login.fetchval("SELECT count(*) FROM events WHERE case_id = $1", case_id) == 3
        copied = login.transaction()
        await copied.start()
        done = await login.execute(
            "INSERT INTO events SELECT (e).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object("
            "'case_id', gen_random_uuid())) AS e FROM events e WHERE case_id = $1) AS fresh",
            case_id,
        )
        await copied.rollback()
        assert done == "INSERT 0 3"


LAST_GUARD = ("UPDATE events SET client = 'x'", "UPDATE events SET tx = tx", "DELETE FROM events", "TRUNCATE events")


@pytest.mark.parametrize("statement", LAST_GUARD)
async def test_the_trigger_refuses_even_who_owns_the_table_or_the_server(
    owner: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId, statement: str
) -> None:
    for login in (owner, superuser):
        assert "append-only" in await refused(login, superuser, statement)


@pytest.mark.parametrize("statement", LAST_GUARD)
async def test_a_superuser_who_plays_replica_does_not_get_around_the_trigger(
    superuser: asyncpg.Connection, case_id: CaseId, statement: str
) -> None:
    await superuser.execute("SET session_replication_role = replica")
    try:
        assert "append-only" in await refused(superuser, superuser, statement)
    finally:
        await superuser.execute("RESET session_replication_role")


async def test_the_owner_can_disable_the_trigger_but_only_in_plain_sight(
    owner: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    standing = "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = 'events'::regclass ORDER BY tgname"
    guards = [tuple(row) for row in await superuser.fetch(standing)]
    assert guards == [("append_only", "A"), ("never_truncated", "A")]
    opened = owner.transaction()
    await opened.start()
    await owner.execute("ALTER TABLE events DISABLE TRIGGER append_only")
    assert ("append_only", "D") in [tuple(row) for row in await owner.fetch(standing)]
    assert await owner.execute("UPDATE events SET client = 'x' WHERE case_id = $1", case_id) == "UPDATE 3"
    await opened.rollback()
    assert [tuple(row) for row in await superuser.fetch(standing)] == guards
    assert {row["client"] for row in await stored(superuser, case_id)} == {"storefront"}


async def test_a_login_that_may_become_the_owner_rewrites_the_record_where_the_services_may_not(
    superuser: asyncpg.Connection, module_database: Database, app: asyncpg.Connection, case_id: CaseId
) -> None:
    """The control of all the refusals here: what one right too many is enough for."""
    rewriting = ("SET ROLE caselog_owner", "ALTER TABLE events DISABLE TRIGGER append_only")
    for statement in (*rewriting, "UPDATE events SET client = 'x'"):
        await refused(app, superuser, statement)
    await superuser.execute("CREATE ROLE careless LOGIN PASSWORD 'careless' IN ROLE caselog_owner")
    try:
        host = module_database.app.rpartition("@")[2]
        careless = await asyncpg.connect(f"postgresql://careless:careless@{host}")
        opened = careless.transaction()
        await opened.start()
        for statement in rewriting:
            await careless.execute(statement)
        assert await careless.execute("UPDATE events SET client = 'x' WHERE case_id = $1", case_id) == "UPDATE 3"
        await opened.rollback()
        await careless.close()
    finally:
        await superuser.execute("DROP ROLE careless")


async def test_with_the_trigger_gone_the_services_may_still_not(
    app: asyncpg.Connection, watch: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    await superuser.execute("ALTER TABLE events DISABLE TRIGGER USER")
    try:
        for login in (app, watch):
            for statement in LAST_GUARD:
                await refused(login, superuser, statement)
    finally:
        await superuser.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only")
        await superuser.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER never_truncated")


async def test_a_login_s_right_to_erase_a_key_is_a_right_to_nothing_else_of_it(
    app: asyncpg.Connection, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    columns = await superuser.fetch(
        "SELECT column_name FROM information_schema.column_privileges "
        "WHERE grantee = 'caselog_app' AND table_name = 'subject_keys' AND privilege_type = 'UPDATE'"
    )
    assert {row["column_name"] for row in columns} == {"wrapped", "erased_at"}
    erased = app.transaction()
    await erased.start()
    done = await app.execute(
        "UPDATE subject_keys SET wrapped = NULL, erased_at = now() WHERE case_id = $1 AND side = 'complainant'", case_id
    )
    await erased.rollback()
    assert done == "UPDATE 1"
