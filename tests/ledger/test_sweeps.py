"""Sweeps: nothing behind the mark is lost, nobody's many delay another's one, and one bad case stops nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace
from structlog.testing import capture_logs

from case_events.core.values import CaseId, Instant, Party
from case_events.ledger.clock import backlog, firing
from case_events.ledger.clock.firing import FOR_EVER, Fired
from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.store import Loaded, load
from case_scheduler.clock import timeouts
from case_scheduler.clock.pace import GROWS_BY, LANES, LARGEST, LONGEST_S, TURN_S, Pace
from case_scheduler.clock.timeouts import Sweeper, Swept
from tests import examples
from tests.ledger.desk import SWIFT, Desk, a_filing, now, stored

ALSO_REMINDED = """
INSERT INTO deadlines (case_id, kind, party, set_by, due_at, next_try_at, provisional, minimum_notice)
SELECT case_id, 'response_reminder', party, set_by, due_at, next_try_at, false, false FROM deadlines
WHERE case_id = ANY($1) AND next_try_at < now()
"""
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out' AND case_id = ANY($1)"
REFUSE = """
CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'not this one';
END $$;
CREATE TRIGGER refuse_one BEFORE UPDATE ON streams FOR EACH ROW WHEN (NEW.case_id = '{}') EXECUTE FUNCTION refuse_one();
"""
SOON_S = 5
ALLOW = "DROP TRIGGER refuse_one ON streams; DROP FUNCTION refuse_one()"


async def overdue(desk: Desk, *merchants: str) -> list[CaseId]:
    """A live case against each of these merchants, the earlier the older; all of them were silent too long."""
    cases = []
    for merchant in merchants:
        filing = a_filing(marketplace="swift")
        cases.append(await desk.filed(replace(filing, respondent=Party(role="merchant", id=merchant))))
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    return cases


@pytest.fixture
def passes() -> list[Fired]:
    return []


@pytest_asyncio.fixture
async def sweeper(scheduler: Ledger, passes: list[Fired]) -> AsyncIterator[Sweeper]:
    """One that has swept, so that nothing older is due."""
    swept = Sweeper(scheduler, told=passes.append)
    await swept.sweep(never, for_ever)
    passes.clear()
    yield swept


def never() -> bool:
    return False


def for_ever() -> Instant:
    return FOR_EVER


async def fired(superuser: asyncpg.Connection, *cases: CaseId) -> int:
    count: int = await superuser.fetchval(FIRED, cases)
    return count


async def behind_the_mark(superuser: asyncpg.Connection, case_id: CaseId) -> None:
    """As if it had been committed late, or put back by whoever rebuilt the table."""
    await superuser.execute("UPDATE deadlines SET next_try_at = now() - interval '1 h' WHERE case_id = $1", case_id)


async def test_a_sweep_fires_what_is_due_and_tells_when_to_look_again(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, passes: list[Fired]
) -> None:
    cases = await overdue(desk, "m-1", "m-1")
    swept = await sweeper.sweep(never, for_ever)
    assert not swept.left
    assert swept.again_in_s is None or swept.again_in_s > 0
    assert await fired(superuser, *cases) == 2
    assert [one.written for one in passes] == [2]


async def test_what_comes_to_lie_behind_the_mark_is_found_when_somebody_knocks_and_soon_without(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, knocked, alone = await overdue(desk, "m-1", "m-1", "m-1")
    await superuser.execute("UPDATE deadlines SET next_try_at = 'infinity' WHERE case_id = ANY($1)", [knocked, alone])
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, first) == 1
    await behind_the_mark(superuser, knocked)
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, knocked) == 0, "nobody looked there: that is what the mark is for"
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, knocked) == 1
    await behind_the_mark(superuser, alone)
    monkeypatch.setattr(sweeper, "_everywhere_at", 0.0)  # ten seconds later
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, alone) == 1


async def test_after_a_busy_case_the_next_sweep_looks_everywhere(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    busy, *others = await overdue(desk, "m-1", "m-1", "m-1")
    held = superuser.transaction()
    await held.start()
    await superuser.execute("SELECT FROM streams WHERE case_id = $1 FOR UPDATE", busy)
    assert await sweeper.sweep(never, for_ever) == Swept(left=True, again_in_s=timeouts.RETRY_S)
    await held.rollback()
    assert await fired(superuser, busy, *others) == 2
    assert not (await sweeper.sweep(never, for_ever)).left
    assert await fired(superuser, busy) == 1


async def test_the_deadlines_of_a_transaction_that_ended_badly_are_found_though_the_mark_went_past_them(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    """Another scheduler had claimed them and was killed; nobody saw its locks."""
    theirs, ours = await overdue(desk, "m-1", "m-1")
    held = superuser.transaction()
    await held.start()
    await superuser.execute("SELECT FROM deadlines WHERE case_id = $1 FOR UPDATE", theirs)
    await sweeper.sweep(never, for_ever)
    await held.rollback()
    assert await fired(superuser, theirs, ours) == 1
    sweeper._everywhere_at = 0.0  # ten seconds later
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, theirs) == 1


async def test_one_merchant_s_many_do_not_delay_another_s_single_one(
    desk: Desk,
    sweeper: Sweeper,
    superuser: asyncpg.Connection,
    passes: list[Fired],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    *many, single = await overdue(desk, *["many"] * 30, "single")
    monkeypatch.setattr(backlog, "BACKLOG", 10)
    sweeper.pace.batch, sweeper.pace.lanes = 5, 1
    monkeypatch.setattr(sweeper.pace, "took", lambda *_, **__: None)
    assert not (await sweeper.sweep(never, for_ever)).left
    assert await fired(superuser, *many, single) == 31
    order = [case_id for one in passes for case_id in one.claimed]
    assert order[:5] == many[:5], "the oldest come first, whosever they are, until it is known how many there are"
    assert order.index(single) < 5 + backlog.TURN + 5, "then the others come after one turn"
    mine = [case_id for case_id in order if case_id != single]
    assert [set(mine[start : start + 5]) for start in range(0, 30, 5)] == [
        set(many[start : start + 5]) for start in range(0, 30, 5)
    ], "within a merchant's the oldest first"


async def test_a_turn_is_of_cases_whatever_else_of_theirs_has_run_out(
    desk: Desk, sweeper: Sweeper, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    *many, single = cases = await overdue(desk, *["many"] * (backlog.TURN + 2), "single")
    await superuser.execute(ALSO_REMINDED, many)
    assert await backlog.in_turns(scheduler) == (*many[: backlog.TURN], single, *many[backlog.TURN :])
    await superuser.execute("DELETE FROM deadlines WHERE kind = 'response_reminder' AND case_id = ANY($1)", many)
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, *cases) == len(cases)


async def test_of_few_the_oldest_is_first_whosever_it_is(
    desk: Desk, sweeper: Sweeper, passes: list[Fired], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await overdue(desk, *["many"] * 6, "single")
    sweeper.pace.batch = 2
    monkeypatch.setattr(sweeper.pace, "took", lambda *_, **__: None)
    await sweeper.sweep(never, for_ever)
    assert [set(one.claimed) for one in passes] == [set(cases[start : start + 2]) for start in range(0, 7, 2)]


async def test_a_case_for_which_postgres_refuses_the_whole_transaction_is_found_by_halving(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    cases = await overdue(desk, *["m-1"] * 9)
    refused = cases[4]
    await superuser.execute(REFUSE.format(refused))
    try:
        sweeper.pace.batch = 8
        with capture_logs() as told:
            for _ in range(6):
                if not (await sweeper.sweep(never, for_ever)).left:
                    break
        failures = [one["cases"] for one in told if one["event"] == "pass_failed"]
        assert (failures[0], failures[-1], failures.count(1)) == (8, 1, 1), "found when it was alone"
        assert len(failures) <= timeouts.FAILURES_MAX
        assert [one["case_id"] for one in told if one["event"] == "case_failed"] == [str(refused)]
        assert await fired(superuser, *cases) == 8
        assert len(await stored(superuser, refused)) == 1
        attempts = await superuser.fetchval("SELECT max(attempts) FROM deadlines WHERE case_id = $1", refused)
        assert attempts >= 1, "it backs off"
    finally:
        await superuser.execute(ALLOW)
    await superuser.execute("UPDATE deadlines SET next_try_at = due_at WHERE case_id = $1", refused)
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, refused) == 1


async def test_under_test_clocks_too_the_case_that_is_refused_is_found_and_no_other_is_put_off(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "CLOCKED_S", 0.0)
    cases = []
    for _ in range(4):
        clock = await desk.clock()
        cases.append(await desk.filed(a_filing(clock=clock)))
        await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=30)))
    refused = cases.pop(1)
    await superuser.execute(REFUSE.format(refused))
    try:
        sweeper._clocked_pace.batch = 4
        sweeper.look_everywhere()
        with capture_logs() as told:
            for _ in range(6):
                await sweeper.sweep(never, for_ever)
        assert {one["case_id"] for one in told if one["event"] == "case_failed"} == {str(refused)}
        assert len(await stored(superuser, refused)) == 1
    finally:
        await superuser.execute(ALLOW)
    for case_id in cases:
        assert len(await stored(superuser, case_id)) > 1
    await superuser.execute("DELETE FROM deadlines WHERE test_clock IS NOT NULL")


async def test_the_more_test_clocks_there_are_the_seldomer_all_of_them_are_asked(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that tests left behind cost a scheduler with nothing to do a twentieth of its time at most."""
    monkeypatch.setattr(timeouts, "CLOCKED_S", 0.0)
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    many = "SELECT gen_random_uuid(), 'tests', now() FROM generate_series(1, 20000)"
    await superuser.execute(f"INSERT INTO test_clocks (id, client, at) {many}")
    try:
        sweeper.look_everywhere()
        await sweeper.sweep(never, for_ever)
        assert sweeper._clocked_at > time.monotonic() + 0.1
        await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=30)))
        sweeper.look_everywhere()  # whoever moves a clock knocks
        await sweeper.sweep(never, for_ever)
        assert len(await stored(superuser, case_id)) > 1
    finally:
        await superuser.execute("DELETE FROM test_clocks WHERE client = 'tests'")
        await superuser.execute("DELETE FROM deadlines WHERE test_clock IS NOT NULL")


async def test_one_case_of_which_somebody_holds_a_row_delays_no_other(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    held, *others = await overdue(desk, *["m-1"] * 6)
    async with superuser.transaction(), asyncio.timeout(SOON_S):
        await superuser.execute("SELECT FROM cases WHERE case_id = $1 FOR UPDATE", held)
        sweeper.pace.batch = 1
        for _ in range(3):
            await sweeper.sweep(never, for_ever)
        assert await fired(superuser, *others) == len(others)
    assert await superuser.fetchval("SELECT max(attempts) FROM deadlines WHERE case_id = $1", held) == 0
    await behind_the_mark(superuser, held)
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, held) == 1


async def test_a_case_that_ends_every_session_that_reads_it_is_found_and_backs_off(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that is too long to be read before a session's time is over."""
    too_long, *others = await overdue(desk, *["m-1"] * 6)

    async def ended(connection: Connection, cases: Sequence[CaseId], *said: Any) -> dict[CaseId, Loaded]:
        if too_long in cases:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await superuser.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        return await load(connection, cases, *said)

    monkeypatch.setattr(firing, "load", ended)
    sweeper.pace.batch, went_on = 4, list[str]()
    with capture_logs() as told:
        for _ in range(10):
            try:
                await sweeper.sweep(never, for_ever)
            except UNAVAILABLE as error:
                went_on.append(type(error).__name__)
    assert await fired(superuser, *others) == len(others)
    assert 3 <= len(went_on) <= 4, "until it was alone, and once more, Postgres might have been away"
    failed = [one for one in told if one["event"] == "case_failed"]
    assert failed
    assert {one["case_id"] for one in failed} == {str(too_long)}
    assert await superuser.fetchval("SELECT max(attempts) FROM deadlines WHERE case_id = $1", too_long) >= 1
    monkeypatch.setattr(firing, "load", load)
    await behind_the_mark(superuser, too_long)
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, too_long) == 1


async def test_a_session_that_is_ended_once_puts_no_case_off(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case_id,) = await overdue(desk, "m-1")
    ended = list[int]()

    async def once(connection: Connection, cases: Sequence[CaseId], *said: Any) -> dict[CaseId, Loaded]:
        if not ended:
            ended.append(await connection.fetchval("SELECT pg_backend_pid()"))
            await superuser.execute("SELECT pg_terminate_backend($1, 5000)", ended[0])
        return await load(connection, cases, *said)

    monkeypatch.setattr(firing, "load", once)
    with pytest.raises(UNAVAILABLE):
        await sweeper.sweep(never, for_ever)
    assert await superuser.fetchval("SELECT max(attempts) FROM deadlines WHERE case_id = $1", case_id) == 0
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, case_id) == 1


async def test_a_table_that_is_locked_postpones_no_case_however_few_are_tried(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    (case_id,) = await overdue(desk, "m-1")
    sweeper.pace.batch = 1
    async with superuser.transaction():
        await superuser.execute("LOCK TABLE cases IN SHARE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await sweeper.sweep(never, for_ever)
    assert await superuser.fetchval("SELECT max(attempts) FROM deadlines WHERE case_id = $1", case_id) == 0
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, case_id) == 1


async def test_nothing_is_fired_by_a_clock_that_is_not_believed(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection
) -> None:
    (case_id,) = await overdue(desk, "m-1")
    behind: Callable[[], Instant] = lambda: Instant.of(now() - timedelta(seconds=5))  # noqa: E731
    await sweeper.sweep(never, behind)
    assert await fired(superuser, case_id) == 0
    sweeper.look_everywhere()
    await sweeper.sweep(never, for_ever)
    assert await fired(superuser, case_id) == 1


async def test_whoever_stops_in_the_middle_leaves_the_rest(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, passes: list[Fired], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await overdue(desk, *["m-1"] * 4)
    sweeper.pace.batch = 2
    monkeypatch.setattr(sweeper.pace, "took", lambda *_, **__: None)
    assert (await sweeper.sweep(lambda: bool(passes), for_ever)).left
    assert await fired(superuser, *cases) == 2
    assert not (await sweeper.sweep(never, for_ever)).left
    assert await fired(superuser, *cases) == 4


async def test_with_many_overdue_a_pass_is_cut_to_what_fits_into_a_turn(
    desk: Desk, sweeper: Sweeper, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await overdue(desk, *["m-1"] * 30)
    monkeypatch.setattr(backlog, "BACKLOG", 10)
    monkeypatch.setattr("case_scheduler.clock.pace.TURN_S", 0.0)
    sweeper.pace = Pace(0.5)
    sweeper.pace.batch = 5
    assert not (await sweeper.sweep(never, for_ever)).left
    assert await fired(superuser, *cases) == 30
    assert sweeper.pace.batch == GROWS_BY, "the oldest five were quick, the others took longer than a turn"


def test_a_batch_grows_while_it_is_quick_and_is_cut_to_what_fits_when_it_is_slow() -> None:
    pace = Pace(0.5)
    before = pace.batch
    pace.took(LONGEST_S / 2, before, full=False)
    assert pace.batch == before, "a batch that was not full says nothing about larger ones"
    pace.took(LONGEST_S / 2, before, full=True)
    assert pace.batch == before + GROWS_BY
    for _ in range(LARGEST):
        pace.took(LONGEST_S / 2, pace.batch, full=True)
    assert pace.batch == LARGEST
    pace.took(LONGEST_S * 2, LARGEST, full=False)
    assert pace.batch == LARGEST // 2
    for _ in range(2):  # another one of the same size says the same once more
        pace.took(TURN_S * 2, LARGEST // 2, full=True, in_turn=True)
        assert pace.batch == LARGEST // 4
    pace.took(LONGEST_S * 100, LARGEST // 4, full=True, in_turn=True)
    assert pace.batch == GROWS_BY, "with fewer, most of it would be the transaction itself"


def test_a_batch_that_fails_is_halved_until_one_is_left_and_slowness_does_not_make_it_larger() -> None:
    pace = Pace(0.5)
    for _ in range(LARGEST):
        pace.failed()
    assert pace.batch == 1
    pace.took(LONGEST_S * 2, 1, full=True)
    assert pace.batch == 1


def test_who_has_all_of_the_time_takes_turns_with_nobody() -> None:
    pace = Pace(1)
    before = pace.batch
    pace.took(TURN_S * 2, before, full=True, in_turn=True)
    assert (pace.batch, pace.lanes) == (before + GROWS_BY, LANES)
    assert Pace(0.99).lanes == 1, "the others have a core"


@pytest.mark.parametrize(("share", "pause_s"), [(1, 0), (0.5, 0.2), (0.25, 0.6)])
def test_the_pause_leaves_others_their_share_of_the_time(share: float, pause_s: float) -> None:
    assert Pace(share).pause_s(0.2) == pytest.approx(pause_s)
