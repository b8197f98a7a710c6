"""Webhook endpoints in the ledger: where one may be, what its secrets are worth, and what its changes take along."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.values import Instant
from case_events.core.viewer import Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import subscriptions
from case_events.ledger.identifiers import uuid7
from case_events.ledger.sealing import BrokenSeal
from case_events.ledger.webhooks import attempts, circuits, endpoints, errands, making, secrets, waiting
from case_events.ledger.webhooks.attempts import Attempt
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.endpoints import Endpoint, Shelf
from case_events.ledger.webhooks.making import Origin, Wanted
from case_events.ledger.webhooks.targets import is_public, may_be_reached, wrong_with
from case_events.ledger.webhooks.waiting import Delayed

WANTED = Wanted(url="https://shop.example/hooks", description="", types=None, merchants=None)
OURS = Shelf(client="shop", viewer=Viewer(desk=False))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example:8443/hooks?a=b%20c",
        "HTTPS://xn--fiq228c.example./",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:443/",
        "https://[::ffff:8.8.8.8]/",
    ],
)
def test_these_are_targets_everywhere(url: str) -> None:
    assert wrong_with(url, loopback=False) is None
    assert wrong_with(url, loopback=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/hooks",
        "http://127.0.0.1:8000/",
        "http://[::1]/",
        "https://shop.localhost/",
        "http://[::ffff:127.0.0.1]/",
    ],
)
def test_these_are_targets_in_development_only(url: str) -> None:
    assert wrong_with(url, loopback=True) is None
    assert wrong_with(url, loopback=False) is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/hooks",
        "//shop.example/hooks",
        "https:///hooks",
        "https://",
        "ftp://shop.example/",
        "http://shop.example/",
        "javascript:alert(1)",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://@shop.example/",
        "https://shop.example/#",
        "https://shop.example/a b",
        "https://shop.example/\n",
        "https://shop.example\\@10.0.0.1/",
        "https://商店.example/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:x/",
        "https://shop/",
        "https://-shop.example/",
        "https://shop..example/",
        "https://10.0.0.1/",
        "https://192.168.1.1:443/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://192.0.2.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://010.0.0.1/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00::1]/",
        "https://[fec0::1]/",
        "https://[3fff::1]/",
        "https://[4000::1]/",
        "https://[5f00::1]/",
        "https://192.88.99.1/",
        "https://192.0.0.9/",
        "https://[2002:c058:6301::1]/",
        "https://[::ffff:192.88.99.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::10.0.0.1]/",
        "https://[2002:a00:1::]/",
        "https://[64:ff9b::a00:1]/",
        "https://[64:ff9b:1::808:808]/",
        "https://[::]/",
        "https://[ff02::1]/",
        "https://[::1",
        "https://[shop.example]/",
        "https://shop.example/" + "x" * 2_000,
    ],
)
def test_these_are_targets_nowhere(url: str) -> None:
    for loopback in (True, False):
        assert wrong_with(url, loopback=loopback) is not None


def test_an_address_is_judged_as_what_it_leads_to() -> None:
    for said in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"):
        assert is_public(ip_address(said)), said
    for said in ("10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "fc00::1", "::1"):
        assert not is_public(ip_address(said)), said
    for said in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert may_be_reached(ip_address(said), loopback=True), said
        assert not may_be_reached(ip_address(said), loopback=False), said
    for loopback in (True, False):
        assert not may_be_reached(ip_address("10.0.0.1"), loopback=loopback)
        assert may_be_reached(ip_address("8.8.8.8"), loopback=loopback)


@asynccontextmanager
async def writing(ledger: Ledger) -> AsyncIterator[Connection]:
    async with ledger.connection() as connection, connection.transaction():
        yield connection


async def made(ledger: Ledger, shelf: Shelf = OURS) -> tuple[Endpoint, str]:
    async with writing(ledger) as connection:
        origin = Origin(id=uuid7(), who="test")
        endpoint, secret, _ = await making.create(connection, ledger.vault, WANTED, shelf, origin)
    assert secret is not None
    return endpoint, secret


async def test_the_postman_reads_the_secrets_that_are_valid_the_newest_first(
    ledger: Ledger, scheduler: Ledger, superuser: asyncpg.Connection
) -> None:
    endpoint, first = await made(ledger)
    told = [first]
    for newest_secret in range(1, 7):
        async with writing(ledger) as connection:
            held = await endpoints.hold(connection, endpoint.id, OURS)
            assert held == replace(endpoint, newest_secret=newest_secret)
            told.append(await making.rotate(connection, ledger.vault, held, timedelta(hours=1), "test"))
    assert len(set(told)) == 7
    async with scheduler.connection() as connection:
        newest = tuple(reversed(told[-secrets.SIGNING_MAX :]))
        assert await secrets.signing(connection, scheduler.vault, endpoint.id) == newest
    await superuser.execute(
        "UPDATE webhook_secrets SET until = clock_timestamp() WHERE endpoint = $1 AND until IS NOT NULL", endpoint.id
    )
    async with scheduler.connection() as connection:
        assert await secrets.signing(connection, scheduler.vault, endpoint.id) == (told[-1],)


async def test_a_sealed_secret_opens_at_its_own_endpoint_only(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    endpoint, secret = await made(ledger)
    other, _ = await made(ledger)
    assert len(base64.b64decode(secret.removeprefix(secrets.PREFIX))) == secrets.SECRET_BYTES
    swap = """
    UPDATE webhook_secrets SET sealed = (SELECT sealed FROM webhook_secrets WHERE endpoint = $1) WHERE endpoint = $2
    """
    await superuser.execute(swap, endpoint.id, other.id)
    async with ledger.connection() as connection:
        assert await secrets.signing(connection, ledger.vault, endpoint.id) == (secret,)
        with pytest.raises(BrokenSeal):
            await secrets.signing(connection, ledger.vault, other.id)


async def test_an_overlap_is_never_lengthened_by_a_later_rotation(ledger: Ledger) -> None:
    endpoint, _ = await made(ledger)
    for overlap in (timedelta(minutes=1), timedelta(days=7)):
        async with writing(ledger) as connection:
            await secrets.rotate(connection, ledger.vault, endpoint.id, overlap)
    async with ledger.connection() as connection:
        until = {one.number: one.until for one in await secrets.known(connection, endpoint.id)}
    assert until[1] is not None
    assert until[2] is not None
    assert until[3] is None
    assert until[1] < until[2] - timedelta(days=6)


async def test_what_is_paused_is_not_live_and_goes_on_where_it_stood(ledger: Ledger, scheduler: Ledger) -> None:
    endpoint, _ = await made(ledger)
    case_id = uuid7()
    async with writing(scheduler) as connection:
        await waiting.put(connection, endpoint.id, [Delayed(position=1, case_id=case_id, attempts=9, in_s=3600)])
        await circuits.turn(connection, endpoint.id, Circuit(failures=9, open_for_s=300), succeeded=False, failed=True)
        assert await endpoints.pause(connection, endpoint.id, "retries ended")
        assert not await endpoints.pause(connection, endpoint.id, "again")
        assert endpoint.id not in {one.id for one in await endpoints.live(connection)}
    async with writing(ledger) as connection:
        held = await endpoints.hold(connection, endpoint.id, OURS)
        assert held is not None
        assert (held.state, held.why) == ("paused", "retries ended")
        before = await making.standing(connection, held)
        assert before is not None
        assert (before.waiting, before.failures, before.open_until is None) == (1, 9, False)
        assert await endpoints.resume(connection, endpoint.id, "test")
        assert not await endpoints.resume(connection, endpoint.id, "test")
        after = await making.standing(connection, held)
        assert after is not None
        assert (after.waiting, after.failures, after.open_until) == (1, 0, None)
        assert after.position == before.position
        (due,) = await waiting.due(connection, endpoint.id)
        assert (due.position, due.due) == (1, True)
        assert endpoint.id in {one.id for one in await endpoints.live(connection)}


async def test_who_says_gone_is_disabled_even_while_paused(ledger: Ledger, scheduler: Ledger) -> None:
    endpoint, _ = await made(ledger)
    async with writing(scheduler) as connection:
        await endpoints.pause(connection, endpoint.id, "x")
        assert await endpoints.disable(connection, endpoint.id, "410")
        assert not await endpoints.pause(connection, endpoint.id, "x")
    async with writing(ledger) as connection:
        held = await endpoints.hold(connection, endpoint.id, OURS)
        assert held is not None
        assert (held.state, held.why) == ("disabled", "410")
        assert await endpoints.resume(connection, endpoint.id, "test")


async def test_a_deleted_endpoint_takes_its_secrets_its_subscription_and_what_waits_along(
    ledger: Ledger, scheduler: Ledger
) -> None:
    endpoint, _ = await made(ledger)
    async with writing(scheduler) as connection:
        await waiting.put(connection, endpoint.id, [Delayed(position=1, case_id=uuid7(), attempts=1, in_s=1)])
        await circuits.turn(connection, endpoint.id, Circuit(failures=1), succeeded=False, failed=True)
        assert await subscriptions.hold_free(connection, [endpoint.subscription], "p", 30, 1)
    async with writing(ledger) as connection:
        held = await endpoints.hold(connection, endpoint.id, OURS)
        assert held is not None
        errand, _ = await errands.ask(connection, endpoint, uuid7(), "test")
        deleted = await making.delete(connection, held, "test")
        assert deleted.deleted_at is not None
        assert await making.delete(connection, deleted, "test") == deleted
        assert await secrets.signing(connection, ledger.vault, endpoint.id) == ()
        assert await errands.left(connection, endpoint.id) == ()
        ended = await errands.find(connection, errand.id)
        assert ended is not None
        assert ended.outcome == "deleted"
        assert await making.standing(connection, endpoint) is None
        assert (await waiting.backlog(connection, endpoint.id)).events == 0
        assert await endpoints.find(connection, endpoint.id, OURS) is None
        assert await endpoints.hold(connection, endpoint.id, OURS, deleted=True) == deleted
        assert endpoint.id not in {one.id for one in await endpoints.live(connection)}
        assert not await endpoints.pause(connection, endpoint.id, "x")
    async with writing(scheduler) as connection:
        with pytest.raises(subscriptions.NotHeld):
            await subscriptions.advance(connection, endpoint.subscription, "p", 0)


@pytest.mark.parametrize(
    "change",
    [{"url": "https://new.example"}, {"types": ("filed",)}, {"merchants": ("m-1",)}],
    ids=lambda one: str(*one),
)
async def test_while_one_changes_an_endpoint_another_waits_and_its_postman_goes_by_the_change(
    ledger: Ledger, scheduler: Ledger, change: dict[str, Any]
) -> None:
    endpoint, _ = await made(ledger)
    async with scheduler.connection() as connection:
        assert await subscriptions.hold_free(connection, [endpoint.subscription], "p", 30, 1)

    async def another() -> Endpoint | None:
        async with writing(ledger) as connection:
            return await endpoints.hold(connection, endpoint.id, OURS)

    async def postman() -> None:
        async with writing(scheduler) as connection:
            await subscriptions.advance(connection, endpoint.subscription, "p", 0)
            await endpoints.check_unchanged(connection, endpoint)

    async with writing(ledger) as connection:
        held = await endpoints.hold(connection, endpoint.id, OURS)
        assert held is not None
        waiting_too, walking = asyncio.create_task(another()), asyncio.create_task(postman())
        await asyncio.sleep(0.1)
        assert [waiting_too.done(), walking.done()] == [False, False]
        changed = await making.change(connection, held, replace(WANTED, **change), "test")
    assert await waiting_too == changed
    with pytest.raises(endpoints.Changed):
        await walking


async def test_a_new_url_is_tried_at_once(ledger: Ledger, scheduler: Ledger) -> None:
    endpoint, _ = await made(ledger)
    async with writing(scheduler) as connection:
        await waiting.put(connection, endpoint.id, [Delayed(position=1, case_id=uuid7(), attempts=3, in_s=3600)])
        await circuits.turn(connection, endpoint.id, Circuit(failures=9, open_for_s=300), succeeded=False, failed=True)
    for wanted, tried in (
        (replace(WANTED, description="b"), False),
        (replace(WANTED, url="https://new.example"), True),
    ):
        async with writing(ledger) as connection:
            held = await endpoints.hold(connection, endpoint.id, OURS)
            assert held is not None
            await making.change(connection, held, wanted, "test")
            assert bool(await waiting.due(connection, endpoint.id)) is tried
            assert (await circuits.circuit(connection, endpoint.id) == circuits.CLOSED) is tried


async def test_the_postman_hears_when_its_transaction_is_over(ledger: Ledger, scheduler: Ledger) -> None:
    heard = asyncio.Queue[str]()

    def hear(*said: object) -> None:
        heard.put_nowait(str(said[2]))

    async with scheduler.connection() as listening:
        await listening.add_listener(endpoints.WEBHOOKS_CHANNEL, hear)
        endpoint, _ = await made(ledger)
        async with asyncio.timeout(5):
            assert await heard.get() == endpoints.WEBHOOKS_CHANNEL
        async with writing(ledger) as connection:
            await endpoints.pause(connection, endpoint.id, "x")
        async with writing(ledger) as connection:
            await errands.ask(connection, endpoint, uuid7(), "test")
        async with asyncio.timeout(5):
            for _ in range(2):
                await heard.get()
        assert heard.empty()
        await listening.remove_listener(endpoints.WEBHOOKS_CHANNEL, hear)


async def test_two_who_make_the_last_endpoint_at_once_make_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "ENDPOINTS_MAX", 1)
    shelf = Shelf(client="racing")
    done = await asyncio.gather(*(made(ledger, shelf) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, making.TooMany) for one in done) == 3


async def test_the_postman_does_its_errands_in_the_order_they_were_asked_for(ledger: Ledger, scheduler: Ledger) -> None:
    endpoint, _ = await made(ledger)
    ids = [uuid7() for _ in range(3)]
    async with ledger.connection() as connection:
        for errand_id in ids:
            async with connection.transaction():
                await errands.ask(connection, endpoint, errand_id, "test")
        with pytest.raises(errands.NotRead):
            await errands.ask(connection, endpoint, uuid7(), "test", span=(1, 10**9))
    async with writing(scheduler) as connection:
        assert [one.id for one in await errands.left(connection, endpoint.id)] == ids
        await errands.progress(connection, ids[0], 7)
        await errands.end(connection, ids[0], "delivered")
        await errands.end(connection, ids[0], "failed")  # once is enough
        assert [one.id for one in await errands.left(connection, endpoint.id)] == ids[1:]
        ended = await errands.find(connection, ids[0])
        assert ended is not None
        assert (ended.reached, ended.outcome, ended.ended_at is None) == (7, "delivered", False)
        assert await errands.forget(connection, timedelta(0)) >= 1
        assert await errands.find(connection, ids[0]) is None
        assert await errands.find(connection, ids[1]) is not None


async def test_old_attempts_are_forgotten_and_no_others(ledger: Ledger, scheduler: Ledger) -> None:
    endpoint, _ = await made(ledger)
    now = Instant.of(datetime.now(UTC))
    ages = [timedelta(days=days) for days in (40, 35, 31, 2, 0)]
    sent = [
        Attempt(
            endpoint=endpoint.id,
            position=None,
            event_id=uuid7(),
            case_id=None,
            type="webhook_test",
            reason="test",
            number=1,
            at=Instant.of(now - age),
            took_ms=1,
            outcome="delivered",
            status=204,
            detail=None,
        )
        for age in ages
    ]
    async with writing(scheduler) as connection:
        await attempts.record(connection, [])
        await attempts.record(connection, sent)
        assert await attempts.forget(connection, timedelta(days=30)) == 3
        assert await attempts.forget(connection, timedelta(days=30)) == 0
        page = await attempts.listed(connection, endpoint.id, limit=10)
        assert [one.event_id for one in page.attempts] == [one.event_id for one in reversed(sent[3:])]
        assert page.before is None


@pytest.mark.parametrize(
    "forbidden",
    [
        "UPDATE webhook_endpoints SET id = id",
        "UPDATE webhook_endpoints SET client = client",
        "UPDATE webhook_endpoints SET shown_marketplaces = shown_marketplaces",
        "UPDATE webhook_endpoints SET shown_merchants = shown_merchants",
        "UPDATE webhook_endpoints SET desk = desk",
        "UPDATE webhook_endpoints SET created_by = created_by",
        "UPDATE webhook_endpoints SET created_at = created_at",
        "UPDATE webhook_endpoints SET asked = asked",
        "DELETE FROM webhook_endpoints",
        "UPDATE webhook_circuits SET failures = 0",
        "UPDATE webhook_secrets SET sealed = ''",
    ],
)
async def test_the_apps_login_changes_neither_whose_an_endpoint_is_nor_what_it_may_be_told(
    ledger: Ledger, forbidden: str
) -> None:
    async with ledger.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)


async def test_the_schedulers_login_turns_no_endpoint_elsewhere_and_makes_no_secret(
    ledger: Ledger, scheduler: Ledger
) -> None:
    endpoint, _ = await made(ledger)
    for forbidden in (
        "UPDATE webhook_endpoints SET url = 'https://evil.example'",
        "DELETE FROM webhook_secrets",
        "INSERT INTO webhook_secrets (endpoint, number, sealed) VALUES (gen_random_uuid(), 1, '')",
    ):
        async with scheduler.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    async with ledger.connection() as connection:
        assert await endpoints.find(connection, endpoint.id, OURS) == endpoint
