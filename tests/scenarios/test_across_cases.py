"""What takes several cases to show: collective complaints, a claim that opens by itself, a queue, a dossier."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio

from case_events.core.values import Instant
from tests.scenarios.perform import Performance, perform
from tests.scenarios.script import row_scenarios
from tests.serving import Serving

STARTS_AT = Instant.parse("2026-06-01T02:00:00Z")
WEEK = timedelta(days=7)
TICK = timedelta(microseconds=1)
ASK_S = 30.0
LINKED_WITHIN_S = 60.0
POLL_S = 0.2
REASONS = ("not_received", "logistics_lost", "logistics_delay", "fake_shipment")
ROWS = row_scenarios()
Case = dict[str, Any]


class Town:
    """Buyers who complain under one test clock, and the keys with which all of it is asked and read."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http, self.run = http, uuid4().hex[:8]
        self.clock, self.orders = "", 0

    async def ask(self, key: str, method: str, path: str, body: object = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer dev-{key}", "Idempotency-Key": uuid4().hex, **headers}
        answer = await self.http.request(method, path, json=body, headers=sent)
        assert answer.is_success, answer.text
        return answer.json()

    async def starts_at(self, at: Instant) -> None:
        self.clock = (await self.ask("admin", "POST", "/v1/test-clocks", {"at": at.rfc3339()}))["id"]

    async def passes(self, to: Instant) -> None:
        path = f"/v1/test-clocks/{self.clock}"
        await self.ask("admin", "POST", f"{path}/advance", {"to": to.rfc3339()})

        async def ready() -> bool:
            return bool((await self.ask("admin", "GET", path))["status"] == "ready")

        await eventually(ready)

    async def complains(self, buyer: str, merchant: str, reason: str = "not_received") -> str:
        """A complaint of goods that did not come, about an order of its own; its id."""
        self.orders += 1
        told = ROWS["rows/I2_pressed_three_times"].body(f"{self.run}-{self.orders}")
        parties = {"complainant": {"role": "buyer", "id": f"{buyer}-{self.run}"}, "respondent": self.merchant(merchant)}
        body = told | parties | {"reason": reason, "test_clock": self.clock}
        return str((await self.ask("storefront", "POST", "/v1/cases", body))["case_id"])

    def merchant(self, name: str) -> dict[str, str]:
        return {"role": "merchant", "id": f"{name}-{self.run}"}

    async def case(self, case_id: str, key: str = "platform") -> Case:
        told: Case = await self.ask(key, "GET", f"/v1/cases/{case_id}")
        return told

    async def listed(self, **query: str) -> list[Case]:
        items: list[Case] = (await self.ask("ops", "GET", f"/v1/cases?{httpx.QueryParams(query)}"))["items"]
        return items

    async def groups(self, cases: list[str]) -> set[str | None]:
        return {(await self.case(case_id))["group"] for case_id in cases}


@pytest_asyncio.fixture
async def town(caselog_shipped: Serving) -> AsyncIterator[Town]:
    async with httpx.AsyncClient(base_url=caselog_shipped.url, timeout=ASK_S) as http:
        yield Town(http)


async def eventually(probe: Any) -> None:
    """Until it is so; AssertionError when it takes too long."""
    until = monotonic() + LINKED_WITHIN_S
    while not await probe():
        assert monotonic() < until, f"not within {LINKED_WITHIN_S} s"
        await asyncio.sleep(POLL_S)


async def linked(town: Town, cases: list[str]) -> str:
    """The one group in which all these cases are, sooner or later."""

    async def together() -> bool:
        found = await town.groups(cases)
        return len(found) == 1 and None not in found

    await eventually(together)
    (group,) = await town.groups(cases)
    assert group is not None, "just seen"
    return group


async def how(town: Town, case_id: str) -> Any:
    """The one event that made the case part of a matter."""
    events = (await town.ask("auditor", "GET", f"/v1/cases/{case_id}/events"))["items"]
    (one,) = [one["data"] for one in events if one["type"] == "linked"]
    return one


async def a_look_goes_by(town: Town, merchant: str) -> None:
    """A complaint against somebody whose complaints are a matter already: once it is linked, all was looked at."""
    for _ in range(2):
        await linked(town, [await town.complains(f"straggler-{town.orders}", merchant)])


async def test_c1_ten_buyers_with_one_problem_are_one_matter_for_supervision(town: Town) -> None:
    await town.starts_at(STARTS_AT)
    nine = [await town.complains(f"b-{number}", "m-nine") for number in range(9)]
    nine += [await town.complains("b-0", "m-nine"), await town.complains("b-9", "m-nine", "fake_shipment")]
    ten = [await town.complains(f"b-{number}", "m-ten") for number in range(10)]

    group = await linked(town, ten)
    for case_id in ten:
        assert await how(town, case_id) == {"group": group, "by": "reason", "department": "platform_supervision"}
    assert {one["case_id"] for one in await town.listed(group=group)} == set(ten)

    await a_look_goes_by(town, "m-ten")
    assert await town.groups(nine) == {None}  # ten complaints about it, but by nine buyers, and one about another
    assert {(await town.case(case_id))["department"] for case_id in nine} == {"customer_service"}

    *about_it, other = nine
    tenth = await town.complains("b-10", "m-nine")
    matter = await linked(town, [*about_it, tenth])
    assert matter != group
    late = await town.complains("b-11", "m-nine")
    assert await linked(town, [late, tenth]) == matter
    assert await town.groups([other]) == {None}


async def test_c1_twenty_buyers_against_one_merchant_are_one_matter_whatever_it_is_about(town: Town) -> None:
    await town.starts_at(STARTS_AT)
    cases = [await town.complains(f"b-{number}", "m-many", REASONS[number % 4]) for number in range(19)]
    sample = [await town.complains(f"b-{number}", "m-sample") for number in range(10)]
    await linked(town, sample)
    await a_look_goes_by(town, "m-sample")
    assert await town.groups(cases) == {None}

    cases.append(await town.complains("b-19", "m-many"))
    group = await linked(town, cases)
    told = {"group": group, "by": "merchant", "department": "platform_supervision"}
    assert [await how(town, case_id) for case_id in cases] == [told] * 20
    assert {(await town.case(case_id))["department"] for case_id in cases} == {"platform_supervision"}


async def test_c1_complaints_a_week_apart_are_one_matter_and_a_microsecond_more_are_not(town: Town) -> None:
    await town.starts_at(STARTS_AT)
    first = await town.complains("b-0", "m-week")
    await town.passes(Instant.of(STARTS_AT + TICK))
    eight = [await town.complains(f"b-{number}", "m-week") for number in range(1, 9)]
    sample = [await town.complains(f"b-{number}", "m-sample") for number in range(10)]
    await linked(town, sample)
    await town.passes(Instant.of(STARTS_AT + TICK + WEEK))
    tenth = await town.complains("b-9", "m-week")  # ten buyers, but the first is a week and a microsecond away
    await a_look_goes_by(town, "m-sample")
    assert await town.groups([first, *eight, tenth]) == {None}

    eleventh = await town.complains("b-10", "m-week")  # ten of them within a week, to the microsecond
    await linked(town, [*eight, tenth, eleventh])
    await a_look_goes_by(town, "m-sample")
    assert await town.groups([first]) == {None}


async def test_b1_a_claim_on_the_insurance_opens_when_the_insured_goods_are_back(town: Town) -> None:
    sold, case = await _performed(town, "B3_group_sale")
    (claim,) = await town.listed(type="shipping_insurance", order_id=case["order"]["order_id"])
    assert claim["external_ref"] == case["number"]
    assert claim["complainant"] == case["respondent"]
    assert claim["respondent"]["role"] == "insurer"
    assert claim["amount"] == {"amount": 4940, "currency": "CNY"}  # 1.3 times the 38 yuan of whatever has no own sum
    received_at = Instant.of(STARTS_AT + timedelta(hours=5))
    assert claim["filed_at"] == received_at.rfc3339()
    opened = await town.case(claim["case_id"])
    assert opened["status"] == "waiting_for_respondent"
    assert [(one["kind"], one["due_at"]) for one in opened["deadlines"]] == [
        ("response", Instant.of(received_at + timedelta(hours=72)).rfc3339())
    ]
    assert sold.case_id != claim["case_id"]

    town.clock = case["test_clock"]
    await town.passes(Instant.of(received_at + timedelta(hours=72)))
    assert (await town.case(claim["case_id"]))["outcome"] is None
    await town.passes(Instant.of(received_at + timedelta(hours=72) + TICK))
    conceded = await town.case(claim["case_id"])
    assert (conceded["outcome"], conceded["owed"]) == ("conceded", claim["amount"])


async def test_b3_nothing_opens_where_the_buyer_bore_the_freight(town: Town) -> None:
    _sold, case = await _performed(town, "B3_without_group_sale")
    listed = await town.listed(order_id=case["order"]["order_id"])
    assert [one["case_id"] for one in listed] == [case["case_id"]]


async def test_i2_who_presses_comes_first_in_the_queue_and_gains_no_time(town: Town) -> None:
    await town.starts_at(STARTS_AT)
    cases = []
    for hours in range(3):
        if hours:
            await town.passes(Instant.of(STARTS_AT + timedelta(hours=hours)))
        cases.append(await town.complains(f"b-{hours}", "m-queue"))
    one, two, three = cases
    before = {case_id: (await town.case(case_id))["deadlines"] for case_id in cases}
    assert await _queue(town) == [one, two, three]  # what is due first

    await _presses(town, three)
    assert await _queue(town) == [three, one, two]
    await _presses(town, two)
    await _presses(town, two)
    assert await _queue(town) == [two, three, one]
    assert {case_id: (await town.case(case_id))["deadlines"] for case_id in cases} == before


async def test_p5_the_whole_case_leaves_as_one_file_that_a_third_party_can_check(town: Town) -> None:
    _told, case = await _performed(town, "P5_decided_outside")
    path = f"/v1/cases/{case['case_id']}/dossier"
    file = await town.ask("platform", "GET", f"{path}?format=json")
    assert file["number"] == case["number"]
    assert file["outside"] == [{"authority": "12315", "reference": "HZ-2026-0601", "result": "商家退款129元。"}]
    assert [(one["side"], one["entity"] and one["entity"]["place"]) for one in file["parties"]] == [
        ("complainant", None),
        ("respondent", "浙江省杭州市"),
    ]
    assert [one["entry"]["type"] for one in file["history"]] == [
        "filed",
        "accepted",
        "merchant_replied",
        "intervention_requested",
        "ruled",
        "ruling_accepted",
        "ruling_accepted",
        "closed",
        "noted",
    ]
    assert [one["evidence"]["sha256"] for one in file["evidence"]] == [hashlib.sha256(b"zip").hexdigest()]
    assert [(one["verdict"]["word"], one["clause"]["en"]) for one in file["rulings"]] == [
        ("rejected", "Where no defect is proved the claim is rejected.")
    ]

    before = bytes(32)  # as the file itself says how to check it
    for link in file["chain"]:
        assert hashlib.sha256(link["payload"].encode()).hexdigest() == link["payload_hash"]
        envelope = json.dumps(link["envelope"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        before = hashlib.sha256(b"caselog.event.v1\n" + before + envelope.encode()).digest()
        assert before.hex() == link["hash"]
    assert len(file["chain"]) == len(file["history"])

    headers = {"Authorization": "Bearer dev-auditor"}
    page = await town.http.get(path, params={"format": "html"}, headers=headers)
    assert page.headers["content-disposition"] == f'attachment; filename="caselog-{case["case_id"]}.html"'
    for told in (
        case["number"],
        "浙江省杭州市",
        "HZ-2026-0601",
        file["rulings"][0]["clause"]["zh"],
        file["chain"][-1]["hash"],
    ):
        assert told in page.text


async def _performed(town: Town, name: str) -> tuple[Performance, Case]:
    told = await perform(ROWS[f"rows/{name}"], town.http)
    return told, await town.case(told.case_id)


async def _presses(town: Town, case_id: str) -> None:
    case = await town.case(case_id)
    posted = {"type": "expedited", "actor": case["complainant"], "data": {"reason": "处理太慢。"}}
    await town.ask("storefront", "POST", f"/v1/cases/{case_id}/events", posted)


async def _queue(town: Town) -> list[str]:
    """The first line's queue, as far as it is about this merchant."""
    merchant = town.merchant("m-queue")["id"]
    return [
        one["case_id"] for one in await town.listed(sort="queue", department="customer_service", merchant_id=merchant)
    ]
