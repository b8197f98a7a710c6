"""Lists answer what a desk and a party ask every day: each filter, any depth, and what is due next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from tests.api.house import AGREE, REFUSE, REJECT, filed, post

PAGES_MAX = 60


async def leafed(client: AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    found: list[dict[str, Any]] = []
    said = dict(params)
    for _ in range(PAGES_MAX):
        answer = await client.get(path, params=said)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        said["cursor"] = answer.json()["next"]
    raise AssertionError(f"more than {PAGES_MAX} pages")


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """The cases of ``some``, which the first test that asks for them makes."""
    return []


async def some(storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nine cases of three merchants and three buyers: some settled, some before the platform, one rejected."""
    if told:
        return told
    for index in range(9):
        respondent = {"role": "merchant", "id": f"shop-{index % 3}"}
        case = await filed(
            storefront, complainant={"role": "buyer", "id": f"buyer-{index // 3}"}, respondent=respondent
        )
        if index % 3 == 1:
            await post(storefront, case, {**AGREE, "actor": respondent})
        if index % 3 == 2:
            await post(storefront, case, {**REFUSE, "actor": respondent})
        if index == 8:
            read = await storefront.get(f"/v1/cases/{case['case_id']}")
            answer = await post(platform, case, REJECT, if_match=read.headers["etag"])
            assert answer.status_code == 201, answer.text
        told.append((await storefront.get(f"/v1/cases/{case['case_id']}")).json())
    return told


FILTERS: list[tuple[str, Any]] = [
    ("status", lambda case: case["status"]),
    ("stage", lambda case: case["stage"]),
    ("type", lambda case: case["type"]),
    ("marketplace", lambda case: case["marketplace"]),
    ("merchant_id", lambda case: case["respondent"]["id"]),
    ("buyer_id", lambda case: case["complainant"]["id"]),
    ("order_id", lambda case: case["order"]["order_id"]),
    ("department", lambda case: case["department"]),
    ("priority", lambda case: case["priority"]),
    ("number", lambda case: case["number"]),
]


@pytest.mark.parametrize(("name", "value"), FILTERS, ids=[name for name, _ in FILTERS])
@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_each_filter_finds_exactly_what_it_says_page_by_page(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]], name: str, value: Any, limit: int
) -> None:
    cases = await some(storefront, platform, told)
    for wanted in {value(case) for case in cases}:
        found = await leafed(storefront, "/v1/cases", **{name: wanted, "limit": limit})
        expected = [case["case_id"] for case in cases if value(case) == wanted]
        assert [item["case_id"] for item in found] == expected[::-1]


async def test_filters_together_find_what_is_all_of_them(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)
    for merchant in ("shop-0", "shop-1", "nobody"):
        for buyer in ("buyer-0", "buyer-2"):
            found = await leafed(storefront, "/v1/cases", merchant_id=merchant, buyer_id=buyer, limit=1)
            expected = {
                c["case_id"] for c in cases if (c["respondent"]["id"], c["complainant"]["id"]) == (merchant, buyer)
            }
            assert {item["case_id"] for item in found} == expected
    rejected = await leafed(storefront, "/v1/cases", status="appealable", stage="claim", merchant_id="shop-2")
    assert [item["case_id"] for item in rejected] == [cases[8]["case_id"]]
    broad = await leafed(storefront, "/v1/cases", status="under_review", type="not_received", marketplace="taobao")
    assert {item["case_id"] for item in broad} == {cases[2]["case_id"], cases[5]["case_id"]}


async def test_what_is_due_next_comes_first_and_nothing_that_is_due_later(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)
    dues = sorted((min(clock["due_at"] for clock in case["deadlines"]), case["case_id"]) for case in cases)
    middle = dues[4][0]
    found = await leafed(storefront, "/v1/cases", due_before=middle, limit=2)
    assert [(item["next_due_at"], item["case_id"]) for item in found] == [one for one in dues if one[0] < middle]


async def test_what_happened_since_is_found(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)
    since = cases[4]["updated_at"]
    found = await leafed(storefront, "/v1/cases", updated_after=since, limit=2)
    assert {item["case_id"] for item in found} == {case["case_id"] for case in cases if case["updated_at"] > since}


async def test_a_party_s_own_list_tells_number_time_and_result_of_each_kind(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    """Domain Q3."""
    cases = await some(storefront, platform, told)
    own = await leafed(storefront, "/v1/cases", buyer_id="buyer-2", type="not_received")
    expected = [(c["number"], c["filed_at"], c["outcome"], c["type"]) for c in cases[6:]]
    assert [(i["number"], i["filed_at"], i["outcome"], i["type"]) for i in own] == expected[::-1]


async def test_progress_is_asked_by_complaint_number(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    """Domain Q1."""
    cases = await some(storefront, platform, told)
    (item,) = await leafed(storefront, "/v1/cases", number=cases[0]["number"])
    story = (await storefront.get(f"/v1/cases/{item['case_id']}/timeline")).json()
    assert (item["case_id"], story["next"]["by"]) == (cases[0]["case_id"], ["respondent"])
    assert item["next_due_at"] == cases[0]["deadlines"][0]["due_at"]


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/deadlines"])
async def test_a_cursor_is_good_for_the_filters_it_was_made_with_only(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]], path: str
) -> None:
    await some(storefront, platform, told)
    later = "2999-01-01T00:00:00Z"
    cursor = (await storefront.get(path, params={"limit": 1})).json()["next"]
    same = await storefront.get(path, params={"limit": 2, "cursor": cursor})
    assert same.status_code == 200
    other = await storefront.get(path, params={"cursor": cursor, "due_before": later})
    assert (other.status_code, [fault["pointer"] for fault in other.json()["errors"]]) == (422, ["?cursor"])
    elsewhere = "/v1/deadlines" if path == "/v1/cases" else "/v1/cases"
    assert (await storefront.get(elsewhere, params={"cursor": cursor})).status_code == 422


async def test_deadlines_are_listed_by_when_they_are_due_with_what_they_are(
    storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)
    clock = (await admin.post("/v1/test-clocks", json={"at": "2026-03-02T02:00:00Z"})).json()["id"]
    order = {**cases[0]["order"], "order_id": "clocked", "succeeded_at": "2026-02-28T04:00:00Z"}
    order |= {"created_at": "2026-02-20T04:00:00Z"}
    order = {name: said for name, said in order.items() if said is not None}
    clocked = await filed(storefront, order=order, test_clock=clock)
    items = await leafed(storefront, "/v1/deadlines", limit=2)
    keys = [(i["due_at"], i["case_id"], i["kind"], i["party"], i["set_by"]) for i in items]
    running = [
        (d["due_at"], c["case_id"], d["kind"], d["party"], d["set_by"])
        for c in (*cases, clocked)
        for d in c["deadlines"]
    ]
    assert keys == sorted(running)
    assert {(i["live"], i["test_clock"]) for i in items if i["case_id"] == clocked["case_id"]} == {(False, clock)}
    assert {(i["live"], i["test_clock"]) for i in items if i["case_id"] != clocked["case_id"]} == {(True, None)}
    kinds = await leafed(storefront, "/v1/deadlines", kind="ruling", limit=1)
    assert {i["kind"] for i in kinds} == {"ruling"}
    assert [i["due_at"] for i in kinds] == [key[0] for key in keys if key[2] == "ruling"]
    before = await leafed(storefront, "/v1/deadlines", due_before=keys[3][0], limit=2)
    assert [i["due_at"] for i in before] == [key[0] for key in keys if key[0] < keys[3][0]]


async def test_statistics_count_each_case_once_and_every_intervention(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    """Domain N7: whatever the result, and so the rejected one too."""
    await some(storefront, platform, told)
    for merchant, status, count, interventions in (
        ("shop-0", {"waiting_for_merchant": 3}, 3, 0),
        ("shop-1", {"waiting_for_remedy": 3}, 3, 0),
        ("shop-2", {"under_review": 2, "appealable": 1}, 3, 3),
    ):
        said = (await storefront.get("/v1/stats", params={"merchant_id": merchant})).json()
        assert (said["cases"], said["by_status"], said["interventions"]) == (count, status, interventions)
        assert said["by_type"] == {"not_received": 3}
        ruled = {"upheld": 0, "partly_upheld": 0, "rejected": 0}
        counted = {"merchant_id": merchant, "interventions": interventions, "cases": 3, **ruled}
        assert said["merchants"] == ([counted] if interventions else [])
        assert said["by_kind"] == {"complaint": 3}
    everything = (await storefront.get("/v1/stats")).json()
    assert everything["interventions"] == 3
    assert everything["by_outcome"].get("settled") == 3
    assert sum(everything["by_status"].values()) == everything["cases"] >= 9


async def test_the_statistics_of_periods_that_follow_each_other_add_up(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)

    async def counted(**asked: str) -> int:
        said = (await storefront.get("/v1/stats", params={"merchant_id": "shop-0", **asked})).json()
        assert sum(said["by_type"].values()) == said["cases"]
        return int(said["cases"])

    mine = sorted(case["filed_at"] for case in cases if case["respondent"]["id"] == "shop-0")
    assert await counted(filed_before=mine[0]) == 0
    assert await counted(filed_before=mine[1]) == 1
    assert await counted(filed_from=mine[1]) == 2
    assert await counted(filed_from=mine[1], filed_before=mine[2]) == 1
    assert await counted(filed_from=mine[0], marketplace="taobao", type="not_received") == 3
    assert await counted(type="not_as_described") == await counted(marketplace="tmall") == 0


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/cases?priority=-1", "?priority"),
        ("/v1/cases?priority=x", "?priority"),
        ("/v1/cases?type=Not%20A%20Word", "?type"),
        ("/v1/cases?buyer_id=a%00b", "?buyer_id"),
        ("/v1/cases?merchant_id=", "?merchant_id"),
        ("/v1/cases?due_before=soon", "?due_before"),
        ("/v1/deadlines?cursor=AAAA", "?cursor"),
        ("/v1/deadlines?kind=%27%3B", "?kind"),
        ("/v1/deadlines?status=closed", "?status"),
        ("/v1/stats?merchant_id=a%00", "?merchant_id"),
        ("/v1/stats?limit=1", "?limit"),
        ("/v1/stats?type=%27", "?type"),
        ("/v1/stats?marketplace=A", "?marketplace"),
        ("/v1/stats?filed_from=yesterday", "?filed_from"),
        ("/v1/stats?filed_before=2026-01-01", "?filed_before"),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused_with_its_name(
    storefront: AsyncClient, path: str, pointer: str
) -> None:
    answer = await storefront.get(path)
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, [pointer])


async def test_many_who_leaf_at_once_each_see_everything_once(
    storefront: AsyncClient, platform: AsyncClient, told: list[dict[str, Any]]
) -> None:
    cases = await some(storefront, platform, told)
    read = await asyncio.gather(*(leafed(storefront, "/v1/cases", merchant_id="shop-0", limit=1) for _ in range(5)))
    mine = [case["case_id"] for case in cases if case["respondent"]["id"] == "shop-0"]
    assert all([item["case_id"] for item in items] == mine[::-1] for items in read)
