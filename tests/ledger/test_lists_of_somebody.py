"""A page of what is somebody's own costs what it shows, however much they have, and what is rare in it is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.commands import Assign, Note
from case_events.core.values import CaseId, Instant, Party
from case_events.core.viewer import Viewer
from case_events.ledger.lists import lists
from case_events.ledger.lists.due_list import list_deadlines
from case_events.ledger.lists.lists import Wanted, list_cases
from tests.ledger.desk import Desk, a_filing, now

PAGES_MAX = 100
MERCHANT, BUYER = Party(role="merchant", id="m-rare"), Party(role="buyer", id="b-rare")


@pytest.mark.parametrize(
    ("whose", "merchants"),
    [
        (Wanted(merchant_id=MERCHANT.id), None),
        (Wanted(buyer_id=BUYER.id), None),
        (Wanted(assignee="desk-rare"), None),
        (Wanted(), (MERCHANT.id,)),
        (Wanted(), (MERCHANT.id, "m-other")),
    ],
)
async def test_pages_of_somebody_s_own_may_be_empty_and_still_lead_to_what_is_rare(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, whose: Wanted, merchants: tuple[str, ...] | None
) -> None:
    monkeypatch.setattr(lists, "LOOKED_AT_MAX", 2)
    cases = [await desk.filed(a_filing(respondent=MERCHANT, complainant=BUYER)) for _ in range(7)]
    rare = cases[:2]
    for case_id in cases:
        await desk.post(case_id, Assign(department="customer_service", agent="desk-rare"))
    start = now()
    for case_id in rare:
        await desk.post(case_id, Note(text="Rang the buyer.", internal=True))
    whose = replace(whose, updated_after=start)
    found, sizes, after = list[CaseId](), list[int](), None
    for _ in range(PAGES_MAX):
        page = await list_cases(desk.ledger, whose, viewer=Viewer(merchants=merchants), limit=10, after=after)
        found += [row.case_id for row in page.rows]
        sizes.append(len(page.rows))
        after = page.after
        if after is None:
            break
    assert sorted(found) == sorted(rare)
    assert sizes[0] == 0
    assert max(sizes) <= 2


MUCH = """
INSERT INTO cases
SELECT (c.r).* FROM (
    SELECT jsonb_populate_record(one, jsonb_build_object(
        'case_id', gen_random_uuid(), 'filed_at', now() - n * interval '1 h',
        'respondent_id', CASE WHEN n % 2 = 0 THEN 'm-large' ELSE 'm-' || n % 300 END,
        'complainant_id', CASE WHEN n % 2 = 1 THEN 'b-large' ELSE 'b-' || n % 300 END
    )) AS r FROM cases AS one, generate_series(1, $1) AS n WHERE one.case_id = $2
) AS c
"""
GONE = "DELETE FROM cases WHERE number = (SELECT number FROM cases WHERE case_id = $1) AND case_id <> $1"
READ = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'cases'"
Reading = Callable[[], Awaitable[int]]


@pytest.fixture
def read(desk: Desk, superuser: asyncpg.Connection) -> Reading:
    """How many rows of cases were read so far."""

    async def rows() -> int:
        async with desk.ledger.connection() as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
        return int(await superuser.fetchval(READ))

    return rows


@pytest.mark.parametrize(
    "asked", [Wanted(merchant_id="m-large"), Wanted(buyer_id="b-large"), Wanted(merchant_id="m-large", stage="inquiry")]
)
async def test_a_page_of_who_has_much_costs_what_it_shows(
    desk: Desk, superuser: asyncpg.Connection, read: Reading, asked: Wanted
) -> None:
    """However little the others have, by whom the planner goes."""
    one = await desk.filed()
    try:
        await superuser.execute(MUCH, 6_000, one)
        await superuser.execute("ANALYZE cases")
        await list_cases(desk.ledger, asked, limit=50)
        before = await read()
        page = await list_cases(desk.ledger, asked, limit=50)
        assert len(page.rows) == 50
        assert await read() - before < 250
    finally:
        await superuser.execute(GONE, one)


CLOSED = "UPDATE cases SET next_due_at = NULL WHERE respondent_id = 'm-large' AND mod(hashtext(case_id::text), 50) <> 0"


async def test_what_is_due_at_who_has_much_is_looked_up_among_what_is_open(
    desk: Desk, superuser: asyncpg.Connection, read: Reading
) -> None:
    one = await desk.filed()
    due = Wanted(merchant_id="m-large", due_before=Instant.parse("2999-12-31T23:59:59.999999Z"))
    try:
        await superuser.execute(MUCH, 6_000, one)
        await superuser.execute(CLOSED)
        await superuser.execute("ANALYZE cases")
        page = await list_cases(desk.ledger, due, limit=20)
        assert len(page.rows) == 20
        before = await read()
        assert await list_cases(desk.ledger, due, limit=20) == page
        await list_deadlines(desk.ledger, viewer=Viewer(merchants=("m-large",)), limit=20)
        assert await read() - before < 500
    finally:
        await superuser.execute(GONE, one)
