"""Lists are keyset pages with opaque cursors; what is asked with an unknown name is refused with that name."""

import base64
import hashlib
import tomllib
from typing import Any

import pytest
import rfc8785
from httpx import AsyncClient

from case_events.policies import PINNED_BEFORE, load, shipped
from tests.api.house import AGREE, filed, happened, post
from tests.examples import taobao_text


async def pages(client: AsyncClient, **params: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        answer = await client.get("/v1/cases", params={**params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["next"]
        if cursor is None:
            return found


async def test_pages_hold_every_case_once_the_newest_first(storefront: AsyncClient) -> None:
    made = [(await filed(storefront))["case_id"] for _ in range(7)]
    listed = await pages(storefront, limit=3)
    ids = [item["case_id"] for page in listed for item in page]
    assert ids[:7] == made[::-1]
    assert len(set(ids)) == len(ids)
    assert all(len(page) == 3 for page in listed[:-1])
    assert 1 <= len(listed[-1]) <= 3
    whole = await pages(storefront, limit=200)
    assert [item["case_id"] for item in whole[0]] == ids


async def test_what_is_filed_meanwhile_does_not_move_the_pages(storefront: AsyncClient) -> None:
    made = [(await filed(storefront))["case_id"] for _ in range(4)]
    first = (await storefront.get("/v1/cases", params={"limit": 2})).json()
    await filed(storefront)
    second = (await storefront.get("/v1/cases", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["case_id"] for item in first["items"] + second["items"]] == made[::-1]


async def test_an_item_says_what_a_queue_needs(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    item = (await storefront.get("/v1/cases", params={"limit": 1})).json()["items"][0]
    for name in set(item) - {"order_id", "next_due_at"}:
        assert item[name] == case[name], name
    assert item["order_id"] == case["order"]["order_id"]
    assert item["next_due_at"] == case["deadlines"][0]["due_at"]


async def test_a_status_filters(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    await post(storefront, case, AGREE)
    found = (await storefront.get("/v1/cases", params={"status": "waiting_for_remedy"})).json()["items"]
    assert case["case_id"] in {item["case_id"] for item in found}
    assert {item["status"] for item in found} == {"waiting_for_remedy"}


BAD: list[tuple[str, set[str]]] = [
    ("/v1/cases?limit=0", {"?limit"}),
    ("/v1/cases?limit=201", {"?limit"}),
    ("/v1/cases?limit=ten", {"?limit"}),
    ("/v1/cases?limit=%D9%A1", {"?limit"}),
    ("/v1/cases?limit=1&limit=2", {"?limit"}),
    ("/v1/cases?status=asleep", {"?status"}),
    ("/v1/cases?status=a%00b", {"?status"}),
    ("/v1/cases?cursor=", {"?cursor"}),
    ("/v1/cases?cursor=abc", {"?cursor"}),
    ("/v1/cases?cursor=" + "A" * 31 + "!", {"?cursor"}),
    ("/v1/cases?offset=3&page=1", {"?offset", "?page"}),
    ("/v1/cases/{case_id}?version=1&at=2026-01-01T00:00:00Z", {"?at"}),
    ("/v1/cases/{case_id}?version=0", {"?version"}),
    ("/v1/cases/{case_id}?version=-1", {"?version"}),
    ("/v1/cases/{case_id}?version=99999999999", {"?version"}),
    ("/v1/cases/{case_id}?at=2026-01-01", {"?at"}),
    ("/v1/cases/{case_id}?at=2026-01-01T00:00:00%2B08:00&explain=yes&x=", {"?explain", "?x"}),
    ("/v1/cases/{case_id}/events?version=1&known_at=2026-01-01T00:00:00Z", {"?known_at"}),
    ("/v1/cases/{case_id}/timeline?x=1", {"?x"}),
    ("/v1/policies?x=1", {"?x"}),
]


@pytest.mark.parametrize(("path", "pointers"), BAD)
async def test_what_is_wrong_with_a_question_is_named(storefront: AsyncClient, path: str, pointers: set[str]) -> None:
    case = await filed(storefront)
    answer = await storefront.get(path.format(**case))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers


async def test_a_cursor_from_outside_the_calendar_is_none(storefront: AsyncClient) -> None:
    cursor = base64.urlsafe_b64encode(b"\x70" + b"\0" * 23).decode()
    assert (await storefront.get("/v1/cases", params={"cursor": cursor})).json()["code"] == "invalid"


@pytest.mark.parametrize("path", ["/v1/cases?dry_run=true", "/v1/cases/{case_id}/events?dry_run=yes"])
async def test_so_is_what_is_wrong_with_a_posting_s_question(storefront: AsyncClient, path: str) -> None:
    case = await filed(storefront)
    answer = await storefront.post(path.format(**case), json=AGREE)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["?dry_run"]


async def test_what_blocks_an_event_is_explained(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    path = f"/v1/cases/{case['case_id']}"
    assert "blocked_events" not in (await storefront.get(path)).json()
    blocked = (await storefront.get(path, params={"explain": "true"})).json()["blocked_events"]
    by_type = {one["type"]: one["problem"] for one in blocked}
    assert by_type["ruled"]["code"] == "not_allowed_now"
    assert by_type["intervention_requested"]["code"] == "not_yet"
    assert "opens_at" in by_type["intervention_requested"]
    call = happened("intervention_requested", case["complainant"], reason="商家不处理。")
    refused = (await post(storefront, case, call)).json()
    told = by_type["intervention_requested"]
    assert {name: refused[name] for name in told} == told


async def test_the_timeline_tells_it_in_both_languages(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    answer = await storefront.get(f"/v1/cases/{case['case_id']}/timeline")
    told = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert told["entries"][0]["type"] == "filed"
    assert told["entries"][0]["zh"]
    assert told["entries"][0]["en"]
    assert told["next"]["by"] == ["respondent"]


async def test_policies_are_read_by_name_and_version(storefront: AsyncClient) -> None:
    kept = {load(text).ref for text in (*shipped(), taobao_text())}
    listed = (await storefront.get("/v1/policies")).json()
    assert listed["next"] is None
    assert {item["digest"] for item in listed["items"]} == {ref.digest for ref in kept}
    for ref in kept:
        answer = await storefront.get(f"/v1/policies/{ref.name}@{ref.version}")
        assert answer.json()["digest"] == ref.digest
        assert answer.json()["policy"]["name"] == ref.name
        canonical = rfc8785.dumps(tomllib.loads(answer.json()["text"]))
        digest = hashlib.sha256(canonical).hexdigest()
        assert PINNED_BEFORE.get(digest, digest) == ref.digest, "anybody can check the digest without us"
    for path in ("taobao", "taobao@0", "@", "taobao@2026.1%00", "%FF@1"):
        assert (await storefront.get(f"/v1/policies/{path}")).json()["code"] == "not_found"
