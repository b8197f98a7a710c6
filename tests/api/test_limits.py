"""How often a key may ask: its bucket, what of it a process takes ahead, and what the caller is told."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from httpx import Response

from case_api import limiter
from case_api.limiter import FAILURES_MAX, STRANGERS_MAX, Allowance, Limiter, Strangers
from case_api.problems import Refused
from case_api.settings import Settings
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import Caller
from case_events.ledger.callers.limits import DEBT_MAX, FORGOTTEN_MAX, Limit, Taken, forget, take
from case_events.ledger.database import Ledger
from tests.api.house import House, complaint, open_house
from tests.conftest import Database

SLOW = Limit(per_minute=60, burst=10)
TRIES = 40


@pytest.fixture
def ledger(house: House) -> Ledger:
    opened: Ledger = house.app.state.door.ledger
    return opened


async def test_however_many_take_at_once_a_bucket_gives_no_more_than_it_holds(ledger: Ledger) -> None:
    async def taken(_: int) -> int:
        async with ledger.connection() as connection:
            return (await take(connection, "shared", SLOW, owed=0, wanted=3)).requests

    given = await asyncio.gather(*map(taken, range(TRIES)))
    assert SLOW.burst <= sum(given) <= SLOW.burst + 2, "a request comes back each second"
    assert set(given) <= {0, 1, 2, 3}


async def test_what_is_owed_is_taken_in_any_case_and_paid_before_anything_is_given(ledger: Ledger) -> None:
    async with ledger.connection() as connection:
        first = await take(connection, "owing", SLOW, owed=25, wanted=3)
        assert first.requests == 0
        assert first.full_in_s == pytest.approx(25, abs=1)
        then = await take(connection, "owing", SLOW, owed=0, wanted=1)
        assert (then.requests, round(then.full_in_s)) == (0, 25)
        other = await take(connection, "another", SLOW, owed=0, wanted=1)
        assert other.requests == 1


async def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_there_can_be_debt(ledger: Ledger) -> None:
    fast = Limit(per_minute=60_000, burst=6_000)
    async with ledger.connection() as connection:
        await take(connection, "ahead", fast, owed=0, wanted=1)
        await connection.execute("UPDATE rate_limits SET full_at = now() + interval '1 hour' WHERE key_id = 'ahead'")
        taken = await take(connection, "ahead", fast, owed=0, wanted=1)
    assert taken.full_in_s <= (fast.burst + DEBT_MAX) / 1_000 + 0.001


async def test_buckets_that_have_long_been_full_are_forgotten(ledger: Ledger) -> None:
    async with ledger.connection() as connection:
        for key, ago in (("gone", timedelta(hours=1)), ("there", timedelta(0))):
            await take(connection, key, SLOW, owed=0, wanted=1)
            await connection.execute(
                "UPDATE rate_limits SET full_at = now() - $2::interval WHERE key_id = $1", key, ago
            )
        await forget(connection)
        kept = await connection.fetch("SELECT key_id FROM rate_limits WHERE key_id IN ('gone', 'there')")
    assert [row["key_id"] for row in kept] == ["there"]
    assert FORGOTTEN_MAX > 1


async def key(house: House, name: str, per_minute: int | None) -> str:
    """A key of this name, with this limit."""
    connection = await asyncpg.connect(house.database.superuser)
    try:
        await keys.add(connection, Caller(key_id=name, client=name, role="storefront", name=name), f"secret-{name}")
        await connection.execute("UPDATE api_keys SET per_minute = $2 WHERE key_id = $1", name, per_minute)
    finally:
        await connection.close()
    return f"secret-{name}"


async def test_who_sends_more_than_the_key_may_is_told_when_to_come_back(house: House) -> None:
    storefront = house.with_key(await key(house, "hasty", 60))
    answers = [await storefront.get("/v1/cases?limit=1") for _ in range(SLOW.burst + 5)]
    assert [answer.status_code for answer in answers[: SLOW.burst]] == [200] * SLOW.burst
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 3
    body = refused[-1].json()
    assert (body["code"], body["type"]) == ("rate_limited", "/problems/rate_limited")
    assert refused[-1].headers["retry-after"] == "1", "the next one is there in a second"
    assert limits(refused[-1])[0] == 0
    # Another key is another bucket.
    assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200


def limits(answer: Response) -> tuple[int, int, int]:
    """What is left, in how many seconds all of it is there again, and how many there are in a minute."""
    said = re.fullmatch(r'"key";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    policy = re.fullmatch(r'"key";q=(\d+);w=60', answer.headers["ratelimit-policy"])
    assert said, answer.headers["ratelimit"]
    assert policy, answer.headers["ratelimit-policy"]
    return int(said[1]), int(said[2]), int(policy[1])


async def test_every_answer_to_a_known_key_says_how_much_is_left(house: House) -> None:
    storefront = house.with_key(await key(house, "counting", 1_200))
    told = [limits(await storefront.get(path)) for path in ("/v1/cases?limit=1", "/v1/cases/mine", "/v1/cases?x=1")]
    assert [left for left, _, _ in told] == sorted((left for left, _, _ in told), reverse=True)
    assert 110 <= told[-1][0] < told[0][0] <= 120
    assert {minute for _, _, minute in told} == {1_200}
    assert "ratelimit" not in (await house.caller(None).get("/v1/cases")).headers
    assert "ratelimit" not in (await house.caller(None).get("/healthz")).headers


async def test_what_a_key_may_not_do_counts_too(house: House) -> None:
    storefront = house.with_key(await key(house, "forbidden", 60))
    answers = [await storefront.get("/v1/scheduler") for _ in range(SLOW.burst + 3)]
    assert {answer.status_code for answer in answers} == {403, 429}


async def test_each_item_of_a_batch_counts_as_one(house: House) -> None:
    storefront = house.with_key(await key(house, "many", 60))
    items = [{**complaint(), "id": f"item-{number}"} for number in range(12)]
    batch = await storefront.post("/v1/events:batch", json=items)
    assert batch.status_code == 207, "a batch that was let in is answered whole"
    after = await storefront.get("/v1/cases?limit=1")
    assert (after.status_code, after.json()["code"]) == (429, "rate_limited")
    assert 2 <= int(after.headers["retry-after"]) <= 4, "what was owed is paid first"


async def test_a_key_without_a_limit_is_limited_by_nothing(settings: Settings, prepared: Database) -> None:
    async with open_house(settings.model_copy(update={"rate_per_minute": 0}), prepared) as house:
        answer = await house.caller("storefront").get("/v1/cases?limit=1")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


class Bucket:
    """Stands where Postgres would: gives what is asked, and counts how often it was."""

    def __init__(self, *, holds: int = 1_000_000, fault: Exception | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        self.holds = holds
        self.fault = fault

    async def take(self, _: str, limit: Limit, owed: int, wanted: int) -> Taken:
        self.asked.append((owed, wanted))
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        given = min(wanted, max(0, self.holds - owed))
        self.holds -= owed + given
        return Taken(requests=given, full_in_s=max(0, limit.burst - self.holds) * limit.each.total_seconds())


async def test_requests_in_a_row_cost_few_round_trips() -> None:
    bucket = Bucket()
    allowance = Allowance("k", 600_000, bucket.take)
    for _ in range(5_000):
        await allowance.spend()
    assert len(bucket.asked) < 50
    assert sum(owed + wanted for owed, wanted in bucket.asked) <= 5_000 * 2 + 30_000, "nor is much taken in vain"


async def test_those_who_come_together_share_a_round_trip() -> None:
    bucket = Bucket()
    allowance = Allowance("k", 60_000, bucket.take)
    await asyncio.gather(*(allowance.spend() for _ in range(32)))
    assert bucket.asked == [(0, 32)]


async def test_what_was_not_used_lapses(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(holds=3)
    allowance = Allowance("k", 60, bucket.take)
    monkeypatch.setattr(limiter, "LEASE_S", 0.0)
    for _ in range(3):
        await allowance.spend()
    with pytest.raises(Refused):
        await allowance.spend()
    assert len(bucket.asked) == 4, "with nothing kept each request asks"


async def test_while_postgres_is_away_nobody_is_limited() -> None:
    bucket = Bucket(fault=ConnectionError())
    allowance = Allowance("k", 60, bucket.take)
    for _ in range(30):
        await allowance.spend()
    assert len(bucket.asked) < 5, "and nobody asks at each request whether it is back"


def test_the_allowances_of_keys_are_few(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    monkeypatch.setattr(limiter, "ALLOWANCES_MAX", 5)
    kept = Limiter(ledger, 60)
    for number in range(20):
        kept.of(Caller(key_id=f"k{number}", client="c", role="ops", name="n"))
    held: Any = SimpleNamespace(**vars(kept))
    assert len(held._allowances) == 5


def test_an_address_that_sends_keys_nobody_has_is_told_to_wait_and_forgiven() -> None:
    strangers = Strangers()
    for _ in range(FAILURES_MAX - 1):
        strangers.failed("10.0.0.1")
    strangers.check("10.0.0.1")
    strangers.failed("10.0.0.1")
    strangers.failed("10.0.0.1")
    with pytest.raises(Refused) as refused:
        strangers.check("10.0.0.1")
    assert refused.value.problem.code == "rate_limited"
    assert refused.value.headers in ({"Retry-After": "1"}, {"Retry-After": "2"})
    strangers.check("10.0.0.2")


def test_addresses_are_remembered_in_bounds() -> None:
    strangers = Strangers()
    for number in range(STRANGERS_MAX + 10):
        strangers.failed(str(number))
    assert not strangers.wary_of("0")
    assert strangers.wary_of(str(STRANGERS_MAX + 9))


async def test_a_flood_of_wrong_keys_shuts_out_no_key_that_was_known(settings: Settings, prepared: Database) -> None:
    async with open_house(settings, prepared) as house:
        assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200
        guesses = [await house.with_key(f"guess-{number % 7}").get("/v1/cases") for number in range(FAILURES_MAX + 20)]
        assert {answer.status_code for answer in guesses[:FAILURES_MAX]} == {401}
        assert guesses[-1].status_code == 429
        assert guesses[-1].json()["code"] == "rate_limited"
        assert int(guesses[-1].headers["retry-after"]) >= 1
        assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200
        assert (await house.caller(None).get("/v1/cases")).status_code == 401, "no key costs no look"
