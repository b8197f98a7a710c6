"""What is claimed and what is not: holds, clocks that are not believed, the floor, and cases that cannot be written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.deadlines import deadlines_of, timeout_id
from case_events.core.evolve import fold
from case_events.core.values import CaseId, Instant
from case_events.ledger.clock import firing
from case_events.ledger.clock.backlog import IN_TURNS
from case_events.ledger.clock.backlog import OVERDUE as OVERDUE_OF
from case_events.ledger.clock.claims import BUSY_S, CLAIM_AMONG, CLAIM_LIVE, HELD_S
from case_events.ledger.clock.firing import FOR_EVER, fire, look_ahead
from case_events.ledger.connection import POSTGRES_EPOCH
from case_events.ledger.database import Ledger
from case_events.ledger.queries import HEALTH
from case_events.ledger.store import load
from tests import examples
from tests.ledger.desk import SWIFT, Desk, a_filing, now, stored

BATCH = 200

PLACE = """
INSERT INTO holds (id, marketplace, merchant, kind, reason, placed_by, until)
VALUES ($1, $2, $3, $4, 'a test', 'test', $5)
"""
WAITS = """
SELECT DISTINCT extract(epoch FROM next_try_at - now())::float8 AS seconds, attempts FROM deadlines
WHERE case_id = $1 AND due_at < now()
"""
OVERDUE = """
INSERT INTO deadlines (case_id, kind, party, set_by, due_at, next_try_at, provisional, minimum_notice)
SELECT gen_random_uuid(), 'response', 'gone', 1, at, at, false, false
FROM (SELECT now() - interval '1 h' + n * interval '1 ms' AS at FROM generate_series(1, $1) n) AS gone
"""
LATER_TOO = """
INSERT INTO deadlines SELECT case_id, kind, party, 7, due_at, next_try_at + interval '1 ms', false, false
FROM deadlines WHERE case_id = $1
"""
SOMEHOW_OVERDUE = OVERDUE.replace("n * interval '1 ms'", "random() * interval '1 h'")
"""The same in no order."""
FETCHED = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'deadlines'"
"""Rows that this session has found by way of an index, and not told of yet."""
DEAD = 20_000
"""Rows that were due and are gone, and that Postgres may not clear away."""


@pytest_asyncio.fixture(scope="module")
async def overdue(desk: Desk) -> list[CaseId]:
    """Live cases whose respondents were silent too long; each test takes some away from the end."""
    cases = [await desk.filed(a_filing(marketplace="swift")) for _ in range(40)]
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    return cases


@pytest_asyncio.fixture
async def no_holds(superuser: asyncpg.Connection) -> AsyncIterator[None]:
    yield
    await superuser.execute("DELETE FROM holds")


def some(overdue: list[CaseId], count: int) -> list[CaseId]:
    return [overdue.pop() for _ in range(count)]


async def tried_now(superuser: asyncpg.Connection, case_id: CaseId) -> None:
    await superuser.execute("UPDATE deadlines SET next_try_at = due_at WHERE case_id = $1", case_id)


@pytest.mark.parametrize(
    ("marketplace", "merchant", "kind"),
    [
        (None, None, None),
        ("swift", None, None),
        (None, examples.MERCHANT.id, None),
        (None, None, "response"),
        ("swift", examples.MERCHANT.id, "response"),
    ],
)
async def test_a_hold_over_it_puts_a_deadline_off_and_no_attempt_is_counted(
    overdue: list[CaseId],
    scheduler: Ledger,
    superuser: asyncpg.Connection,
    no_holds: None,
    marketplace: str | None,
    merchant: str | None,
    kind: str | None,
) -> None:
    (case_id,) = some(overdue, 1)
    await superuser.execute(PLACE, uuid4(), marketplace, merchant, kind, None)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.claimed, fired.put_off, fired.written, fired.stale) == ((case_id,), 1, 0, 0)
    (row,) = await superuser.fetch(WAITS, case_id)
    assert HELD_S - 10 < row["seconds"] <= HELD_S
    assert row["attempts"] == 0
    assert len(await stored(superuser, case_id)) == 1
    await superuser.execute("UPDATE holds SET released_at = now(), released_by = 'test'")
    await tried_now(superuser, case_id)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).written == 1, "it was only the hold"


@pytest.mark.parametrize(
    ("marketplace", "merchant", "kind"),
    [
        ("taobao", None, None),
        (None, "somebody else", None),
        (None, None, "appeal"),
        (None, None, "negotiation"),  # it has one, that is not due
        ("swift", "somebody else", None),
    ],
)
async def test_a_hold_over_others_holds_nothing_here(
    overdue: list[CaseId],
    scheduler: Ledger,
    superuser: asyncpg.Connection,
    no_holds: None,
    marketplace: str | None,
    merchant: str | None,
    kind: str | None,
) -> None:
    (case_id,) = some(overdue, 1)
    await superuser.execute(PLACE, uuid4(), marketplace, merchant, kind, None)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.put_off, fired.written) == (0, 1)


async def test_a_hold_over_a_merchant_holds_nobody_else_who_is_called_so(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection, no_holds: None
) -> None:
    (case_id,) = some(overdue, 1)
    await superuser.execute("UPDATE cases SET respondent_role = 'carrier' WHERE case_id = $1", case_id)
    await superuser.execute(PLACE, uuid4(), None, examples.MERCHANT.id, None, None)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.put_off, fired.written) == (0, 1)


async def test_a_guess_of_a_held_kind_holds_nothing_else_of_its_case(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection, no_holds: None
) -> None:
    (case_id,) = some(overdue, 1)
    guessed = (
        "UPDATE deadlines SET provisional = true, due_at = now() - interval '1 h' WHERE case_id = $1 AND kind = $2"
    )
    await superuser.execute(guessed, case_id, "negotiation")
    await superuser.execute(PLACE, uuid4(), None, None, "negotiation", None)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.put_off, fired.written) == (0, 1), "it does not run out by itself"


async def test_a_hold_that_ends_by_itself_puts_nothing_off_beyond_its_end(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection, no_holds: None
) -> None:
    (case_id,) = some(overdue, 1)
    until = Instant.of(now() + timedelta(seconds=1))
    await superuser.execute(PLACE, uuid4(), None, None, None, until)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).put_off == 1
    tried = await superuser.fetchval("SELECT DISTINCT next_try_at FROM deadlines WHERE case_id = $1", case_id)
    assert tried == until
    await asyncio.sleep(1.1)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).written == 1


async def test_what_is_held_does_not_keep_the_others_of_its_batch_from_firing(
    desk: Desk, overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection, no_holds: None
) -> None:
    held, free = some(overdue, 2)
    await superuser.execute("UPDATE cases SET respondent_id = 'held' WHERE case_id = $1", held)
    await superuser.execute(PLACE, uuid4(), None, "held", None, None)
    fired = await fire(scheduler, CLAIM_AMONG, limit=BATCH, only=[held, free])
    assert (set(fired.claimed), fired.put_off, fired.written) == ({held, free}, 1, 1)
    assert len(await stored(superuser, held)) == 1


async def test_nothing_fires_by_a_clock_that_is_not_believed(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    (case_id,) = some(overdue, 1)
    behind = Instant.of(now() - timedelta(seconds=5))
    assert (await fire(scheduler, CLAIM_LIVE, believed_until=behind, only=case_id)).claimed == ()
    (row,) = await superuser.fetch(WAITS, case_id)
    assert row["seconds"] < 0, "it is not put off either"
    ahead = Instant.of(now() + timedelta(seconds=60))
    assert (await fire(scheduler, CLAIM_LIVE, believed_until=ahead, only=case_id)).written == 1


async def test_a_database_that_has_come_with_another_clock_fires_nothing_early(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    claim = CLAIM_LIVE.replace("now()", "(now() + interval '100 h')").replace(
        "clock_timestamp()", "(clock_timestamp() + interval '100 h')"
    )
    assert (await fire(scheduler, claim, believed_until=Instant.of(now() + timedelta(seconds=5)))).claimed == ()
    fired = await fire(scheduler, claim, believed_until=FOR_EVER, only=case_id)
    assert (fired.claimed, fired.stale) == ((case_id,), 1), "believed, it would have been claimed"
    await superuser.execute("UPDATE deadlines SET next_try_at = due_at, attempts = 0 WHERE case_id = $1", case_id)


async def test_a_case_whose_history_runs_ahead_waits_until_that_instant_is_believed(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    (case_id,) = some(overdue, 1)
    ahead = Instant.of(now() + timedelta(seconds=2))
    await superuser.execute("UPDATE streams SET recorded_at = $2 WHERE case_id = $1", case_id, ahead)
    fired = await fire(
        scheduler, CLAIM_LIVE, believed_until=Instant.of(now() + timedelta(seconds=1)), limit=1, only=case_id
    )
    assert (fired.claimed, fired.written, fired.put_off, fired.stale) == ((case_id,), 0, 1, 0)
    tried = await superuser.fetchval("SELECT DISTINCT next_try_at FROM deadlines WHERE case_id = $1", case_id)
    assert tried == ahead
    await asyncio.sleep(2.1)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).written == 1


async def test_one_case_that_postgres_refuses_backs_off_while_its_batch_is_written(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases = some(overdue, 5)
    refused = cases[2]
    async with scheduler.connection() as connection:
        case = fold((await load(connection, [refused], scheduler.vault))[refused].history)
    assert case is not None
    taken = timeout_id(refused, next(one for one in deadlines_of(case) if one.kind == "response"))
    # Its timeout's id is there already, behind versions that are not: the events' own key is the last guard.
    await superuser.execute(
        """
        INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('version', 99, 'event_id', $2::text))).*
        FROM events e WHERE case_id = $1 AND version = 1
        """,
        refused,
        str(taken),
    )
    await superuser.execute("UPDATE streams SET version = 1 WHERE case_id = $1", refused)
    fired = await fire(scheduler, CLAIM_AMONG, limit=BATCH, only=cases)
    assert (len(fired.claimed), fired.written, fired.conflicts) == (5, 4, 0)
    assert [case_id for case_id, _ in fired.failed] == [refused]
    (row,) = await superuser.fetch(WAITS, refused)
    assert (row["seconds"] > 0, row["attempts"]) == (True, 1)
    await superuser.execute("DELETE FROM deadlines WHERE case_id = $1", refused)


@pytest.mark.parametrize("count", [1, 9])
async def test_one_case_of_which_somebody_holds_a_row_is_looked_at_again_soon_and_its_batch_is_written(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection, count: int
) -> None:
    """Whoever looks into a case by hand and goes to lunch."""
    cases = some(overdue, count)
    held = cases[count // 2]
    began = time.monotonic()
    async with superuser.transaction():
        await superuser.execute("SELECT FROM cases WHERE case_id = $1 FOR UPDATE", held)
        fired = await fire(scheduler, CLAIM_AMONG, limit=BATCH, only=cases)
    assert (len(fired.claimed), fired.written, fired.busy) == (count, count - 1, 1)
    assert (fired.failed, fired.conflicts, fired.put_off) == ((), 0, 0)
    assert time.monotonic() - began < 3, "nobody waits for them as long as a session may"
    (row,) = await superuser.fetch(WAITS, held)
    assert 0 < row["seconds"] <= BUSY_S
    assert row["attempts"] == 0, "it has not failed"
    await tried_now(superuser, held)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=held)).written == 1


async def test_a_row_that_somebody_holds_is_not_waited_for_to_put_its_case_off(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    (case_id,) = some(overdue, 1)
    await superuser.execute(LATER_TOO, case_id)
    async with superuser.transaction():
        await superuser.execute("SELECT FROM deadlines WHERE case_id = $1 AND set_by = 7 FOR UPDATE", case_id)
        await superuser.execute("SELECT FROM cases WHERE case_id = $1 FOR UPDATE", case_id)
        fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
        assert (fired.claimed, fired.busy) == ((case_id,), 1)
        assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).claimed == (), "it is put off"
    await superuser.execute("DELETE FROM deadlines WHERE case_id = $1", case_id)


async def test_a_table_that_somebody_has_locked_is_the_fault_of_no_case(
    overdue: list[CaseId], scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases = some(overdue, 2)
    async with superuser.transaction():
        await superuser.execute("LOCK TABLE cases IN SHARE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await fire(scheduler, CLAIM_AMONG, limit=BATCH, only=cases)
    for case_id in cases:
        (row,) = await superuser.fetch(WAITS, case_id)
        assert (row["seconds"] < 0, row["attempts"]) == (True, 0), "it is tried again at once"
    assert (await fire(scheduler, CLAIM_AMONG, limit=BATCH, only=cases)).written == 2


@asynccontextmanager
async def not_cleared_away(scheduler: Ledger, superuser: asyncpg.Connection) -> AsyncIterator[None]:
    """``DEAD`` rows that were overdue and are gone, while a snapshot keeps Postgres from clearing them away."""
    async with scheduler.connection() as pin:
        pinned = pin.transaction(isolation="repeatable_read")
        await pinned.start()
        await pin.fetchval("SELECT count(*) FROM deadlines")
        await superuser.execute(OVERDUE, DEAD)
        await superuser.execute("DELETE FROM deadlines WHERE party = 'gone'")
        yield
        await pinned.rollback()


async def test_a_claim_from_the_floor_reads_no_more_however_much_cannot_be_cleared_away(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with not_cleared_away(scheduler, superuser):
        floor = Instant.of(now() - timedelta(seconds=60))
        everywhere, from_floor = [await _read(superuser, at) for at in (POSTGRES_EPOCH, floor)]
    assert everywhere > DEAD / 200, "the pinned rows are in the way"
    assert from_floor < everywhere / 4
    ahead = await look_ahead(scheduler, floor)
    assert ahead.now > floor


async def test_whether_anything_is_overdue_is_asked_behind_the_watermark_only(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with not_cleared_away(scheduler, superuser):
        pages = dict[str, list[int]]()
        for watermark in ("NULL", "now() - interval '60 s'"):
            standing = superuser.transaction()
            await standing.start()
            await superuser.execute(f"UPDATE clock_state SET watermark = {watermark}")  # noqa: S608
            for name, sql, given in (("count", OVERDUE_OF, [1_001]), ("turns", IN_TURNS, []), ("health", HEALTH, [])):
                pages.setdefault(name, []).append(await _pages(superuser, sql, *given))
            await standing.rollback()
    for name, (everywhere, behind) in pages.items():
        assert everywhere > DEAD / 200, name
        assert behind < everywhere / 4, name


async def test_a_claim_reads_what_it_takes_however_much_is_overdue(
    scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(SOMEHOW_OVERDUE, 1_000)
    await superuser.execute("ANALYZE deadlines")  # plans are made anew, knowing how many there are
    async with scheduler.connection() as connection:
        undone = connection.transaction()
        await undone.start()
        before = await connection.fetchval(FETCHED)
        assert len(await firing._claimed(connection, CLAIM_LIVE, 10, None, FOR_EVER, None)) == 10
        fetched = await connection.fetchval(FETCHED) - before
        await undone.rollback()
    await superuser.execute("DELETE FROM deadlines WHERE party = 'gone'")
    assert fetched < 100


async def _read(superuser: asyncpg.Connection, floor: Instant) -> int:
    """How many pages a claim reads that looks from ``floor`` on."""
    return await _pages(superuser, CLAIM_LIVE, BATCH, None, FOR_EVER, floor)


async def _pages(superuser: asyncpg.Connection, sql: str, *given: object) -> int:
    async with superuser.transaction():
        await superuser.execute("SET LOCAL enable_seqscan = off")
        said = await superuser.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *given)
    plan: dict[str, Any] = json.loads(said)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
