"""`caselog rebuild` beside a running Caselog, and every part refusing a ledger that a newer release wrote."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest

from case_api.cli.prepare import prepare
from case_events.ledger import policy_book
from case_events.ledger.database import open_ledger
from tests import examples
from tests.api.house import complaint
from tests.cli.desk import COMMAND, RUN_S, Desk
from tests.commands import Ended, typed
from tests.conftest import Database
from tests.ledger.desk import Desk as LedgerDesk
from tests.serving import Serving, free_port

MASTER_KEY = bytes(range(32))
START_S = 60.0


@pytest.fixture
def places(database: Database, tmp_path: Path) -> dict[str, str]:
    """What every part needs to run on this database."""
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(MASTER_KEY).decode(), encoding="ascii")
    kept = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    return kept | {
        "CASELOG_DATABASE_URL": database.app,
        "CASELOG_MIGRATION_URL": database.owner,
        "CASELOG_SCHEDULER_URL": database.scheduler,
        "CASELOG_MASTER_KEY_FILE": str(file),
        "CASELOG_DATA_DIR": str(tmp_path),
        "CASELOG_PORT": str(free_port()),
    }


def filed(caselog: Serving) -> str:
    body = complaint()
    body["order"] = {**body["order"], "order_id": f"rebuild-{os.urandom(6).hex()}"}
    headers = {"Authorization": "Bearer dev-storefront"}
    answered = httpx.post(f"{caselog.url}/v1/cases", json=body, headers=headers, timeout=30)
    assert answered.status_code == 201, answered.text
    return str(answered.json()["case_id"])


def test_the_tables_are_rebuilt_under_a_running_caselog(caselog: Serving) -> None:
    desk, case_id = Desk(caselog), filed(caselog)
    rehearsed = desk.types("rebuild", "--dry-run")
    assert rehearsed.code == 0, rehearsed.err
    assert "cases rebuilt from" in rehearsed.out
    assert "it was a dry run" in rehearsed.out
    done = desk.types("rebuild", "--jobs", "2", "--json")
    assert done.code == 0, done.err
    said = done.json()
    assert (said["refused"], said["earlier"], said["broken"]) == (None, [], [])
    assert said["cases"] > 0
    assert said["writers_waited_s"] < 1
    step = ("post", case_id, "merchant_replied", "--as", "merchant:m-1", "--data", '{"decision": "agree"}')
    assert desk.types(*step, key="storefront").code == 0
    assert desk.types("case", "show", case_id, "--json").json()["version"] == 3
    assert desk.types("queue", "--json").code == 0


def ran(environment: dict[str, str], *commands: tuple[str, ...]) -> list[Ended]:
    """The commands, all at once."""
    started = [
        subprocess.Popen(one, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for one in commands
    ]
    ended = []
    for process in started:
        out, err = process.communicate(timeout=RUN_S)
        ended.append(Ended(process.returncode, out, err))
    return ended


API, SCHEDULER = (sys.executable, "-m", "case_api"), (sys.executable, "-m", "case_scheduler")


async def written(database: Database, *changes: str) -> None:
    """A case, and what somebody with all power then did."""
    await prepare(database.app, development_keys=True)
    ledger = await open_ledger(database.app, master_key=MASTER_KEY)
    async with ledger.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    await LedgerDesk(ledger).filed()
    await ledger.close()
    superuser = await asyncpg.connect(database.superuser)
    try:
        await superuser.execute("ALTER TABLE events DISABLE TRIGGER USER")
        for change in changes:
            await superuser.execute(change)
    finally:
        await superuser.close()


async def test_what_a_newer_release_wrote_is_refused_by_every_part_in_words(
    database: Database, places: dict[str, str]
) -> None:
    await written(database, "UPDATE events SET type = 'telepathy'", "UPDATE policies SET text = text || '\n[later]'")
    judging = ran(places, (*COMMAND, "up"), API, SCHEDULER)
    replaying = [typed(*words, environment=places, within_s=RUN_S) for words in (("rebuild",), ("audit", "verify"))]
    for ended in (*judging, *replaying):
        assert ended.code == 1, ended
        assert "telepathy in schema version" in ended.err
        assert "Start the release that wrote it, or a newer one" in ended.err
        assert "Traceback" not in ended.err
    for ended in judging:
        assert "policy taobao@" in ended.err


async def test_tables_of_a_newer_release_are_refused_in_words(database: Database, places: dict[str, str]) -> None:
    await written(database, "UPDATE alembic_version SET version_num = '9999'")
    for words in (("up",), ("migrate",)):
        ended = typed(*words, environment=places, within_s=RUN_S)
        assert ended.code == 1, ended
        assert "newer release" in ended.err
        assert "Traceback" not in ended.err


@contextmanager
def api(environment: dict[str, str]) -> Iterator[str]:
    """One API process that runs until the block ends."""
    process = subprocess.Popen(API, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{environment['CASELOG_PORT']}"
    until = time.monotonic() + START_S
    try:
        with httpx.Client(base_url=url, timeout=5) as http:
            while not _answers(http):
                assert time.monotonic() < until, "it never answered"
                assert process.poll() is None, "it did not start"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(http: httpx.Client) -> bool:
    try:
        http.get("/readyz")
    except httpx.TransportError:
        return False
    return True


def ask(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, headers={"Authorization": "Bearer dev-ops"}, timeout=30)


async def test_a_worker_that_runs_while_a_newer_release_writes_says_so_and_sends_its_cases_elsewhere(
    database: Database, places: dict[str, str]
) -> None:
    await written(database)
    superuser = await asyncpg.connect(database.superuser)
    try:
        with api(places) as url:
            read = partial(ask, url)
            case_id = await superuser.fetchval("SELECT case_id FROM events")
            case = f"/v1/cases/{case_id}"  # which this worker has not read: what it remembers it would go on telling
            await superuser.execute("UPDATE events SET schema = 99")
            broken = read(case)
            assert (broken.status_code, broken.json()["code"]) == (500, "internal"), "a change by somebody's hand"
            await superuser.execute("INSERT INTO event_kinds VALUES ('filed', 99)")
            newer = read(case)
            assert (newer.status_code, newer.json()["code"]) == (503, "unavailable")
            assert "newer release" in newer.json()["detail"]
            assert int(newer.headers["retry-after"]) > 0
            ready = read("/readyz")
            assert (ready.status_code, "release" in ready.json()["missing"]) == (200, True)
    finally:
        await superuser.close()
