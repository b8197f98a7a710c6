"""Which types each marketplace knows, where the two differ, and what a marketplace promises for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tests.figures.procedures import IP_INFRINGEMENT, LOGISTICS, MALICIOUS_REVIEW, REPORTS, SHIPPING_INSURANCE
from tests.figures.promise import DAY, HOUR, Promise, Working
from tests.figures.purchases import (
    AFTER_SALES_PROMISE,
    DESCRIPTION,
    FIFTEEN_DAY_QUALITY,
    GOODS,
    GUARANTEES,
    HARASSMENT,
    LATE_SHIPMENT,
    NOT_AS_DESCRIBED,
    NOT_RECEIVED,
    NOT_SHIPPED_AS_AGREED,
    PAYMENT_REFUSED,
    PRICE_FRAUD,
    PRICE_FRAUD_CLOSED,
    PROMISE_BREACH,
    REFUND_REQUEST,
    REFUND_SENT_BACK,
)


@dataclass(frozen=True)
class General:
    """What holds for all types: the notice our lag leaves, the highest priority, marks and collective complaints."""

    minimum_notice: timedelta = 24 * HOUR
    priority_up_to: int = 10
    refused_at_marks: int = 3
    marks_window: timedelta = 365 * DAY
    collective_window: timedelta = 7 * DAY
    collective_by_merchant: int = 20
    collective_by_reason: int = 10


BOTH = (
    NOT_RECEIVED,
    *GOODS,
    PRICE_FRAUD,
    PRICE_FRAUD_CLOSED,
    *GUARANTEES,
    PROMISE_BREACH,
    LATE_SHIPMENT,
    REFUND_REQUEST,
    REFUND_SENT_BACK,
    MALICIOUS_REVIEW,
    HARASSMENT,
    PAYMENT_REFUSED,
    *REPORTS,
    *LOGISTICS,
    SHIPPING_INSURANCE,
)


def _arbitrated(promise: Promise) -> Promise:
    """I4: on Tmall arbitration comes after customer service's result, with a time of its own."""
    return replace(promise, ruling_on_appeal=Working(5))


PROMISES: dict[str, tuple[Promise, ...]] = {
    "taobao": (*BOTH, NOT_AS_DESCRIBED, IP_INFRINGEMENT),
    "tmall": (
        *(
            _arbitrated(one)
            for one in (*BOTH, DESCRIPTION, FIFTEEN_DAY_QUALITY, NOT_SHIPPED_AS_AGREED, AFTER_SALES_PROMISE)
        ),
        IP_INFRINGEMENT,
    ),
}
GENERAL: dict[str, General] = {"taobao": General(), "tmall": General()}
