"""`caselog reset`: what was played in becomes as new, whole or not at all; and nothing else is ever wiped."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from case_api.cli import postgres
from case_api.cli.prepare import prepare
from case_events.ledger import policy_book
from case_events.ledger.callers import keys
from case_events.ledger.database import open_ledger
from case_events.ledger.locks import MIGRATING
from case_events.ledger.rebuild import shadows
from case_events.ledger.resetting import NAMES, WIPED
from tests import examples
from tests.api.house import complaint
from tests.cli.desk import COMMAND, RUN_S
from tests.commands import Ended, typed
from tests.conftest import Database, MakeDatabase
from tests.ledger.desk import MASTER_KEY
from tests.ledger.desk import Desk as LedgerDesk
from tests.serving import Serving, serving, stop

MADE = """
SELECT concat_ws(' ', relkind, relname, relacl) AS made FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind <> 't'
UNION ALL SELECT concat_ws(' ', proname, proargtypes, proacl, prosrc) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'number ' || last_value FROM complaint_number
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'
"""
COUNTS = "SELECT (SELECT count(*) FROM streams), (SELECT count(*) FROM events), (SELECT count(*) FROM api_keys)"
SLOW = "CREATE FUNCTION slow() RETURNS {kind} LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); {end} END $$"


@pytest.fixture
def places(database: Database, tmp_path: Path) -> dict[str, str]:
    """What a command needs to reach this database, as its owner too."""
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(MASTER_KEY).decode(), encoding="ascii")
    kept = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    return kept | {
        "CASELOG_DATABASE_URL": database.app,
        "CASELOG_MIGRATION_URL": database.owner,
        "CASELOG_SCHEDULER_URL": database.scheduler,
        "CASELOG_MASTER_KEY_FILE": str(file),
        "CASELOG_DATA_DIR": str(tmp_path),
        "CASELOG_EVIDENCE_URL": f"file://{tmp_path / 'evidence'}",
    }


@pytest_asyncio.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


Play = Callable[[], Awaitable[str]]


@pytest.fixture
def play(database: Database, tmp_path: Path) -> Play:
    """A case with a file, in a sandbox that `caselog up` has prepared."""

    async def played() -> str:
        await prepare(database.app, development_keys=True)
        ledger = await open_ledger(database.app, master_key=MASTER_KEY)
        async with ledger.connection() as connection:
            await policy_book.keep(connection, examples.taobao_text())
        case_id = await LedgerDesk(ledger).filed()
        await ledger.close()
        put(tmp_path, case_id)
        return str(case_id)

    return played


def put(data: Path, case_id: object) -> Path:
    file = data / "evidence" / str(case_id) / ("0" * 64) / "image" / "png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a picture")
    return file


def files(data: Path) -> list[Path]:
    return [path for path in (data / "evidence").rglob("*") if path.is_file()]


def reset(places: dict[str, str], *words: str, **settings: str) -> Ended:
    return typed("reset", *words, environment=places | settings, within_s=RUN_S)


async def counts(connection: asyncpg.Connection) -> tuple[int, ...]:
    row = await connection.fetchrow(COUNTS)
    assert row is not None
    return tuple(row)


async def made(connection: asyncpg.Connection) -> list[str]:
    return sorted(row["made"] for row in await connection.fetch(MADE))


async def test_without_the_name_it_says_what_there_is_and_how_to_wipe_it(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection
) -> None:
    await play()
    before = await counts(superuser)
    asked = reset(places)
    assert asked.code == 0, asked.err
    assert f"database {database.name}: 1 cases, 1 events" in asked.out
    assert f"`caselog reset {database.name}`" in asked.out
    said = reset(places, "--json").json()
    assert (said["database"], said["cases"], said["events"], said["wiped"]) == (database.name, 1, 1, False)
    assert said["files"] == places["CASELOG_EVIDENCE_URL"]
    assert await counts(superuser) == before


async def test_what_was_played_in_is_as_new(
    database: Database,
    places: dict[str, str],
    play: Play,
    superuser: asyncpg.Connection,
    make_database: MakeDatabase,
    tmp_path: Path,
) -> None:
    await play()
    elsewhere = put(tmp_path, uuid4())
    owner = await asyncpg.connect(database.owner)
    await shadows.make(owner)  # as a rebuild that was killed leaves them
    await owner.execute("CREATE SCHEMA theirs")
    await owner.execute("CREATE TABLE theirs.cases AS SELECT 1 AS one")
    await owner.close()
    done = reset(places, database.name)
    assert done.code == 0, done.err
    assert f"{database.name}: 1 cases, 1 events wiped" in done.out
    assert await counts(superuser) == (0, 0, 0)
    assert files(tmp_path) == [elsewhere], "what lies under no case of this database is somebody else's"
    assert await superuser.fetchval("SELECT one FROM theirs.cases") == 1
    await superuser.execute("DROP SCHEMA theirs CASCADE")
    fresh = await asyncpg.connect((await make_database()).superuser)
    assert set(await made(superuser)) ^ set(await made(fresh)) == set()
    await fresh.close()
    assert reset(places, database.name).code == 0, "one with nothing in it is reset as well"


async def test_everything_that_the_migrations_make_is_known_by_name(superuser: asyncpg.Connection) -> None:
    """So that nothing of ours stays, and nothing else goes."""
    found = await superuser.fetch("""
        SELECT relname AS name FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('i', 't')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND relkind = 'S')
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """)
    assert sorted(row["name"] for row in found) == sorted(NAMES)


async def test_no_record_is_wiped_in_production_or_by_another_name_or_without_a_development_key(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    await play()
    refusals = [
        (reset(places, "caselog_of_somebody"), f"the database is {database.name}"),
        (reset(places, database.name.upper()), f"the database is {database.name}"),
        (reset(places, database.name, CASELOG_ENV="production"), "not wiped in production"),
        (reset(places, CASELOG_ENV="production"), "not wiped in production"),
        (reset(places, database.name, CASELOG_MIGRATION_URL=database.app), "set CASELOG_MIGRATION_URL"),
        (reset(places, database.name, CASELOG_MIGRATION_URL=database.superuser), "set CASELOG_MIGRATION_URL"),
    ]
    await superuser.execute("UPDATE api_keys SET revoked_at = now()")
    refusals.append((reset(places, database.name), "no valid development key"))
    asked = reset(places)
    assert (asked.code, "it would be refused" in asked.out) == (0, True)
    await superuser.execute("UPDATE alembic_version SET version_num = '0008'")
    refusals.append((reset(places, database.name), "run `caselog migrate`"))
    for ended, why in refusals:
        assert ended.code == 1, ended
        assert why in ended.err
        assert "Traceback" not in ended.err
    assert (await counts(superuser))[:2] == (1, 1)
    assert len(files(tmp_path)) == 1


async def test_while_anything_of_ours_is_connected_nothing_is_wiped(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection
) -> None:
    await play()
    for url, application in (
        (database.app, ""),
        (database.scheduler, "psql"),
        (database.owner, ""),
        (database.superuser, "caselog-api"),
    ):
        other = await asyncpg.connect(url, server_settings={"application_name": application})
        ended = reset(places, database.name)
        assert ended.code == 1, ended
        assert "stop first what is connected" in ended.err
        assert "to be stopped first" in reset(places).out
        await other.close()
    assert (await counts(superuser))[:2] == (1, 1)


async def test_while_somebody_migrates_or_holds_a_table_it_is_tried_again_later(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection
) -> None:
    await play()
    await superuser.execute("SELECT pg_advisory_lock($1)", MIGRATING)
    migrating = reset(places, database.name)
    await superuser.execute("SELECT pg_advisory_unlock($1)", MIGRATING)
    async with superuser.transaction():
        await superuser.execute("LOCK TABLE deadlines IN ACCESS SHARE MODE")
        held = reset(places, database.name)
    assert (migrating.code, held.code) == (3, 3), (migrating, held)
    assert "somebody migrates" in migrating.err
    assert "somebody holds the tables" in held.err
    assert (await counts(superuser))[:2] == (1, 1)
    assert await superuser.fetchval("SELECT to_regclass($1)", WIPED) is None


async def test_what_somebody_made_of_our_tables_is_in_the_way_and_named(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection
) -> None:
    await play()
    await superuser.execute("CREATE VIEW of_theirs AS SELECT status FROM cases")
    ended = reset(places, database.name)
    assert ended.code == 1, ended
    assert "view of_theirs" in ended.err
    assert (await counts(superuser))[:2] == (1, 1)


async def test_a_store_that_is_away_is_found_out_while_there_is_a_record(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    await play()
    (tmp_path / "plain").write_text("no folder")
    ended = reset(places, database.name, CASELOG_EVIDENCE_URL=f"file://{tmp_path / 'plain'}")
    assert (ended.code, "nothing was wiped" in ended.err) == (3, True), ended
    ended = reset(places, database.name, CASELOG_EVIDENCE_URL="ftp://nowhere")
    assert (ended.code, "CASELOG_EVIDENCE_URL" in ended.err) == (1, True), ended
    assert (await counts(superuser))[:2] == (1, 1)


def started(places: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = (*COMMAND, "reset", *words)
    return subprocess.Popen(command, env=places, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def asleep(superuser: asyncpg.Connection) -> None:
    """Until the reset stands in our trap."""
    until = time.monotonic() + RUN_S
    while not await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
        assert time.monotonic() < until, "it never came so far"


async def gone(superuser: asyncpg.Connection, database: Database) -> None:
    """Until the session that nobody is at any more has ended."""
    until = time.monotonic() + RUN_S
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'caselog-reset'"
    while await superuser.fetchval(ours, database.name):
        assert time.monotonic() < until, "its session never ended"


async def test_killed_in_the_middle_it_leaves_the_old_ledger(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    await play()
    before = await counts(superuser), await made(superuser)
    await superuser.execute("CREATE SCHEMA trap")
    await superuser.execute("SET search_path = trap, public")
    await superuser.execute(SLOW.format(kind="event_trigger", end=""))
    await superuser.execute("CREATE EVENT TRIGGER slowly ON sql_drop EXECUTE FUNCTION slow()")
    await superuser.execute("RESET search_path")
    process = started(places, database.name)
    await asleep(superuser)
    process.kill()
    process.communicate()
    await gone(superuser, database)
    await superuser.execute("DROP EVENT TRIGGER slowly")
    await superuser.execute("DROP SCHEMA trap CASCADE")
    assert (await counts(superuser), await made(superuser)) == before
    assert len(files(tmp_path)) == 1


async def test_broken_off_among_the_files_it_says_what_remains_and_goes_on(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    """The table of an earlier one that was broken off: with a case, whose file is there, and our trap."""
    await play()
    owner = await asyncpg.connect(database.owner)
    await owner.execute(f"CREATE TABLE {WIPED} (case_id uuid PRIMARY KEY)")
    earlier = uuid4()
    await owner.execute(f"INSERT INTO {WIPED} VALUES ($1)", earlier)  # noqa: S608 - a name of ours
    await owner.close()
    put(tmp_path, earlier)
    await superuser.execute(SLOW.format(kind="trigger", end="RETURN OLD;"))
    await superuser.execute(f"CREATE TRIGGER slowly BEFORE DELETE ON {WIPED} EXECUTE FUNCTION slow()")
    process = started(places, database.name)
    await asleep(superuser)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=RUN_S)
    assert process.returncode == 130, err
    assert "the files of up to 2 cases are not" in err
    await superuser.execute("DROP FUNCTION slow() CASCADE")
    assert not await superuser.fetchval("SELECT to_regclass('events')")
    assert "2 cases that were wiped before are still to go" in reset(places).out
    assert reset(places, "of_another_name").code == 1
    done = reset(places, database.name)
    assert done.code == 0, done.err
    assert not files(tmp_path)
    assert await counts(superuser) == (0, 0, 0)
    assert await superuser.fetchval("SELECT to_regclass($1)", WIPED) is None


async def test_who_comes_while_it_wipes_finds_no_tables_and_then_new_ones(
    database: Database, places: dict[str, str], play: Play, superuser: asyncpg.Connection
) -> None:
    await play()
    await superuser.execute("CREATE SCHEMA trap")
    await superuser.execute("SET search_path = trap, public")
    await superuser.execute(SLOW.format(kind="event_trigger", end=""))
    trap = "CREATE EVENT TRIGGER slowly ON sql_drop WHEN TAG IN ('DROP SEQUENCE') EXECUTE FUNCTION slow()"
    await superuser.execute(trap)
    process = started(places, database.name)
    await asleep(superuser)
    app = await asyncpg.connect(database.app, server_settings={"lock_timeout": "60s"})
    with pytest.raises(asyncpg.UndefinedTableError):
        await app.fetchval("SELECT count(*) FROM events")
    _, err = process.communicate(timeout=RUN_S)
    assert process.returncode == 0, err
    assert await app.fetchval("SELECT count(*) FROM events") == 0
    await app.close()


def asked(running: Serving, key: str, method: str, path: str, **said: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "the-same"}
    return httpx.request(method, running.url + path, headers=headers, timeout=30, **said)


async def test_afterwards_caselog_up_starts_as_on_a_new_database(
    database: Database, places: dict[str, str], tmp_path: Path
) -> None:
    ours: dict[str, Any] = {
        name: said for name, said in places.items() if name.startswith("CASELOG_") and name != "CASELOG_DATA_DIR"
    }
    body = complaint()
    with serving(**ours) as running:
        first = asked(running, "dev-storefront", "POST", "/v1/cases", json=body)
        assert first.status_code == 201, first.text
        path = f"/v1/cases/{first.json()['case_id']}/evidence"
        file = {"file": ("picture", b"a picture", "image/png")}
        assert asked(running, "dev-storefront", "POST", path, files=file).status_code == 201
        connection = await asyncpg.connect(database.app)
        await keys.add(connection, keys.Caller(key_id="shop", client="shop", name="shop", role="storefront"), "sesame")
        await connection.close()
        assert asked(running, "sesame", "GET", "/v1/cases").status_code == 200
        assert reset(places, database.name).code == 1
    done = reset(places, database.name)
    assert done.code == 0, done.err
    assert not files(tmp_path)
    with serving(**ours) as running:
        assert asked(running, "sesame", "GET", "/v1/cases").status_code == 401
        assert asked(running, "dev-ops", "GET", "/v1/cases").json()["items"] == []
        again = asked(running, "dev-storefront", "POST", "/v1/cases", json=body)
        assert (again.status_code, again.json()["case_id"]) == (201, first.json()["case_id"])
        assert "idempotency-replayed" not in again.headers
        assert again.json()["number"] == "100000001"
    assert typed("audit", "verify", environment=places, within_s=RUN_S).code == 0


def test_the_embedded_one_is_reset_when_it_does_not_run() -> None:
    with serving() as running:
        before = running.environment() | {"CASELOG_MIGRATION_URL": "", "CASELOG_DATABASE_URL": ""}
        filed = asked(running, "dev-storefront", "POST", "/v1/cases", json=complaint())
        assert filed.status_code == 201, filed.text
        put(running.data, filed.json()["case_id"])
        key = (running.data / "master.key").read_bytes()
        refused = reset(before, postgres.DATABASE)
        assert (refused.code, "in use by another caselog" in refused.err) == (1, True), refused
        assert reset(before, "--json").json()["cases"] == 1
        stop(running.process)
        done = reset(before, postgres.DATABASE, "--json")
        assert done.code == 0, done.err
        assert (done.json()["wiped"], files(running.data)) == (True, [])
        assert (running.data / "master.key").read_bytes() == key
        assert reset(before, "--json").json()["events"] == 0
