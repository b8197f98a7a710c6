"""Webhook endpoints through the door: made, seen by whom they are for, paused, rotated, and asked for things."""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient, Response

from case_api.settings import Settings
from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.connection import teach
from case_events.ledger.identifiers import uuid7
from case_events.ledger.webhooks import attempts, errands, making, secrets
from case_events.ledger.webhooks.attempts import Attempt
from tests.api.documented import faults
from tests.api.house import House, filed, open_house
from tests.api.listening import number, sequencer
from tests.conftest import Database

HOOKS = "/v1/webhooks"
URL = "https://shop.example/hooks"
NOBODY = "00000000-0000-4000-8000-000000000000"
_names = itertools.count(1)


@pytest.fixture(scope="module")
def ops(house: House) -> AsyncClient:
    return house.caller("ops")


@pytest_asyncio.fixture
async def shop(house: House) -> AsyncClient:
    """A storefront of its own: a client nobody else is."""
    return await caller(house)


async def caller(house: House, *, client: str = "", role: Any = "storefront", **limits: Any) -> AsyncClient:
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(
            connection, client=client or f"shop-{next(_names)}", name="n", role=role, **limits
        )
    return house.with_key(secret)


async def made(shop: AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await shop.post(HOOKS, json={"url": URL, **said})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{HOOKS}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def listed(shop: AsyncClient, **params: Any) -> list[str]:
    answer = await shop.get(HOOKS, params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


def refused(answer: Response) -> tuple[int, str, list[str]]:
    said = answer.json()
    return answer.status_code, said["code"], sorted(one["pointer"] for one in said.get("errors", ()))


async def test_an_endpoint_s_secret_is_told_once_and_is_kept_sealed(house: House, shop: AsyncClient) -> None:
    new = await made(shop, description="订单系统", types=["ruled", "closed"], merchants=["m-1"])
    assert new["secret"].startswith("whsec_")
    assert len(base64.b64decode(new["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert (new["state"], new["types"], new["merchants"], new["why"]) == ("active", ["ruled", "closed"], ["m-1"], None)
    for path in (HOOKS, f"{HOOKS}/{new['id']}", f"{HOOKS}/{new['id']}/errands"):
        answer = await shop.get(path)
        assert (answer.status_code, new["secret"] in answer.text, '"secret"' in answer.text) == (200, False, False)
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        row = await superuser.fetchval("SELECT sealed FROM webhook_secrets WHERE endpoint = $1", new["id"])
    finally:
        await superuser.close()
    assert base64.b64decode(new["secret"].removeprefix("whsec_")) not in row


async def test_an_endpoint_begins_now_or_where_it_is_asked_to(house: House, shop: AsyncClient) -> None:
    async with sequencer(house.database) as numbering:
        await filed(house.caller("storefront"))
        await number(numbering)
    now = (await shop.get(f"{HOOKS}/{(await made(shop))['id']}")).json()
    assert (now["position"], now["lag"], now["waiting"]) == (now["head"], 0, 0)
    assert now["circuit"] == {"failures": 0, "open_until": None}
    first = (await shop.get(f"{HOOKS}/{(await made(shop, after=0))['id']}")).json()
    assert (first["position"], first["lag"]) == (0, first["head"])
    assert first["lag"] >= 1
    ahead = await shop.post(HOOKS, json={"url": URL, "after": 10**9})
    assert refused(ahead) == (422, "invalid", ["/after"])


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        ({"url": "http://shop.example/"}, ["/url"]),
        ({"url": "https://10.0.0.1/"}, ["/url"]),
        ({"url": "https://u:p@shop.example/"}, ["/url"]),
        ({"url": "https://shop.example/#a"}, ["/url"]),
        ({"url": "https://" + "x" * 2000}, ["/url"]),
        ({"types": ["rulled"], "url": "ftp://shop.example"}, ["/types/0", "/url"]),
        ({"types": []}, ["/types"]),
        ({"merchants": [""]}, ["/merchants/0"]),
        ({"after": -1}, ["/after"]),
        ({"secret": "whsec_x"}, ["/secret"]),
        ({"description": "x" * 501}, ["/description"]),
    ],
)
async def test_everything_wrong_with_an_endpoint_is_named(
    shop: AsyncClient, said: dict[str, Any], pointers: list[str]
) -> None:
    assert refused(await shop.post(HOOKS, json={"url": URL, **said})) == (422, "invalid", pointers)
    assert await listed(shop) == []


@pytest.mark.parametrize("env", ["sandbox", "production"])
async def test_loopback_is_a_target_in_development_only(
    env: str, prepared: Database, settings: Settings, shop: AsyncClient
) -> None:
    at_home = "http://localhost:9999/hooks"
    new = await made(shop, url=at_home)
    elsewhere = settings.model_copy(update={"env": env})
    async with open_house(elsewhere, prepared) as house:
        theirs = house.with_key(shop.headers["authorization"].removeprefix("Bearer "))
        for url in (at_home, "https://localhost/", "https://127.0.0.1/"):
            assert refused(await theirs.post(HOOKS, json={"url": url})) == (422, "invalid", ["/url"])
        # What is not changed is not judged again: an endpoint can be described, paused, deleted as it is.
        assert (await theirs.patch(f"{HOOKS}/{new['id']}", json={"description": "old"})).status_code == 200


async def test_the_same_request_twice_makes_one_endpoint(
    house: House, shop: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = [await shop.post(HOOKS, json={"url": URL}, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    other = await shop.post(HOOKS, json={"url": URL + "2"}, headers=key)
    assert refused(other) == (422, "id_reused", [])
    # Told again for as long as an answer may have been lost, and not when there is a newer one.
    with monkeypatch.context() as patch:
        patch.setattr(making, "TOLD_AGAIN_FOR", timedelta(0))
        late = await shop.post(HOOKS, json={"url": URL}, headers=key)
    assert (late.status_code, late.json()["secret"]) == (201, None)
    path = first.headers["location"]
    assert (await shop.post(f"{path}/rotate", json={})).status_code == 200
    assert (await shop.post(HOOKS, json={"url": URL}, headers=key)).json()["secret"] is None
    assert (await shop.delete(path)).status_code == 200
    assert refused(await shop.post(HOOKS, json={"url": URL}, headers=key)) == (422, "id_reused", [])
    stranger = await caller(house)
    theirs = await stranger.post(HOOKS, json={"url": URL}, headers=key)
    assert theirs.json()["id"] != first.json()["id"]


async def test_a_client_has_so_many_endpoints_and_no_more(shop: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "ENDPOINTS_MAX", 2)
    first = await made(shop)
    await made(shop)
    assert refused(await shop.post(HOOKS, json={"url": URL})) == (422, "invalid", [""])
    await shop.delete(f"{HOOKS}/{first['id']}")
    await made(shop)


async def test_there_are_no_more_endpoints_than_the_postmen_look_after(
    house: House, shop: AsyncClient, ops: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "LIVE_MAX", len(await every(ops)) + 1)
    first = await made(shop)
    assert refused(await (await caller(house)).post(HOOKS, json={"url": URL})) == (422, "invalid", [""])
    await shop.delete(f"{HOOKS}/{first['id']}")
    await made(await caller(house))


async def test_another_client_s_endpoint_is_not_there_and_ops_see_all(
    house: House, shop: AsyncClient, ops: AsyncClient
) -> None:
    own, stranger = await made(shop), await caller(house)
    path = f"{HOOKS}/{own['id']}"
    assert await listed(stranger) == []
    assert own["id"] in await every(ops)
    asked = [
        stranger.get(path),
        stranger.patch(path, json={}),
        stranger.delete(path),
        *(stranger.get(f"{path}/{list_}") for list_ in ("errands", "attempts")),
        *(stranger.post(f"{path}/{verb}") for verb in ("resume", "test")),
        stranger.post(f"{path}/rotate", json={}),
        stranger.post(f"{path}/pause", json={"reason": "x"}),
        stranger.post(f"{path}/redeliver", json={"first": 1, "last": 1}),
        shop.get(f"{HOOKS}/{NOBODY}"),
        shop.get(f"{HOOKS}/mine"),
    ]
    for one in asked:
        assert refused(await one) == (404, "not_found", [])
    assert (await shop.get(path)).json()["state"] == "active"


async def every(reader: AsyncClient) -> list[str]:
    """All endpoints, three a page."""
    found: list[str] = []
    after: dict[str, Any] = {"limit": 3}
    for _ in range(200):
        page = (await reader.get(HOOKS, params=after)).json()
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            assert len(found) == len(set(found))
            return found
        after = {"limit": 3, "cursor": page["next"]}
    raise AssertionError("the list does not end")


async def test_pages_of_endpoints_are_in_order_and_whole(shop: AsyncClient) -> None:
    ids = [(await made(shop))["id"] for _ in range(7)]
    assert await every(shop) == ids
    await shop.post(f"{HOOKS}/{ids[3]}/pause", json={"reason": "x"})
    assert await listed(shop, state="paused") == [ids[3]]
    assert refused(await shop.get(HOOKS, params={"state": "off", "cursor": "x", "a": 1})) == (
        422,
        "invalid",
        ["?a", "?cursor", "?state"],
    )


async def test_a_limited_key_makes_and_sees_endpoints_within_its_limits_only(house: House) -> None:
    client = f"mall-{next(_names)}"
    whole = await caller(house, client=client)
    one = await caller(house, client=client, merchants=("m-1",))
    two = await caller(house, client=client, merchants=("m-1", "m-2"))
    market = await caller(house, client=client, marketplaces=("taobao",))
    platform = await caller(house, client=client, role="platform")
    of = {
        "whole": (await made(whole))["id"],
        "one": (await made(one))["id"],
        "two": (await made(two))["id"],
        "market": (await made(market))["id"],
        "platform": (await made(platform))["id"],
    }
    expected = {
        whole: {"whole", "one", "two", "market"},
        one: {"one"},
        two: {"one", "two"},
        market: {"market"},
        platform: set(of),
    }
    for key, names in expected.items():
        assert set(await listed(key)) == {of[name] for name in names}
        for name, id_ in of.items():
            assert (await key.get(f"{HOOKS}/{id_}")).status_code == (200 if name in names else 404), name
            # Nor can what shows more be turned to a receiver of theirs.
            patched = await key.patch(f"{HOOKS}/{id_}", json={"description": "mine"})
            assert patched.status_code == (200 if name in names else 404), name
    shown = (await one.get(f"{HOOKS}/{of['one']}")).json()
    assert (shown["shown_merchants"], shown["shown_marketplaces"]) == (["m-1"], None)
    assert refused(await one.post(HOOKS, json={"url": URL, "merchants": ["m-1", "m-2"]})) == (
        422,
        "invalid",
        ["/merchants/1"],
    )


ROLES = {
    "read": {"storefront", "platform", "ops", "auditor", "admin"},
    "oversee": {"storefront", "platform", "ops", "admin"},
    "own": {"storefront", "platform"},
}


@pytest.mark.parametrize(
    ("method", "tail", "body", "right"),
    [
        ("GET", "", None, "read"),
        ("GET", "/attempts", None, "read"),
        ("GET", "/errands", None, "read"),
        ("POST", "/pause", {"reason": "x"}, "oversee"),
        ("POST", "/resume", None, "oversee"),
        ("POST", "/rotate", {}, "own"),
        ("POST", "/test", None, "own"),
        ("POST", "/redeliver", {"first": 1, "last": 1}, "own"),
        ("PATCH", "", {}, "own"),
        ("DELETE", "", None, "own"),
    ],
)
async def test_each_role_does_what_is_its_own(house: House, method: str, tail: str, body: Any, right: str) -> None:
    for role in ROLES["read"]:
        answer = await house.caller(role).request(method, f"{HOOKS}/{NOBODY}{tail}", json=body)
        assert answer.status_code == (404 if role in ROLES[right] else 403), (role, answer.text)


async def test_a_paused_endpoint_says_why_and_the_journal_says_who(shop: AsyncClient, ops: AsyncClient) -> None:
    new = await made(shop, url="https://shop.example/hooks?key=s3cret")
    path = f"{HOOKS}/{new['id']}"
    paused = await ops.post(f"{path}/pause", json={"reason": "接收端故障。"})
    assert (paused.json()["state"], paused.json()["why"]) == ("paused", "接收端故障。")
    again = await shop.post(f"{path}/pause", json={"reason": "别的。"})
    assert (again.status_code, again.json()["why"]) == (200, "接收端故障。")
    resumed = await shop.post(f"{path}/resume")
    assert (resumed.json()["state"], resumed.json()["why"]) == ("active", None)
    assert (await shop.post(f"{path}/resume")).json() == resumed.json()
    await shop.patch(path, json={"types": ["ruled"]})
    await shop.post(f"{path}/rotate", json={"overlap": "PT1H"})
    gone = await shop.delete(path)
    journal = await ops.get("/v1/scheduler/journal", params={"limit": 200})
    told = [one for one in journal.json()["items"] if one["data"].get("webhook") == new["id"]]
    assert [one["what"] for one in reversed(told)] == [
        "webhook_made",
        "webhook_paused",
        "webhook_resumed",
        "webhook_changed",
        "webhook_rotated",
        "webhook_deleted",
    ]
    assert told[-2]["who"] == "dev/dev-ops"
    assert "s3cret" not in journal.text
    assert new["secret"] not in journal.text
    assert gone.json()["deleted_at"] is not None
    assert (await shop.delete(path)).json() == gone.json()
    assert (await shop.get(path)).status_code == 404
    assert await listed(shop) == []


async def test_a_change_leaves_the_rest_as_it_was(shop: AsyncClient) -> None:
    new = await made(shop, types=["ruled"], merchants=["m-1"], description="a")
    path = f"{HOOKS}/{new['id']}"
    changed = (await shop.patch(path, json={"url": URL + "/2", "types": None})).json()
    assert (changed["url"], changed["types"], changed["merchants"], changed["description"]) == (
        URL + "/2",
        None,
        ["m-1"],
        "a",
    )
    wrong = await shop.patch(path, json={"url": "https://192.168.1.1", "types": ["x"], "after": 0})
    assert refused(wrong) == (422, "invalid", ["/after"])
    wrong = await shop.patch(path, json={"url": "https://192.168.1.1", "types": ["x"]})
    assert refused(wrong) == (422, "invalid", ["/types/0", "/url"])
    assert (await shop.patch(path, json={"url": None})).status_code == 422


async def test_a_rotated_secret_signs_beside_the_new_one_until_its_overlap_is_over(
    house: House, shop: AsyncClient
) -> None:
    new = await made(shop)
    path = f"{HOOKS}/{new['id']}"
    ledger = house.app.state.door.ledger
    rotated = (await shop.post(f"{path}/rotate", json={})).json()
    assert [(one["number"], one["until"] is None) for one in rotated["signing"]] == [(2, True), (1, False)]
    async with ledger.connection() as connection:
        assert await secrets.signing(connection, ledger.vault, new["id"]) == (rotated["secret"], new["secret"])
    at_once = (await shop.post(f"{path}/rotate", json={"overlap": "PT0S"})).json()
    async with ledger.connection() as connection:
        assert await secrets.signing(connection, ledger.vault, new["id"]) == (at_once["secret"],)
    assert [one["number"] for one in (await shop.get(path)).json()["signing"]] == [3]
    for overlap in ("P8D", "-PT1S"):
        assert refused(await shop.post(f"{path}/rotate", json={"overlap": overlap})) == (422, "invalid", ["/overlap"])


async def test_a_test_is_an_errand_asked_for_once(shop: AsyncClient) -> None:
    path = f"{HOOKS}/{(await made(shop))['id']}"
    key = {"Idempotency-Key": "t"}
    first, again = [await shop.post(f"{path}/test", headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202), again.text
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    assert (first.json()["reason"], first.json()["ended_at"]) == ("test", None)
    assert (await shop.get(first.headers["location"])).json() == {"items": [first.json()], "next": None}
    redelivery = {"first": 1, "last": 1}
    assert refused(await shop.post(f"{path}/redeliver", json=redelivery, headers=key)) == (422, "id_reused", [])


async def test_events_are_asked_for_once_more_as_far_as_they_were_read(house: House, shop: AsyncClient) -> None:
    path = f"{HOOKS}/{(await made(shop, after=0))['id']}"
    await read_up_to(house, path, 20)
    asked = await shop.post(f"{path}/redeliver", json={"first": 3, "last": 20})
    assert (asked.status_code, asked.json()["first"], asked.json()["last"]) == (202, 3, 20), asked.text
    for body, pointers in (
        ({"first": 3, "last": 21}, ["/last"]),
        ({"first": 3, "last": 2}, ["/last"]),
        ({"first": 0, "last": 2}, ["/last"]),
        ({"first": 1, "last": 10_001}, ["/last"]),
        ({"first": 1}, ["/last"]),
        ({"last": 1}, ["/first"]),
        ({}, ["/event_id", "/first", "/last"]),
        ({"event_id": NOBODY, "first": 1, "last": 1}, ["/event_id", "/first", "/last"]),
        ({"event_id": NOBODY}, ["/event_id"]),
    ):
        assert refused(await shop.post(f"{path}/redeliver", json=body)) == (422, "invalid", pointers), body
    event = (await sent(house, path, 7)).event_id
    one = await shop.post(f"{path}/redeliver", json={"event_id": str(event)})
    assert (one.status_code, one.json()["first"], one.json()["last"]) == (202, 7, 7), one.text


async def test_so_many_errands_wait_and_no_more(shop: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "ERRANDS_MAX", 1)
    path = f"{HOOKS}/{(await made(shop))['id']}"
    assert (await shop.post(f"{path}/test")).status_code == 202
    assert refused(await shop.post(f"{path}/test")) == (422, "invalid", [""])


async def test_attempts_are_listed_the_latest_first_by_event_case_and_outcome(
    house: House, shop: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "LOOKED_AT_MAX", 3)
    path = f"{HOOKS}/{(await made(shop))['id']}"
    case_id = uuid7()
    told = [await sent(house, path, place, "refused" if place % 2 else "delivered", case_id) for place in range(1, 8)]
    await sent(house, f"{HOOKS}/{(await made(shop))['id']}", 1)
    every_page = await pages(shop, path, limit=2)
    assert [one["position"] for one in every_page] == [7, 6, 5, 4, 3, 2, 1]
    assert [one["position"] for one in await pages(shop, path, limit=2, outcome="refused")] == [7, 5, 3, 1]
    assert len(await pages(shop, path, case_id=str(case_id))) == 7
    assert await pages(shop, path, case_id=NOBODY) == []
    (one,) = await pages(shop, path, event_id=str(told[3].event_id))
    assert (one["position"], one["status"], one["detail"], one["number"]) == (4, 200, None, 1)
    wrong = await shop.get(f"{path}/attempts", params={"outcome": "lost", "event_id": "x", "cursor": "x"})
    assert refused(wrong) == (422, "invalid", ["?cursor", "?event_id", "?outcome"])


async def pages(shop: AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked = dict(params)
    for _ in range(50):
        answer = await shop.get(f"{path}/attempts", params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        asked = {**params, "cursor": answer.json()["next"]}
    raise AssertionError("the list does not end")


async def sent(house: House, path: str, position: int, outcome: str = "delivered", case_id: Any = None) -> Attempt:
    """As the postman records it, under the scheduler's login."""
    attempt = Attempt(
        endpoint=path.removeprefix(f"{HOOKS}/"),  # type: ignore[arg-type]  # Postgres takes it as it is
        position=position,
        event_id=uuid7(),
        case_id=case_id or uuid7(),
        type="caselog.ruled.v1",
        reason="event",
        number=1,
        at=Instant.of(datetime.now(UTC)),
        took_ms=5,
        outcome=outcome,
        status=200 if outcome == "delivered" else 500,
        detail=None,
    )
    connection = await asyncpg.connect(house.database.scheduler)
    try:
        await teach(connection)
        await attempts.record(connection, [attempt])
    finally:
        await connection.close()
    return attempt


async def read_up_to(house: House, path: str, position: int) -> None:
    """As if the postman had come so far."""
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        name = f"webhook:{path.removeprefix(f'{HOOKS}/')}"
        await superuser.execute("UPDATE subscriptions SET position = $2 WHERE name = $1", name, position)
    finally:
        await superuser.close()


async def test_what_is_answered_fits_the_document(house: House, shop: AsyncClient) -> None:
    document = house.app.openapi()
    new = await made(shop, types=["ruled"])
    path = f"{HOOKS}/{new['id']}"
    await sent(house, path, 1)
    await shop.post(f"{path}/test")
    answers = {
        "WebhookWithSecret": new,
        "NewSecret": (await shop.post(f"{path}/rotate", json={})).json(),
        "WebhookStanding": (await shop.get(path)).json(),
        "WebhookPage": (await shop.get(HOOKS)).json(),
        "ErrandPage": (await shop.get(f"{path}/errands")).json(),
        "AttemptPage": (await shop.get(f"{path}/attempts")).json(),
        "WebhookView": (await shop.delete(path)).json(),
    }
    for name, said in answers.items():
        assert not faults(document, {"$ref": f"#/components/schemas/{name}"}, said), name
        assert faults(document, {"$ref": f"#/components/schemas/{name}"}, {}), name
