"""A forecast of very many deadlines reads a part of them and says so; of few it is exact."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.clock import forecast as forecasting
from case_events.ledger.clock.forecast import forecast
from case_events.ledger.database import Ledger

PENDING = 12_000
FILL = """
INSERT INTO deadlines SELECT gen_random_uuid(), 'response', 'respondent', 1, at, at, false, false, NULL, 0
FROM (SELECT clock_timestamp() + interval '1 minute' + random() * interval '2 days' AS at FROM generate_series(1, $1)) t
"""
ALL_AT_ONCE = "UPDATE deadlines SET due_at = date_trunc('hour', clock_timestamp()) + interval '30 hours 20 minutes'"
UNSEEN = "UPDATE deadlines SET {} WHERE case_id IN (SELECT case_id FROM deadlines LIMIT 100)"


@pytest_asyncio.fixture(autouse=True)
async def pending(superuser: asyncpg.Connection) -> None:
    await superuser.execute("TRUNCATE deadlines")
    await superuser.execute(FILL, PENDING)


async def test_of_few_it_is_exact_and_says_when_a_herd_lands(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    ahead = await forecast(ledger, 3)
    assert (ahead.complete, sum(hour.firings for hour in ahead.hours)) == (True, PENDING)
    assert all(one.at + timedelta(hours=1) == following.at for one, following in pairwise(ahead.hours))
    await superuser.execute(ALL_AT_ONCE)
    (herd,) = [hour for hour in (await forecast(ledger, 3)).hours if hour.firings]
    assert herd.firings == PENDING
    assert timedelta(hours=28) < herd.at - ahead.begins_at <= timedelta(hours=31)


@pytest.mark.parametrize("said", ["provisional = true", "test_clock = gen_random_uuid()"])
async def test_what_does_not_fire_in_real_time_is_not_forecast(
    ledger: Ledger, superuser: asyncpg.Connection, said: str
) -> None:
    await superuser.execute(UNSEEN.format(said))
    assert sum(hour.firings for hour in (await forecast(ledger, 3)).hours) == PENDING - 100


async def test_of_very_many_a_part_is_read_and_counted_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "PAGES_MAX", 25)
    told = [await forecast(ledger, 3) for _ in range(8)]
    assert not any(one.complete for one in told)
    assert all(5 < one.counted_percent < 50 for one in told)
    mean = sum(hour.firings for one in told for hour in one.hours) / len(told)
    assert 0.65 * PENDING < mean < 1.35 * PENDING
