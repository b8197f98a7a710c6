"""A dispute through the client, waited for and awaited, on a whole running Caselog."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caselog_client import (
    AsyncCaselog,
    AsyncKeys,
    AsyncWebhooks,
    Caselog,
    Invalid,
    Keys,
    Money,
    Patience,
    Penalty,
    Webhooks,
)
from caselog_client.asking import VERSION
from tests.client.filings import BUYER, MERCHANT, PRICE, REFUND, REFUSES, complaint

CLIENT = Path(__file__).resolve().parents[2] / "libs/client"
START = datetime(2026, 3, 2, 2, tzinfo=UTC)
LIST_MAX = 5_000
DAY = timedelta(days=1)


def test_a_dispute_is_filed_answered_and_ruled(storefront: Caselog, platform: Caselog) -> None:
    case = storefront.file(complaint())
    assert (case.status, case.version, case.amount) == ("waiting_for_merchant", 1, Money(amount=12900, currency="CNY"))
    (response,) = (clock for clock in case.deadlines if clock.kind == "response")
    assert response.due_at == case.filed_at + 3 * DAY

    step = storefront.post(case.case_id, "merchant_replied", REFUSES, MERCHANT, if_match=case.version)
    assert [event.type for event in step.events] == ["merchant_replied", "intervention_requested"]
    assert not step.replayed
    assert [clock.kind for clock in step.events[-1].clocks] == ["ruling"]

    ruled = platform.post(case.case_id, "ruled", REFUND, if_match=step.case.version).case
    assert (ruled.status, ruled.rulings[0].owed) == ("appealable", PRICE)
    history = storefront.events(case.case_id)
    assert [event.version for event in history] == [1, 2, 3, 4]
    assert history[-1].data["outcome"] == "refund"
    told = storefront.timeline(case.case_id)
    assert [entry.type for entry in told.entries] == [event.type for event in history]
    assert told.next is not None
    assert told.next.due_at == told.deadlines[0].due_at


def test_what_a_ruling_costs_and_what_is_missing_are_typed(storefront: Caselog, platform: Caselog) -> None:
    step = storefront.post(storefront.file(complaint()).case_id, "merchant_replied", REFUSES, MERCHANT)
    asked = {"from": "complainant", "kinds": ["photo"], "within": "P2D"}
    lacking = platform.post(step.case.case_id, "evidence_requested", asked).case
    (missing,) = lacking.missing_evidence
    assert (missing.kind, missing.party) == ("photo", "complainant")
    assert missing.due_at == lacking.updated_at + 2 * DAY
    told = storefront.timeline(lacking.case_id).missing[0]
    assert (told.kind, told.party, told.due_at) == ("photo", "complainant", missing.due_at)
    proof = {"kind": "photo", "uri": "https://files.example/5", "sha256": f"{5:064x}"}
    brought = storefront.post(lacking.case_id, "evidence_submitted", {"evidence": [proof]}, BUYER).case
    ruling = {**REFUND, "penalties": ["warning", {"kind": "points", "points": 6}]}
    ruled = platform.post(brought.case_id, "ruled", ruling, if_match=brought.version).case
    assert ruled.rulings[0].penalties == (Penalty(kind="warning"), Penalty(kind="points", points=6))
    assert (ruled.kind, ruled.interventions, ruled.marks) == ("complaint", 1, 0)
    assert storefront.case(ruled.case_id).marks is None


async def test_a_dossier_is_taken_away_as_bytes(storefront: Caselog, async_storefront: AsyncCaselog) -> None:
    case = storefront.file(complaint())
    assert json.loads(storefront.dossier(case.case_id))["number"] == case.number
    page = await async_storefront.dossier(case.case_id, format="html")
    assert page.startswith(b"<!doctype html>")
    with pytest.raises(Invalid):
        storefront.dossier(case.case_id, format="pdf")


async def test_the_same_dispute_awaited(async_storefront: AsyncCaselog) -> None:
    case = await async_storefront.file(complaint())
    step = await async_storefront.post(case.case_id, "merchant_replied", REFUSES, MERCHANT, if_match=case.version)
    assert step.case == await async_storefront.case(case.case_id)
    assert len(await async_storefront.events(case.case_id)) == 3
    assert (await async_storefront.timeline(case.case_id)).version == 3


def test_a_dry_run_tells_and_records_nothing(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    tried = storefront.post(case.case_id, "merchant_replied", REFUSES, MERCHANT, dry_run=True)
    assert tried.case.status == "under_review"
    assert storefront.case(case.case_id) == case


def test_a_case_is_read_as_it_was_and_why_something_is_not_possible(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    after = storefront.post(case.case_id, "merchant_replied", REFUSES, MERCHANT).case
    assert storefront.case(case.case_id, version=1).status == "waiting_for_merchant"
    assert storefront.case(case.case_id, at=case.filed_at).version == 1
    assert storefront.case(case.case_id, at=after.updated_at).version == 3
    blocked = {one.type: one.problem for one in storefront.case(case.case_id, explain=True).blocked_events}
    assert blocked["settled"].code == "not_allowed_now"


async def test_every_page_of_a_list_is_read_and_no_case_twice(
    storefront: Caselog, async_storefront: AsyncCaselog
) -> None:
    filed = {storefront.file(complaint()).case_id for _ in range(5)}
    listed = [item.case_id for _, item in zip(range(LIST_MAX), storefront.cases(limit=2), strict=False)]
    assert filed <= set(listed)
    assert len(listed) == len(set(listed)) > 5
    awaited = [item.case_id async for item in async_storefront.cases(limit=3, status="waiting_for_merchant")]
    assert filed <= set(awaited)
    statuses = {item.status for item in storefront.cases(status="waiting_for_merchant")}
    assert statuses == {"waiting_for_merchant"}


def test_days_pass_under_a_test_clock(storefront: Caselog, admin: Caselog) -> None:
    clock = admin.create_clock(START)
    case = storefront.file(complaint(succeeded_at=START - DAY, test_clock=clock.id))
    assert admin.advance(clock.id, by=timedelta(hours=73)).at == START + timedelta(hours=73)
    assert admin.wait_until_ready(clock.id).status == "ready"
    assert storefront.case(case.case_id).status == "under_review"
    assert admin.advance(clock.id, to=START + 4 * DAY).at == START + 4 * DAY
    with pytest.raises(ValueError, match="one of them"):
        admin.advance(clock.id)


def test_the_policies_are_read(storefront: Caselog) -> None:
    taobao = next(one for one in storefront.policies() if one.name == "taobao")
    policy = storefront.policy(taobao.name, taobao.version)
    assert policy.digest == taobao.digest
    assert "not_received" in policy.policy["types"]


def test_what_happened_earlier_may_be_said(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    earlier = datetime.now(UTC) - timedelta(hours=1)
    step = storefront.post(case.case_id, "withdrawn", {"reason": "已经收到了。"}, BUYER, occurred_at=earlier)
    assert step.events[0].occurred_at == earlier


def test_both_clients_have_the_same_methods() -> None:
    def methods(of: type) -> dict[str, list[str]]:
        public = inspect.getmembers(of, inspect.isfunction)
        return {name: list(inspect.signature(one).parameters) for name, one in public if not name.startswith("_")}

    for waiting, awaited in ((Caselog, AsyncCaselog), (Webhooks, AsyncWebhooks), (Keys, AsyncKeys)):
        assert methods(waiting) == methods(awaited)
        assert len(methods(waiting)) >= 5
        assert all(inspect.getdoc(getattr(waiting, name)) for name in methods(waiting))
    with pytest.raises(ValueError, match="at least one"):
        Patience(tries=0)


def test_the_distribution_needs_no_more_than_it_imports() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=]", one)[0] for one in project["dependencies"]}
    assert needed == {"httpx", "msgspec", "standardwebhooks"}
    assert project["version"] == VERSION
    assert (CLIENT / "caselog_client/py.typed").exists()
