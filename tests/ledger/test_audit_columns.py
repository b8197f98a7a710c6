"""Whatever column of the record is changed is found, or docs/auditing.md says that it proves nothing; and what no audit
finds by itself is what it says there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.commands import Dismiss
from case_events.core.values import CaseId
from case_events.ledger.audit.kept import EventRow
from case_events.ledger.audit.log import differing
from case_events.ledger.audit.positions import Stretch
from case_events.ledger.audit.verifying import link
from case_events.ledger.codec import GENESIS
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.proving.checkpoints import take
from tests import examples
from tests.conftest import Database
from tests.ledger.conftest import Audited
from tests.ledger.desk import Desk, on_tmall, stored
from tests.ledger.tampering import tampered

AUDITING = (Path(__file__).parents[2] / "docs" / "auditing.md").read_text(encoding="utf-8")
TABLES = ("streams", "cases", "deadlines", "subject_keys", "open_complaints", "credit_marks", "feed", "feed_state")
"""What is kept of the cases beside ``events``, of which test_audit changes every column."""
UNCHECKED = {
    "deadlines": {"next_try_at", "attempts"},
    "subject_keys": {"created_at", "erased_at"},
    "feed": {"sequenced_at"},
    "feed_state": {"lane", "snapshot", "cluster", "ticked_at"},
}
OTHER = {
    "uuid": "gen_random_uuid()",
    "integer": "coalesce({0}, 0) + 1000",
    "bigint": "coalesce({0}, 0) + 1000",
    "smallint": "{0} + 1000",
    "text": "coalesce({0}, '') || 'x'",
    "boolean": "NOT {0}",
    "bytea": "sha256({0})",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 us'",
}
"""By its type, what is written over a column; of those that have few words another of them."""
FEW = {"side": "CASE side WHEN 'respondent' THEN 'complainant' ELSE 'respondent' END"}
COLUMNS = """
SELECT column_name AS name, data_type AS type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position
"""


@pytest_asyncio.fixture(scope="module")
async def case_id(desk: Desk, scheduler: Ledger) -> CaseId:
    """A case that is open, beside one that gave a mark."""
    marked = await desk.filed(on_tmall("quality", "quality"))
    await desk.post(marked, Dismiss(reason="恶意投诉。", malicious=True))
    made = await desk.filed()
    await desk.post(made, examples.REFUSE)
    await desk.post(made, examples.PART_REFUND)
    assert (await tick(scheduler)).numbered
    return made


@pytest.mark.parametrize("table", TABLES)
async def test_whatever_column_is_changed_is_found_or_said_to_prove_nothing(
    audited: Audited, superuser: asyncpg.Connection, case_id: CaseId, table: str
) -> None:
    columns = {row["name"]: row["type"] for row in await superuser.fetch(COLUMNS, table)}
    unchecked = UNCHECKED.get(table, set())
    assert unchecked <= columns.keys()
    for name in unchecked - {"lane"}:  # it has one value, and its table one row
        assert f"`{name}`" in AUDITING
    for name, type_ in columns.items():
        if name in unchecked:
            continue
        other = FEW.get(name, OTHER[type_].format(name))
        row = f"(SELECT ctid FROM {table} ORDER BY ctid DESC LIMIT 1)"  # noqa: S608
        async with tampered(superuser, f"UPDATE {table} SET {name} = {other} WHERE ctid = {row}"):  # noqa: S608
            assert (await audited()).findings, f"{table}.{name}"
    assert (await audited()).findings == ()


KEYS = {
    "streams": "case_id",
    "cases": "case_id",
    "deadlines": "case_id, kind, party, set_by",
    "credit_marks": "case_id, version",
}


@pytest.mark.parametrize("table", KEYS)
async def test_a_row_that_stands_beside_another_of_its_key_is_found(
    audited: Audited, superuser: asyncpg.Connection, case_id: CaseId, table: str
) -> None:
    await superuser.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    try:
        again = f"INSERT INTO {table} SELECT * FROM {table} ORDER BY ctid DESC LIMIT 1"  # noqa: S608
        async with tampered(superuser, again):
            (finding,) = (await audited()).findings
    finally:
        await superuser.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({KEYS[table]})")
    assert finding.what.startswith("something stands more than once")


async def test_a_chain_that_is_computed_anew_is_found_by_what_was_kept_outside_alone(
    audited: Audited, module_database: Database, superuser: asyncpg.Connection, ledger: Ledger, case_id: CaseId
) -> None:
    reader = await asyncpg.connect(module_database.superuser)
    await teach(reader)
    taking = reader.transaction()
    await taking.start()
    checkpoint = await take(reader, ledger.vault)
    await taking.rollback()  # it is kept outside, and nowhere else
    assert checkpoint is not None
    rows = [[row[name] for name in EventRow._fields] for row in await stored(reader, case_id)]
    await reader.close()
    *_, ruled = rows
    kept_outside, payload = ruled[16], ruled[14].replace(b'"amount":6000', b'"amount":5999')
    assert payload != ruled[14]
    ruled[14], ruled[15] = payload, hashlib.sha256(payload).digest()
    head = GENESIS
    for row in rows:
        row[16] = head = link(head, row)
    told = f"payload = '\\x{payload.hex()}', payload_hash = sha256('\\x{payload.hex()}'), hash = '\\x{head.hex()}'"
    forged = (
        f"UPDATE events SET {told} WHERE case_id = '{case_id}' AND version = {ruled[1]}",  # noqa: S608
        f"UPDATE streams SET head_hash = '\\x{head.hex()}' WHERE case_id = '{case_id}'",  # noqa: S608
    )
    async with tampered(superuser, *forged):
        assert (await audited()).findings == ()
        assert (await stored(superuser, case_id))[-1]["hash"] != kept_outside
        async with ledger.connection() as connection:
            feed = Stretch(after=0, upto=checkpoint.size, last=True)
            assert await differing(connection, feed, ledger.vault, [checkpoint])
    assert "It takes no master key" in AUDITING
