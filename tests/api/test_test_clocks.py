"""Test clocks at the door: named, listed, asked what would fire, frozen, and deleted with what they hide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import Caller
from tests.api.house import AGREE, REFUSE, House, filed, post
from tests.examples import NOON

UNKNOWN = "/v1/test-clocks/00000000-0000-4000-8000-000000000000"


async def made(admin: AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339(), **said})
    assert answer.status_code == 201, answer.text
    clock: dict[str, Any] = answer.json()
    return clock


async def under(clock: dict[str, Any], storefront: AsyncClient) -> dict[str, Any]:
    return await filed(storefront, succeeded_at=Instant.of(NOON - timedelta(days=1)), test_clock=clock["id"])


def path(clock: dict[str, Any], more: str = "") -> str:
    return f"/v1/test-clocks/{clock['id']}{more}"


async def test_a_clock_is_made_with_a_name_and_found_in_the_list(admin: AsyncClient) -> None:
    clocks = [await made(admin, name=f"回归测试 {number}") for number in range(3)]
    assert clocks[0] == {
        "id": clocks[0]["id"],
        "name": "回归测试 0",
        "at": NOON.rfc3339(),
        "status": "ready",
        "watermark": NOON.rfc3339(),
        "created_at": clocks[0]["created_at"],
        "frozen_at": None,
    }
    first = (await admin.get("/v1/test-clocks", params={"limit": 2})).json()
    assert first["items"] == clocks[:0:-1]
    second = (await admin.get("/v1/test-clocks", params={"limit": 1, "cursor": first["next"]})).json()
    assert second["items"] == clocks[:1]
    for name in ("", "x" * 101, 7):
        refused = await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339(), "name": name})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")


async def test_a_clock_goes_no_further_than_anybody_can_say(admin: AsyncClient) -> None:
    clock = await made(admin, at="2999-12-31T23:00:00Z")
    refused = await admin.post(path(clock, "/advance"), json={"by": "PT1H"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/by")
    moved = await admin.post(path(clock, "/advance"), json={"by": "PT59M59.999999S"})
    assert moved.json()["at"] == "2999-12-31T23:59:59.999999Z"


async def test_what_would_fire_is_listed_with_case_kind_and_party(admin: AsyncClient, storefront: AsyncClient) -> None:
    clock = await made(admin)
    cases = [await under(clock, storefront) for _ in range(3)]
    page = (await storefront.get(path(clock, "/due"))).json()
    ids = sorted(one["case_id"] for one in cases)
    assert [(one["kind"], one["case_id"]) for one in page["items"]] == [
        (kind, one) for kind in ("response", "negotiation") for one in ids
    ]
    due_at = Instant.of(NOON + timedelta(hours=72)).rfc3339()
    assert page["items"][0] == {
        "case_id": ids[0],
        "number": page["items"][0]["number"],
        "kind": "response",
        "party": "respondent",
        "due_at": due_at,
        "set_by": 1,
    }
    assert (await admin.get(path(clock, "/due"), params={"before": due_at})).json()["items"] == [], "it is in time"
    just_after = Instant.of(NOON + timedelta(hours=72, microseconds=1)).rfc3339()
    assert (await admin.get(path(clock, "/due"), params={"before": just_after})).json()["items"] == page["items"][:3]
    found: list[Any] = []
    cursor = None
    for _ in cases:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await admin.get(path(clock, "/due"), params=asked)).json()
        found, cursor = found + answer["items"], answer["next"]
    assert (found, cursor) == (page["items"], None)
    wrong = await admin.get(path(clock, "/due"), params={"before": "tomorrow", "limit": 0, "cursor": "x"})
    assert {one["pointer"] for one in wrong.json()["errors"]} == {"?before", "?limit", "?cursor"}
    assert (await admin.get(f"{UNKNOWN}/due")).status_code == 404


async def test_a_frozen_clock_cannot_be_advanced_and_steps_are_judged_where_it_stands(
    admin: AsyncClient, storefront: AsyncClient
) -> None:
    clock = await made(admin)
    case = await under(clock, storefront)
    frozen = (await admin.post(path(clock, "/freeze"))).json()
    assert frozen["status"] == "frozen"
    assert (await admin.post(path(clock, "/freeze"))).json() == frozen
    refused = await admin.post(path(clock, "/advance"), json={"by": "PT1H"})
    assert (refused.status_code, refused.json()["code"]) == (409, "clock_frozen")
    told = await post(storefront, case, REFUSE)
    assert told.json()["events"][0]["effective_at"] == NOON.rfc3339()
    assert (await admin.post(path(clock, "/unfreeze"))).json() == {**frozen, "status": "ready", "frozen_at": None}
    assert (await admin.post(path(clock, "/advance"), json={"by": "PT1H"})).status_code == 200


async def test_a_deleted_clock_hides_its_cases_everywhere_but_in_the_feed(
    admin: AsyncClient, storefront: AsyncClient, house: House
) -> None:
    clock = await made(admin)
    case = await under(clock, storefront)
    events = await house.count()
    gone = await admin.delete(path(clock))
    assert (gone.status_code, gone.json()["status"]) == (200, "deleted")
    assert (await admin.delete(path(clock))).json() == gone.json()
    one = f"/v1/cases/{case['case_id']}"
    for read in (one, f"{one}/events", f"{one}/timeline", f"{one}?version=1", f"{one}?at={NOON.rfc3339()}"):
        assert (await storefront.get(read)).status_code == 404, read
    for body in (AGREE, REFUSE):
        assert (await post(storefront, case, body)).status_code == 404
    by_order = {"order_id": case["order"]["order_id"]}
    assert (await storefront.get("/v1/cases", params=by_order)).json()["items"] == []
    assert (await storefront.get("/v1/cases", params={"number": case["number"]})).json()["items"] == []
    deadlines = (await storefront.get("/v1/deadlines", params={"limit": 200})).json()["items"]
    assert case["case_id"] not in {one["case_id"] for one in deadlines}
    for method, more in (("GET", ""), ("GET", "/due"), ("POST", "/freeze"), ("POST", "/unfreeze")):
        assert (await admin.request(method, path(clock, more))).status_code == 404
    assert (await admin.post(path(clock, "/advance"), json={"by": "PT1H"})).status_code == 404
    assert clock["id"] not in {one["id"] for one in (await admin.get("/v1/test-clocks")).json()["items"]}
    assert await house.count() == events, "nothing is taken from the record"


@pytest.mark.parametrize(("method", "more"), [("DELETE", ""), ("POST", "/freeze"), ("POST", "/unfreeze")])
async def test_only_who_may_set_clocks_stops_one(
    admin: AsyncClient, storefront: AsyncClient, method: str, more: str
) -> None:
    clock = await made(admin)
    assert (await storefront.request(method, path(clock, more))).status_code == 403
    assert (await admin.request(method, f"{UNKNOWN}{more}")).status_code == 404
    assert (await admin.request(method, f"/v1/test-clocks/mine{more}")).status_code == 404
    assert (await admin.get(path(clock))).json() == clock


async def test_a_limited_key_does_not_see_what_would_fire_of_others(
    admin: AsyncClient, house: House, storefront: AsyncClient
) -> None:
    clock = await made(admin)
    await under(clock, storefront)
    caller = Caller(key_id="limited", client="shops", name="m-9", role="storefront", merchants=("m-9",))
    secret = "a-key-limited-to-m-9"
    async with house.app.state.door.ledger.connection() as connection:
        await keys.add(connection, caller, secret)
    limited = house.with_key(secret)
    for asked in ("/v1/test-clocks", path(clock, "/due")):
        assert (await limited.get(asked)).status_code == 403
    assert (await limited.get(path(clock))).status_code == 200, "the clock's own time is no secret"
