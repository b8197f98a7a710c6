"""Clocks in the ledger: their rows are the case's clocks, what is due fires once, and a bad case starves nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.commands import Posted
from case_events.core.deadlines import deadlines_of
from case_events.core.evolve import fold
from case_events.core.values import CaseId, Instant
from case_events.ledger.clock.claims import BACK_OFF_S_MAX, CLAIM_CLOCKED, CLAIM_LIVE
from case_events.ledger.clock.firing import fire, look_ahead, postpone
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.database import Ledger
from case_events.ledger.queries import read_case
from case_events.ledger.read_models import CASE_COLUMNS, case_row
from case_events.ledger.store import load
from tests import examples
from tests.ledger.desk import SWIFT, Desk, a_filing, stored
from tests.ledger.tampering import poison

BATCH = 200
COMMANDS: tuple[Posted, ...] = (
    examples.AMEND,
    examples.EVIDENCE,
    examples.AGREE,
    examples.REFUSE,
    examples.OFFER,
    examples.TAKE_THE_OFFER,
    examples.CALL_THE_PLATFORM,
    examples.PART_REFUND,
    examples.REJECT,
    examples.APPEAL,
    examples.WITHDRAW,
    examples.REFUNDED,
    examples.CLOSE,
)
STEPS = st.lists(st.sampled_from(COMMANDS) | st.integers(1, 260) | st.just("fire"), min_size=1, max_size=8)
"""Something is asked, hours pass, or the scheduler looks."""


async def rows_are_the_fold(ledger: Ledger, superuser: asyncpg.Connection, case_id: CaseId) -> None:
    """The rows of ``cases`` and ``deadlines`` say what the case's own events say."""
    async with ledger.connection() as connection:
        history = (await load(connection, [case_id], ledger.vault))[case_id].history
    case = fold(history)
    assert case is not None
    assert [one.version for one in history] == list(range(1, len(history) + 1))
    rows = await superuser.fetch("SELECT * FROM deadlines WHERE case_id = $1", case_id)
    assert {
        (row["kind"], row["party"], row["set_by"], row["due_at"], row["provisional"], row["minimum_notice"])
        for row in rows
    } == {(d.kind, d.party, d.set_by, d.due_at, d.provisional, d.minimum_notice) for d in deadlines_of(case)}
    assert all((row["test_clock"], row["attempts"]) == (case.test_clock, 0) for row in rows)
    kept = await superuser.fetchrow("SELECT * FROM cases WHERE case_id = $1", case_id)
    assert kept is not None
    folded = case_row(case)
    assert dict(kept) == {name: getattr(folded, name) for name in CASE_COLUMNS}
    assert folded.next_due_at == min((row["due_at"] for row in rows), default=None)
    held = await superuser.fetchval("SELECT count(*) FROM open_complaints WHERE case_id = $1", case_id)
    assert held == (case.stage != "closed"), "its complaint is open as long as the case is"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
async def test_whatever_happens_the_rows_stay_the_fold_of_the_events(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection, steps: list[Any]
) -> None:
    clock, now = await desk.clock(), examples.NOON
    case_id = await desk.filed(a_filing(clock=clock))
    for step in steps:
        if step == "fire":
            await fire(scheduler, CLAIM_CLOCKED, limit=1, only=case_id)
        elif isinstance(step, int):
            now = Instant.of(now + timedelta(hours=step))
            await desk.advance(clock, now)
        else:
            told = await desk.ask(step, case_id)
            assert told.problem is None or told.problem.code != "busy"
        await rows_are_the_fold(desk.ledger, superuser, case_id)


async def test_a_live_case_s_rows_are_the_fold_too(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    for command in (examples.AMEND, examples.OFFER, examples.REFUSE, examples.REJECT, examples.APPEAL):
        await desk.post(case_id, command)
        await rows_are_the_fold(desk.ledger, superuser, case_id)


async def test_a_live_clock_is_tried_when_it_is_due(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    rows = await superuser.fetch("SELECT due_at, next_try_at FROM deadlines WHERE case_id = $1", case_id)
    assert len(rows) == 2
    assert all(row["due_at"] == row["next_try_at"] for row in rows)


async def overdue(desk: Desk, count: int) -> list[CaseId]:
    """Live cases whose respondents were silent too long."""
    cases = [await desk.filed(a_filing(marketplace="swift")) for _ in range(count)]
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    return cases


async def test_schedulers_that_look_at_once_fire_everything_once(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases = await overdue(desk, 12)
    passes = await asyncio.gather(*(fire(scheduler, CLAIM_LIVE, limit=5) for _ in range(6)))
    passes += [await fire(scheduler, CLAIM_LIVE, limit=BATCH)]
    assert sum(one.written for one in passes) == len(cases)
    assert all(one.conflicts == 0 for one in passes)
    assert (await fire(scheduler, CLAIM_LIVE, limit=BATCH)).claimed == ()
    for case_id in cases:
        assert [row["type"] for row in await stored(superuser, case_id)] == [
            "filed",
            "merchant_response_timed_out",
            "intervention_requested",
        ]
    late = [one for fired in passes for one in fired.late]
    assert [kind for kind, _ in late] == ["response"] * len(cases)
    assert all(0 < seconds < 30 for _, seconds in late)


async def test_firing_waits_for_no_lock_and_leaves_a_busy_case_for_later(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    busy, free = await overdue(desk, 2)
    held = superuser.transaction()
    await held.start()
    await superuser.execute("SELECT FROM streams WHERE case_id = $1 FOR UPDATE", busy)
    fired = await asyncio.wait_for(fire(scheduler, CLAIM_LIVE, limit=BATCH), timeout=5)
    await held.rollback()
    assert set(fired.claimed) == {busy, free}
    assert (fired.busy, fired.written) == (1, 1)
    assert len(await stored(superuser, busy)) == 1
    assert (await fire(scheduler, CLAIM_LIVE, limit=BATCH)).claimed == (busy,)


async def test_the_earliest_legal_instant_fires_first(desk: Desk, scheduler: Ledger) -> None:
    cases = await overdue(desk, 3)
    order = [(await fire(scheduler, CLAIM_LIVE, limit=1)).claimed for _ in cases]
    assert order == [(case_id,) for case_id in cases]


async def test_a_provisional_clock_never_fires(desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection) -> None:
    eve = Instant.parse("2026-12-30T04:00:00Z")
    clock = await desk.clock(eve)
    clocked = await desk.filed(a_filing(clock=clock, at=eve))
    await desk.post(clocked, examples.REFUSE)
    provisional = await superuser.fetch("SELECT kind, provisional FROM deadlines WHERE case_id = $1", clocked)
    assert [tuple(row) for row in provisional] == [("ruling", True)], "two working days reach past what is published"
    await desk.advance(clock, Instant.parse("2027-06-01T04:00:00Z"))
    assert (await fire(scheduler, CLAIM_CLOCKED, limit=1, only=clocked)).claimed == ()
    reading = await read_case(desk.ledger, clocked)
    assert reading is not None
    assert (reading.written, len(reading.history)) == (3, 3)

    live = await desk.filed()
    await superuser.execute(
        "UPDATE deadlines SET provisional = true, next_try_at = now() - interval '1 day' WHERE case_id = $1", live
    )
    before = (await look_ahead(scheduler)).seconds
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=live)).claimed == ()
    assert before is None or before > 0
    await superuser.execute("UPDATE deadlines SET provisional = false WHERE case_id = $1", live)
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=live)).claimed == (live,), (
        "it was only the mark that held it"
    )
    await put_back(superuser, live)


async def put_back(superuser: asyncpg.Connection, case_id: CaseId) -> None:
    """Tried when it is due, as it was written."""
    await superuser.execute("UPDATE deadlines SET next_try_at = due_at, attempts = 0 WHERE case_id = $1", case_id)


async def test_a_claim_that_proves_stale_is_put_off_and_nothing_is_written(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    await superuser.execute("UPDATE deadlines SET next_try_at = now() - interval '1 s' WHERE case_id = $1", case_id)
    fired = await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)
    assert (fired.claimed, fired.stale, fired.written, fired.events) == ((case_id,), 1, 0, 0)
    assert len(await stored(superuser, case_id)) == 1
    rows = await superuser.fetch("SELECT next_try_at > now(), attempts FROM deadlines WHERE case_id = $1", case_id)
    assert [tuple(row) for row in rows] == [(True, 1), (True, 1)]
    await put_back(superuser, case_id)


RESPONSE = """
SELECT attempts, extract(epoch FROM next_try_at - now())::float8 AS waits, due_at FROM deadlines
WHERE case_id = $1 AND kind = 'response'
"""


async def response_of(superuser: asyncpg.Connection, case_id: CaseId) -> asyncpg.Record:
    """How often it was put off, for how long yet, and what was promised."""
    row = await superuser.fetchrow(RESPONSE, case_id)
    assert row is not None
    return row


async def test_one_poisoned_case_backs_off_while_the_others_fire(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases = await overdue(desk, 5)
    poisoned = cases[1]
    healthy = await poison(superuser, poisoned, b"{")
    promised = (await response_of(superuser, poisoned))["due_at"]
    fired = await fire(scheduler, CLAIM_LIVE, limit=BATCH)
    assert (len(fired.claimed), fired.written, fired.stale, fired.busy) == (5, 4, 0, 0)
    assert [(case_id, type(error)) for case_id, error in fired.failed] == [(poisoned, UnknownEvent)]
    assert [len(await stored(superuser, case_id)) for case_id in cases] == [3, 1, 3, 3, 3]
    for attempt, longest in enumerate((1, 2, 4, 8), 1):
        if attempt > 1:
            await postpone(scheduler, poisoned)
        row = await response_of(superuser, poisoned)
        assert (row["attempts"], row["due_at"]) == (attempt, promised), "nobody moves the legal instant"
        assert longest - 0.9 < row["waits"] <= longest
        if attempt > 2:  # long enough that even a slow machine looks before it is over
            assert (await fire(scheduler, CLAIM_LIVE, limit=BATCH)).claimed == (), "it is left alone"
        await superuser.execute("UPDATE deadlines SET next_try_at = now() WHERE case_id = $1", poisoned)
    await superuser.execute("UPDATE deadlines SET attempts = 1000 WHERE case_id = $1", poisoned)
    await postpone(scheduler, poisoned)
    assert BACK_OFF_S_MAX - 5 < (await response_of(superuser, poisoned))["waits"] <= BACK_OFF_S_MAX
    await poison(superuser, poisoned, healthy)
    await put_back(superuser, poisoned)
    assert (await fire(scheduler, CLAIM_LIVE, limit=BATCH)).claimed == (poisoned,), "healed, it fires at last"


async def test_a_clock_that_is_not_due_is_not_postponed(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    before = await superuser.fetch("SELECT * FROM deadlines WHERE case_id = $1", case_id)
    await postpone(scheduler, case_id)
    assert await superuser.fetch("SELECT * FROM deadlines WHERE case_id = $1", case_id) == before


async def test_a_reply_in_the_very_last_moment_and_the_clock_never_both_win(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    cases = [await desk.filed(a_filing(marketplace="swift")) for _ in range(6)]
    due = await superuser.fetchval("SELECT min(due_at) FROM deadlines WHERE case_id = ANY($1)", cases)
    refusal = replace(examples.REFUSE, reason="正好赶上")

    async def reply(case_id: CaseId) -> None:
        await desk.ask(refusal, case_id)

    await asyncio.sleep(max(0.0, (due - await superuser.fetchval("SELECT clock_timestamp()")).total_seconds() - 0.005))
    await asyncio.gather(*(reply(one) for one in cases), *(fire(scheduler, CLAIM_LIVE, limit=3) for _ in range(6)))
    await asyncio.sleep(0.1)
    await fire(scheduler, CLAIM_LIVE, limit=BATCH)
    for case_id in cases:
        types = [row["type"] for row in await stored(superuser, case_id)]
        assert types[1:] in (
            ["merchant_replied", "intervention_requested"],
            ["merchant_response_timed_out", "intervention_requested"],
        )
        await rows_are_the_fold(desk.ledger, superuser, case_id)
