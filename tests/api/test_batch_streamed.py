"""Lines that are answered while they arrive: each as soon as it is known, in order, none of them lost or doubled."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient

from case_api.callers import auth
from case_api.ingestion import arriving, result_stream
from case_api.ingestion.result_stream import STREAMS_MAX, STREAMS_PER_CLIENT_MAX
from case_api.streams import sending
from case_api.streams.rooms import Room
from case_events.ledger.callers import changing, keys
from tests.api.calling import WITHIN_S, Caller, caller_of
from tests.api.house import AGREE, BUYER, OFFER, House, complaint, filed, happened
from tests.api.test_batch import BATCH, about, key

LINES = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}


@asynccontextmanager
async def calling(house: House, **headers: str) -> AsyncIterator[Caller]:
    async with caller_of(house.app, "POST", BATCH, {**LINES, **headers}) as caller:
        yield caller


def messages(case: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [about(case, happened("messaged", BUYER, text=f"第{place}条")) for place in range(count)]


async def test_each_line_is_answered_while_the_rest_is_still_to_come(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    items = [about(case, OFFER), about(case, AGREE), {"id": key(), **complaint()}]
    async with calling(house) as caller:
        for count, item in enumerate(items, 1):
            caller.say(item)
            await caller.until(lambda caller, count=count: len(caller.results) == count)  # type: ignore[misc]
        assert (caller.status, caller.headers["content-type"]) == (207, "application/x-ndjson")
        assert not caller.ended
        caller.end()
        await caller.until(lambda caller: caller.ended)
    assert [one["status"] for one in caller.results] == [201] * 3
    assert [one["id"] for one in caller.results] == [item["id"] for item in items]
    assert (await storefront.get(caller.results[2]["location"])).status_code == 200


async def test_a_stream_is_answered_as_the_same_lines_at_once_are(house: House, storefront: AsyncClient) -> None:
    case, other = await filed(storefront), await filed(storefront)
    items = [*messages(case, 150), "{\n", "\r\n", "[]\n", about(case, AGREE), *messages(other, 120), about(case, AGREE)]
    text = "".join(item if isinstance(item, str) else json.dumps(item) + "\n" for item in items)
    async with calling(house) as caller:
        for start in range(0, len(text), 7_001):  # wherever a piece ends, lines are whole
            caller.say(text[start : start + 7_001])
        caller.end()
        await caller.until(lambda caller: caller.ended)
    streamed = caller.results
    assert [one["status"] for one in streamed] == [201] * 150 + [400, 422, 201] + [201] * 120 + [409]
    again = await storefront.post(BATCH, content=text.encode(), headers={"Content-Type": LINES["Content-Type"]})
    for one in streamed[:150] + streamed[152:-1]:
        one["replayed"] = True
    told = [json.loads(line) for line in again.text.splitlines()]
    assert [{**one, "body": None} for one in told] == [{**one, "body": None} for one in streamed]
    assert told[:150] == streamed[:150]


async def test_the_last_line_needs_no_end_and_an_answer_may_be_minimal(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    async with calling(house, Prefer="return=minimal") as caller:
        caller.say(json.dumps(about(case, AGREE)))
        caller.end()
        await caller.until(lambda caller: caller.ended)
    assert caller.headers["preference-applied"] == "return=minimal"
    assert [one["status"] for one in caller.results] == [201]
    assert "body" not in caller.results[0]


async def test_who_hangs_up_loses_nothing_that_was_recorded(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    items = messages(case, 40)
    async with calling(house) as caller:
        caller.say(*items[:25])
        await caller.until(lambda caller: len(caller.results) == 25)
        caller.say(json.dumps(items[25]))  # whole, but for its end: nobody knows that it is
    assert (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["version"] == 26
    async with calling(house) as caller:
        caller.say(*items)
        caller.end()
        await caller.until(lambda caller: caller.ended)
    assert [one.get("replayed", False) for one in caller.results] == [True] * 25 + [False] * 15
    assert [one["etag"] for one in caller.results] == [f'"{place + 2}"' for place in range(40)]


async def test_a_line_that_does_not_come_ends_the_stream_and_says_so(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "LINE_WAIT_S", 0.3)
    case = await filed(storefront)
    async with calling(house) as caller:
        caller.say(about(case, OFFER))
        caller.say("{")  # a line that is never whole
        await caller.until(lambda caller: caller.ended)
        assert [one["status"] for one in caller.results] == [201, 408]
        assert caller.results[1]["body"]["code"] == "request_timeout"
    async with calling(house) as silent:
        await silent.until(lambda caller: caller.ended or caller.status == 408)
        assert silent.status == 408


async def test_a_stream_has_its_end(house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "LINES_MAX", 3)
    case = await filed(storefront)
    async with calling(house) as caller:
        caller.say(*messages(case, 2))
        caller.say(*messages(case, 2))
        await caller.until(lambda caller: caller.ended)
    assert [one["status"] for one in caller.results] == [201] * 3 + [413]
    assert (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["version"] == 4
    monkeypatch.setattr(arriving, "STREAM_S", 0.0)
    async with calling(house) as late:
        await late.until(lambda caller: caller.ended or caller.status == 408)
        assert late.status == 408


async def test_a_line_that_is_too_long_is_only_its_own_fault(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    async with calling(house) as caller:
        for _ in range(40):
            caller.say("x" * 60_000)
        caller.say("\n", about(case, AGREE))
        caller.end()
        await caller.until(lambda caller: caller.ended)
    assert [one["status"] for one in caller.results] == [413, 201]


@pytest.mark.parametrize("body", [b"", b"\n\r\n"])
async def test_no_lines_are_no_stream(storefront: AsyncClient, body: bytes) -> None:
    answer = await storefront.post(BATCH, content=body, headers=LINES)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_who_takes_no_results_is_hung_up_on(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SEND_S", 0.1)
    case = await filed(storefront)
    async with calling(house) as caller:
        caller.say(about(case, OFFER))
        await caller.until(lambda caller: len(caller.results) == 1)
        caller.takes.clear()
        caller.say(about(case, AGREE))
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
        caller.takes.set()
    assert not caller.ended
    assert (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["outcome"] == "settled"


async def test_a_dry_run_and_a_list_are_read_whole_and_answered_by_lines(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    items = [about(case, AGREE), about(case, AGREE)]
    before = await house.count()
    text = "".join(json.dumps(one) + "\n" for one in items)
    dry = await storefront.post(f"{BATCH}?dry_run=true", content=text.encode(), headers=LINES)
    assert [json.loads(line)["status"] for line in dry.text.splitlines()] == [200, 409]
    assert await house.count() == before
    listed = await storefront.post(BATCH, json=items, headers={"Accept": LINES["Accept"]})
    assert [json.loads(line)["status"] for line in listed.text.splitlines()] == [201, 409]


async def test_a_stream_that_is_too_fast_for_its_key_is_slowed_down_and_not_refused(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_stream, "PACE_S", 0.01)
    monkeypatch.setattr(arriving, "GROUP", 20)
    case = await filed(storefront)
    connection = await asyncpg.connect(house.database.app)
    _, secret = await keys.create(connection, client="slow", name="slow", role="storefront", per_minute=1_200)
    await connection.close()
    items = [about(case, happened("messaged", BUYER, text="快")) for _ in range(160)]
    began = time.monotonic()
    async with calling(house, authorization=f"Bearer {secret}") as caller:
        caller.say(*items)
        caller.end()
        await caller.until(lambda caller: caller.ended)
    took = time.monotonic() - began
    assert {one["status"] for one in caller.results} == {201}
    assert len(caller.results) == len(items)
    assert took >= 1.0, "it may 120 at once, and then twenty a second"


async def test_a_stream_ends_when_its_key_is_revoked_and_records_nothing_more(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_stream, "CHECK_S", 0)
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0)
    case = await filed(storefront)
    connection = await asyncpg.connect(house.database.app)
    gone, secret = await keys.create(connection, client="gone", name="gone", role="storefront")
    first, second = messages(case, 2)
    async with calling(house, authorization=f"Bearer {secret}") as caller:
        caller.say(first)
        await caller.until(lambda caller: len(caller.results) == 1)
        await changing.revoke(connection, gone.key_id)
        caller.say(second)
        await caller.until(lambda caller: caller.ended)
    await connection.close()
    assert [one["status"] for one in caller.results] == [201, 401]
    assert caller.results[1]["body"]["code"] == "unauthenticated"
    assert (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["version"] == 2


async def test_empty_lines_keep_no_stream_open(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "LINE_WAIT_S", 0.3)
    async with calling(house) as caller:
        for _ in range(int(WITHIN_S / 0.05)):
            caller.say("\n")
            await asyncio.sleep(0.05)
            if caller.status:
                break
    assert caller.status == 408


async def test_streams_under_way_are_few_and_fewer_of_one_client(house: House, storefront: AsyncClient) -> None:
    room: Room = house.app.state.line_streams
    for full in (["dev"] * STREAMS_PER_CLIENT_MAX, [f"client-{number}" for number in range(STREAMS_MAX)]):
        for client in full:
            room.enter(client)
        refused = await storefront.post(BATCH, content=b"{}\n", headers=LINES)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"]
        for client in full:
            room.leave(client)
    for body in (b"", b"{}\n"):
        await storefront.post(BATCH, content=body, headers=LINES)
        assert room.taken == 0
    async with calling(house) as caller:
        caller.say({})
        await caller.until(lambda caller: len(caller.results) == 1)
        assert room.taken == 1
    assert room.taken == 0, "who hangs up makes room"
