"""The desk's own lists: the queue in its order, kinds and groups, reports about no order, and a merchant's numbers."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from case_events.core.values import Instant
from tests.api.house import REFUND, REFUSE, REJECT, complaint, happened, plain, post
from tests.api.test_lists import leafed
from tests.examples import NOON, order_that_succeeded

GROUP = "5f1d7e5a-8a0e-4d9e-9a55-0d1f6a1b2c3d"


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """The cases of ``queue``, which the first test that asks for them makes."""
    return []


async def filed(storefront: AsyncClient, **changes: Any) -> dict[str, Any]:
    body = complaint(**({"marketplace": "tmall"} | changes))
    answer = await storefront.post("/v1/cases", json={name: said for name, said in body.items() if said is not None})
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


async def posted(client: AsyncClient, case: dict[str, Any], body: dict[str, Any], **headers: str) -> None:
    answer = await post(client, case, body, **headers)
    assert answer.status_code == 201, answer.text


async def read(storefront: AsyncClient, case: dict[str, Any]) -> dict[str, Any]:
    answer = await storefront.get(f"/v1/cases/{case['case_id']}")
    found: dict[str, Any] = answer.json()
    return found


async def clocked_filing(admin: AsyncClient, storefront: AsyncClient, at: Instant) -> dict[str, Any]:
    """A complaint whose deadlines count from another instant than now."""
    clock = (await admin.post("/v1/test-clocks", json={"at": at.rfc3339()})).json()["id"]
    order = {**plain(order_that_succeeded(Instant.of(at - timedelta(days=1)))), "order_id": uuid4().hex}
    return await filed(storefront, order=order, test_clock=clock)


async def queue(
    storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Cases of one department, due at different instants, some of them urgent, one of them closed."""
    if told:
        return told
    cases = [await clocked_filing(admin, storefront, Instant.of(NOON + timedelta(hours=n))) for n in (3, 1, 2, 1, 5)]
    for case in cases[2:4]:
        pressed = happened("expedited", case["complainant"], reason="没有人回复。")
        await posted(storefront, case, pressed)
    await posted(storefront, cases[4], happened("withdrawn", cases[4]["complainant"]))
    for case in cases[:2]:
        await posted(platform, case, happened("assigned", department=case["department"], agent="agent-7"))
    told += [await read(storefront, case) for case in cases]
    return told


def place(case: dict[str, Any]) -> tuple[int, str, str]:
    return (-case["priority"], case["next_due_at"] or "9999", case["case_id"])


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_a_queue_has_the_urgent_first_then_what_is_due_next_and_nothing_that_is_closed(
    storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient, told: list[dict[str, Any]], limit: int
) -> None:
    cases = await queue(storefront, platform, admin, told)
    mine = {case["case_id"] for case in cases[:4]}
    department = cases[0]["department"]
    whole = await leafed(storefront, "/v1/cases", sort="queue", department=department, limit=limit)
    assert mine <= {item["case_id"] for item in whole}
    assert cases[4]["case_id"] not in {item["case_id"] for item in whole}
    assert [place(item) for item in whole] == sorted(place(item) for item in whole)
    assert [item["case_id"] for item in whole if item["case_id"] in mine][:2] == [
        cases[3]["case_id"],
        cases[2]["case_id"],
    ]
    assert whole[0]["priority"] > 0


@pytest.mark.parametrize("limit", [1, 200])
async def test_somebody_s_own_queue_has_theirs_only(
    storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient, told: list[dict[str, Any]], limit: int
) -> None:
    cases = await queue(storefront, platform, admin, told)
    own = await leafed(storefront, "/v1/cases", sort="queue", assignee="agent-7", limit=limit)
    assert [item["case_id"] for item in own] == [cases[1]["case_id"], cases[0]["case_id"]]
    narrowed = await leafed(storefront, "/v1/cases", sort="queue", assignee="agent-7", order_id="unheard-of")
    assert narrowed == []
    buyer = cases[0]["order"]["order_id"]
    one = await leafed(storefront, "/v1/cases", sort="queue", department=cases[0]["department"], order_id=buyer)
    assert [item["case_id"] for item in one] == [cases[0]["case_id"]]


async def test_kinds_and_subtypes_are_found_and_a_report_has_no_order(storefront: AsyncClient) -> None:
    merchant = {"role": "merchant", "id": f"shop-{uuid4().hex[:8]}"}
    facts = {"listing": {"listing_id": uuid4().hex}}
    report = await filed(
        storefront,
        type="counterfeit_report",
        reason="counterfeit",
        demand="takedown",
        respondent=merchant,
        facts=facts,
        order=None,
        amount=None,
    )
    shopping = {"type": "after_sales_guarantee", "reason": "seven_day_return", "demand": "return_and_refund"}
    claim = await filed(storefront, **shopping, subtype="seven_day_return", respondent=merchant)
    assert claim["kind"] != "report"
    for name, value, expected in (
        ("kind", "report", report),
        ("kind", claim["kind"], claim),
        ("subtype", "seven_day_return", claim),
    ):
        (item,) = await leafed(storefront, "/v1/cases", **{name: value, "merchant_id": merchant["id"]})
        assert item["case_id"] == expected["case_id"]
    listed = {item["case_id"]: item for item in await leafed(storefront, "/v1/cases", merchant_id=merchant["id"])}
    assert listed[report["case_id"]]["order_id"] is None
    assert (listed[report["case_id"]]["kind"], listed[report["case_id"]]["subtype"]) == ("report", None)
    assert listed[claim["case_id"]]["order_id"] == claim["order"]["order_id"]
    assert listed[claim["case_id"]]["subtype"] == "seven_day_return"
    assert (await storefront.get("/v1/stats", params={"merchant_id": merchant["id"]})).json()["by_kind"] == {
        "report": 1,
        claim["kind"]: 1,
    }


async def test_a_group_is_one_list(storefront: AsyncClient, platform: AsyncClient) -> None:
    cases = [await filed(storefront) for _ in range(3)]
    for case in cases[:2]:
        await posted(platform, case, happened("linked", group=GROUP, by="same_batch"))
    found = await leafed(storefront, "/v1/cases", group=GROUP, limit=1)
    assert [item["case_id"] for item in found] == [cases[1]["case_id"], cases[0]["case_id"]]
    assert {(item["group"], item["department"]) for item in found} == {(GROUP, "platform_supervision")}
    assert (await storefront.get("/v1/cases", params={"group": str(uuid4())})).json()["items"] == []


async def test_a_merchant_s_numbers_count_every_intervention_whatever_its_result(
    storefront: AsyncClient, platform: AsyncClient
) -> None:
    """Domain N7."""
    merchant = {"role": "merchant", "id": f"shop-{uuid4().hex[:8]}"}
    for verdict in (REJECT, REFUND, None):
        case = await filed(storefront, respondent=merchant)
        await posted(storefront, case, {**REFUSE, "actor": merchant})
        if verdict is None:
            continue
        version = (await read(storefront, case))["version"]
        await posted(platform, case, verdict, if_match=f'"{version}"')
        for party in (case["complainant"], merchant):
            await posted(storefront, case, happened("ruling_accepted", party))
    said = (await storefront.get("/v1/stats", params={"merchant_id": merchant["id"]})).json()
    assert said["interventions"] == 3
    counted = {"interventions": 3, "cases": 3, "upheld": 1, "partly_upheld": 0, "rejected": 1}
    assert said["merchants"] == [{"merchant_id": merchant["id"], **counted}]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("sort=queue", "?sort"),
        ("sort=newest&department=customer_service", "?sort"),
        ("sort=queue&assignee=a&due_before=2026-01-01T00:00:00Z", "?due_before"),
        ("group=not-a-uuid", "?group"),
        ("kind=Not%20A%20Word", "?kind"),
        ("subtype=%27", "?subtype"),
    ],
)
async def test_what_no_list_answers_is_refused(storefront: AsyncClient, query: str, pointer: str) -> None:
    answer = await storefront.get(f"/v1/cases?{query}")
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


async def test_a_queue_s_cursor_is_good_for_that_queue_only(
    storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient, told: list[dict[str, Any]]
) -> None:
    await queue(storefront, platform, admin, told)
    mine: dict[str, str | int] = {"sort": "queue", "assignee": "agent-7", "limit": 1}
    cursor = (await storefront.get("/v1/cases", params=mine)).json()["next"]
    assert (await storefront.get("/v1/cases", params={**mine, "cursor": cursor})).status_code == 200
    raw = base64.urlsafe_b64decode(cursor)
    others: list[dict[str, str | int]] = [
        {**mine, "assignee": "agent-8", "cursor": cursor},
        {"assignee": "agent-7", "limit": 1, "cursor": cursor},
        {**mine, "cursor": base64.urlsafe_b64encode(raw + b"x").decode()},
        {**mine, "cursor": base64.urlsafe_b64encode(raw + b"9" * 12).decode()},
        {**mine, "cursor": base64.urlsafe_b64encode(raw[:32]).decode()},
    ]
    for params in others:
        answer = await storefront.get("/v1/cases", params=params)
        assert answer.status_code == 422, params
