"""The postman: every event arrives, signed, each case's in order, whatever its receiver does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from standardwebhooks import Webhook, WebhookVerificationError

from case_events.ledger import policy_book
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.webhooks import circuits, endpoints, errands, making, measured, sorting
from case_events.ledger.webhooks.endpoints import Endpoint
from case_scheduler.webhooks import rounds, sending
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk
from tests.ledger.tampering import unreadable
from tests.scheduler.hooks import (
    QUICK,
    SOON_S,
    WHOLE,
    attempts,
    disputed,
    made,
    resumed,
    state_of,
    until_state,
    waiting_count,
    walking,
)
from tests.scheduler.receiver import HANGS, Delivery, Receiver, receiving

CASES, EVIDENCE = 6, 4
EVENTS = CASES * (1 + EVIDENCE)


@pytest_asyncio.fixture(scope="module")
async def api(module_database: Database) -> AsyncIterator[Ledger]:
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    async with opened.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def scheduler(module_database: Database, api: Ledger) -> AsyncIterator[Ledger]:
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=api.calendar)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module")
async def superuser(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.superuser)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def expected(api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection) -> dict[str, list[int]]:
    """What there is to deliver: the positions of each case, in order."""
    await disputed(Desk(api), scheduler, CASES, EVIDENCE)
    found: dict[str, list[int]] = {}
    for row in await superuser.fetch("SELECT position, case_id FROM feed ORDER BY position"):
        found.setdefault(str(row["case_id"]), []).append(row["position"])
    return found


@pytest_asyncio.fixture(autouse=True)
async def no_other_endpoints(superuser: asyncpg.Connection, expected: dict[str, list[int]]) -> None:
    """Each test has endpoints of its own."""
    await superuser.execute("UPDATE webhook_endpoints SET deleted_at = now() WHERE deleted_at IS NULL")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "PROBE_S", 0.02)
    monkeypatch.setattr(circuits, "PROBE_S_MAX", 0.05)


async def test_every_event_arrives_signed_and_each_cases_in_order(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    async with receiving() as receiver:
        endpoint, secret = await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS)
        assert receiver.by_case() == expected
        assert len(receiver.got) == EVENTS, "nothing was sent twice"
        one = receiver.got[0]
        assert Webhook(secret).verify(one.raw, one.headers) == one.body
        assert (one.body["id"], one.body["type"]) == (one.id, "caselog.filed.v1")
        assert one.headers["content-type"] == "application/cloudevents+json"
        assert one.headers["user-agent"].startswith("Caselog/")
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(one.raw + b" ", one.headers)
    kept = await attempts(superuser, endpoint.id)
    assert {row["outcome"] for row in kept} == {"delivered"}
    assert sorted(row["position"] for row in kept) == sorted(
        one for positions in expected.values() for one in positions
    )


async def test_what_fails_waits_with_all_that_is_later_in_its_case_and_other_cases_go_on(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    poisoned, well = next(iter(expected)), asyncio.Event()

    def answer(one: Delivery) -> int:
        return 500 if one.case == poisoned and not well.is_set() else 204

    async with receiving(answer) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler, QUICK):
            await receiver.until(lambda: len(receiver.took) == EVENTS - len(expected[poisoned]))
            await receiver.until(lambda: sum(one.case == poisoned for one in receiver.got) > 2)
            assert {one.position for one in receiver.got if one.case == poisoned} == {expected[poisoned][0]}
            well.set()
            await receiver.until(lambda: len(receiver.took) == EVENTS)
            assert receiver.by_case() == expected
    assert await waiting_count(superuser, endpoint.id) == 0
    tries = [row["number"] for row in await attempts(superuser, endpoint.id) if row["outcome"] == "refused"]
    assert tries == list(range(1, len(tries) + 1))


async def test_when_retries_end_the_endpoint_is_paused_and_resumed_it_goes_on_in_order_with_nothing_lost(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    well = asyncio.Event()
    async with receiving(lambda _: 204 if well.is_set() else 503) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            paused = await until_state(api, endpoint, "paused")
            assert paused.why is not None
            assert f"{len(QUICK.after_s) + 1} times in vain" in paused.why
            well.set()
            assert receiver.took == []
            await resumed(api, endpoint)
            await receiver.until(lambda: len(receiver.took) == EVENTS)
        assert receiver.by_case() == expected
    assert await waiting_count(superuser, endpoint.id) == 0


async def test_a_dead_receiver_is_left_alone_but_for_one_probe_at_a_time(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuits, "PROBE_S", 60.0)
    monkeypatch.setattr(circuits, "PROBE_S_MAX", 300.0)
    monkeypatch.setattr(sending, "PER_RECEIVER_MAX", 1)
    async with receiving(lambda _: 500) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.got) >= circuits.FAILURES_MAX)
            async with asyncio.timeout(10):
                while not await superuser.fetchval(OPEN_FOR, endpoint.id):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
        assert len(receiver.got) == circuits.FAILURES_MAX < CASES
        assert 50 < float(await superuser.fetchval(OPEN_FOR, endpoint.id)) <= 60


OPEN_FOR = "SELECT extract(epoch FROM open_until - now()) FROM webhook_circuits WHERE endpoint = $1"


async def test_who_says_retry_after_is_sent_nothing_until_then(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving(lambda _: (429, {"Retry-After": "3600"})) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            async with asyncio.timeout(10):
                while not await superuser.fetchval(OPEN_FOR, endpoint.id):
                    await asyncio.sleep(0.01)
            got = len(receiver.got)
            await asyncio.sleep(0.2)
            assert len(receiver.got) == got <= 8
    assert 3_500 < float(await superuser.fetchval(OPEN_FOR, endpoint.id)) <= 3_600


@pytest.mark.parametrize("status", [302, 410])
async def test_a_redirect_is_no_success_and_410_disables(
    status: int, api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving() as elsewhere, receiving(lambda _: (status, {"Location": elsewhere.url})) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            ended = await until_state(api, endpoint, "disabled" if status == 410 else "paused")
        assert elsewhere.got == []
    kept = await attempts(superuser, endpoint.id)
    assert {(row["outcome"], row["status"]) for row in kept} == {("gone" if status == 410 else "redirected", status)}
    assert status == 302 or "410" in str(ended.why)


async def test_who_is_gone_is_sent_nothing_more_of_the_round(
    api: Ledger, scheduler: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PER_RECEIVER_MAX", 1)
    async with receiving(lambda _: 410) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await until_state(api, endpoint, "disabled")
    assert len(receiver.got) == 1


async def test_who_is_gone_is_sent_nothing_more_though_it_takes_what_was_under_way(
    api: Ledger, scheduler: Ledger
) -> None:
    async with receiving(lambda _: 204 if receiver.got else 410) as receiver:
        receiver.delay_s = 0.1
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await until_state(api, endpoint, "disabled")
    assert len(receiver.got) <= sending.PER_RECEIVER_MAX


async def test_a_receiver_that_hangs_takes_its_own_time_and_nobody_elses(
    api: Ledger, scheduler: Ledger, monkeypatch: pytest.MonkeyPatch, superuser: asyncpg.Connection
) -> None:
    monkeypatch.setattr("case_scheduler.webhooks.sending.WHOLE_S", 0.3)
    async with receiving(lambda _: HANGS) as hanging, receiving() as receiver:
        slow, _ = await made(api, hanging.url)
        await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS, seconds=5)
            await hanging.until(lambda: len(hanging.got) >= 1)
            async with asyncio.timeout(10):
                while not (kept := await attempts(superuser, slow.id)):
                    await asyncio.sleep(0.02)
    assert {(row["outcome"], row["detail"]) for row in kept} == {("timed_out", "no answer in time")}


async def test_told_to_stop_it_keeps_what_was_taken_and_leaves_the_rest_to_the_next(
    api: Ledger,
    scheduler: Ledger,
    superuser: asyncpg.Connection,
    expected: dict[str, list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "FINISH_S", 0.1)
    hanging = next(iter(expected))
    async with receiving(lambda one: HANGS if one.case == hanging else 204) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS - len(expected[hanging]))
        assert await waiting_count(superuser, endpoint.id) == len(expected[hanging])
        assert await superuser.fetchval(OWNER, endpoint.subscription) is None
        receiver.answer = lambda _: 204
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS)
        assert receiver.by_case() == expected
        assert len(receiver.got) == EVENTS + 1, "only what was under way was sent again"


async def test_two_endpoints_at_one_receiver_share_what_it_is_sent_at_once(api: Ledger, scheduler: Ledger) -> None:
    async with receiving() as receiver:
        receiver.delay_s = 0.02
        for _ in range(3):
            await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.got) == 3 * EVENTS)
        assert 4 <= receiver.most_under_way <= 8


async def test_while_a_secret_is_rotated_both_sign(api: Ledger, scheduler: Ledger) -> None:
    async with receiving() as receiver:
        endpoint, old = await made(api, receiver.url)
        async with api.connection() as connection, connection.transaction():
            new = await making.rotate(connection, api.vault, endpoint, timedelta(hours=1), "test")
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS)
        one = receiver.got[-1]
        assert len(one.headers["webhook-signature"].split(" ")) == 2
        for secret in (old, new):
            Webhook(secret).verify(one.raw, one.headers)


async def test_only_what_the_endpoint_asks_for_is_sent_and_it_stands_at_the_head_all_the_same(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving() as receiver, receiving() as nobody:
        endpoint, _ = await made(api, receiver.url, types=("filed",))
        other, _ = await made(api, nobody.url, merchants=("nobody",))
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == CASES)
            async with asyncio.timeout(10):
                while await superuser.fetchval(BEHIND, [endpoint.subscription, other.subscription]):
                    await asyncio.sleep(0.02)
        assert {one.body["type"] for one in receiver.got} == {"caselog.filed.v1"}
        assert nobody.got == []


BEHIND = "SELECT count(*) FROM subscriptions, feed_state WHERE name = ANY ($1) AND position < head"


async def test_a_test_goes_out_at_once_even_to_one_that_is_paused(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving() as receiver:
        endpoint, secret = await made(api, receiver.url)
        await superuser.execute("UPDATE webhook_endpoints SET state = 'paused' WHERE id = $1", endpoint.id)
        async with walking(scheduler):
            errand = await asked(api, endpoint, None)
            await receiver.until(lambda: len(receiver.got) == 1)
            (one,) = receiver.got
            assert (one.id, one.body["type"]) == (str(errand), "caselog.webhook_test.v1")
            Webhook(secret).verify(one.raw, one.headers)
            await until_ended(superuser, errand)
        assert await superuser.fetchval("SELECT outcome FROM webhook_errands WHERE id = $1", errand) == "delivered"
        assert await state_of(api, endpoint) == "paused"


async def test_tests_that_are_left_when_the_address_changes_go_to_the_new_one(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving() as old, receiving() as new:
        old.delay_s = 0.3
        endpoint, _ = await made(api, old.url, after="now")
        several = [await asked(api, endpoint, None) for _ in range(4)]
        async with walking(scheduler):
            await until_under_way(old)
            await moved(api, endpoint, new.url)
            for errand in several:
                await until_ended(superuser, errand)
        assert (len(old.got), len(new.got)) == (1, 3)


async def test_events_wait_for_one_test_that_hangs_and_not_for_all(
    api: Ledger, scheduler: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WHOLE_S", 0.5)
    async with receiving(lambda one: 204 if one.position else HANGS) as receiver:
        endpoint, _ = await made(api, receiver.url)
        for _ in range(3):
            await asked(api, endpoint, None)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.got) == EVENTS + 3)
    assert [one.position for one in receiver.got].index(0, 1) > EVENTS, "all events came before the second test"


async def asked(api: Ledger, endpoint: Endpoint, span: tuple[int, int] | None) -> UUID:
    async with api.connection() as connection, connection.transaction():
        errand, _ = await errands.ask(connection, endpoint, uuid4(), "test", span=span)
    return errand.id


async def until_ended(superuser: asyncpg.Connection, errand: UUID) -> asyncpg.Record:
    async with asyncio.timeout(20):
        while not (row := await superuser.fetchrow(ENDED, errand)):
            await asyncio.sleep(0.01)
    return row


ENDED = "SELECT reached, outcome FROM webhook_errands WHERE id = $1 AND ended_at IS NOT NULL"


async def test_a_range_is_sent_once_more_in_the_order_of_its_cases(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    fails = iter([True, True])
    async with receiving(lambda _: 500 if len(receiver.took) == EVENTS and next(fails, False) else 204) as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS)
            async with asyncio.timeout(10):
                while await superuser.fetchval(BEHIND, [endpoint.subscription]):
                    await asyncio.sleep(0.01)
            before = len(receiver.got)
            await superuser.execute(PARKED_BEFORE, endpoint.subscription)
            errand = await asked(api, endpoint, (3, EVENTS - 2))
            row = await until_ended(superuser, errand)
        assert (row["reached"], row["outcome"]) == (EVENTS - 2, "delivered")
        again: dict[str, list[int]] = {}
        for one in receiver.got[before:]:
            positions = again.setdefault(one.case, [])
            if one.position not in positions:
                positions.append(one.position)
        assert again == {
            case: wanted for case, all_ in expected.items() if (wanted := [p for p in all_ if 3 <= p <= EVENTS - 2])
        }
    assert await superuser.fetchval("SELECT count(*) FROM parked WHERE subscription = $1", endpoint.subscription) == 0
    reasons = [row["reason"] for row in await attempts(superuser, endpoint.id)]
    assert reasons.count("event") == EVENTS
    assert reasons.count("redelivery") > EVENTS - 4, "those that failed were tried again"


PARKED_BEFORE = "INSERT INTO parked (subscription, position, attempts, error) VALUES ($1, 5, 1, 'as it once was')"


async def test_what_cannot_be_read_is_parked_and_its_case_waits_until_it_can_and_others_go_on(
    api: Ledger,
    scheduler: Ledger,
    superuser: asyncpg.Connection,
    expected: dict[str, list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sorting, "READ_AGAIN_S", 0.2)
    broken, second = next(iter(expected)), 2
    async with receiving() as receiver, AsyncExitStack() as meanwhile:
        endpoint, _ = await made(api, receiver.url)
        others, _ = await made(api, receiver.url, types=("filed",))
        # Before anybody walks: whoever is quick has sent it all by then.
        await meanwhile.enter_async_context(unreadable(superuser, UUID(broken), second))
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS - len(expected[broken]) + 1)
            async with asyncio.timeout(SOON_S):
                while await superuser.fetchval(BEHIND, [endpoint.subscription, others.subscription]):
                    await asyncio.sleep(0.01)
            assert receiver.by_case()[broken] == expected[broken][:1]
            assert await waiting_count(superuser, endpoint.id) == len(expected[broken]) - 1
            (parked,) = await superuser.fetch("SELECT * FROM parked")
            assert (parked["subscription"], parked["position"]) == (endpoint.subscription, expected[broken][1])
            assert "telepathy" in parked["error"]
            async with api.connection() as connection:
                assert (await measured.standing(connection)).parked == 1
            await meanwhile.aclose()
            await receiver.until(lambda: len(receiver.took) == EVENTS)
            assert receiver.by_case() == expected
            async with asyncio.timeout(SOON_S):
                while await waiting_count(superuser, endpoint.id):
                    await asyncio.sleep(0.01)
    assert await superuser.fetchval("SELECT count(*) FROM parked") == 0
    assert {row["outcome"] for row in await attempts(superuser, endpoint.id)} == {"delivered"}


async def test_a_case_of_which_nothing_can_be_read_waits_and_others_go_on(
    api: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]], module_database: Database
) -> None:
    broken = next(iter(expected))
    change = "UPDATE subject_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE case_id = $1"
    await superuser.execute(change, broken)
    try:
        async with receiving() as receiver:
            endpoint, _ = await made(api, receiver.url)
            fresh = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
            async with walking(fresh):
                await receiver.until(lambda: len(receiver.took) == EVENTS - len(expected[broken]))
                async with asyncio.timeout(10):
                    while await superuser.fetchval(BEHIND, [endpoint.subscription]):
                        await asyncio.sleep(0.01)
            await fresh.close()
            assert receiver.by_case() == {case: all_ for case, all_ in expected.items() if case != broken}
    finally:
        await superuser.execute(change, broken)
    parked = await superuser.fetch("SELECT position FROM parked WHERE subscription = $1", endpoint.subscription)
    assert sorted(row["position"] for row in parked) == expected[broken]
    assert await waiting_count(superuser, endpoint.id) == len(parked)


async def test_a_redelivery_ends_at_an_event_that_cannot_be_read(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    broken = next(iter(expected))
    async with receiving() as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler):
            await receiver.until(lambda: len(receiver.took) == EVENTS)
            async with asyncio.timeout(SOON_S):
                while await superuser.fetchval(BEHIND, [endpoint.subscription]):
                    await asyncio.sleep(0.01)
            async with unreadable(superuser, UUID(broken), 2):
                row = await until_ended(superuser, await asked(api, endpoint, (1, EVENTS)))
        assert (row["reached"], row["outcome"]) == (expected[broken][1] - 1, "unreadable")
        assert len(receiver.got) == EVENTS + row["reached"]


async def test_of_two_postmen_one_walks_and_when_it_goes_the_other_takes_over_at_once(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    async with receiving() as receiver:
        endpoint, _ = await made(api, receiver.url)
        async with walking(scheduler) as first:
            await receiver.until(lambda: len(receiver.took) == EVENTS)
            async with walking(scheduler):
                owner = await superuser.fetchval(OWNER, endpoint.subscription)
                assert owner == first._name
        assert await superuser.fetchval(OWNER, endpoint.subscription) is None
        assert len(receiver.got) == EVENTS
        assert WHOLE.client == endpoint.client


OWNER = "SELECT owner FROM subscriptions WHERE name = $1"


async def test_what_is_changed_while_a_round_is_under_way_is_true_of_that_round_already(
    api: Ledger, scheduler: Ledger, superuser: asyncpg.Connection, expected: dict[str, list[int]]
) -> None:
    async with receiving(lambda _: 410) as old, receiving() as new:
        old.delay_s = 0.3
        endpoint, _ = await made(api, old.url)
        async with walking(scheduler):
            await until_under_way(old)
            await moved(api, endpoint, new.url)
            await new.until(lambda: len(new.took) == EVENTS)
        assert new.by_case() == expected
    assert await state_of(api, endpoint) == "active", "it was not the new one that said 410"
    assert {row["outcome"] for row in await attempts(superuser, endpoint.id)} == {"delivered"}


async def test_after_a_change_a_round_begins_nothing_more_at_the_old_address(
    api: Ledger, scheduler: Ledger, expected: dict[str, list[int]]
) -> None:
    async with receiving() as old, receiving() as new:
        old.delay_s = 0.3
        endpoint, _ = await made(api, old.url)
        async with walking(scheduler):
            await until_under_way(old)
            await moved(api, endpoint, new.url)
            await new.until(lambda: len(new.took) == EVENTS)
        assert new.by_case() == expected
        assert len(old.got) <= sending.PER_RECEIVER_MAX, "no more than was under way"


async def test_secrets_that_end_at_once_sign_nothing_more_of_the_round_that_is_under_way(
    api: Ledger, scheduler: Ledger, expected: dict[str, list[int]]
) -> None:
    async with receiving() as receiver:
        receiver.delay_s = 0.3
        endpoint, old = await made(api, receiver.url)
        async with walking(scheduler):
            await until_under_way(receiver)
            async with api.connection() as connection, connection.transaction():
                assert await endpoints.hold(connection, endpoint.id, WHOLE)
                new = await making.rotate(connection, api.vault, endpoint, timedelta(0), "test")
            await receiver.until(lambda: len(receiver.took) == EVENTS)
        assert len(receiver.got) == EVENTS, "nothing was sent twice"
        signed = [signed_by(one, (old, new)) for one in receiver.got]
        assert signed == [old] * signed.count(old) + [new] * signed.count(new)
        assert signed.count(old) <= sending.PER_RECEIVER_MAX, "no more than was under way"


def signed_by(one: Delivery, secrets: tuple[str, ...]) -> str:
    """The one of the secrets that its signature is of."""
    for secret in secrets:
        with suppress(WebhookVerificationError):
            Webhook(secret).verify(one.raw, one.headers)
            return secret
    raise AssertionError("nobody's signature")


async def moved(api: Ledger, endpoint: Endpoint, url: str) -> None:
    """Its client gives it another address."""
    elsewhere = making.Wanted(url=url, description="", types=None, merchants=None)
    async with api.connection() as connection, connection.transaction():
        assert await endpoints.hold(connection, endpoint.id, WHOLE)
        await making.change(connection, endpoint, elsewhere, "test")


async def until_under_way(receiver: Receiver) -> None:
    async with asyncio.timeout(SOON_S):
        while not receiver.under_way:
            await asyncio.sleep(0.001)


async def test_a_walk_that_lost_its_hold_while_nothing_could_be_asked_is_begun_anew(
    api: Ledger, module_database: Database, expected: dict[str, list[int]]
) -> None:
    narrow = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=api.calendar, pool_size=3)
    try:
        async with receiving() as receiver:
            endpoint, _ = await made(api, receiver.url)
            async with walking(narrow) as postman:
                await receiver.until(lambda: len(receiver.took) == EVENTS)
                before = postman._tasks[endpoint.id]
                async with narrow.connection(), narrow.connection():  # the third listens: who gives up, waits
                    for _ in range(3):
                        before.cancel()
                        await asyncio.sleep(0.01)
                async with asyncio.timeout(SOON_S):
                    while postman._tasks.get(endpoint.id, before).done():
                        postman._changed.set()
                        await asyncio.sleep(0.01)
                assert postman._tasks[endpoint.id] is not before
    finally:
        await narrow.close()
