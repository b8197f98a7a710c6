"""A database as the release before this one left it: migrated, read through the upcasters, and gone on with.

``golden/landed/rows.jsonl`` holds every row that the landed release (migration 0002, taobao@2026.1) wrote for disputes
of every kind it knew, under the master key of these tests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from alembic import command

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_events.core.values import CaseId, Penalty
from case_events.ledger.audit.audit import verify
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.queries import health, read_case
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, stored
from tests.ledger.test_codec import GOLDEN
from tests.ledger.test_migrations import config

ROWS = GOLDEN / "landed" / "rows.jsonl"
LANDED_MIGRATION = "0002"
NAME = "caselog_landed"


def landed_rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]


@pytest_asyncio.fixture(scope="module")
async def landed(postgres_server: postgres.Server, make_database: object) -> AsyncIterator[Database]:
    """The landed release's database, brought to this release's schema as an operator would."""
    admin = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    await admin.execute(f"CREATE DATABASE {NAME} OWNER {postgres.OWNER}")
    logins = (*postgres.LOGINS, postgres.SUPERUSER)
    database = Database(NAME, *(postgres_server.url(login, NAME) for login in logins))
    await asyncio.to_thread(command.upgrade, config(database), LANDED_MIGRATION)
    await _filled(database)
    await asyncio.to_thread(bring_to_head, database.owner)
    yield database
    await admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    await admin.close()


async def _filled(database: Database) -> None:
    connection = await asyncpg.connect(database.superuser)
    for table, group in itertools.groupby(landed_rows(), key=lambda one: str(one["table"])):
        rows = [one["row"] for one in group]
        columns = ", ".join(f'"{name}"' for name in rows[0])
        await connection.executemany(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_record(null::{table}, $1::json)",  # noqa: S608
            [(json.dumps(row),) for row in rows],
        )
    numbers = await connection.fetchval("SELECT max(number::bigint) FROM cases")
    await connection.execute("SELECT setval('complaint_number', $1)", numbers)
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def opened(landed: Database) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(landed.app, master_key=MASTER_KEY, calendar=examples.calendar())
    yield ledger
    await ledger.close()


def cases_with(event: str) -> dict[CaseId, int]:
    """The landed cases in which the event stands, and how often."""
    found: dict[CaseId, int] = {}
    for one in landed_rows():
        if one["table"] == "events" and one["row"]["type"] == event:
            case_id = CaseId(one["row"]["case_id"])
            found[case_id] = found.get(case_id, 0) + 1
    return found


async def test_every_row_of_the_landed_release_is_still_the_fold_of_its_events(opened: Ledger) -> None:
    verdict = await verify(opened)
    assert verdict.findings == ()
    assert verdict.cases == sum(one["table"] == "streams" for one in landed_rows()) >= 10
    assert (await health(opened)).migrated


async def test_its_cases_are_complaints_with_as_many_interventions_as_their_events_say(opened: Ledger) -> None:
    asked = cases_with("intervention_requested")
    listed = (await list_cases(opened, Wanted(kind="complaint"), limit=200)).rows
    assert {row.case_id: row.interventions for row in listed if row.interventions} == asked
    assert len(listed) > len(asked) > 0
    assert {(row.subtype, row.group_id) for row in listed} == {(None, None)}


def the_marked_case() -> CaseId:
    """Its complainant's mark is named among the penalties, by its word; the ruling can still be appealed."""
    (case_id,) = {
        CaseId(one["row"]["case_id"])
        for one in landed_rows()
        if one["table"] == "events" and b"credit_mark" in bytes.fromhex(one["row"]["payload"].removeprefix("\\x"))
    }
    return case_id


async def test_a_penalty_it_named_by_its_word_is_read_as_the_side_s_whose_it_was(opened: Ledger) -> None:
    reading = await read_case(opened, the_marked_case())
    assert reading is not None
    assert reading.case.rulings[-1].penalties == (
        Penalty(kind="warning"),
        Penalty(kind="credit_mark", on="complainant"),
    )


async def test_a_case_it_left_open_is_gone_on_with_under_its_own_policy(opened: Ledger, landed: Database) -> None:
    case_id = the_marked_case()
    await Desk(opened).post(case_id, examples.APPEAL)
    superuser = await asyncpg.connect(landed.superuser)
    rows = await stored(superuser, case_id)
    await superuser.close()
    assert (rows[-1]["type"], rows[-1]["schema"]) == ("appealed", 2)
    assert {row["schema"] for row in rows[:-1]} == {1}
    reading = await read_case(opened, case_id)
    assert reading is not None
    assert (reading.case.stage, reading.case.policy.version) == ("appeal", "2026.1")
    assert (await verify(opened, case_id)).findings == ()
