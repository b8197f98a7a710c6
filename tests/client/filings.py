"""Complaints as a storefront's own code would write them, with the client's types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from caselog_client import Caselog, Complaint, Evidence, Goods, Money, Order, Party

BUYER, MERCHANT = Party(role="buyer", id="b-1"), Party(role="merchant", id="m-1")
PRICE = Money(amount=12900, currency="CNY")
REFUSES = {"decision": "refuse", "reason": "物流显示本人签收。"}
AGREES = {"decision": "agree"}
REFUND = {"outcome": "refund", "amount": PRICE, "rule": "delivery_not_proved", "reasons": "未能证明本人签收。"}


@dataclass(frozen=True)
class Callers:
    """Everybody who calls, over one connection each."""

    storefront: Caselog
    platform: Caselog
    admin: Caselog


def complaint(order_id: str | None = None, succeeded_at: datetime | None = None, **changes: Any) -> Complaint:
    """The buyer never got the goods; about an order of its own unless one is named."""
    at = succeeded_at or datetime.now(UTC) - timedelta(days=1)
    order = Order(
        order_id=order_id or f"T{uuid4().hex[:12]}",
        status="trade_success",
        created_at=at - timedelta(days=7),
        succeeded_at=at,
        paid=PRICE,
        freight=Money(amount=1000, currency="CNY"),
        goods=(Goods(sku="S1", title="毛衣", category="apparel", quantity=1, price=PRICE),),
    )
    filing = Complaint(
        type="not_received",
        reason="not_received",
        marketplace="taobao",
        order=order,
        complainant=BUYER,
        respondent=MERCHANT,
        demand="refund",
        amount=PRICE,
        description="显示已签收，但我没有收到。",
        evidence=(Evidence(kind="photo", uri="https://files.example/1", sha256=f"{1:064x}"),),
    )
    return replace(filing, **changes)
