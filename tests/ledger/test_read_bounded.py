"""A list that would have to look far looks only so far at a time, says where it stopped, and loses nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from case_events.core.values import CaseId, Instant
from case_events.core.viewer import EVERYTHING
from case_events.ledger.lists import due_list, lists, queues
from case_events.ledger.lists.due_list import DueRow, list_deadlines
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.lists.queues import list_queue
from case_events.ledger.read_models import CaseRow
from tests.ledger.desk import Desk, a_report, now, on_tmall

PAGES_MAX = 40


@pytest.mark.parametrize("broad", [{}, {"status": "waiting_for_merchant"}, {"due": True}])
async def test_pages_of_what_is_rare_may_be_empty_and_still_lead_to_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, broad: dict[str, object]
) -> None:
    monkeypatch.setattr(lists, "LOOKED_AT_MAX", 3)
    start = now()
    rare = [await desk.filed() for _ in range(2)]
    for _ in range(5):
        await desk.filed()
    common = {row.case_id for row in (await list_cases(desk.ledger, Wanted(), limit=200)).rows} - set(rare)
    assert len(common) >= 5
    due = Instant.of(start + timedelta(days=60)) if broad.get("due") else None
    wanted = Wanted(status=broad.get("status"), due_before=due, updated_after=start, marketplace="taobao")  # type: ignore[arg-type]
    seen: list[CaseId] = []
    sizes: list[int] = []
    after = None
    for _ in range(PAGES_MAX):
        page = await list_cases(desk.ledger, wanted, limit=10, after=after)
        seen += [row.case_id for row in page.rows]
        sizes.append(len(page.rows))
        after = page.after
        if after is None:
            break
    whole = {row.case_id for row in (await list_cases(desk.ledger, Wanted(), limit=200)).rows if row.updated_at > start}
    assert len(seen) == len(set(seen))
    assert set(seen) == whole
    assert max(sizes) <= 3


async def test_deadlines_of_a_rare_kind_are_found_behind_many_of_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_list, "LOOKED_AT_MAX", 2)
    for _ in range(4):
        await desk.filed()
    whole = (await list_deadlines(desk.ledger, limit=200)).rows
    kinds = {row.kind for row in whole}
    assert len(kinds) > 1
    for kind in kinds:
        found: list[DueRow] = []
        after = None
        for _ in range(PAGES_MAX):
            page = await list_deadlines(desk.ledger, kind=kind, limit=10, after=after)
            found += page.rows
            after = page.after
            if after is None:
                break
        assert found == [row for row in whole if row.kind == kind]


@pytest.mark.parametrize("department", ["customer_service", None])
async def test_a_queue_finds_what_is_rare_behind_much_of_another_kind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, department: str | None
) -> None:
    monkeypatch.setattr(queues, "LOOKED_AT_MAX", 2)
    before = {row.case_id for row in (await list_cases(desk.ledger, Wanted(marketplace="tmall"), limit=200)).rows}
    for _ in range(5):
        await desk.filed()
    rare = [await desk.filed(on_tmall("not_received", "not_received")) for _ in range(2)]
    wanted = Wanted(department=department, marketplace="tmall")
    found: list[CaseId] = []
    after, sizes = None, list[int]()
    for _ in range(PAGES_MAX):
        page = await list_queue(desk.ledger, wanted, limit=10, after=after)
        found += [row.case_id for row in page.rows]
        sizes.append(len(page.rows))
        after = page.after
        if after is None:
            break
    assert set(found) - before == set(rare)
    assert len(found) == len(set(found))
    assert max(sizes) <= 2
    assert len(sizes) > 3


async def test_the_queue_of_all_departments_is_theirs_one_with_the_other(desk: Desk) -> None:
    """What was left alone for half a year stands first, though it is missed next when all others are long due."""
    start = now()
    clock = await desk.clock(start)
    alone = await desk.filed(on_tmall("quality", "quality", clock=clock, at=start))
    await desk.advance(clock, Instant.of(start + timedelta(days=200)))
    await desk.fire_clocked(alone)
    for number in range(3):
        await desk.filed()
        await desk.filed(a_report(f"listing {number}"))
    whole = await paged(desk, Wanted())
    first, *others = whole
    assert (first.case_id, first.priority) == (alone, 10)
    assert {one.department for one in others} >= {"customer_service", "platform_supervision"}
    assert first.next_due_at is not None
    assert all(one.next_due_at is not None and one.next_due_at < first.next_due_at for one in others)
    departments = {row.department for row in whole}
    each = [row for department in departments for row in await paged(desk, Wanted(department=department))]
    assert whole == sorted(each, key=lambda row: (-row.priority, row.next_due_at, row.case_id))
    assert await paged(desk, Wanted(), 3) == whole
    assert await paged(desk, Wanted(type="counterfeit_report"), 2) == [
        one for one in whole if one.type == "counterfeit_report"
    ]


async def paged(desk: Desk, wanted: Wanted, size: int = 200) -> list[CaseRow]:
    rows: list[CaseRow] = []
    after = None
    for _ in range(PAGES_MAX):
        page = await list_queue(desk.ledger, wanted, limit=size, after=after)
        rows += page.rows
        after = page.after
        if after is None:
            return rows
    raise AssertionError("more pages than cases")


async def test_a_queue_s_page_is_read_from_the_index_in_its_order(desk: Desk, superuser: asyncpg.Connection) -> None:
    """It is neither sorted nor walked: what a queue costs does not depend on how long it is."""
    await desk.filed()
    async with superuser.transaction():
        await superuser.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        await superuser.execute("SET LOCAL enable_bitmapscan = off")
        for whose, wanted in (("assignee", Wanted(assignee="x")), ("department", Wanted(department="x"))):
            asked = queues.question(wanted, EVERYTHING, 50, (0, None, uuid4()))
            await superuser.execute(f"PREPARE queue_{whose} AS {asked.sql}")
            explain = f"EXPLAIN EXECUTE queue_{whose} ('x', 0, NULL, '{uuid4()}')"
            plan = "\n".join(row[0] for row in await superuser.fetch(explain))
            assert f"cases_queue_of_{whose}" in plan, plan
            whole_page, _, read = plan.partition("Subquery Scan")
            assert whole_page.count("Sort") <= 2, "no more than the page itself is put in order"
            assert "Sort" not in read, plan
            assert "Filter" not in read, plan
        asked = queues.question(Wanted(), EVERYTHING, 50, (0, None, uuid4()))
        await superuser.execute(f"PREPARE queue_of_all AS {asked.sql}")
        plan = "\n".join(
            row[0] for row in await superuser.fetch(f"EXPLAIN EXECUTE queue_of_all (0, NULL, '{uuid4()}')")
        )
        assert plan.count("using cases_queue_of_department") >= 2, plan
        assert "Seq Scan" not in plan, plan
        assert "Sort" not in plan.partition("Nested Loop")[2], plan
