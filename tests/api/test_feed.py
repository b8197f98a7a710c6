"""The feed by pages: every event once, as CloudEvents, in the order of dense positions, for whoever may see it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_events.ledger.callers import keys
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger
from tests.api.house import AGREE, REFUSE, House, filed, happened, post
from tests.api.listening import number, sequencer

PAGES_MAX = 1_000


@pytest_asyncio.fixture(scope="module")
async def numbering(house: House) -> AsyncIterator[Ledger]:
    async with sequencer(house.database) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def cases(house: House, numbering: Ledger, storefront: AsyncClient) -> list[dict[str, Any]]:
    """Cases of two merchants, with notes of the desk to itself."""
    made = [await filed(storefront) for _ in range(3)]
    made += [await filed(storefront, respondent={"role": "merchant", "id": "m-2"}) for _ in range(2)]
    assert (await post(storefront, made[0], REFUSE)).status_code == 201
    assert (await post(storefront, made[1], AGREE)).status_code == 201
    for case in (made[0], made[4]):
        assert (await post(house.caller("ops"), case, happened("noted", text="内部备注。"))).status_code == 201
    await number(numbering)
    return made


async def walked(caller: AsyncClient, **query: str | int) -> list[dict[str, Any]]:
    """Every item there is for the caller, page by page."""
    items, after = list[dict[str, Any]](), 0
    for _ in range(PAGES_MAX):
        answer = await caller.get("/v1/events", params={"after": after, "limit": 4, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        assert all(after < one["position"] <= page["next"] for one in page["items"])
        if page["next"] == after:
            assert page["items"] == []
            return items
        after = page["next"]
    raise AssertionError("the feed has no end")


@pytest.mark.parametrize("limit", [1, 4, 1_000])
async def test_pages_walk_the_whole_ledger_from_the_beginning_of_time(
    house: House, cases: list[dict[str, Any]], limit: int
) -> None:
    items = await walked(house.caller("auditor"), limit=limit)
    assert [one["position"] for one in items] == list(range(1, await house.count() + 1))
    assert len({one["id"] for one in items}) == len(items)
    for case in cases:
        theirs = [one for one in items if one["subject"] == case["case_id"]]
        raw = (await house.caller("auditor").get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
        assert [one["data"] for one in theirs] == raw


async def test_an_item_is_a_cloud_event(house: House, cases: list[dict[str, Any]]) -> None:
    for item in await walked(house.caller("auditor")):
        assert item["specversion"] == "1.0"
        assert item["source"] == f"/v1/cases/{item['subject']}"
        assert item["type"] == f"caselog.{item['data']['type']}.v1"
        assert (item["id"], item["time"]) == (item["data"]["event_id"], item["data"]["occurred_at"])
        assert item["datacontenttype"] == "application/json"
        assert (item["sequence"], item["sequencetype"]) == (f"{item['data']['version']:010}", "Integer")
        assert item["policy"] == "taobao@2026.1"
        assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in item), item
        assert None not in item.values()
        assert (item["correlationid"], item.get("causationid")) == (
            item["data"]["correlation"],
            item["data"]["causation"],
        )


async def test_the_hashes_of_a_case_are_a_chain(house: House, cases: list[dict[str, Any]]) -> None:
    ends = dict[str, str]()
    for item in await walked(house.caller("auditor")):
        assert item["prevhash"] == ends.get(item["subject"], "0" * 64)
        assert item["hash"] == item["data"]["hash"]
        ends[item["subject"]] = item["hash"]
    assert len(ends) >= len(cases)


async def test_each_viewer_is_told_what_there_is_for_them(house: House, cases: list[dict[str, Any]]) -> None:
    connection = await asyncpg.connect(house.database.app)
    await teach(connection)
    _, secret = await keys.create(connection, client="m-2", name="m-2", role="storefront", merchants=["m-2"])
    await connection.close()
    told = {"m-2": await walked(house.with_key(secret))}
    told |= {role: await walked(house.caller(role)) for role in ("storefront", "ops")}
    assert {one["subject"] for one in told["m-2"]} == {case["case_id"] for case in cases[3:]}
    notes = {name: sum(one["data"]["type"] == "noted" for one in items) for name, items in told.items()}
    assert notes == {"m-2": 0, "storefront": 0, "ops": 2}
    marks = {name: {one["data"]["data"].get("marks", 0) for one in items} for name, items in told.items()}
    assert marks["m-2"] == marks["storefront"] == {0}
    for name, caller in (("m-2", house.with_key(secret)), ("storefront", house.caller("storefront"))):
        for case in cases[3:]:
            raw = (await caller.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
            assert [one["data"] for one in told[name] if one["subject"] == case["case_id"]] == raw


async def test_types_choose(house: House, cases: list[dict[str, Any]]) -> None:
    items = await walked(house.caller("ops"), types="merchant_replied,noted")
    assert {one["data"]["type"] for one in items} == {"merchant_replied", "noted"}
    everything = await walked(house.caller("ops"))
    assert items == [one for one in everything if one["data"]["type"] in ("merchant_replied", "noted")]


async def test_a_caller_can_begin_now(house: House, numbering: Ledger, cases: list[dict[str, Any]]) -> None:
    ops = house.caller("ops")
    now = (await ops.get("/v1/events?after=now")).json()
    assert now == {"items": [], "next": await house.count("feed")}
    case = await filed(house.caller("storefront"))
    # Nothing is in the feed before the sequencer put it there.
    assert (await ops.get(f"/v1/events?after={now['next']}")).json() == now
    await number(numbering)
    page = (await ops.get(f"/v1/events?after={now['next']}")).json()
    assert [one["subject"] for one in page["items"]] == [case["case_id"]]
    assert page["next"] == now["next"] + 1


@pytest.mark.parametrize(
    ("query", "pointer", "said"),
    [
        ("types=ruled,vanished,gone", "?types", "vanished, gone; known are filed"),
        ("types=", "?types", "no such types"),
        ("after=-1", "?after", "a whole number"),
        ("after=", "?after", "a whole number"),
        ("after=then", "?after", "a whole number"),
        ("after=1000000", "?after", "the feed ends at "),
        ("limit=0", "?limit", "from 1 to 1000"),
        ("limit=1001", "?limit", "from 1 to 1000"),
        ("cursor=1", "?cursor", "no such parameter"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
async def test_what_cannot_be_asked_is_refused_by_name(
    house: House, cases: list[dict[str, Any]], path: str, query: str, pointer: str, said: str
) -> None:
    answer = await house.caller("ops").get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert said in fault["detail"] or "no such parameter" in fault["detail"]
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("said", ["x", "-1", "1.5", "9" * 16])
async def test_a_last_event_id_that_is_none_is_refused(house: House, said: str) -> None:
    answer = await house.caller("ops").get("/v1/events/stream", headers={"Last-Event-ID": said})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_who_has_read_further_than_there_is_must_know(house: House, cases: list[dict[str, Any]]) -> None:
    end = await house.count("feed")
    for path in ("/v1/events", "/v1/events/stream"):
        answer = await house.caller("ops").get(f"{path}?after={end + 1}")
        assert answer.status_code == 422
        assert f"the feed ends at {end}:" in answer.json()["errors"][0]["detail"]
    answer = await house.caller("ops").get("/v1/events/stream", headers={"Last-Event-ID": str(end + 1)})
    assert answer.json()["errors"][0]["pointer"] == "Last-Event-ID"


async def test_who_has_seen_an_event_that_is_there_no_more_must_know(house: House, cases: list[dict[str, Any]]) -> None:
    ops = house.caller("ops")
    first, second = (await ops.get("/v1/events", params={"limit": 2})).json()["items"]
    still = {"after": "2", "limit": "1", "seen": f"{second['position']}.{second['hash']}"}
    assert (await ops.get("/v1/events", params=still)).status_code == 200
    for seen in (f"2.{first['hash']}", f"99999.{second['hash']}"):
        answer = await ops.get("/v1/events", params=still | {"seen": seen})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?seen")
        assert "the database was set back" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
async def test_who_may_not_read_hears_nothing(house: House, path: str) -> None:
    assert (await house.caller(None).get(path)).status_code == 401
    assert (await house.caller("admin").get(path)).status_code == 403
