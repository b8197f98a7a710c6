"""From an empty database to production, command by command, and what production refuses to start with."""

from __future__ import annotations

import base64
import os
import resource
import secrets
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from case_api.cli.prepare import check_key, prepare
from case_events.ledger import policy_book
from case_events.ledger.callers import keys
from case_events.ledger.database import open_ledger
from case_events.ledger.readable import Unreadable
from case_events.policies import shipped
from tests import examples
from tests.cli.desk import COMMAND
from tests.commands import Ended
from tests.conftest import Database, MakeDatabase
from tests.ledger.desk import MASTER_KEY, Desk

RUN_S = 60
HELP_CPU_S = 1.0
"""Half a second and less on a machine that does nothing else; twice that is a heavy import come back."""


def runs(*command: str, **settings: str) -> Ended:
    kept = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    done = subprocess.run(
        command, env=kept | settings, capture_output=True, text=True, errors="replace", timeout=RUN_S, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def master_key(tmp_path: Path) -> str:
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
    return str(file)


async def test_the_first_admin_key_is_made_once_without_any_key(make_database: MakeDatabase, master_key: str) -> None:
    database = await make_database()
    place = {"CASELOG_DATABASE_URL": database.app, "CASELOG_MASTER_KEY_FILE": master_key, "CASELOG_ENV": "production"}
    migrated = runs(*COMMAND, "migrate", "--json", CASELOG_MIGRATION_URL=database.owner)
    assert migrated.code == 0, migrated.err
    assert migrated.json()["tables"]
    connection = await asyncpg.connect(database.app)
    try:
        for caller, secret in keys.development_keys():
            await keys.add(connection, caller, secret)
    finally:
        await connection.close()
    first = runs(*COMMAND, "keys", "bootstrap", "--json", **place)
    assert first.code == 0, f"a development key is no admin in production: {first.err}"
    assert first.json()["role"] == "admin"
    assert len(first.json()["secret"]) >= 32
    second = runs(*COMMAND, "keys", "bootstrap", "--json", **place)
    assert (second.code, second.out) == (1, "")
    loaded = runs(*COMMAND, "policies", "load", "--shipped", "--json", **place)
    assert "taobao" in {one["name"] for one in loaded.json()}


def test_the_migrations_address_may_say_what_every_other_may(database: Database) -> None:
    url = f"{database.owner}?sslmode=prefer&target_session_attrs=read-write"
    migrated = runs(*COMMAND, "migrate", CASELOG_MIGRATION_URL=url)
    assert migrated.code == 0, migrated.err
    wrong = runs(*COMMAND, "migrate", CASELOG_MIGRATION_URL="nowhere")
    assert (wrong.code, "Traceback" in wrong.err) == (2, False), wrong.err


async def test_the_api_alone_refuses_development_keys_and_names_every_fault(database: Database) -> None:
    add_dev_keys = (
        "import asyncio, sys; from case_api.cli.prepare import prepare;"
        "asyncio.run(prepare(sys.argv[1], development_keys=True))"
    )
    assert runs(sys.executable, "-c", add_dev_keys, database.app).code == 0
    api = (sys.executable, "-m", "case_api")
    refused = runs(*api, CASELOG_ENV="production", CASELOG_DATABASE_URL=database.app)
    assert refused.code == 1
    assert "CASELOG_MASTER_KEY_FILE is not set" in refused.err
    assert "dev-admin" in refused.err


def test_each_part_names_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    for part in ((*COMMAND, "up"), (sys.executable, "-m", "case_api"), (sys.executable, "-m", "case_scheduler")):
        refused = runs(*part, CASELOG_ENV="production", CASELOG_DATA_DIR=str(tmp_path))
        assert refused.code == 1, part
        assert "CASELOG_DATABASE_URL" in refused.err
        assert "CASELOG_MASTER_KEY_FILE" in refused.err
        assert "Traceback" not in refused.err
    short = tmp_path / "short.key"
    short.write_text(base64.b64encode(b"too short").decode(), encoding="ascii")
    for name in ("case_api", "case_scheduler"):
        settings = {"CASELOG_DATABASE_URL": "postgresql://127.0.0.1:1/none", "CASELOG_MASTER_KEY_FILE": str(short)}
        refused = runs(sys.executable, "-m", name, **settings)
        assert refused.code == 1, name
        assert "9 bytes" in refused.err


async def test_nothing_starts_with_another_master_key_than_the_texts_are_sealed_with(
    database: Database, master_key: str, tmp_path: Path
) -> None:
    await prepare(database.app, development_keys=False)
    ledger = await open_ledger(database.app, master_key=MASTER_KEY)
    async with ledger.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    await Desk(ledger).filed()
    await ledger.close()
    nothing = tmp_path / "nothing.ndjson"
    nothing.touch()
    place = {"CASELOG_DATA_DIR": str(tmp_path), "CASELOG_MASTER_KEY_FILE": master_key, "CASELOG_PORT": "1"}
    for part, login in (
        ((sys.executable, "-m", "case_api"), database.app),
        ((sys.executable, "-m", "case_scheduler"), database.scheduler),
        ((*COMMAND, "import", str(nothing), "--source", "old"), database.app),
    ):
        refused = runs(*part, CASELOG_DATABASE_URL=login, **place)
        assert refused.code == 1, (part, refused)
        assert "the master key is another than the one" in refused.err
        assert "Traceback" not in refused.err
    with pytest.raises(Unreadable, match="another"):
        await check_key(database.app, Path(master_key))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [("password", "password authentication failed"), ("database", "does not exist"), ("address", "invalid DSN")],
)
def test_who_is_not_let_in_says_so_and_does_not_start(
    database: Database, master_key: str, wrong: str, told: str
) -> None:
    secret = str(urlsplit(database.app).password)
    urls = {
        "password": database.app.replace(secret, "x"),
        "database": database.app.replace(database.name, "none"),
        "address": "nowhere",
    }
    for part in (
        (sys.executable, "-m", "case_api"),
        (sys.executable, "-m", "case_scheduler"),
        (*COMMAND, "keys", "list"),
    ):
        refused = runs(*part, CASELOG_DATABASE_URL=urls[wrong], CASELOG_MASTER_KEY_FILE=master_key)
        assert refused.code == (2 if wrong == "address" and part[:3] == COMMAND else 1), (part, refused)
        assert told in refused.err
        assert "Traceback" not in refused.err


MISUSED = (
    ((sys.executable, "-m", "case_api"), 1),
    ((sys.executable, "-m", "case_scheduler"), 1),
    ((*COMMAND, "keys", "list"), 2),
    ((*COMMAND, "migrate"), 2),
)
"""Whatever is given an address, and how it ends with one that it cannot use."""


@pytest.mark.parametrize("password", ["geheim/9", "geheim#9", "geheim?9", "geheim[9", "geheim@9"])
def test_a_password_that_breaks_its_address_is_not_told(master_key: str, password: str) -> None:
    url = f"postgresql://caselog_app:{password}@127.0.0.1:1/caselog"
    settings = {"CASELOG_DATABASE_URL": url, "CASELOG_MIGRATION_URL": url, "CASELOG_MASTER_KEY_FILE": master_key}
    for part, code in MISUSED:
        refused = runs(*part, **settings)
        assert refused.code == code, (part, refused)
        assert "%2F" in refused.err
        assert ("geheim" in refused.err, "Traceback" in refused.err) == (False, False), refused.err


ADDRESSES = {
    # What cannot be used of an address, and what is said of it.
    "sslmode=verify-full&sslrootcert=/nowhere/ca.crt": "what it says as sslrootcert is no file that can be read",
    "connect_timeout=3&sslmode=prefer": "connect_timeout is for psql, and nothing here",
}


@pytest.mark.parametrize("query", ADDRESSES)
def test_what_cannot_be_used_of_an_address_is_no_database_that_is_away(master_key: str, query: str) -> None:
    url = f"postgresql://caselog_app@127.0.0.1:1/caselog?{query}"
    settings = {"CASELOG_DATABASE_URL": url, "CASELOG_MIGRATION_URL": url, "CASELOG_MASTER_KEY_FILE": master_key}
    for part, code in MISUSED:
        refused = runs(*part, **settings)
        assert refused.code == code, (part, refused)
        assert ADDRESSES[query] in refused.err
        assert "Traceback" not in refused.err


def test_help_comes_at_once_and_tells_the_exit_codes() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    told = runs(*COMMAND, "--help")
    assert spent() - before < HELP_CPU_S
    assert "Exit codes: 0 done, 1 refused" in told.out
    for command in ("up", "migrate", "keys", "policies", "case", "queue", "post", "clock", "audit"):
        assert command in told.out


def test_what_a_terminal_cannot_show_is_spelled_out(tmp_path: Path) -> None:
    file = tmp_path / "淘宝¥.toml"
    file.write_text(next(iter(shipped())), encoding="utf-8")
    told = runs(*COMMAND, "policies", "check", str(file), PYTHONIOENCODING="gbk")
    assert told.code == 0, told.err


def test_a_setting_that_cannot_be_read_is_said_without_a_traceback() -> None:
    for part, code, told in ((*COMMAND, "up"), 2, "port"), ((sys.executable, "-m", "case_api"), 1, "CASELOG_PORT: "):
        refused = runs(*part, CASELOG_PORT="many")
        assert refused.code == code
        assert told in refused.err
        assert "Traceback" not in refused.err
