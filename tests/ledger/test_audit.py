"""Verification finds whatever is not as it was written, where it is, and nothing else."""

from __future__ import annotations

from string import Template

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger.audit import verify
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.queries import read_case
from case_events.ledger.sealing import BrokenSeal
from tests.conftest import Database
from tests.ledger.desk import Desk, one_of_each
from tests.ledger.tampering import tampered

VICTIM = "appealed"
"""filed, merchant_replied, intervention_requested, ruled, appealed, ruled, remedied, closed."""
LAST = 8


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk) -> dict[str, CaseId]:
    return await one_of_each(desk)


async def test_what_nobody_touched_is_clean(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    verdict = await verify(ledger)
    assert verdict.findings == ()
    assert verdict.cases == len(cases)
    assert verdict.events == await superuser.fetchval("SELECT count(*) FROM events") > 30
    one = await verify(ledger, cases[VICTIM])
    assert (one.cases, one.events, one.findings) == (1, LAST, ())


PAYLOAD = "the payload is not the one that was hashed"
CHAIN = "the chain is broken"
BACK = "recorded before the event before it"
REPLAY = "cannot be replayed"
HEAD = "the stream's head is not its last event"
ROW = "the row in cases is not the fold of the events"
CLOCKS = "the rows in deadlines are not the clocks of the fold"

TAMPERINGS: dict[str, tuple[str, str, set[tuple[int | None, str]]]] = {
    "a letter of a payload": (
        VICTIM,
        (
            "UPDATE events SET payload = set_byte(payload, 20, get_byte(payload, 20) # 1) "
            "WHERE case_id = '$case' AND version = 5"
        ),
        {(5, PAYLOAD), (None, REPLAY)},
    ),
    "the brace that opens a payload": (
        VICTIM,
        (
            "UPDATE events SET payload = set_byte(payload, 0, get_byte(payload, 0) # 1) "
            "WHERE case_id = '$case' AND version = 8"
        ),
        {(8, PAYLOAD), (None, REPLAY)},
    ),
    "a payload with its hash": (
        VICTIM,
        (
            "UPDATE events SET payload = p, payload_hash = sha256(p) FROM (SELECT convert_to(replace(convert_from("
            "payload, 'UTF8'), '12900', '12901'), 'UTF8') AS p FROM events WHERE case_id = '$case' AND version = 6) "
            "AS forged WHERE case_id = '$case' AND version = 6"
        ),
        {(6, CHAIN)},
    ),
    "who did it": (
        VICTIM,
        "UPDATE events SET who = 'platform' WHERE case_id = '$case' AND version = 3",
        {(3, CHAIN)},
    ),
    "whose key it was": (
        VICTIM,
        "UPDATE events SET client = 'another' WHERE case_id = '$case' AND version = 1",
        {(1, CHAIN)},
    ),
    "what is said to have been asked": (
        VICTIM,
        "UPDATE events SET asked = NULL WHERE case_id = '$case' AND version = 2",
        {(2, CHAIN)},
    ),
    "when it is said to have occurred": (
        VICTIM,
        "UPDATE events SET occurred_at = occurred_at - interval '1 us' WHERE case_id = '$case' AND version = 2",
        {(2, CHAIN)},
    ),
    "back-dated": (
        VICTIM,
        "UPDATE events SET recorded_at = recorded_at - interval '1 day' WHERE case_id = '$case' AND version = 4",
        {(4, CHAIN), (4, BACK)},
    ),
    "post-dated": (
        VICTIM,
        "UPDATE events SET recorded_at = recorded_at + interval '1 day' WHERE case_id = '$case' AND version = 4",
        {(4, CHAIN), (5, BACK)},
    ),
    "the last event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 8",
        {(7, HEAD), (7, ROW)},
    ),
    "a middle event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 2",
        {(2, "version 2 is missing")},
    ),
    "the first event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 1",
        {(1, "version 1 is missing"), (None, REPLAY)},
    ),
    "the ruling gone on which the rest stands": (
        "ruled",
        "DELETE FROM events WHERE case_id = '$case' AND version = 4",
        {(4, "version 4 is missing"), (None, REPLAY)},
    ),
    "a head moved": (
        VICTIM,
        "UPDATE streams SET head_hash = set_byte(head_hash, 0, get_byte(head_hash, 0) # 1) WHERE case_id = '$case'",
        {(LAST, HEAD)},
    ),
    "a head's version": (VICTIM, "UPDATE streams SET version = version + 1 WHERE case_id = '$case'", {(LAST, HEAD)}),
    "a head's time": (
        VICTIM,
        "UPDATE streams SET recorded_at = recorded_at + interval '1 us' WHERE case_id = '$case'",
        {(LAST, HEAD)},
    ),
    "a status in the lists": (
        VICTIM,
        "UPDATE cases SET status = 'under_review' WHERE case_id = '$case'",
        {(LAST, f"{ROW}: status")},
    ),
    "an amount in the lists": (
        VICTIM,
        "UPDATE cases SET amount = amount + 1 WHERE case_id = '$case'",
        {(LAST, f"{ROW}: amount")},
    ),
    "a case gone from the lists": (
        VICTIM,
        "DELETE FROM cases WHERE case_id = '$case'",
        {(LAST, f"{ROW}: there is none")},
    ),
    "a deadline moved": (
        "live",
        "UPDATE deadlines SET due_at = due_at + interval '1 us' WHERE case_id = '$case'",
        {(3, CLOCKS)},
    ),
    "a deadline gone": ("live", "DELETE FROM deadlines WHERE case_id = '$case'", {(3, CLOCKS)}),
    "a deadline too many": (
        "live",
        (
            "INSERT INTO deadlines SELECT case_id, 'appeal', 'both', 3, due_at, next_try_at, false, false, NULL "
            "FROM deadlines WHERE case_id = '$case'"
        ),
        {(3, CLOCKS)},
    ),
    "a key gone": (
        VICTIM,
        "DELETE FROM subject_keys WHERE case_id = '$case' AND side = 'respondent'",
        {(None, REPLAY)},
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_a_change_is_found_exactly_where_it_was_made(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId], name: str
) -> None:
    victim, statement, expected = TAMPERINGS[name]
    case_id = cases[victim]
    async with tampered(superuser, Template(statement).substitute(case=case_id)):
        findings = (await verify(ledger)).findings
        alone = (await verify(ledger, case_id)).findings
    assert {finding.case_id for finding in findings} == {case_id}
    told = {(finding.version, finding.what) for finding in findings}
    missing = {want for want in expected if not any(said_so(one, want) for one in told)}
    beyond = {one for one in told if not any(said_so(one, want) for want in expected)}
    assert (missing, beyond) == (set(), set())
    assert alone == findings
    assert (await verify(ledger)).findings == ()


def said_so(told: tuple[int | None, str], wanted: tuple[int | None, str]) -> bool:
    return told[0] == wanted[0] and told[1].startswith(wanted[1])


async def test_events_moved_to_another_place_in_their_case_are_found(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    case_id = cases["offered"]
    swapped = f"UPDATE events SET version = %s WHERE case_id = '{case_id}' AND version = %s"  # noqa: S608
    async with tampered(superuser, *(swapped % pair for pair in ((99, 3), (3, 4), (4, 99)))):
        findings = (await verify(ledger)).findings
    assert {finding.case_id for finding in findings} == {case_id}
    assert {finding.version for finding in findings} >= {3, 4}


async def test_rows_whose_stream_is_gone_are_found(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    async with tampered(superuser, f"DELETE FROM streams WHERE case_id = '{cases[VICTIM]}'"):  # noqa: S608
        verdict = await verify(ledger)
    assert [(one.case_id, one.what) for one in verdict.findings] == [(cases[VICTIM], "rows without a stream")]


async def test_two_tampered_cases_are_both_found(
    ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    both = {cases["silent"], cases["settled"]}
    told = ", ".join(f"'{case_id}'" for case_id in both)
    statement = f"UPDATE events SET agent = 'x' WHERE version = 1 AND case_id IN ({told})"  # noqa: S608
    async with tampered(superuser, statement, changes=2):
        findings = (await verify(ledger)).findings
    assert {(one.case_id, one.version) for one in findings} == {(case_id, 1) for case_id in both}


async def test_another_master_key_opens_nothing_and_says_so(
    module_database: Database, cases: dict[str, CaseId]
) -> None:
    stranger = await open_ledger(module_database.app, master_key=bytes(32))
    try:
        with pytest.raises(BrokenSeal):
            await read_case(stranger, cases["open"])
        findings = (await verify(stranger)).findings
    finally:
        await stranger.close()
    assert {one.case_id for one in findings} == set(cases.values())
    assert all(one.what.startswith(REPLAY) and "master key" in one.what for one in findings)
