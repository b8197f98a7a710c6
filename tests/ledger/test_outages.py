"""Outages: measured once by whoever comes first, declared by operators, and what they took is given back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.events import DeadlineExtended, Outage, Recorded
from case_events.core.values import Clock, Instant
from case_events.ledger import locks, policy_book
from case_events.ledger.clock import journal, outages
from case_events.ledger.clock.aftermath import aftermath, made_late
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.clock.heartbeat import Vitals, beat
from case_events.ledger.clock.outages import OUTAGE_LEAST_S, NotYetOver, OtherOutage, declare, notice
from case_events.ledger.codec import GENESIS, event_of, rows_of
from case_events.ledger.database import Ledger
from case_events.ledger.queries import read_case
from case_events.ledger.sealing import KeyDestroyed, Vault
from tests import examples
from tests.ledger.contending import waits
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, now, swift_text

AWAY = "UPDATE schedulers SET swept_at = clock_timestamp() - $1::interval, seen_at = clock_timestamp() - $1::interval"


@pytest_asyncio.fixture
async def away(superuser: asyncpg.Connection, scheduler: Ledger) -> None:
    """Every scheduler swept an hour ago for the last time, and nothing is on record of it."""
    await superuser.execute("ALTER TABLE outages DISABLE TRIGGER append_only; DELETE FROM outages")
    await superuser.execute("ALTER TABLE outages ENABLE ALWAYS TRIGGER append_only; DELETE FROM schedulers")
    for name in ("one", "two"):
        await beat(scheduler, name, Vitals())
    await superuser.execute(AWAY, timedelta(hours=1))


async def test_before_any_scheduler_ever_swept_nobody_was_away(scheduler: Ledger) -> None:
    assert await notice(scheduler, "one") is None


@pytest.mark.usefixtures("away")
async def test_the_first_scheduler_that_comes_back_measures_the_outage_and_the_others_find_it_there(
    scheduler: Ledger,
) -> None:
    found = await asyncio.gather(*(notice(scheduler, name) for name in ("one", "two", "three")))
    (outage,) = [one for one in found if one is not None]
    assert (outage.source, outage.recorded_by in ("one", "two", "three")) == ("measured", True)
    assert outage.ended_at - outage.began_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    (entry,) = await journal.read(scheduler, limit=1)
    assert (entry.what, entry.who) == ("outage_noticed", outage.recorded_by)
    assert entry.data == {
        "outage": str(outage.id),
        "began_at": outage.began_at.rfc3339(),
        "ended_at": outage.ended_at.rfc3339(),
        "lasted_s": 3600,
        "reason": "no scheduler swept",
    }


@pytest.mark.usefixtures("away")
async def test_who_comes_while_another_is_recording_waits_and_records_nothing(
    scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with superuser.transaction():
        await superuser.execute("SELECT pg_advisory_xact_lock($1)", locks.OUTAGES)
        recording = asyncio.create_task(notice(scheduler, "one"))
        await waits(superuser, recording)
        await superuser.execute(
            "INSERT INTO outages (id, began_at, ended_at, source, reason, recorded_by) SELECT gen_random_uuid(),"
            " max(swept_at), clock_timestamp(), 'measured', 'no scheduler swept', 'two' FROM schedulers"
        )
    assert await recording is None


@pytest.mark.usefixtures("away")
async def test_while_one_scheduler_swept_there_was_no_outage(scheduler: Ledger, superuser: asyncpg.Connection) -> None:
    await superuser.execute(
        "UPDATE schedulers SET swept_at = clock_timestamp() - $1::interval WHERE name = 'two'",
        timedelta(seconds=OUTAGE_LEAST_S - 10),
    )
    assert await notice(scheduler, "one") is None


@pytest.mark.usefixtures("away")
async def test_a_scheduler_that_is_at_a_long_sweep_is_not_away_and_a_paused_one_is(
    scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    await beat(scheduler, "two", Vitals(swept=False))
    assert await notice(scheduler, "one") is None
    await beat(scheduler, "two", Vitals(swept=False, paused="the clocks disagree"))
    assert await notice(scheduler, "one") is not None


@pytest.mark.usefixtures("away")
async def test_by_a_clock_that_runs_ahead_no_outage_is_measured(scheduler: Ledger) -> None:
    believes, host = scheduler.host_clock, scheduler.host_clock
    try:
        scheduler.host_clock = lambda: Instant.of(believes() - timedelta(minutes=30))
        assert await notice(scheduler, "one") is None
        with pytest.raises(NotYetOver):
            await declare(scheduler, some_time_ago(2), Instant.of(now() - timedelta(minutes=1)), "停电", "x", uuid4())
    finally:
        scheduler.host_clock = host
    assert await notice(scheduler, "one") is not None


def some_time_ago(hours: float) -> Instant:
    return Instant.of(now() - timedelta(hours=hours))


async def test_an_operator_declares_an_outage_once_and_another_under_its_id_is_refused(ledger: Ledger) -> None:
    began, ended, outage_id = some_time_ago(3), some_time_ago(2), uuid4()
    outage, before = await declare(ledger, began, ended, "机房断电。", "ops", outage_id)
    assert (outage.source, outage.recorded_by, outage.reason, before) == ("declared", "ops", "机房断电。", False)
    (entry,) = await journal.read(ledger, limit=1)
    assert (entry.what, entry.who, entry.data["lasted_s"]) == ("outage_declared", "ops", 3600)
    assert await declare(ledger, began, ended, "机房断电。", "ops", outage_id) == (outage, True)
    assert await journal.read(ledger, limit=1) == (entry,)
    with pytest.raises(OtherOutage):
        await declare(ledger, began, ended, "别的。", "ops", outage_id)
    assert await outages.find(ledger, outage_id) == outage
    assert await outages.find(ledger, UUID(int=7)) is None


async def test_an_outage_that_is_not_over_cannot_be_declared(ledger: Ledger) -> None:
    with pytest.raises(NotYetOver):
        await declare(ledger, some_time_ago(1), Instant.of(now() + timedelta(minutes=1)), "停电。", "ops", uuid4())


async def test_an_outage_on_record_is_never_changed_nor_taken_back(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    await declare(ledger, some_time_ago(3), some_time_ago(2), "机房断电。", "ops", uuid4())
    for statement in ("UPDATE outages SET reason = 'x'", "DELETE FROM outages", "DELETE FROM journal"):
        with pytest.raises(asyncpg.PostgresError):
            await superuser.execute(statement)


LONG_AGO = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, client,
    correlation, payload, payload_hash, hash)
SELECT gen_random_uuid(), 1, gen_random_uuid(), 'reply_timed_out', 1, at, at, at, 'scheduler', 'caselog',
    gen_random_uuid(), '', sha256(''), sha256('')
FROM (SELECT now() - interval '1 year' + n * interval '1 s' AS at FROM generate_series(1, 20000) AS n) AS long_ago
"""
WALKED = "SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = 'events_of_clocks'"


async def test_the_first_page_of_what_an_outage_made_late_costs_nothing_of_what_was_long_before(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(LONG_AGO)
    outage, _ = await declare(ledger, some_time_ago(3), some_time_ago(2), "断网。", "ops", uuid4())

    async def walked() -> int:
        async with ledger.connection() as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
        return int(await superuser.fetchval(WALKED))

    before = await walked()
    assert await made_late(ledger, outage, 100, None) == ()
    assert await walked() - before < 20


async def test_outages_are_listed_by_their_end_page_by_page(ledger: Ledger) -> None:
    for hours in (30, 20, 10):
        await declare(ledger, some_time_ago(hours), some_time_ago(hours - 1), "停电。", "ops", uuid4())
    every = await outages.listed(ledger, 200)
    assert [one.ended_at for one in every] == sorted((one.ended_at for one in every), reverse=True)
    first = await outages.listed(ledger, 2)
    rest = await outages.listed(ledger, 200, (first[-1].ended_at, first[-1].id))
    assert (*first, *rest) == every


LATE = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, client,
    correlation, payload, payload_hash, hash)
SELECT $1, $2, $3, $4, 1, $5, $6, $6, 'scheduler', 'caselog', $1, convert_to($7, 'UTF8'), sha256(''), sha256('')
"""


async def test_the_report_tells_what_can_be_undone_as_the_rules_do(desk: Desk, superuser: asyncpg.Connection) -> None:
    """Of two parties' silences each, the earlier with the later; what the platform did not see done in time never."""
    case_id, (began, ended) = await desk.filed(), (some_time_ago(90), some_time_ago(88))
    outage, _ = await declare(desk.ledger, began, ended, "停电。", "ops", uuid4())
    late = (("merchant_response_timed_out", "respondent"), ("evidence_timed_out", "complainant"))
    ids = [uuid4() for _ in range(3)]
    for at, (type_, party) in enumerate((*late, ("ruling_timed_out", "platform"))):
        due, said = Instant.of(began + timedelta(minutes=at)), f'{{"kind":"x","party":"{party}"}}'
        await superuser.execute(LATE, case_id, at + 2, ids[at], type_, due, ended, said)
    assert [one.can_be_undone for one in await made_late(desk.ledger, outage, 9, None)] == [True, True, False]
    for version, undone, left in ((5, ids[1], [True, False, False]), (6, ids[0], [False, False, False])):
        said = f'{{"event":"{undone}"}}'
        await superuser.execute(LATE, case_id, version, uuid4(), "timeout_reversed", ended, ended, said)
        assert [one.can_be_undone for one in await made_late(desk.ledger, outage, 9, None)] == left


def gentle_text() -> str:
    """The swift policy, with relief."""
    text, notice_ = swift_text(), "minimum_notice = { hours = 24 }"
    for written, instead in (
        ('name = "swift"', 'name = "gentle"'),
        ('marketplace = "swift"', 'marketplace = "gentle"'),
        (notice_, f"{notice_}\nrelief = {{ last = {{ hours = 24 }} }}"),
    ):
        assert text.count(written) == 1, written
        text = text.replace(written, instead)
    return text


async def test_what_an_outage_took_is_given_back_by_the_api_the_scheduler_and_a_reading_alike(
    desk: Desk, scheduler: Ledger
) -> None:
    async with desk.ledger.connection() as connection:
        await policy_book.keep(connection, gentle_text())
    asked, fired, plain = [await desk.filed(a_filing(marketplace=name)) for name in ("gentle", "gentle", "swift")]
    before = await read_case(desk.ledger, fired)
    assert before is not None
    due_at = before.case.clocks[0].due_at
    began = now()
    await asyncio.sleep(2.1)
    ended = now()
    outage, _ = await declare(desk.ledger, began, ended, "停电。", "ops", uuid4())
    read = await read_case(desk.ledger, fired)
    assert read is not None
    (relief,) = read.history[read.written :]
    assert relief.name == "deadline_extended"
    step = await desk.post(asked, examples.AGREE)
    assert [one.name for one in step.events] == ["deadline_extended", "merchant_replied", "settled"]
    await fire(scheduler, CLAIM_LIVE, limit=10)
    written = await read_case(desk.ledger, fired)
    assert written is not None
    assert [one.name for one in written.history] == ["filed", "deadline_extended"]
    assert (written.history[1].event, written.history[1].event_id) == (relief.event, relief.event_id)
    assert getattr(relief.event, "outage", None) == Outage(id=outage.id, began_at=began, ended_at=ended)
    assert written.case.clocks[0].due_at == Instant.of(due_at + (ended - began))
    other = await read_case(desk.ledger, plain)
    assert other is not None
    assert [one.name for one in other.history] == ["filed", "merchant_response_timed_out", "intervention_requested"]


async def test_a_reading_of_what_was_known_then_knows_no_outage_recorded_since(desk: Desk) -> None:
    async with desk.ledger.connection() as connection:
        await policy_book.keep(connection, gentle_text())
    case_id = await desk.filed(a_filing(marketplace="gentle"))
    began = now()
    await asyncio.sleep(2.1)
    then = now()
    outage, _ = await declare(desk.ledger, began, then, "停电。", "ops", uuid4())
    assert (await aftermath(desk.ledger, outage)).pending >= 1, "it ran out in it, and nobody wrote it yet"
    known_now, known_then = [await read_case(desk.ledger, case_id, known_at=at) for at in (None, then)]
    assert known_now is not None
    assert known_then is not None
    assert [one.name for one in known_now.history] == ["filed", "deadline_extended"]
    assert [one.name for one in known_then.history][1] == "merchant_response_timed_out"


def test_relief_is_written_when_both_sides_were_erased() -> None:
    """It has no words of anybody's, so that no key is needed: a clock must be able to run on."""
    at, case_id, vault = examples.NOON, uuid4(), Vault(MASTER_KEY)
    moved = Clock(kind="appeal", party="both", due_at=at)
    relief = DeadlineExtended(
        kind="appeal", party="both", due_at=at, clocks=(moved,), outage=Outage(id=uuid4(), began_at=at, ended_at=at)
    )
    recorded = Recorded(
        case_id=case_id,
        version=2,
        event_id=uuid4(),
        event=relief,
        occurred_at=at,
        effective_at=at,
        recorded_at=at,
        who="scheduler",
        client="caselog",
        correlation=uuid4(),
    )
    erased = [replace(key, wrapped=None) for key in vault.new_keys(case_id)]
    (row,) = rows_of([recorded], GENESIS, erased, vault)
    assert event_of(row.type, row.schema, row.payload, recorded.event_id, vault.ring(erased)) == relief
    with pytest.raises(KeyDestroyed):
        rows_of([replace(recorded, event=replace(relief, reason="停运。"))], GENESIS, erased, vault)
