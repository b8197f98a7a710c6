"""How late timeouts are written is counted by kind and hour, by all schedulers together, and told to within a fifth."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from case_events.ledger.clock import lateness
from case_events.ledger.clock.lateness import (
    BUCKET_MAX,
    KEPT,
    KINDS_MAX,
    LEAST_S,
    OTHER,
    Lateness,
    Quantiles,
    bound_s,
    bucket_of,
    prune,
    quantiles,
)
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger, open_ledger
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY

DAY = timedelta(days=1)
FIFTH = 2 ** (1 / lateness.STEPS)


@pytest_asyncio.fixture(autouse=True)
async def nothing_counted(superuser: asyncpg.Connection) -> None:
    await superuser.execute("DELETE FROM lateness")


async def told(ledger: Ledger, since: timedelta = DAY) -> dict[str, Quantiles]:
    async with ledger.connection() as connection:
        return {one.kind: one for one in await quantiles(connection, since)}


def test_a_bucket_holds_what_is_no_later_than_its_bound_and_later_than_the_one_before() -> None:
    for bucket in range(BUCKET_MAX):
        assert bucket_of(bound_s(bucket)) == bucket
        assert bucket_of(bound_s(bucket) * 1.001) == bucket + 1
    assert (bucket_of(-3.0), bucket_of(0.0), bucket_of(LEAST_S)) == (0, 0, 0)
    assert bucket_of(1e12) == BUCKET_MAX


async def test_quantiles_are_never_less_than_they_were_and_at_most_a_fifth_more(scheduler: Ledger) -> None:
    dice = random.Random(6)
    late = sorted(dice.lognormvariate(0, 3) for _ in range(5_000))
    counted = Lateness()
    counted.add([("response", seconds) for seconds in late])
    assert await counted.keep(scheduler)
    said = (await told(scheduler))["response"]
    assert said.count == len(late)
    for share, bound in ((0.5, said.p50_s), (0.95, said.p95_s), (0.99, said.p99_s), (1, said.max_s)):
        exact = late[int(len(late) * share) - 1]
        assert exact <= bound <= exact * FIFTH * 1.001


async def test_one_late_timeout_of_a_kind_does_not_hide_among_many_of_another(scheduler: Ledger) -> None:
    counted = Lateness()
    counted.add([("response", 0.01)] * 10_000 + [("appeal", 7_200.0)])
    await counted.keep(scheduler)
    said = await told(scheduler)
    assert said["response"].max_s < 0.012
    assert said["appeal"].p50_s >= 7_200


async def test_what_several_schedulers_count_adds_up(scheduler: Ledger) -> None:
    many = [Lateness() for _ in range(4)]
    for _ in range(5):
        for number, one in enumerate(many):
            one.add([("response", 0.1 * (number + 1)), ("appeal", 1.0)])
        await asyncio.gather(*(one.keep(scheduler, at_once=True) for one in many))
    said = await told(scheduler)
    assert (said["response"].count, said["appeal"].count) == (20, 20)


async def test_it_is_written_every_few_seconds_and_not_at_every_timeout(scheduler: Ledger) -> None:
    counted = Lateness()
    assert not await counted.keep(scheduler, at_once=True), "nothing was counted"
    counted.add([("response", 0.1)])
    assert await counted.keep(scheduler)
    counted.add([("response", 0.1)])
    assert not await counted.keep(scheduler)
    assert (await told(scheduler))["response"].count == 1
    assert await counted.keep(scheduler, at_once=True)
    assert (await told(scheduler))["response"].count == 2


async def test_what_cannot_be_written_is_kept_for_the_next_time(scheduler: Ledger, module_database: Database) -> None:
    counted = Lateness()
    counted.add([("response", 0.1)])
    gone = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    await gone.close()
    with pytest.raises(UNAVAILABLE):
        await counted.keep(gone)
    counted.add([("response", 0.1)])
    assert await counted.keep(scheduler, at_once=True)
    assert (await told(scheduler))["response"].count == 2


async def test_more_kinds_than_there_can_be_are_counted_as_others(scheduler: Ledger) -> None:
    counted = Lateness()
    counted.add([(f"kind_{number}", 0.1) for number in range(KINDS_MAX + 5)])
    await counted.keep(scheduler)
    said = await told(scheduler)
    assert len(said) == KINDS_MAX + 1
    assert said[OTHER].count == 5


async def test_hours_are_asked_for_and_forgotten_by_their_age(scheduler: Ledger, superuser: asyncpg.Connection) -> None:
    old = "INSERT INTO lateness SELECT date_trunc('hour', clock_timestamp()) - $1::interval, $2, 10, 1"
    for age, kind in ((KEPT + DAY, "forgotten"), (KEPT - DAY, "old"), (timedelta(hours=3), "today")):
        await superuser.execute(old, age, kind)
    assert (await told(scheduler)).keys() == {"today"}
    assert (await told(scheduler, timedelta(hours=1))).keys() == set()
    assert await prune(scheduler) == 1
    assert (await told(scheduler, 2 * KEPT)).keys() == {"old", "today"}
