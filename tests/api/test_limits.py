"""How often a key may ask: its bucket, what of it a process takes ahead, and what the caller is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from httpx import Response

from case_api.callers import auth, limiter
from case_api.callers.limiter import LOOK_UPS_MAX, Allowance, Limiter
from case_api.door import OF_ONE_CLIENT_MAX
from case_api.refusals.problems import Refused
from case_api.serving import watch
from case_api.serving.watch import IN_FLIGHT_MAX
from case_api.settings import Settings
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import Caller
from case_events.ledger.callers.limits import FORGOTTEN_MAX, Limit, Taken, forget, take
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


async def test_what_is_really_owed_is_not_forgiven_when_another_process_asks(ledger: Ledger) -> None:
    async with ledger.connection() as connection:
        await take(connection, "deep", SLOW, owed=5_000, wanted=1)
        then = [await take(connection, "deep", SLOW, owed=owed, wanted=1) for owed in (0, 3, 0)]
    assert [taken.requests for taken in then] == [0, 0, 0]
    assert then[-1].full_in_s == pytest.approx(5_003, abs=2)


async def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_the_debt_there_is(ledger: Ledger) -> None:
    fast = Limit(per_minute=60_000, burst=6_000)
    async with ledger.connection() as connection:
        await take(connection, "ahead", fast, owed=0, wanted=1)
        await connection.execute("UPDATE rate_limits SET full_at = now() + interval '1 hour' WHERE key_id = 'ahead'")
        taken = await take(connection, "ahead", fast, owed=0, wanted=1)
    assert taken.full_in_s <= (fast.burst + 1) / 1_000 + 0.001


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


async def test_while_a_key_is_in_debt_none_of_its_batches_is_taken(house: House) -> None:
    storefront = house.with_key(await key(house, "eager", 600))
    lots = [[{"id": f"{lot}-{number}"} for number in range(200)] for lot in range(5)]
    answers = await asyncio.gather(*(storefront.post("/v1/events:batch", json=items) for items in lots))
    taken = [answer for answer in answers if answer.status_code == 207]
    assert len(taken) == 1, "they came together, and each alone would have been taken"
    for refused in (answer for answer in answers if answer.status_code != 207):
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1


async def test_one_client_whose_bodies_do_not_come_shuts_out_no_other(house: House) -> None:
    slow, come = house.with_key(await key(house, "slow", None)), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await come.wait()
        yield b"}"

    json = {"Content-Type": "application/json"}
    sending = [asyncio.create_task(slow.post("/v1/cases", content=body(), headers=json)) for _ in range(IN_FLIGHT_MAX)]
    async with asyncio.timeout(60):
        while house.app.state.watch.in_flight < OF_ONE_CLIENT_MAX or sum(one.done() for one in sending) < 400:
            await asyncio.sleep(0.01)
    assert (await house.caller("storefront").get("/v1/cases?limit=1")).status_code == 200
    full = await slow.get("/v1/cases?limit=1")
    assert (full.status_code, full.json()["code"]) == (429, "too_many_requests")
    come.set()
    answers = await asyncio.gather(*sending)
    assert sorted({answer.status_code for answer in answers}) == [422, 429]
    assert sum(answer.status_code == 422 for answer in answers) == OF_ONE_CLIENT_MAX
    assert (await slow.get("/v1/cases?limit=1")).status_code == 200


async def test_a_process_that_is_full_says_that_it_lives(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "IN_FLIGHT_MAX", 0)
    assert (await house.caller(None).get("/readyz")).status_code == 429
    assert (await house.caller(None).get("/healthz")).json() == {"status": "ok"}


async def test_a_debt_in_one_process_is_one_in_every_other(ledger: Ledger) -> None:
    caller = Caller(key_id="everywhere", client="c", role="ops", name="n", per_minute=60)
    first, second = (Limiter(ledger, 0).of(caller) for _ in range(2))
    assert first
    assert second
    await first.owe(1_000)
    for allowance in (first, second):
        with pytest.raises(Refused) as refused:
            await allowance.owe(1)
        assert int((refused.value.headers or {})["Retry-After"]) > 900


async def test_batches_within_what_a_key_may_are_all_taken_together() -> None:
    bucket = Bucket(holds=6_000)
    allowance = Allowance("k", 60_000, bucket.take)
    await asyncio.gather(*(allowance.owe(1_000) for _ in range(6)))
    with pytest.raises(Refused):
        await allowance.owe(1_000)


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
    allowance._free_until, bucket.fault = 0.0, None
    await allowance.spend()
    assert bucket.asked[-1][0] <= 1, "what was let through meanwhile is not owed"


def test_the_allowances_of_keys_are_few(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    monkeypatch.setattr(limiter, "ALLOWANCES_MAX", 5)
    kept = Limiter(ledger, 60)
    for number in range(20):
        kept.of(Caller(key_id=f"k{number}", client="c", role="ops", name="n"))
    held: Any = SimpleNamespace(**vars(kept))
    assert len(held._allowances) == 5


async def test_a_flood_of_wrong_keys_shuts_out_nobody_who_has_one(settings: Settings, prepared: Database) -> None:
    async with open_house(settings, prepared) as house:
        guesses = [house.with_key(f"guess-{number}").get("/v1/cases") for number in range(60)]
        *answers, new = await asyncio.gather(*guesses, house.caller("storefront").get("/v1/cases?limit=1"))
        for _ in range(60):
            answers.append(await house.with_key("guess-again").get("/v1/cases"))
        assert {answer.status_code for answer in answers} == {401}, "each is told the truth, from whatever address"
        assert new.status_code == 200, "one that was not known here before"


async def test_few_unknown_keys_are_looked_up_at_once_and_who_waits_too_long_comes_back(
    settings: Settings, prepared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, found = 0, 0, asyncio.Event()
    look_up = keys.caller_of

    async def slow(ledger: Ledger, secret: str) -> Caller | None:
        nonlocal at_once, most
        if not secret.startswith("guess"):
            return await look_up(ledger, secret)
        at_once += 1
        most = max(most, at_once)
        try:
            await found.wait()
            return await look_up(ledger, secret)
        finally:
            at_once -= 1

    async with open_house(settings, prepared) as house:
        storefront = house.caller("storefront")
        monkeypatch.setattr(auth, "KNOWN_FOR_S", 0)
        assert (await storefront.get("/v1/cases?limit=1")).status_code == 200
        monkeypatch.setattr(auth, "caller_of", slow)
        monkeypatch.setattr(limiter, "QUEUE_S", 0.5)
        monkeypatch.setattr(limiter, "QUEUE_MAX", 3)
        waiting = [asyncio.create_task(house.with_key(f"guess-{n}").get("/v1/cases")) for n in range(LOOK_UPS_MAX + 9)]
        done, _ = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert (await storefront.get("/v1/cases?limit=1")).status_code == 200, "who was known waits for no stranger"
        while len(done) < 9:
            more, _ = await asyncio.wait(set(waiting) - done, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            assert more
            done |= more
        for answer in (task.result() for task in done):
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
            assert int(answer.headers["retry-after"]) >= 1
        found.set()
        assert {(await task).status_code for task in set(waiting) - done} == {401}
        assert (await house.with_key("guess-0").get("/v1/cases")).status_code == 401, "their turns are given back"
    assert most == LOOK_UPS_MAX
