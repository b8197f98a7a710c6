"""What is promised between a buyer and a merchant about an order (domain F, N, R3, M1, M2; documents 000, 003)."""

from __future__ import annotations

from dataclasses import replace

from case_events.core.facts import FilingFacts, RefundFacts
from case_events.core.values import Instant
from tests.examples import NOON
from tests.figures.promise import Bend, Channel, Owed, Promise, ReturnLeg, Shipping, Working
from tests.spec import days, hours

REMINDERS = tuple((kind, hours(24)) for kind in ("intervention", "appeal", "remedy", "response", "evidence"))
PURCHASE = (*REMINDERS, ("recovery", hours(24)))
SENT_BACK = (("return_address", hours(24)), ("return_shipment", hours(48)), ("return_receipt", hours(48)))
CHANNELS = (
    Channel(None, limit=Working(3), target=Working(1)),
    Channel("order_page", limit=days(5)),
    Channel("customer_service", limit=days(3), target=days(1)),
)
"""I3: customer service one to three days, the order page at most five."""
PROMISED = Bend(window=days(30), promise="thirty_day_returns")
LONGER = Bend(window=days(15 + 15), extension="faulty_goods")
PAID_AND_FREIGHT, PAID_AND_BOTH_FREIGHTS, PAID, WORTH = 101_200, 102_700, 100_000, 96_000
FIVE_PERCENT, THREEFOLD = 5_000, 300_000

NOT_RECEIVED = Promise(
    type="not_received",
    reason="not_received",
    demand="refund",
    clause="delivery_not_proved",
    bends=(PROMISED,),
    cap=PAID_AND_FREIGHT,
    acceptance=None,
    evidence_within=days(3),
    reply=hours(48),
    final_period=hours(24),
    steps_in=Working(2),
    channels=(Channel(None, limit=Working(2)),),
    advance=50_000,
    reminders=PURCHASE,
)
PRICE_FRAUD = Promise(
    type="price_fraud",
    reason="price_fraud",
    demand="price_difference",
    clause="price_untrue",
    bends=(PROMISED, LONGER),
    cap=PAID,
    offer="price_difference",
    channels=CHANNELS,
    advance=50_000,
    reminders=PURCHASE,
)
PRICE_FRAUD_CLOSED = replace(PRICE_FRAUD, example="closed", status="trade_closed", counted_from="closed_at")
PROMISE_BREACH = Promise(
    type="promise_breach",
    reason="promise_breach",
    demand="compensation",
    clause="promise_broken",
    status="awaiting_payment",
    counted_from="created_at",
    bends=(LONGER,),
    cap=WORTH,
    on_timeout="unlock",
    offer="compensation",
    channels=CHANNELS,
    advance=50_000,
    follow_up=days(7),
    reminders=PURCHASE,
)
LATE_SHIPMENT = Promise(
    type="late_shipment",
    reason="late_shipment",
    demand="compensation",
    clause="shipped_late",
    amount=FIVE_PERCENT,
    facts=FilingFacts(refund=RefundFacts(applied_at=Instant.of(NOON - days(5)), succeeded_at=NOON)),
    status="trade_closed",
    counted_from="closed_at",
    bends=(LONGER,),
    refund_after=hours(72),
    cap=PAID,
    offer="compensation",
    channels=CHANNELS,
    owed=(Owed("compensation", FIVE_PERCENT, capped=False),),
    shipping=Shipping(),
    advance=50_000,
    reminders=PURCHASE,
)
REFUND_REQUEST = Promise(
    type="refund_request",
    reason="late_shipment",
    demand="refund",
    clause="refund_due",
    status="paid",
    counted_from="paid_at",
    window=None,
    cap=PAID_AND_FREIGHT,
    acceptance=None,
    on_timeout="concede",
    channels=CHANNELS,
    advance=50_000,
    instant=20_000,
    instant_reason="late_shipment",
    reminders=(*PURCHASE, *SENT_BACK),
)
REFUND_SENT_BACK = replace(
    REFUND_REQUEST,
    example="sent_back",
    reason="damaged",
    demand="return_and_refund",
    status="shipped",
    advance=None,
    instant=None,
    return_leg=ReturnLeg(),
)
HARASSMENT = Promise(
    type="harassment",
    reason="harassment",
    demand="compensation",
    clause="harassed",
    cap=50_000,
    on_timeout="unlock",
    offer="compensation",
    channels=CHANNELS,
    reminders=PURCHASE,
)
PAYMENT_REFUSED = replace(
    HARASSMENT,
    type="payment_method_refused",
    reason="payment_method_refused",
    clause="payment_refused",
    status="awaiting_payment",
    counted_from="created_at",
)

QUALITY = Promise(
    type="quality",
    reason="quality",
    demand="return_and_refund",
    clause="defect_proved",
    required=("photo",),
    bends=(
        Bend(window=hours(48), category="fresh"),
        Bend(window=days(7), category="customised"),
        PROMISED,
        LONGER,
    ),
    cap=PAID_AND_FREIGHT,
    channels=CHANNELS,
    return_leg=ReturnLeg(),
    follow_up=days(7),
    reminders=(*PURCHASE, *SENT_BACK),
)
NOT_AS_DESCRIBED = replace(
    QUALITY, type="not_as_described", reason="not_as_described", clause="mismatch_proved", required=()
)
DESCRIPTION = replace(NOT_AS_DESCRIBED, type="description", clause="description_false", cap=PAID_AND_BOTH_FREIGHTS)
COUNTERFEIT = replace(
    QUALITY,
    type="counterfeit",
    reason="counterfeit",
    clause="counterfeit_proved",
    required=("authenticity_comparison",),
)
FALSE_ADVERTISING = replace(
    QUALITY, type="false_advertising", reason="false_advertising", clause="advertising_false", required=()
)
GOODS = (QUALITY, COUNTERFEIT, FALSE_ADVERTISING)

GUARANTEE = replace(
    QUALITY,
    type="after_sales_guarantee",
    reason="after_sales_refused",
    clause="promise_failed",
    required=(),
    points=("serious_violation", 6),
)
CONSUMER_PROTECTION = replace(GUARANTEE, subtype="consumer_protection", cap=PAID_AND_BOTH_FREIGHTS)
FAKE_ONE_PAY_THREE = replace(
    GUARANTEE,
    subtype="fake_one_pay_three",
    reason="counterfeit",
    demand="compensation",
    amount=THREEFOLD,
    required=("authenticity_comparison",),
    cap=THREEFOLD,
    owed=(Owed("compensation", THREEFOLD),),
    return_leg=None,
)
SEVEN_DAY_RETURN = replace(
    GUARANTEE,
    subtype="seven_day_return",
    reason="seven_day_return",
    instant=20_000,
    instant_reason="seven_day_return",
    says=(("seven_days", "后7天内", "within 7 days"),),
)
THIRTY_DAY_REPAIR = replace(
    GUARANTEE,
    subtype="thirty_day_repair",
    demand="repair",
    window=days(30),
    bends=(
        Bend(window=hours(48), category="fresh"),
        Bend(window=days(7), category="customised"),
        PROMISED,
        Bend(window=days(30 + 15), extension="merchant_refused"),
    ),
    return_leg=None,
)
TWENTY_FOUR_HOUR_SHIPPING = replace(
    GUARANTEE,
    subtype="twenty_four_hour_shipping",
    reason="late_shipment",
    demand="compensation",
    amount=FIVE_PERCENT,
    cap=FIVE_PERCENT,
    owed=(Owed("compensation", FIVE_PERCENT),),
    shipping=Shipping(),
    return_leg=None,
)
SHOE_GUARANTEE = replace(GUARANTEE, subtype="shoe_guarantee")
AUTHENTICITY_GUARANTEE = replace(
    GUARANTEE,
    subtype="authenticity_guarantee",
    reason="counterfeit",
    required=("authenticity_comparison",),
)
FIFTEEN_DAY_QUALITY = replace(
    GUARANTEE,
    subtype="fifteen_day_quality_return_or_exchange",
    reason="quality",
    required=("photo",),
    says=(("fifteen_days", "15天内", "within 15 days"),),
)
GUARANTEES = (
    CONSUMER_PROTECTION,
    FAKE_ONE_PAY_THREE,
    SEVEN_DAY_RETURN,
    THIRTY_DAY_REPAIR,
    TWENTY_FOUR_HOUR_SHIPPING,
    SHOE_GUARANTEE,
    AUTHENTICITY_GUARANTEE,
)

NOT_SHIPPED_AS_AGREED = Promise(
    type="not_shipped_as_agreed",
    reason="late_shipment",
    demand="compensation",
    clause="shipped_late",
    amount=FIVE_PERCENT,
    status="paid",
    counted_from="paid_at",
    bends=(LONGER,),
    cap=PAID,
    offer="compensation",
    channels=CHANNELS,
    owed=(Owed("compensation", FIVE_PERCENT, capped=False),),
    shipping=Shipping(),
    advance=50_000,
    reminders=PURCHASE,
)
AFTER_SALES_PROMISE = replace(GUARANTEE, type="after_sales_promise_not_kept", clause="promise_not_kept")
