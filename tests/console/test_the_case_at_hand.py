"""What whoever judges a case needs stands on its page: the order and its sums, and what the evidence says."""

from datetime import UTC, datetime, timedelta

from httpx import AsyncClient

from case_events.core.values import Instant
from tests.api.house import House, complaint, filed
from tests.console.browser import Browser


async def page_of(house: House, case_id: str, language: str = "zh") -> str:
    browser = Browser(house, language=language)
    await browser.sign_in("dev-ops")
    page = await browser.open(f"/console/cases/{case_id}")
    assert (page.status, page.faults) == (200, [])
    return page.text


def china(at: Instant) -> str:
    return f"{datetime.fromisoformat(at.rfc3339()) + timedelta(hours=8):%Y-%m-%d %H:%M:%S} UTC+8"


async def test_the_order_stands_on_the_page_with_its_state_its_goods_and_its_sums(
    house: House, storefront: AsyncClient
) -> None:
    goods = [
        {
            "sku": "S-7",
            "title": "羊毛衫",
            "category": "apparel",
            "quantity": 3,
            "price": {"amount": 4300, "currency": "CNY"},
        }
    ]
    order = complaint()["order"] | {"goods": goods, "freight": {"amount": 1234, "currency": "CNY"}}
    case = await filed(storefront, order=order)
    said = await page_of(house, case["case_id"])
    for one in ("平台站点 淘宝", "交易成功", "羊毛衫", "(S-7), ¥43.00 × 3", "实付 ¥129.00", "运费 ¥12.34"):
        assert one in said
    assert china(Instant.parse(order["succeeded_at"])) in said


async def test_whether_it_was_shipped_in_time_stands_on_the_page_with_what_its_evidence_shows(
    house: House, storefront: AsyncClient
) -> None:
    now = datetime.now(UTC)
    created, applied, closed, shown = (Instant.of(now - timedelta(days=days)) for days in (10, 6, 2, 8))
    order = {
        **complaint()["order"],
        "status": "trade_closed",
        "created_at": created.rfc3339(),
        "paid_at": created.rfc3339(),
        "closed_at": closed.rfc3339(),
        "succeeded_at": None,
    }
    pickup = {"kind": "pickup_record", "uri": "https://files.example/p", "sha256": f"{9:064x}"}
    case = await filed(
        storefront,
        marketplace="tmall",
        type="late_shipment",
        reason="late_shipment",
        demand="compensation",
        amount={"amount": 645, "currency": "CNY"},
        order=order,
        facts={"refund": {"applied_at": applied.rfc3339(), "succeeded_at": closed.rfc3339()}},
        evidence=[{**pickup, "shows_at": shown.rfc3339()}],
    )
    found = case["shipment"]
    said = await page_of(house, case["case_id"])
    assert f"发货 延迟 · 虚假发货 · 最迟发货 {china(Instant.parse(found['ship_by']))} · 揽收 {china(shown)}" in said
    assert f"揽收记录 所载时间 {china(shown)}" in said
    assert "Shipment late · fake shipment · to be shipped by" in await page_of(house, case["case_id"], "en")


async def test_evidence_that_the_platform_brought_stands_on_the_page_beside_a_side_s(
    house: House, storefront: AsyncClient, platform: AsyncClient
) -> None:
    case = await filed(storefront)
    brought = [{"kind": "inspection_report", "uri": "https://files.example/r", "sha256": f"{9:064x}"}]
    posted = {"type": "evidence_submitted", "data": {"evidence": brought}}
    (await platform.post(f"/v1/cases/{case['case_id']}/events", json=posted)).raise_for_status()
    for language, said in (("zh", "检测报告 平台 0000"), ("en", "inspection report Platform 0000")):
        assert said in await page_of(house, case["case_id"], language)
