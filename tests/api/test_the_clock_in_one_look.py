"""GET /v1/scheduler: how far everything is done, what is overdue and why, how late we were, and what is to come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.clock.heartbeat import Vitals, beat
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.clock.overview import COUNTED_MAX, FAILING_FROM, LISTED_MAX
from case_events.ledger.clock.watermark import publish
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger, open_ledger
from tests.api.conftest import MASTER_KEY
from tests.api.house import MERCHANT, House, filed
from tests.conftest import Database

HOUR = timedelta(hours=1)
WRITE = """
INSERT INTO deadlines
VALUES ($1, 'response', 'respondent', 1, $2::timestamptz, coalesce($3, $2), false, false, NULL, $4)
"""

MANY = """
INSERT INTO deadlines SELECT gen_random_uuid(), 'response', 'respondent', 1, at, at, false, false, NULL, 0
FROM (SELECT clock_timestamp() - n * interval '1 s' AS at FROM generate_series(1, $1::int) n) t
"""


@pytest_asyncio.fixture(scope="module")
async def scheduler(prepared: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(prepared.scheduler, master_key=MASTER_KEY)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def superuser(prepared: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(prepared.superuser)
    await teach(connection)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(autouse=True)
async def alone(superuser: asyncpg.Connection) -> None:
    """Nothing of the tests before."""
    await superuser.execute("DELETE FROM deadlines; DELETE FROM lateness; DELETE FROM schedulers")
    await superuser.execute("UPDATE clock_state SET watermark = NULL, sampled_at = NULL, whole_at = NULL")


def ago(span: timedelta) -> Instant:
    return Instant.of(datetime.now(UTC) - span)


async def due(
    superuser: asyncpg.Connection, at: Instant, *, next_try_at: Instant | None = None, attempts: int = 0
) -> UUID:
    case_id = uuid4()
    await superuser.execute(WRITE, case_id, at, next_try_at, attempts)
    return case_id


async def published(scheduler: Ledger, superuser: asyncpg.Connection, times: int) -> None:
    """The watermark, so many times, as if each were a second after the other."""
    for _ in range(times):
        await superuser.execute("UPDATE clock_state SET published_at = NULL")
        await publish(scheduler)


async def looked(house: House, **params: Any) -> dict[str, Any]:
    answer = await house.caller("ops").get("/v1/scheduler", params=params)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_it_says_how_far_everything_is_done_and_by_whom(
    house: House, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    await beat(scheduler, "there:1", Vitals(offset_ms=1.5, batch=120))
    await published(scheduler, superuser, 2)
    said = await looked(house)
    assert 5 < said["watermark"]["lag_s"] < 30
    assert said["watermark"]["breached"] is False
    assert said["overdue"] == {
        "count": 0,
        "complete": True,
        "held": 0,
        "failed": 0,
        "oldest": [],
        "failing": [],
    }
    (replica,) = said["schedulers"]
    assert replica["running"] is True
    assert (replica["name"], replica["offset_ms"], replica["batch"], replica["paused"]) == ("there:1", 1.5, 120, None)
    assert said["calendar"]["last_day"] == "2026-12-31"
    assert said["holds"] == []
    assert said["clock"]["paused"] is None


async def test_what_is_overdue_is_told_the_oldest_first_with_how_often_it_was_tried(
    house: House, superuser: asyncpg.Connection
) -> None:
    waiting = await due(superuser, ago(HOUR))
    failing = await due(superuser, ago(3 * HOUR), next_try_at=ago(-HOUR), attempts=FAILING_FROM)
    failed = await due(superuser, ago(4 * HOUR), next_try_at=ago(HOUR / 2), attempts=1)
    held = await due(superuser, ago(2 * HOUR), next_try_at=ago(-HOUR))
    await due(superuser, ago(-HOUR))
    overdue = (await looked(house))["overdue"]
    assert [UUID(row["case_id"]) for row in overdue["oldest"]] == [failed, failing, held, waiting]
    assert [row["attempts"] for row in overdue["oldest"]] == [1, FAILING_FROM, 0, 0]
    assert [UUID(row["case_id"]) for row in overdue["failing"]] == [failing]
    assert (overdue["count"], overdue["complete"], overdue["held"], overdue["failed"]) == (4, True, 1, 2)


async def test_of_very_many_overdue_it_counts_some_and_says_so(house: House, superuser: asyncpg.Connection) -> None:
    await superuser.execute(MANY, COUNTED_MAX + 5)
    overdue = (await looked(house, forecast="false"))["overdue"]
    assert (overdue["count"], overdue["complete"], len(overdue["oldest"])) == (COUNTED_MAX, False, LISTED_MAX)


async def test_a_deadline_before_the_watermark_is_owned_up_to(
    house: House, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    await published(scheduler, superuser, 3)
    assert (await looked(house))["watermark"]["breached"] is False
    imported = await due(superuser, ago(HOUR))
    await superuser.execute("UPDATE clock_state SET whole_at = whole_at - interval '1 minute'")
    await published(scheduler, superuser, 2)
    said = await looked(house)
    assert said["watermark"]["breached"] is True
    assert [row["case_id"] for row in said["overdue"]["oldest"]] == [str(imported)]
    await superuser.execute("DELETE FROM deadlines WHERE case_id = $1", imported)
    await published(scheduler, superuser, 1)
    assert (await looked(house))["watermark"]["breached"] is False


async def test_it_says_how_late_timeouts_were_written_by_kind(house: House, scheduler: Ledger) -> None:
    late = Lateness()
    late.add([("response", 0.01)] * 98 + [("response", 3.0)] * 2 + [("appeal", 0.5)])
    await late.keep(scheduler)
    told = (await looked(house))["lateness"]
    by_kind = {one["kind"]: one for one in told["hour"]}
    assert by_kind.keys() == {"response", "appeal"}
    response = by_kind["response"]
    assert response["count"] == 100
    assert 0.01 <= response["p50_s"] == response["p95_s"] < 0.012
    assert 3 <= response["p99_s"] == response["max_s"] < 3.6
    assert told["day"] == told["hour"]


async def test_the_forecast_counts_what_falls_due_hour_by_hour(
    house: House, storefront: AsyncClient, superuser: asyncpg.Connection
) -> None:
    mine = await filed(storefront)
    other = await filed(storefront, respondent={**MERCHANT, "id": "m-9"})
    rows = await superuser.fetch("SELECT case_id, due_at FROM deadlines")
    pending = [row for row in rows if row["due_at"] < ago(-timedelta(days=7))]
    await due(superuser, ago(-3 * HOUR))
    await due(superuser, ago(-timedelta(days=13)))
    await due(superuser, ago(HOUR))
    ahead = (await looked(house))["forecast"]
    assert (ahead["complete"], ahead["counted_percent"]) == (True, 100)
    assert len(ahead["hours"]) in (7 * 24, 7 * 24 + 1)
    assert sum(hour["firings"] for hour in ahead["hours"]) == len(pending) + 1, "not what is later, nor what is past"
    three = next(hour for hour in ahead["hours"] if hour["firings"])
    assert three["at"][:13] == ago(-3 * HOUR).rfc3339()[:13]
    fortnight = (await looked(house, days=14))["forecast"]
    assert sum(hour["firings"] for hour in fortnight["hours"]) == len(rows) + 2
    of = {one["case_id"]: sum(str(row["case_id"]) == one["case_id"] for row in pending) for one in (mine, other)}
    for params, wanted in (
        ({"merchant_id": "m-1"}, of[mine["case_id"]]),
        ({"merchant_id": "m-9"}, of[other["case_id"]]),
        ({"merchant_id": "m-9", "marketplace": "tmall"}, 0),
        ({"merchant_id": "nobody"}, 0),
        ({"marketplace": "taobao"}, len(pending)),
        ({"marketplace": "elsewhere"}, 0),
    ):
        found = (await looked(house, **params))["forecast"]
        assert sum(hour["firings"] for hour in found["hours"]) == wanted, params
        assert found["complete"] is True
    assert all(of.values())


async def test_whoever_wants_no_forecast_gets_none(house: House) -> None:
    assert (await looked(house, forecast="false"))["forecast"] is None


async def test_a_key_for_some_marketplaces_or_merchants_does_not_see_what_is_about_everybody(
    house: House, superuser: asyncpg.Connection
) -> None:
    either: tuple[dict[str, Any], ...] = ({"marketplaces": ["taobao"]}, {"merchants": ["m-1"]})
    for limits in either:
        _, secret = await keys.create(superuser, client="some", name="some", role="platform", **limits)
        answer = await house.with_key(secret).get("/v1/scheduler")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_what_is_asked_amiss_is_refused_with_its_name(house: House) -> None:
    params = {"days": "15", "forecast": "maybe", "marketplace": "Tao Bao", "hours": "3"}
    answer = await house.caller("ops").get("/v1/scheduler", params=params)
    assert answer.status_code == 422
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"?days", "?forecast", "?marketplace", "?hours"}


@pytest.mark.parametrize("held_for", [timedelta(seconds=29), timedelta(hours=20)])
async def test_what_fails_is_found_behind_any_number_that_are_held(
    house: House, superuser: asyncpg.Connection, held_for: timedelta
) -> None:
    """A hold puts off by half a minute at a time, an import by a day."""
    await superuser.execute(MANY, COUNTED_MAX + 2_000)
    await superuser.execute("UPDATE deadlines SET next_try_at = now() + $1", held_for)
    failing = [await due(superuser, ago(timedelta(0)), next_try_at=ago(-HOUR / 7), attempts=9) for _ in range(5)]
    overdue = (await looked(house, forecast="false"))["overdue"]
    assert {UUID(row["case_id"]) for row in overdue["failing"]} == set(failing)
    assert (overdue["failed"], overdue["held"], overdue["complete"]) == (5, COUNTED_MAX, False)
