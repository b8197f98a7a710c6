"""Figures of a policy that no scenario can show twice: each checked at the instant before and the instant after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.decide import Facts
from case_events.core.policy import InForce
from case_events.core.values import FilingFacts, Instant, Money, Offer, RefundFacts
from tests.examples import (
    ACCEPT,
    ADDRESS,
    APPEAL,
    ASK_FOR_PHOTOS,
    FILING,
    NOON,
    OFFER,
    RECEIVED,
    REFUND,
    REFUSE,
    SHIPPED,
    TICK,
    order_that_succeeded,
    yuan,
)
from tests.spec import Dispute, days, hours

SLOW = days(4)
Boundary = Callable[[InForce, Calendar], None]


def not_received_is_filed_for_fifteen_days(in_force: InForce, calendar: Calendar) -> None:
    """F4: to the end of day 15 and not a microsecond longer."""
    closes = Instant.of(NOON + timedelta(days=15))
    _filed(in_force, calendar, closes).then("filed")
    _filed(in_force, calendar, Instant.of(closes + TICK)).refused("not_eligible", closed_at=closes)


def not_received_keeps_a_day_of_notice(in_force: InForce, calendar: Calendar) -> None:
    """A right unlocked on day 9 for 7 days, written on day 15 and an hour, lasts to day 16 and an hour."""
    dispute = _filed(in_force, calendar, NOON).when(OFFER, at=hours(1)).passes(days(15) + hours(1))
    dispute.runs(intervention=days(16) + hours(1))


GOODS = ("quality", "not_as_described")
RULES = {"quality": "defect_proved", "not_as_described": "mismatch_proved", "late_shipment": "shipped_late"}
REASONS = {"quality": "quality", "not_as_described": "size", "late_shipment": "out_of_stock"}


def _of(
    kind: str, in_force: InForce, calendar: Calendar, at: Instant = NOON, refund_after: timedelta = SLOW
) -> Dispute:
    """A complaint of this type about an order that ended at noon."""
    goods = kind in GOODS
    order = order_that_succeeded(NOON)
    paid = Instant.of(NOON - days(9))
    facts = FilingFacts(refund=RefundFacts(applied_at=Instant.of(paid + refund_after), succeeded_at=NOON))
    if not goods:
        order = replace(order, status="trade_closed", succeeded_at=None, closed_at=NOON, paid_at=paid)
    filing = replace(
        FILING,
        type=kind,
        reason=REASONS[kind],
        demand="return_and_refund" if goods else "compensation",
        order=order,
        facts=None if goods else facts,
    )
    return Dispute(in_force, calendar, Facts(number="C-1"), "boundary").file(filing, at=at)


def _filed_for_fifteen_days(kind: str) -> Boundary:
    def check(in_force: InForce, calendar: Calendar) -> None:
        closes = Instant.of(NOON + days(15))
        _of(kind, in_force, calendar, closes).then("filed")
        _of(kind, in_force, calendar, Instant.of(closes + TICK)).refused("not_eligible", closed_at=closes)

    return _named(check, f"{kind} is filed for fifteen days")


def _clocks_to_the_ruling(kind: str) -> Boundary:
    """From a Monday noon: each clock by hand, the first time and again."""

    def check(in_force: InForce, calendar: Calendar) -> None:
        dispute = _of(kind, in_force, calendar).then("filed").runs(acceptance=hours(24))
        dispute.fork().passes(hours(24) + TICK).runs(acceptance=hours(36))
        dispute.when(ACCEPT, at=hours(1)).runs(response=hours(73), negotiation=days(9))
        offer = replace(OFFER, offer=Offer(kind="partial_refund", amount=yuan(1)))
        dispute.fork().when(offer, at=hours(2)).passes(days(9) + TICK).runs(intervention=days(16))
        dispute.when(REFUSE, at=days(1))  # Tuesday: Wednesday, Thursday, Friday until 24:00; then Monday
        friday, monday = Instant.parse("2026-03-06T16:00:00Z"), Instant.parse("2026-03-09T16:00:00Z")
        dispute.runs(ruling=friday).fork().passes(Instant.of(friday + TICK)).runs(ruling=monday)
        dispute.when(ASK_FOR_PHOTOS, at=days(1)).runs(ruling=friday, evidence=days(4))

    return _named(check, f"{kind}: the clocks to the ruling")


def _clocks_from_the_ruling(kind: str) -> Boundary:
    def check(in_force: InForce, calendar: Calendar) -> None:
        goods = kind in GOODS
        dispute = _of(kind, in_force, calendar).when(ACCEPT, at=hours(1)).when(REFUSE, at=days(1))
        ruling = replace(
            REFUND,
            outcome="return_and_refund" if goods else "compensation",
            amount=yuan(129) if goods else Money(amount=645, currency="CNY"),
            rule=RULES[kind],
        )
        dispute.when(ruling, at=days(1)).runs(appeal=days(8))
        dispute.when(APPEAL, at=days(2))  # Wednesday: Thursday, Friday, Monday until 24:00
        dispute.runs(ruling=Instant.parse("2026-03-09T16:00:00Z")).when(ruling, at=days(3))
        if goods:
            dispute.runs(return_address=days(5)).when(ADDRESS, by="respondent", at=days(3))
            dispute.runs(return_shipment=days(10)).when(SHIPPED, at=days(3))
            dispute.runs(return_receipt=days(13)).when(RECEIVED, by="respondent", at=days(3))
        dispute.runs(remedy=days(6)).passes(days(6) + TICK).runs(remedy=days(7))

    return _named(check, f"{kind}: the clocks from the ruling")


def late_shipment_needs_a_refund_applied_for_after_three_days(in_force: InForce, calendar: Calendar) -> None:
    """F4: more than 72 h after payment."""
    _of("late_shipment", in_force, calendar, refund_after=hours(72)).refused("not_eligible")
    _of("late_shipment", in_force, calendar, refund_after=hours(72) + TICK).then("filed")


def _named(check: Boundary, name: str) -> Boundary:
    check.__name__ = name
    return check


BOUNDARIES: dict[str, tuple[Boundary, ...]] = {
    "taobao": (
        not_received_is_filed_for_fifteen_days,
        not_received_keeps_a_day_of_notice,
        late_shipment_needs_a_refund_applied_for_after_three_days,
        *(
            boundary(kind)
            for kind in (*GOODS, "late_shipment")
            for boundary in (_filed_for_fifteen_days, _clocks_to_the_ruling, _clocks_from_the_ruling)
        ),
    ),
}
"""By marketplace."""


def _filed(in_force: InForce, calendar: Calendar, at: Instant) -> Dispute:
    order = order_that_succeeded(NOON)
    return Dispute(in_force, calendar, Facts(number="C-1"), "boundary").file(replace(FILING, order=order), at=at)
