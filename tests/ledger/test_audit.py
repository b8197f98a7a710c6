"""Verification finds whatever is not as it was written, where it is, and nothing else."""

from __future__ import annotations

from datetime import datetime
from string import Template

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from case_events.core.commands import Dismiss
from case_events.core.events import Closed, Recorded
from case_events.core.values import CaseId, Instant
from case_events.ledger.audit.audit import verify
from case_events.ledger.audit.chosen import AFTER_ALL, BEFORE_ALL, Parcel, Selection
from case_events.ledger.audit.kept import EventRow, open_connection, read
from case_events.ledger.audit.verifying import Finding, link
from case_events.ledger.codec import GENESIS, rows_of
from case_events.ledger.connection import teach
from case_events.ledger.database import open_ledger
from case_events.ledger.queries import read_case
from case_events.ledger.sealing import BrokenSeal, Vault
from tests.conftest import Database
from tests.ledger import generated
from tests.ledger.alterations import ALTERED, CHAIN, LAST, PAYLOAD, PLACE, REPLAY, TAMPERINGS, UNHASHED, VICTIM
from tests.ledger.conftest import Audited
from tests.ledger.desk import MASTER_KEY, Desk, on_tmall, one_of_each
from tests.ledger.samples import SOME_ID
from tests.ledger.tampering import tampered

VAULT = Vault(MASTER_KEY)


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


SHORT = st.text(generated.ANYTHING, max_size=8)


@settings(max_examples=50, deadline=None)
@given(
    texts=st.tuples(SHORT, st.none() | SHORT),
    instants=st.lists(generated.INSTANTS, min_size=1, max_size=3),
    fraction=st.sampled_from((None, 0, 1, 120_000)),
    said=st.booleans(),
)
def test_a_link_is_what_the_ledger_chained_however_its_instants_were_read(
    texts: tuple[str, str | None], instants: list[Instant], fraction: int | None, said: bool
) -> None:
    first = instants[0] if fraction is None else instants[0].replace(microsecond=fraction)
    recorded = Recorded(
        case_id=SOME_ID,
        version=7,
        event_id=SOME_ID,
        event=Closed(outcome="settled"),
        # What several columns say is written once.
        recorded_at=first,
        effective_at=instants[len(instants) // 2] if len(instants) > 1 else first,
        occurred_at=instants[-1] if len(instants) > 1 else first,
        who="platform",
        client=texts[0],
        correlation=SOME_ID,
        agent=texts[1],
        causation=SOME_ID if said else None,
        asked=GENESIS if said else None,
    )
    (row,) = rows_of([recorded], GENESIS, (), VAULT)
    kept = {**asdict(recorded), **asdict(row)}
    plain = {name: _plain(said) for name, said in kept.items() if isinstance(said, Instant)}
    for columns in (kept, kept | plain):
        assert link(GENESIS, [columns[name] for name in EventRow._fields]) == row.hash


def _plain(instant: Instant) -> datetime:
    return datetime.combine(instant.date(), instant.timetz())


EDGES = (
    "UPDATE events SET recorded_at = '2026-03-02 04:05:06.000001Z' WHERE case_id = '$case' AND version = 2",
    "UPDATE events SET occurred_at = '1969-12-31 23:59:59.999999Z' WHERE case_id = '$case' AND version = 3",
    "UPDATE events SET effective_at = '-infinity' WHERE case_id = '$case' AND version = 4",
    "UPDATE events SET recorded_at = '290000-01-01Z' WHERE case_id = '$case' AND version = 5",
    "UPDATE cases SET closed_at = 'infinity' WHERE case_id = '$case'",
)


async def test_a_connection_of_the_auditors_own_reads_the_same_instants_as_the_ledgers(
    module_database: Database, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    everything = Parcel(after=BEFORE_ALL, upto=AFTER_ALL)
    async with tampered(superuser, *(Template(one).substitute(case=cases[VICTIM]) for one in EDGES)):
        own, ledgers = await open_connection(module_database.app), await asyncpg.connect(module_database.app)
        try:
            await teach(ledgers)
            kept = await read(own, everything, Selection())
            assert kept == await read(ledgers, everything, Selection())
        finally:
            await own.close()
            await ledgers.close()
    assert {type(row[7]) for one in kept for row in one.events} == {datetime}
    assert len(kept) == len(cases)


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


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM policies WHERE name = 'tmall'",
        "UPDATE policies SET digest = encode(sha256('x'), 'hex') WHERE name = 'tmall'",
    ],
)
async def test_a_policy_that_is_gone_or_another_is_found_at_the_cases_that_were_filed_under_it(
    audited: Audited, superuser: asyncpg.Connection, cases: dict[str, CaseId], statement: str
) -> None:
    async with tampered(superuser, statement):
        (finding,) = (await audited()).findings
    assert (finding.case_id, finding.version) == (cases["malicious"], 1)
    assert finding.what.startswith("the policy it was filed under, tmall@")
