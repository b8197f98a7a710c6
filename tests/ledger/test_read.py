"""Reading: a case as it is or was, what is overdue though nobody wrote it yet, and lists that lose nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.evolve import fold
from case_events.core.values import CaseId, Instant
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.queries import Reading, read_case
from tests import examples
from tests.ledger.desk import SWIFT, Desk, a_filing, one_of_each, stored

OUT = timedelta(hours=72)
"""The respondent's time under Taobao's policy."""
TICK = timedelta(microseconds=1)


async def read(desk: Desk, case_id: CaseId, *, version: int | None = None, at: Instant | None = None) -> Reading:
    reading = await read_case(desk.ledger, case_id, version=version, at=at)
    assert reading is not None
    return reading


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk) -> dict[str, CaseId]:
    return await one_of_each(desk)


async def test_a_case_at_any_version_is_the_fold_of_its_first_events(desk: Desk, cases: dict[str, CaseId]) -> None:
    for case_id in cases.values():
        whole = await read(desk, case_id)
        assert whole.case == fold(whole.history)
        for version in range(1, whole.case.version + 1):
            then = await read(desk, case_id, version=version)
            assert then.history == whole.history[:version]
            assert then.case == fold(whole.history[:version])
            assert (then.case.version, then.written) == (version, version)
        for version in (0, -1, whole.case.version + 1):
            assert await read_case(desk.ledger, case_id, version=version) is None


async def test_a_reading_carries_the_hashes_that_are_stored(
    desk: Desk, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    rows = await stored(superuser, cases["appealed"])
    kept = {row["version"]: (row["payload_hash"], row["hash"]) for row in rows}
    assert (await read(desk, cases["appealed"])).hashes == kept
    assert (await read(desk, cases["appealed"], version=3)).hashes == {v: kept[v] for v in (1, 2, 3)}


async def test_a_case_at_an_instant_is_the_fold_of_what_had_taken_effect(desk: Desk, cases: dict[str, CaseId]) -> None:
    for name, case_id in cases.items():
        whole = await read(desk, case_id)
        for one in whole.history:
            then = await read(desk, case_id, at=one.effective_at)
            prefix = tuple(other for other in whole.history if other.effective_at <= one.effective_at)
            assert (then.history, then.case) == (prefix, fold(prefix)), name
            assert then.now == one.effective_at
        before = Instant.of(whole.history[0].effective_at - TICK)
        assert await read_case(desk.ledger, case_id, at=before) is None
        later = await read(desk, case_id, at=Instant.parse("2999-01-01T00:00:00Z"))
        assert later.history == whole.history, "nobody knows the future"


async def test_nobody_reads_what_nobody_filed(desk: Desk) -> None:
    assert await read_case(desk.ledger, UUID(int=7)) is None


async def test_what_is_overdue_is_read_before_it_is_written_as_it_will_be(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    expected = await read(desk, case_id)
    assert (expected.written, expected.case.version) == (1, 3)
    assert [one.name for one in expected.history[1:]] == ["merchant_response_timed_out", "intervention_requested"]
    assert set(expected.hashes) == {1}
    assert [(d.kind, d.set_by, d.provisional) for d in expected.case.clocks] == [("ruling", 3, True)]
    await desk.fire_clocked(case_id)
    written = await read(desk, case_id)
    assert written.written == 3
    for guessed, one in zip(expected.history, written.history, strict=True):
        assert replace(guessed, recorded_at=one.recorded_at) == one
    assert [(d.kind, d.set_by, d.provisional) for d in written.case.clocks] == [("ruling", 3, False)]
    assert [d.due_at for d in written.case.clocks] == [d.due_at for d in expected.case.clocks]


async def test_a_live_timeout_is_written_under_the_number_and_id_it_was_read_with(
    desk: Desk, scheduler: Ledger
) -> None:
    case_id = await desk.filed(a_filing(marketplace="swift"))
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    expected = await read(desk, case_id)
    assert (expected.written, expected.case.version) == (1, 3)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.written, fired.events) == (1, 2)
    written = await read(desk, case_id)
    assert [(one.version, one.event_id, one.name) for one in expected.history] == [
        (one.version, one.event_id, one.name) for one in written.history
    ]
    due = expected.history[1].occurred_at
    at_due = await read(desk, case_id, at=due)
    assert (at_due.case.version, at_due.case.status) == (1, "waiting_for_merchant"), "now <= due_at is in time"
    just_after = await read(desk, case_id, at=Instant.of(due + TICK))
    assert (just_after.written, just_after.case.version, just_after.case.status) == (1, 3, "under_review")
    assert just_after.now == due + TICK
    assert just_after.history[1].event_id == written.history[1].event_id


async def test_at_an_instant_what_was_overdue_then_is_applied_and_what_was_not_is_not(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=30)))
    for written in (1, 3):
        in_time = await read(desk, case_id, at=Instant.of(examples.NOON + OUT))
        assert (in_time.written, in_time.case.version) == (1, 1)
        over = await read(desk, case_id, at=Instant.of(examples.NOON + OUT + TICK))
        assert (over.written, over.case.version) == (written, 3)
        assert [d.kind for d in over.case.clocks] == ["ruling"]
        await desk.fire_clocked(case_id)


async def test_a_version_not_yet_written_can_be_read_and_is_marked_so(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    second = await read(desk, case_id, version=2)
    assert ([one.name for one in second.history], second.written) == (["filed", "merchant_response_timed_out"], 1)
    first = await read(desk, case_id, version=1)
    assert (len(first.history), first.written, first.case.status) == (1, 1, "waiting_for_merchant")


PAGE = 4
PAGES_MAX = 40


async def pages(desk: Desk, status: str | None, between: bool) -> list[CaseId]:
    """Every case the pages show, in order; with ``between``, cases are filed while somebody leafs through."""
    seen: list[CaseId] = []
    after: tuple[Instant, UUID] | None = None
    for _ in range(PAGES_MAX):
        page = await list_cases(desk.ledger, Wanted(status=status), limit=PAGE, after=after)
        seen += [row.case_id for row in page.rows]
        if page.after is None:
            return seen
        after = page.after
        if between:
            await desk.filed()
            await desk.filed(a_filing(clock=await desk.clock()))
    raise AssertionError(f"more than {PAGES_MAX} pages")


@pytest.mark.parametrize("status", [None, "waiting_for_merchant"])
async def test_pages_show_every_case_once_although_more_are_filed_meanwhile(desk: Desk, status: str | None) -> None:
    clock = await desk.clock()  # all filed under it at the very same instant
    there = {await desk.filed(a_filing(clock=clock)) for _ in range(2 * PAGE + 1)}
    there |= {await desk.filed() for _ in range(PAGE + 1)}
    there |= set(await pages(desk, status, between=False))
    seen = Counter(await pages(desk, status, between=True))
    assert set(seen.values()) == {1}
    assert there <= set(seen)


async def test_lists_are_the_newest_filed_first_and_only_of_the_status_asked_for(
    desk: Desk, cases: dict[str, CaseId]
) -> None:
    rows = (await list_cases(desk.ledger, Wanted(), limit=200)).rows
    keys = [(row.filed_at, row.case_id) for row in rows]
    assert keys == sorted(keys, reverse=True)
    closed = (await list_cases(desk.ledger, Wanted(status="closed"), limit=200)).rows
    assert {row.case_id for row in closed} == {row.case_id for row in rows if row.status == "closed"}
    assert {cases[name] for name in ("settled", "appealed", "withdrawn", "rejected")} <= {r.case_id for r in closed}
