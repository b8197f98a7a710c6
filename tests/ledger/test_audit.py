"""Verification finds whatever is not as it was written, where it is, and nothing else."""

from __future__ import annotations

from string import Template
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.commands import Dismiss
from case_events.core.values import CaseId, Instant
from case_events.ledger.audit.audit import verify
from case_events.ledger.audit.kept import EventRow
from case_events.ledger.audit.verifying import Finding, link
from case_events.ledger.codec import Envelope, chained
from case_events.ledger.database import open_ledger
from case_events.ledger.queries import read_case
from case_events.ledger.sealing import BrokenSeal
from tests.conftest import Database
from tests.ledger.alterations import ALTERED, CHAIN, LAST, PAYLOAD, PLACE, REPLAY, TAMPERINGS, UNHASHED, VICTIM
from tests.ledger.conftest import Audited
from tests.ledger.desk import Desk, on_tmall, one_of_each, stored
from tests.ledger.tampering import tampered


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk) -> dict[str, CaseId]:
    made = await one_of_each(desk)
    made["malicious"] = await desk.filed(on_tmall("quality", "quality"))
    await desk.post(made["malicious"], Dismiss(reason="恶意投诉。", malicious=True))
    return made


async def test_what_nobody_touched_is_clean(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    verdict = await audited()
    assert verdict.findings == ()
    assert verdict.cases == len(cases)
    assert verdict.events == await superuser.fetchval("SELECT count(*) FROM events") > 30
    one = await audited(cases[VICTIM])
    assert (one.cases, one.events, one.findings) == (1, LAST, ())


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_a_change_is_found_exactly_where_it_was_made(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId], name: str
) -> None:
    victim, statement, expected = TAMPERINGS[name]
    case_id = cases[victim]
    async with tampered(superuser, Template(statement).substitute(case=case_id)):
        findings = (await audited()).findings
        alone = (await audited(case_id)).findings
    assert {finding.case_id for finding in findings} == {case_id}
    told = {(finding.version, finding.what) for finding in findings}
    missing = {want for want in expected if not any(said_so(one, want) for one in told)}
    beyond = {one for one in told if not any(said_so(one, want) for want in expected)}
    assert (missing, beyond) == (set(), set())
    assert [(one.case_id, one.version) for one in alone] == [(one.case_id, one.version) for one in findings]
    assert (await audited()).findings == ()


def said_so(told: tuple[int | None, str], wanted: tuple[int | None, str]) -> bool:
    return told[0] == wanted[0] and told[1].startswith(wanted[1])


async def test_whatever_column_of_an_event_is_changed_is_found_at_that_event(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    columns = await superuser.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0"
    )
    assert {row["attname"] for row in columns} == {*ALTERED, *PLACE, *UNHASHED}
    # Each in an event of its own, and none in two that follow each other: a changed hash breaks the next link too.
    rows = await superuser.fetch("SELECT case_id, version FROM events WHERE version % 2 = 1 ORDER BY case_id, version")
    places = dict(zip(ALTERED, [tuple(row) for row in rows], strict=False))
    assert places.keys() == ALTERED.keys()
    statements = [
        f"UPDATE events SET {column} = {ALTERED[column]} WHERE case_id = '{case_id}' AND version = {version}"  # noqa: S608
        for column, (case_id, version) in places.items()
    ]
    async with tampered(superuser, *statements):
        findings = (await audited()).findings
    broken = {(one.case_id, one.version) for one in findings if one.what.startswith((PAYLOAD, CHAIN))}
    case_id, version = places["hash"]
    assert broken == {*places.values(), (case_id, version + 1)}


def _whole(finding: Finding) -> tuple[CaseId | None, int | None, str]:
    return finding.case_id, finding.version, finding.what


async def test_an_event_given_to_another_case_is_missed_in_one_and_found_in_the_other(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    giver, taker = cases["offered"], cases["open"]
    moved = f"UPDATE events SET case_id = '{taker}', version = 99 WHERE case_id = '{giver}' AND version = 2"  # noqa: S608
    async with tampered(superuser, moved):
        findings = (await audited()).findings
    assert {finding.case_id for finding in findings} == {giver, taker}
    assert (giver, 2, "version 2 is missing") in {_whole(one) for one in findings}


async def test_keys_of_two_sides_that_were_swapped_are_found(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    case_id = cases[VICTIM]
    swapped = (
        "UPDATE subject_keys SET side = CASE side WHEN 'respondent' THEN 'complainant' ELSE 'respondent' END "  # noqa: S608
        f"WHERE case_id = '{case_id}'"
    )
    async with tampered(superuser, swapped, changes=2):
        (finding,) = (await audited()).findings
    assert (finding.case_id, finding.version) == (case_id, 1)
    assert finding.what.startswith(f"{REPLAY}: key")


async def test_the_links_are_those_the_ledger_writes_whatever_stands_in_them(
    superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    odd = ("'", '"', "\\", "\n", "\x7f", "/", "é", "\u2028", "𝄞", "", "null", '","client":"')
    for row in await stored(superuser, cases[VICTIM]):
        whole = {name: Instant.of(said) if name.endswith("_at") else said for name, said in row.items()}
        for text in (None, *odd):
            changed = whole | {"agent": text, "client": text or "", "who": text or "", "type": text or ""}
            in_order = [changed[name] for name in EventRow._fields]
            assert link(row["hash"], in_order) == chained(row["hash"], _said(changed))
        for microsecond in (0, 1, 120_000, 999_999):
            plain = row["recorded_at"].replace(microsecond=microsecond)
            changed = whole | {"recorded_at": Instant.of(plain)}
            for read in (plain, Instant.of(plain)):
                in_order = [(changed | {"recorded_at": read})[name] for name in EventRow._fields]
                assert link(row["hash"], in_order) == chained(row["hash"], _said(changed))


def _said(row: dict[str, Any]) -> Envelope:
    told = {name: row[name] for name in Envelope.__struct_fields__}
    instants = {name: said.rfc3339() for name, said in told.items() if isinstance(said, Instant)}
    return Envelope(**told | instants | {name: said.hex() for name, said in told.items() if isinstance(said, bytes)})


async def test_events_moved_to_another_place_in_their_case_are_found(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    case_id = cases["offered"]
    swapped = f"UPDATE events SET version = %s WHERE case_id = '{case_id}' AND version = %s"  # noqa: S608
    async with tampered(superuser, *(swapped % pair for pair in ((99, 3), (3, 4), (4, 99)))):
        findings = (await audited()).findings
    assert {finding.case_id for finding in findings} == {case_id}
    assert {finding.version for finding in findings} >= {3, 4}


async def test_rows_whose_stream_is_gone_are_found(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    async with tampered(superuser, f"DELETE FROM streams WHERE case_id = '{cases[VICTIM]}'"):  # noqa: S608
        verdict = await audited()
    assert [(one.case_id, one.what) for one in verdict.findings] == [
        (cases[VICTIM], "rows without a stream: events, subject_keys, cases")
    ]


async def test_two_tampered_cases_are_both_found(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    both = {cases["silent"], cases["settled"]}
    told = ", ".join(f"'{case_id}'" for case_id in both)
    statement = f"UPDATE events SET agent = 'x' WHERE version = 1 AND case_id IN ({told})"  # noqa: S608
    async with tampered(superuser, statement, changes=2):
        findings = (await audited()).findings
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
