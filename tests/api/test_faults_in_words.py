"""Each fault of a body is named, with what is wrong in words, however many there are and however much was sent."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.api.house import House, complaint, filed

GOODS = complaint()["order"]["goods"][0]


def order(**changes: Any) -> dict[str, Any]:
    return {"order": complaint()["order"] | changes}


async def test_of_twenty_goods_that_lack_four_fields_each_every_one_is_named(storefront: AsyncClient) -> None:
    answer = await storefront.post("/v1/cases", json=complaint(**order(goods=[{"sku": "S1"}] * 20)))
    lacking = ("title", "category", "quantity", "price")
    missing = {f"/order/goods/{place}/{name}" for place in range(20) for name in lacking}
    assert {fault["pointer"] for fault in answer.json()["errors"]} == missing


async def test_a_duration_that_is_none_is_named_beside_other_faults(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    asked = {"type": "evidence_requested", "data": {"from": "nobody", "kinds": ["photo"], "within": "3 days"}}
    answer = await house.caller("platform").post(f"/v1/cases/{case['case_id']}/events", json=asked)
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/data/from", "/data/within"}


TOLD: dict[str, tuple[dict[str, Any], str, str]] = {
    "a text that is too long": ({"description": "字" * 4001}, "/description", "is longer than 4000 characters"),
    "a list that is too long": (order(goods=[GOODS] * 201), "/order/goods", "has more than 200 items"),
    "an instant without a zone": ({"occurred_at": "2026-01-01T00:00:00"}, "/occurred_at", "an instant with a zone"),
    "an instant of no year of ours": (
        order(created_at="9999-12-31T00:00:00Z"),
        "/order/created_at",
        "of the years 1970 to 2999",
    ),
    "a word of a thousand letters": ({"reason": "X" * 1000}, "/reason", "is longer than 64 characters"),
}


@pytest.mark.parametrize(("changes", "pointer", "said"), TOLD.values(), ids=TOLD.keys())
async def test_a_fault_says_what_is_wrong_however_much_was_sent(
    storefront: AsyncClient, changes: dict[str, Any], pointer: str, said: str
) -> None:
    answer = await storefront.post("/v1/cases", json=complaint(**changes))
    assert said in {fault["pointer"]: fault["detail"] for fault in answer.json()["errors"]}[pointer]
