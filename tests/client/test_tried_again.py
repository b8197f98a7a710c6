"""What the client tries again, and what never; with lost answers, full doors and a database that is away."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from case_api.cli.prepare import prepare
from case_api.settings import Settings
from caselog_client import (
    AsyncCaselog,
    Caselog,
    Patience,
    ProblemError,
    StillAdvancing,
    TooManyRequests,
    Unavailable,
    Unreachable,
    Unreadable,
)
from caselog_client.patience import pause_s, retry_after_s
from tests.api.house import open_house
from tests.client.filings import AGREES, BUYER, MERCHANT, complaint
from tests.client.wire import Stranger, Wire, wire_to
from tests.conftest import MakeDatabase
from tests.landed import keep_landed
from tests.serving import Serving, free_port

QUICK = Patience(tries=4, total_s=5.0, first_pause_s=0.01)
GIVE_UP_S = 10.0


@pytest.fixture
async def wire(caselog: Serving) -> AsyncIterator[Wire]:
    port = urlsplit(caselog.url).port
    assert port is not None
    async with wire_to(port) as laid:
        yield laid


def refusal(status: int, code: str = "a_new_one", **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=said, json={"code": code, "detail": "so it is", "status": status})


def meeting(stranger: Stranger, patience: Patience = QUICK) -> AsyncCaselog:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(stranger))
    return AsyncCaselog("http://caselog", "a-key", patience=patience, http=http)


async def test_a_step_whose_answer_was_lost_is_recorded_once(wire: Wire, async_storefront: AsyncCaselog) -> None:
    case = await async_storefront.file(complaint())
    async with AsyncCaselog(f"http://127.0.0.1:{wire.port}", "dev-storefront", patience=QUICK) as far:
        wire.answers_to_lose = 2
        step = await far.post(case.case_id, "merchant_replied", AGREES, MERCHANT)
    assert wire.lost == 2
    assert step.replayed, "the first try had been recorded"
    history = await async_storefront.events(case.case_id)
    assert [event.type for event in history].count("merchant_replied") == 1
    assert step.case.version == len(history)


async def test_a_filing_whose_answer_was_lost_is_recorded_once(wire: Wire, async_storefront: AsyncCaselog) -> None:
    order_id = f"T{uuid4().hex[:12]}"
    filing = complaint(order_id)
    with Caselog(f"http://127.0.0.1:{wire.port}", "dev-storefront", patience=QUICK) as far:
        wire.answers_to_lose = 1
        case = await asyncio.to_thread(far.file, filing)
    assert wire.lost == 1
    listed = [item.case_id async for item in async_storefront.cases() if item.order_id == order_id]
    assert listed == [case.case_id]


async def test_when_every_answer_is_lost_the_key_is_told_and_asking_with_it_later_is_safe(
    wire: Wire, async_storefront: AsyncCaselog
) -> None:
    filing = complaint()
    with Caselog(f"http://127.0.0.1:{wire.port}", "dev-storefront", patience=QUICK) as far:
        wire.answers_to_lose = QUICK.tries
        with pytest.raises(Unreachable) as lost:
            await asyncio.to_thread(far.file, filing)
    assert wire.lost == QUICK.tries
    assert lost.value.idempotency_key is not None
    case = await async_storefront.file(filing, idempotency_key=lost.value.idempotency_key)
    assert case.version == 1


async def test_while_postgres_is_away_the_client_waits_for_it(make_database: MakeDatabase, tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(bytes(32)).decode(), encoding="ascii")
    database = await make_database()
    await prepare(database.app, development_keys=True)
    await keep_landed(database.app)
    port = urlsplit(database.app).port
    assert port is not None
    async with wire_to(port) as wire:
        far = replace(database, app=database.app.replace(f":{port}/", f":{wire.port}/"))
        async with open_house(Settings(master_key_file=key, env="development"), far) as house:
            storefront = AsyncCaselog("http://caselog", "dev-storefront", http=house.caller("storefront"))
            once = AsyncCaselog(
                "http://caselog", "dev-storefront", patience=Patience(tries=1), http=house.caller("storefront")
            )
            case = await storefront.file(complaint())
            await wire.cut()
            with pytest.raises(Unavailable):
                await once.case(case.case_id)
            withdrawing = asyncio.create_task(
                storefront.post(case.case_id, "withdrawn", {"reason": "已经收到了。"}, BUYER)
            )
            await asyncio.sleep(0.5)
            assert not withdrawing.done()
            await wire.mend()
            assert (await withdrawing).case.status == "closed"
            assert len(await storefront.events(case.case_id)) == (await storefront.case(case.case_id)).version


async def test_a_full_door_is_knocked_at_again_with_the_same_key_and_the_same_bytes() -> None:
    stranger = Stranger(refusal(429, retry_after="0"), refusal(503, "unavailable"), refusal(422, "invalid"))
    with pytest.raises(ProblemError) as refused:
        await meeting(stranger).file(complaint())
    assert refused.value.status == 422
    assert len(stranger.asked) == 3
    assert len({headers["idempotency-key"] for headers, _ in stranger.asked}) == 1
    assert len({body for _, body in stranger.asked}) == 1


async def test_what_would_be_two_things_when_done_twice_is_sent_again_only_where_it_was_not_let_in() -> None:
    stranger = Stranger(refusal(429, retry_after="0"), refusal(503, "unavailable", retry_after="0"))
    with pytest.raises(Unavailable):
        await meeting(stranger).keys.rotate("key_1")
    assert len(stranger.asked) == 2
    again = Stranger(refusal(503, "unavailable", retry_after="0"))
    with pytest.raises(Unavailable):
        await meeting(again).keys.revoke("key_1")
    assert len(again.asked) == QUICK.tries


async def test_nor_is_it_sent_again_when_its_answer_was_lost(wire: Wire) -> None:
    async with AsyncCaselog(f"http://127.0.0.1:{wire.port}", "dev-admin", patience=QUICK) as far:
        wire.answers_to_lose = QUICK.tries
        with pytest.raises(Unreachable):
            await far.keys.create(client="shop", name="lost", role="storefront")
    assert wire.lost == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 412, 413, 422, 428, 500, 502, 504])
async def test_no_other_refusal_is_asked_again(status: int) -> None:
    stranger = Stranger(refusal(status))
    with pytest.raises(ProblemError) as refused:
        await meeting(stranger).post(uuid4(), "withdrawn", {}, BUYER)
    assert (type(refused.value), refused.value.code, refused.value.status) == (ProblemError, "a_new_one", status)
    assert len(stranger.asked) == 1


async def test_tries_are_bounded_and_the_refusal_is_what_remains() -> None:
    stranger = Stranger(refusal(429, "too_many_requests"))
    with pytest.raises(TooManyRequests):
        await meeting(stranger).case(uuid4())
    assert len(stranger.asked) == QUICK.tries


@pytest.mark.parametrize(
    ("said", "asked"),
    [("60", 1), (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 1), ("0", 4), ("soon", 4)],
    ids=["longer than the limit", "a date past the limit", "at once", "unreadable"],
)
async def test_retry_after_is_honoured_within_the_limit(said: str, asked: int) -> None:
    stranger, began = Stranger(refusal(503, "unavailable", retry_after=said)), time.monotonic()
    with pytest.raises(Unavailable):
        await meeting(stranger).case(uuid4())
    assert len(stranger.asked) == asked
    assert time.monotonic() - began < GIVE_UP_S


async def test_retry_after_is_waited_for() -> None:
    stranger, began = (
        Stranger(refusal(503, "unavailable", retry_after="1"), refusal(404, "not_found")),
        time.monotonic(),
    )
    with pytest.raises(ProblemError):
        await meeting(stranger).case(uuid4())
    assert time.monotonic() - began >= 1


async def test_all_tries_together_have_a_limit() -> None:
    stranger, began = Stranger(refusal(503, "unavailable")), time.monotonic()
    with pytest.raises(Unavailable):
        await meeting(stranger, Patience(tries=10_000, total_s=1.5, first_pause_s=0.05)).case(uuid4())
    assert 2 <= len(stranger.asked) < 20
    assert time.monotonic() - began < GIVE_UP_S


def test_where_nobody_listens_it_says_so_with_the_key() -> None:
    with (
        Caselog(f"http://127.0.0.1:{free_port()}", "dev-storefront", patience=QUICK) as nobody,
        pytest.raises(Unreachable) as lost,
    ):
        nobody.file(complaint(), idempotency_key="mine")
    assert lost.value.idempotency_key == "mine"
    assert "mine" in str(lost.value)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"items": 1})])
async def test_an_answer_that_is_no_caselogs_is_unreadable(answer: httpx.Response) -> None:
    with pytest.raises(Unreadable):
        await meeting(Stranger(answer)).case(uuid4())


async def test_a_proxys_page_is_a_problem_without_a_code() -> None:
    with pytest.raises(ProblemError) as refused:
        await meeting(Stranger(httpx.Response(502, text="<h1>Bad Gateway</h1>"))).case(uuid4())
    assert (refused.value.code, refused.value.status) == ("unexplained", 502)
    assert "Bad Gateway" in refused.value.detail


async def test_a_page_that_is_followed_by_itself_ends_the_list() -> None:
    stranger = Stranger(httpx.Response(200, json={"items": [], "next": "again"}))
    with pytest.raises(Unreadable):
        [item async for item in meeting(stranger).cases()]
    assert len(stranger.asked) == 2


async def test_waiting_for_a_test_clock_ends() -> None:
    stands = {"id": str(uuid4()), "at": "2026-03-02T02:00:00.000000Z", "status": "advancing"}
    with pytest.raises(StillAdvancing):
        await meeting(Stranger(httpx.Response(200, json=stands))).wait_until_ready(stands["id"], within_s=0.2)


@pytest.mark.parametrize("key", ["", "订单-1", "of order 7 ", '"quoted', "a\nb", "k" * 256])
async def test_a_key_that_no_header_can_carry_is_refused_before_anything_is_sent(key: str) -> None:
    stranger = Stranger()
    with pytest.raises(ValueError, match="an idempotency key is 1 to 255 printable ASCII characters"):
        await meeting(stranger).post(uuid4(), "withdrawn", idempotency_key=key)
    assert stranger.asked == []


async def test_who_waits_for_a_frozen_test_clock_is_not_sent_to_the_schedulers() -> None:
    stands = {"id": str(uuid4()), "at": "2026-03-02T02:00:00.000000Z", "status": "frozen"}
    with pytest.raises(StillAdvancing, match="the test clock is frozen"):
        await meeting(Stranger(httpx.Response(200, json=stands))).wait_until_ready(stands["id"], within_s=0.2)


def test_pauses_grow_spread_and_stay_bounded() -> None:
    patience = Patience(first_pause_s=0.1, longest_pause_s=5.0)
    assert [pause_s(patience, tried, None, 1.0) for tried in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert pause_s(patience, 3, None, 0.0) == 0.2
    assert pause_s(patience, 10_000, None, 1.0) == 5.0
    for asked_for in (2.0, 60.0):
        assert pause_s(patience, 1, asked_for, 0.0) == asked_for, "what the service asked for is never cut short"
    assert retry_after_s(httpx.Response(503)) is None
    assert retry_after_s(httpx.Response(503, headers={"Retry-After": "7"})) == 7.0
