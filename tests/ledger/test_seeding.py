"""Seeded cases are cases like any other: judged by the rules, sealed, chained, and equal to their rows."""

from __future__ import annotations

from case_events.ledger.audit.audit import verify
from case_events.ledger.bulk.seeding import BATCH, LIVES, sow
from case_events.ledger.database import open_ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk


async def test_what_is_seeded_is_in_every_state_and_stands_an_audit(desk: Desk) -> None:
    told: list[int] = []
    await sow(desk.ledger, BATCH + len(LIVES), told.append)
    assert told == [BATCH, BATCH + len(LIVES)]
    verdict = await verify(desk.ledger)
    assert (verdict.cases, verdict.findings) == (BATCH + len(LIVES), ())
    rows = (await list_cases(desk.ledger, Wanted(), limit=200)).rows
    assert {row.status for row in rows} == {
        "waiting_for_merchant",
        "waiting_for_complainant",
        "waiting_for_remedy",
        "under_review",
        "appealable",
        "closed",
    }
    assert len({row.respondent_id for row in rows}) > BATCH


async def test_it_is_seeded_under_the_shipped_rules_as_well(shipped_database: Database) -> None:
    """taobao@2026.6 is in force: its clocks have reminders, and its rulings their formulas."""
    ledger = await open_ledger(shipped_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    try:
        await sow(ledger, 2 * len(LIVES), lambda _: None)
        verdict = await verify(ledger)
        assert (verdict.cases, verdict.findings) == (2 * len(LIVES), ())
        rows = (await list_cases(ledger, Wanted(), limit=200)).rows
        assert len({row.status for row in rows}) > len(LIVES) // 2
    finally:
        await ledger.close()
