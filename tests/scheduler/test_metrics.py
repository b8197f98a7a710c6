"""What a scheduler tells Prometheus: what it did itself, and how the clock and the feed are as a whole."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from case_events.core.values import CHINA
from case_events.ledger.clock.firing import Fired
from case_events.ledger.clock.holds import Wanted, place
from case_events.ledger.clock.watermark import publish
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger, open_ledger
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.measuring import keep_measuring, measure
from case_scheduler.meters import Meters
from case_scheduler.pulse import Pulse
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY

PASSED = """
INSERT INTO deadlines SELECT gen_random_uuid(), 'response', 'respondent', 1, at, at + $1::interval, $2, false, NULL, $3
FROM (SELECT clock_timestamp() - interval '1 hour' AS at) t
"""
OF_ALL = (
    "watermark_lag_seconds",
    "deadlines_overdue",
    "deadlines_overdue_oldest_seconds",
    "calendar_days_left",
    "schedulers_running",
    "feed_head",
)


@pytest_asyncio.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    await teach(connection)
    yield connection
    await connection.close()


def exposed(meters: Meters) -> dict[tuple[str, ...], float]:
    """Every sample by its name and what its labels say."""
    families = text_string_to_metric_families(meters.exposed().decode())
    return {
        (sample.name.removeprefix("caselog_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_was_never_read_is_no_number() -> None:
    said = exposed(Meters())
    assert all(math.isnan(said[name,]) for name in OF_ALL), "nothing may look well, or ill, that nobody looked at"
    assert said["measured_timestamp_seconds",] == 0, "but that nobody looked can be told"


def test_who_has_not_got_ready_tells_for_how_long_it_has_done_nothing() -> None:
    meters, now = Meters(), [100.0]
    meters.watch(Pulse("here:1", lambda: now[0]), ["verify"])
    now[0] += 45
    said = exposed(meters)
    assert (said["sweep_age_seconds",], said["feed_tick_age_seconds",], said["clock_paused",]) == (45, 45, 0)
    assert said["upkeep_jobs_total", "verify", "failed"] == 0, "who counts the increase must see the first one"


def test_every_pass_is_told_by_what_became_of_its_cases() -> None:
    meters = Meters()
    cases = tuple(uuid4() for _ in range(9))
    meters.fired(
        Fired(
            claimed=cases,
            written=3,
            events=5,
            busy=2,
            stale=1,
            conflicts=1,
            put_off=1,
            failed=((cases[0], ValueError()),),
            late=(("response", 0.02), ("response", 70.0), ("appeal", 0.2), ("no such kind", 0.2)),
            took_s=0.03,
        )
    )
    said = exposed(meters)
    became = {"written": 3, "busy": 2, "stale": 1, "conflict": 1, "held": 1, "failed": 1}
    assert {result: said["firing_cases_total", result] for result in became} == became
    assert said["firing_events_total",] == 5
    assert said["firing_pass_seconds_sum",] == 0.03
    assert said["firing_lateness_seconds_bucket", "response", "0.025"] == 1
    assert said["firing_lateness_seconds_bucket", "response", "300.0"] == 2
    assert said["firing_lateness_seconds_count", "appeal"] == 1
    assert said["firing_lateness_seconds_count", "other"] == 1, "labels are bounded"


async def test_it_tells_of_itself_how_old_its_sweep_is_and_whether_it_is_paused(ledger: Ledger) -> None:
    meters, pulse = Meters(), Pulse("here:1")
    meters.watch(pulse)
    meters.watch_sweeps(Sweeper(ledger))
    said = exposed(meters)
    assert math.isnan(said["clock_offset_seconds",])
    pulse.swept()
    pulse.ticked()
    pulse.paused, pulse.offset_ms = "the clocks disagree", -7_000.0
    said = exposed(meters)
    assert 0 <= said["sweep_age_seconds",] < 5
    assert 0 <= said["feed_tick_age_seconds",] < 5
    assert (said["clock_paused",], said["clock_offset_seconds",]) == (1, -7)
    assert said["firing_batch_cases",] >= 1
    meters.upkept("verify", well=False)
    meters.linked(well=True)
    said = exposed(meters)
    assert said["upkeep_jobs_total", "verify", "failed"] == 1
    assert said["collective_rounds_total", "done"] == 1


async def test_any_scheduler_tells_how_the_clock_is_as_a_whole(
    ledger: Ledger, database: Database, superuser: asyncpg.Connection
) -> None:
    for put_off, provisional, attempts in ((0, False, 0), (7200, False, 0), (7200, False, 4), (0, True, 0)):
        await superuser.execute(PASSED, timedelta(seconds=put_off), provisional, attempts)
    app = await open_ledger(database.app, master_key=MASTER_KEY)
    await place(app, Wanted(reason="a fair", merchant="m-1", lasts=timedelta(hours=1)), "ops", uuid4())
    await app.close()
    await publish(ledger)
    await superuser.execute("UPDATE clock_state SET published_at = NULL")
    await publish(ledger)
    meters = Meters()
    await measure(ledger, meters, Pulse("one:1"))
    said = exposed(meters)
    assert 3600 <= said["watermark_lag_seconds",] < 3660
    assert said["watermark_breached",] == 0
    assert (said["deadlines_overdue",], said["deadlines_held",]) == (3, 1)
    assert (said["deadlines_failed",], said["deadlines_failing",]) == (1, 1)
    assert 3600 <= said["deadlines_overdue_oldest_seconds",] < 3660
    assert 3600 <= said["deadlines_waiting_seconds",] < 3660
    assert said["deadlines_provisional",] == 1
    assert -3660 < said["deadlines_provisional_next_seconds",] <= -3600
    assert said["holds_in_force",] == 1
    assert (said["schedulers_running",], said["feed_head",], said["feed_waiting_seconds",]) == (0, 0, 0)
    left = (ledger.calendar.known_until - datetime.now(CHINA).date()).days
    assert said["calendar_days_left",] in (left, left + 1), "a day may have begun since"


async def test_what_is_put_off_waits_for_nobody_however_old_it_is(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(PASSED, timedelta(seconds=7200), False, 0)
    meters = Meters()
    await measure(ledger, meters, Pulse("one:1"))
    said = exposed(meters)
    assert said["deadlines_waiting_seconds",] == 0
    assert said["deadlines_overdue_oldest_seconds",] >= 3600
    await superuser.execute(PASSED, timedelta(seconds=3480), False, 0)
    await measure(ledger, meters, Pulse("one:1"))
    assert 120 <= exposed(meters)["deadlines_waiting_seconds",] < 180, "nobody puts it off any more"


async def test_it_goes_on_measuring_while_the_database_is_away_and_ends_when_told(database: Database) -> None:
    gone = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    await gone.close()
    stop = asyncio.Event()
    measuring = asyncio.create_task(keep_measuring(gone, Meters(), Pulse("one:1"), stop))
    await asyncio.sleep(0.1)
    assert not measuring.done()
    stop.set()
    await asyncio.wait_for(measuring, 5)
