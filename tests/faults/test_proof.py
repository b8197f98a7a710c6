"""Acceptance 10 and 11: whoever owns the server and edits is found where they did; an erased person breaks no proof.

Controls: a chain over the envelopes that leaves the payloads to checksums beside them, which who edits a payload
edits too; and a hash taken before sealing, which nobody can compute again once a key is destroyed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import Template
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.canonical import canonical
from case_events.core.values import CaseId
from case_events.ledger.audit.audit import verify
from case_events.ledger.codec import ENVELOPE, GENESIS
from case_events.ledger.connection import teach
from case_events.ledger.queries import read_case
from case_events.ledger.sealing import SUBJECTS, Subject
from tests.conftest import Database
from tests.ledger.desk import Desk, one_of_each, stored
from tests.ledger.erasing import erase
from tests.ledger.tampering import tampered

VICTIM = "appealed"
RULED = 6
"""The version at which the second ruling stands in it."""
ONE_FEN_MORE = """
UPDATE events SET payload = p, payload_hash = sha256(p) FROM (
    SELECT convert_to(replace(convert_from(payload, 'UTF8'), '12900', '12901'), 'UTF8') AS p
    FROM events WHERE case_id = '$case' AND version = $version
) AS forged WHERE case_id = '$case' AND version = $version
"""


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk) -> dict[str, CaseId]:
    return await one_of_each(desk)


@pytest_asyncio.fixture(scope="module")
async def reader(module_database: Database) -> Any:
    """Reads rows as the ledger does, instants and all."""
    connection = await asyncpg.connect(module_database.superuser)
    await teach(connection)
    yield connection
    await connection.close()


async def test_a_fen_that_a_superuser_adds_with_its_checksum_is_found_at_its_case_and_version(
    desk: Desk, superuser: asyncpg.Connection, reader: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    before = await stored(reader, cases[VICTIM])
    forged = Template(ONE_FEN_MORE).substitute(case=cases[VICTIM], version=RULED)
    async with tampered(superuser, forged):
        findings = (await verify(desk.ledger)).findings
        after = await stored(reader, cases[VICTIM])
    assert {(one.case_id, one.version) for one in findings} == {(cases[VICTIM], RULED)}
    assert after[RULED - 1]["payload"] != before[RULED - 1]["payload"], "it was edited"
    assert _without_payloads(after) == _without_payloads(before), "the control: this chain sees nothing"
    assert all(hashlib.sha256(row["payload"]).digest() == row["payload_hash"] for row in after), "nor do checksums"


def _without_payloads(rows: Sequence[asyncpg.Record]) -> bytes:
    """The head of a chain over all that stands around the payloads."""
    head = GENESIS
    for row in rows:
        said = {name: row[name] for name in (*ENVELOPE, "type", "schema")}
        head = hashlib.sha256(head + canonical(said)).digest()
    return head


@pytest.mark.parametrize("side", SUBJECTS)
async def test_the_chain_of_a_case_still_verifies_after_a_side_of_it_is_erased(
    desk: Desk, superuser: asyncpg.Connection, cases: dict[str, CaseId], side: Subject
) -> None:
    case_id = cases["offered" if side == "complainant" else "rejected"]
    rows, said = await stored(superuser, case_id), await _said(desk, case_id)
    await erase(desk, case_id, side)
    assert await stored(superuser, case_id) == rows, "no event was touched"
    (finding,) = (await verify(desk.ledger, case_id)).findings
    assert finding.what == f"the {side}'s key was destroyed, and no event says so", "nothing of the chain"
    assert await _said(desk, case_id) != said, "the control: what was hashed before sealing is gone with the key"


async def _said(desk: Desk, case_id: CaseId) -> list[bytes]:
    """A hash of each event of the case as it can be read."""
    read = await read_case(desk.ledger, case_id)
    assert read is not None, "the case is there"
    return [hashlib.sha256(canonical(one.event)).digest() for one in read.history]
