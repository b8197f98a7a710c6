"""What a case shows since there are types of every kind: about no order, of a subtype, late, paid first, corrected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from tests.api.house import BUYER, MERCHANT, House, complaint, filed, happened, post
from tests.api.test_openapi import faults

LISTING = {"listing": {"listing_id": "L-1"}}
YUAN_129 = {"amount": 12900, "currency": "CNY"}
HOUR = timedelta(hours=1)


def tmall(**changes: Any) -> dict[str, Any]:
    return complaint(marketplace="tmall", **changes)


def report(**changes: Any) -> dict[str, Any]:
    who = {"role": "buyer", "id": f"b-{uuid4()}"}
    said_so = {"type": "counterfeit_report", "reason": "counterfeit", "demand": "takedown", "facts": LISTING}
    body = tmall(complainant=who, **said_so, **changes)
    return {name: said for name, said in body.items() if name not in ("order", "amount")}


def said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def shipped_late() -> dict[str, Any]:
    """Paid four days before it was refunded and closed, picked up after two."""
    now = datetime.now(UTC)
    paid_at, closed_at = now - timedelta(days=5), now - timedelta(days=1)
    body = tmall(type="late_shipment", reason="late_shipment", demand="compensation")
    times = {"created_at": said(paid_at), "paid_at": said(paid_at), "closed_at": said(closed_at)}
    body["order"] = {**body["order"], "status": "trade_closed", "succeeded_at": None, **times}
    body["amount"] = {"amount": 645, "currency": "CNY"}
    body["facts"] = {"refund": {"applied_at": said(paid_at + 80 * HOUR), "succeeded_at": said(closed_at)}}
    return body


async def opened(client: AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


async def did(client: AsyncClient, case: dict[str, Any], body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await post(client, case, body, **headers)
    assert answer.status_code == 201, answer.text
    after: dict[str, Any] = answer.json()["case"]
    return after


async def test_a_report_is_about_no_order_and_no_money(storefront: AsyncClient) -> None:
    case = await opened(storefront, report())
    assert (case["order"], case["kind"], case["anonymous"], case["status"]) == (None, "report", True, "under_review")
    assert case["amount"] == {"amount": 0, "currency": "CNY"}
    assert case["facts"]["listing"]["listing_id"] == "L-1"
    listed = (await storefront.get("/v1/cases", params={"number": case["number"]})).json()["items"]
    assert [one["order_id"] for one in listed] == [None]


async def test_a_subtype_is_judged_and_named_as_itself(storefront: AsyncClient) -> None:
    body = tmall(type="after_sales_guarantee", subtype="seven_day_return", reason="seven_day_return")
    case = await opened(storefront, {**body, "demand": "return_and_refund"})
    assert (case["type"], case["subtype"]) == ("after_sales_guarantee", "seven_day_return")
    whole = (await storefront.get(f"/v1/cases/{case['case_id']}/timeline")).json()
    policy = (await storefront.get("/v1/policies/tmall@2026.6")).json()["policy"]
    subtype = policy["types"]["after_sales_guarantee"]["subtypes"]["seven_day_return"]
    assert whole["title"] == {"zh": subtype["title"]["zh"], "en": subtype["title"]["en"]}


async def test_what_a_reason_requires_is_missing_until_it_is_brought(storefront: AsyncClient) -> None:
    video = [{"kind": "video", "uri": "https://files.example/1", "sha256": f"{1:064x}"}]
    case = await opened(storefront, tmall(type="quality", reason="quality", evidence=video))
    (missing,) = case["missing_evidence"]
    (clock,) = (one for one in case["deadlines"] if one["kind"] == "evidence")
    assert missing == {"kind": "photo", "from": "complainant", "due_at": clock["due_at"]}
    assert not [one for one in case["deadlines"] if one["kind"].endswith("_reminder")]
    told = (await storefront.get(f"/v1/cases/{case['case_id']}/timeline")).json()
    assert [(one["kind"], one["from"], one["due_at"]) for one in told["missing"]] == [
        ("photo", "complainant", clock["due_at"])
    ]
    photo = [{"kind": "photo", "uri": "https://files.example/2", "sha256": f"{2:064x}"}]
    after = await did(storefront, case, happened("evidence_submitted", BUYER, evidence=photo))
    assert after["missing_evidence"] == []


async def test_a_late_shipment_shows_what_the_pickup_record_says(storefront: AsyncClient) -> None:
    body = shipped_late()
    case = await opened(storefront, body)
    due = datetime.fromisoformat(body["order"]["paid_at"]) + timedelta(hours=24)
    assert datetime.fromisoformat(case["shipment"]["ship_by"]) == due
    assert (case["shipment"]["late"], case["shipment"]["picked_up_at"]) == (True, None)
    scanned = said(due - HOUR)
    record = {
        "kind": "pickup_record",
        "uri": "https://files.example/7",
        "sha256": f"{7:064x}",
        "shows_at": scanned,
        "moved_at": said(due),
    }
    after = await did(storefront, case, happened("evidence_submitted", MERCHANT, evidence=[record]))
    assert (after["shipment"]["late"], after["shipment"]["fake"]) == (False, False)
    assert datetime.fromisoformat(after["shipment"]["picked_up_at"]) == due - HOUR
    assert [one["shows_at"] is not None for one in after["evidence"]] == [False, True]
    assert (await filed(storefront))["shipment"] is None


async def test_what_the_platform_paid_first_and_has_back_is_shown(
    storefront: AsyncClient, platform: AsyncClient
) -> None:
    case = await opened(storefront, tmall())
    amount = {"amount": 5000, "currency": "CNY"}
    paid = await did(platform, case, happened("advance_paid", amount=amount, reference="A-1"))
    assert paid["advances"] == [{"amount": amount, "ground": "advance", "recover_from": "ruling"}]
    gone = await did(storefront, case, happened("withdrawn", BUYER))
    assert (gone["status"], gone["recoveries"]) == (
        "waiting_for_recovery",
        [{"party": "complainant", "amount": amount}],
    )
    assert gone["required_action_by"] == ["complainant"]
    told = (await storefront.get(f"/v1/cases/{case['case_id']}/timeline")).json()
    assert told["next"]["zh"].startswith("请买家向平台返还：¥50.00")
    closed = await did(platform, case, {"type": "recovered", "data": {"from": "complainant", "amount": amount}})
    assert (closed["status"], closed["outcome"], closed["recoveries"]) == ("closed", "withdrawn", [])


async def test_marks_are_for_the_platforms_own_people(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    for role, marks in {"storefront": None, "platform": 0, "ops": 0, "auditor": 0}.items():
        assert (await house.caller(role).get(f"/v1/cases/{case['case_id']}")).json()["marks"] == marks


async def test_a_rated_case_shows_its_rating(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    await did(storefront, case, happened("withdrawn", BUYER))
    rated = await did(storefront, case, happened("rated", BUYER, score=4, comment="还行"))
    assert rated["rating"] == {"score": 4, "comment": "还行"}


async def test_only_the_platform_opens_a_case_of_its_own(storefront: AsyncClient, platform: AsyncClient) -> None:
    own = report() | {"type": "supervision", "complainant": {"role": "platform", "id": "supervision"}}
    refused = await storefront.post("/v1/cases", json=own)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    case = await opened(platform, own)
    assert (case["kind"], case["anonymous"], case["complainant"]["role"]) == ("supervision", False, "platform")


@pytest.mark.parametrize("kind", ["report", "late", "quality"])
async def test_whatever_is_shown_fits_the_document(house: House, storefront: AsyncClient, kind: str) -> None:
    document = house.app.openapi()
    bodies = {"report": report(), "late": shipped_late(), "quality": tmall(type="quality", reason="quality")}
    body = bodies[kind]
    assert not faults(document, "File", body)
    case = await opened(storefront, body)
    for name in ("messaged", "noted", "expedited"):
        data = {"reason": "太慢了。"} if name == "expedited" else {"text": "请核实。"}
        by, actor = (house.caller("ops"), None) if name == "noted" else (storefront, case["complainant"])
        posted = happened(name, actor, **data)
        assert not faults(document, "Posting", posted)
        step = await post(by, case, posted)
        assert step.status_code == 201, step.text
        assert not faults(document, "StepView", step.json())
    path = f"/v1/cases/{case['case_id']}"
    for name, where in {
        "CaseView": f"{path}?explain=true",
        "EventPage": f"{path}/events",
        "Timeline": f"{path}/timeline",
        "Dossier": f"{path}/dossier",
        "CasePage": f"/v1/cases?number={case['number']}",
    }.items():
        answer = await house.caller("ops").get(where)
        assert not faults(document, name, answer.json()), name
