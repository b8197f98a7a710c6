"""Until when and about which order one may file, type by type, and what bends the window (F1-F4, F10, F11)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.events import Accepted, DeadlineExtended
from case_events.core.facts import ExtensionFacts, FilingFacts, RefundFacts, ReviewFacts
from case_events.core.values import Instant, Order
from tests.core import market
from tests.core.shipped import asked_to_file, complaint, goods, order
from tests.examples import ACCEPT, DISMISS, NOON, ORDER, TICK, proof
from tests.spec import Dispute, days, given, hours

Changes = dict[str, Any]
CREATED = Instant.of(NOON - days(60))
SUCCEEDED = order(created_at=CREATED, paid_at=CREATED, succeeded_at=NOON, closed_at=None)
CLOSED = replace(SUCCEEDED, status="trade_closed", succeeded_at=None, closed_at=NOON)
UNPAID = order(status="awaiting_payment", created_at=NOON, paid_at=None, succeeded_at=None)
LATE_REFUND = FilingFacts(
    refund=RefundFacts(applied_at=Instant.of(CREATED + hours(72) + TICK), succeeded_at=Instant.of(CREATED + days(9)))
)
WINDOWS: dict[str, tuple[File, int]] = {
    # F4: the complaint with its order, and the days it may be filed in
    "not received": (complaint("not_received", order=SUCCEEDED), 15),
    "seven days": (complaint("after_sales_guarantee", "seven_day_return", order=SUCCEEDED), 15),
    "thirty days": (complaint("after_sales_guarantee", "thirty_day_repair", order=SUCCEEDED), 30),
    "promise, unpaid": (complaint("promise_breach", order=UNPAID), 15),
    "promise, closed": (complaint("promise_breach", order=replace(CLOSED, created_at=NOON)), 15),
    "late shipment": (complaint("late_shipment", order=CLOSED, facts=LATE_REFUND), 15),
    "malicious review": (complaint("malicious_review", order=SUCCEEDED), 15),
    "harassment": (complaint("harassment", order=SUCCEEDED), 15),
    "price fraud, closed": (complaint("price_fraud", order=CLOSED), 15),
    "lost by the carrier": (complaint("goods_lost", order=replace(SUCCEEDED, created_at=NOON)), 7),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_each_type_may_be_filed_from_its_instant_to_the_end_of_its_window_and_not_a_microsecond_more(name: str) -> None:
    command, length = WINDOWS[name]
    closes = Instant.of(NOON + days(length))
    assert asked_to_file(command, at=NOON).written[0] == "filed"
    assert asked_to_file(command, at=closes).written[0] == "filed"
    problem = asked_to_file(command, at=Instant.of(closes + TICK)).refused("not_eligible", closed_at=closes)
    assert (problem.rule or "").endswith(f"#{command.type}.filing")
    asked_to_file(command, at=Instant.of(NOON - TICK)).refused("not_yet", opens_at=NOON, closed_at=None)


STATES = {
    "not_received": {"trade_success"},
    "promise_breach": {"awaiting_payment", "trade_closed"},
    "late_shipment": {"trade_closed"},
    "malicious_review": {"trade_success"},
    "harassment": {"trade_success"},
    "price_fraud": {"trade_success", "trade_closed"},
    "refund_request": {"paid", "shipped"},
}


@pytest.mark.parametrize(
    "state", ["awaiting_payment", "paid", "shipped", "trade_success", "trade_closed", "unheard_of"]
)
@pytest.mark.parametrize("type_", STATES)
def test_each_type_is_about_orders_in_its_own_states_and_says_which(type_: str, state: str) -> None:
    command = complaint(type_)
    assert command.order is not None
    dispute = asked_to_file(replace(command, order=replace(command.order, status=state)))
    if state in STATES[type_]:
        assert dispute.written[0] == "filed"
        return
    detail = dispute.refused("not_eligible", closed_at=None, opens_at=None).detail
    assert all(one in detail for one in STATES[type_])
    unfinished = state not in ("trade_success", "trade_closed")
    wants_it_over = bool(STATES[type_] & {"trade_success", "trade_closed"})
    assert ("must finish first" in detail) == (unfinished and wants_it_over)


def test_a_refund_request_has_no_window_once_paid_and_none_before() -> None:
    paid = order(status="paid", paid_at=NOON, succeeded_at=None)
    command = complaint("refund_request", order=paid)
    assert asked_to_file(command, at=Instant.of(NOON + days(700))).written[0] == "filed"
    asked_to_file(command, at=Instant.of(NOON - TICK)).refused("not_yet", opens_at=NOON)
    asked_to_file(replace(command, order=replace(paid, paid_at=None))).faults("/order/paid_at")


def test_of_several_instants_the_first_the_order_has_counts_and_the_first_is_named_where_it_has_none() -> None:
    both = replace(SUCCEEDED, closed_at=Instant.of(NOON + days(9)))
    late = Instant.of(NOON + days(15) + TICK)
    asked_to_file(complaint("price_fraud", order=both), at=late).refused("not_eligible", closed_at=NOON + days(15))
    neither = replace(SUCCEEDED, succeeded_at=None)
    problem = asked_to_file(complaint("price_fraud", order=neither)).faults("/order/succeeded_at").last.problem
    assert problem is not None
    assert "closed_at" in problem.errors[0].detail


ENDLESS: Changes = {
    "filing": {"order_states": ["trade_success"], "counted_from": "succeeded_at"},
    "clauses.filing": market.WORDS,
}


def test_a_window_without_an_end_still_has_a_beginning() -> None:
    given(market.market(ENDLESS)).file(market.FILING, at=Instant.of(NOON + days(999))).then("filed")
    from_day_seven = market.market(ENDLESS | {"filing": {**ENDLESS["filing"], "opens_after": {"days": 7}}})
    filing, opens = replace(market.FILING, order=SUCCEEDED), Instant.of(NOON + days(7))
    given(from_day_seven).file(filing, at=Instant.of(opens - TICK)).refused("not_yet", opens_at=opens)
    given(from_day_seven).file(filing, at=opens).then("filed")


def closes(bought: Order, type_: str = "quality", subtype: str | None = None, **changes: Any) -> Instant | None:
    """When the window of this order closed, as a filing long after is told."""
    command = complaint(type_, subtype, order=bought, **changes)
    return asked_to_file(command, at=Instant.of(NOON + days(200))).refused("not_eligible").closed_at


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({"goods": (goods("apparel"),)}, days(15)),
        ({"goods": (goods("fresh"),)}, hours(48)),
        ({"goods": (goods("customised"),)}, days(7)),
        ({"goods": (goods("fresh"), goods("customised"))}, days(7)),
        ({"goods": (goods("fresh"), goods("apparel"))}, days(15)),
        ({"merchant_promises": ("thirty_day_returns",)}, days(30)),
        ({"merchant_promises": ("free_coffee",)}, days(15)),
        ({"goods": (goods("fresh"),), "merchant_promises": ("thirty_day_returns",)}, days(30)),
    ],
)
def test_special_goods_have_less_time_and_a_longer_promise_wins(changes: Changes, length: Any) -> None:
    assert closes(replace(SUCCEEDED, **changes)) == NOON + length


def test_the_longer_of_entitlement_and_window_wins_but_special_goods_have_neither() -> None:
    assert closes(SUCCEEDED, "after_sales_guarantee", "seven_day_return") == NOON + days(15)
    assert closes(SUCCEEDED, "after_sales_guarantee", "thirty_day_repair") == NOON + days(30)
    fresh = replace(SUCCEEDED, goods=(goods("fresh"),))
    assert closes(fresh, "after_sales_guarantee", "thirty_day_repair") == NOON + hours(48)


ASKED = FilingFacts(extension=ExtensionFacts(reason="faulty_goods", explanation="一直在修。"))


def late(at: Instant, facts: FilingFacts | None = ASKED) -> Dispute:
    return asked_to_file(complaint("quality", order=SUCCEEDED, facts=facts), at=at)


def test_a_longer_window_is_asked_for_after_the_window_and_before_its_own_end() -> None:
    late(Instant.of(NOON + days(15))).then("filed", late=False)
    late(Instant.of(NOON + days(15) + TICK)).then("filed", late=True, status="waiting_for_acceptance")
    late(Instant.of(NOON + days(30))).then("filed", late=True)
    late(Instant.of(NOON + days(30) + TICK)).refused("not_eligible", closed_at=NOON + days(30))
    late(Instant.of(NOON + days(15) + TICK), None).refused("not_eligible", closed_at=NOON + days(15))


def test_accepting_a_late_complaint_grants_the_longer_window_and_says_until_when() -> None:
    dispute = late(Instant.of(NOON + days(20))).when(ACCEPT, at=hours(1))
    dispute.then("deadline_extended", "accepted", late=False, status="waiting_for_merchant")
    granted = dispute.last.answer[0].event
    assert isinstance(granted, DeadlineExtended)
    assert (granted.kind, granted.party, granted.clocks) == ("filing", "complainant", ())
    assert (granted.due_at, granted.reason) == (NOON + days(30), "faulty_goods")
    assert isinstance(dispute.last.answer[1].event, Accepted)


def test_dismissing_a_late_complaint_grants_nothing_and_a_timely_one_needs_nothing_granted() -> None:
    late(Instant.of(NOON + days(20))).when(DISMISS, at=hours(1)).then("dismissed", "closed", late=True)
    late(Instant.of(NOON + days(15))).when(ACCEPT, at=hours(1)).then("accepted")


def test_a_longer_window_is_asked_for_with_a_reason_the_policy_knows_and_only_where_it_knows_one() -> None:
    holiday = FilingFacts(extension=ExtensionFacts(reason="on_holiday", explanation="在度假。"))
    asked_to_file(complaint("quality", facts=holiday)).faults("/facts/extension/reason")
    asked_to_file(complaint("not_received", facts=ASKED)).faults("/facts/extension")


@pytest.mark.parametrize(
    ("applied", "succeeded", "counts"),
    [
        (hours(72), days(9), False),
        (hours(72) + TICK, days(9), True),
        (hours(72) + TICK, days(60), True),
        (hours(72) + TICK, days(60) + TICK, False),
    ],
)
def test_a_late_shipment_is_about_a_refund_applied_for_after_72_hours_that_succeeded(
    applied: Any, succeeded: Any, counts: bool
) -> None:
    refund = RefundFacts(applied_at=Instant.of(CREATED + applied), succeeded_at=Instant.of(CREATED + succeeded))
    dispute = asked_to_file(complaint("late_shipment", order=CLOSED, facts=FilingFacts(refund=refund)), at=NOON)
    if counts:
        dispute.then("filed")
    else:
        assert "(F4)" in dispute.refused("not_eligible", closed_at=None).detail


@pytest.mark.parametrize(
    ("rating", "in_effect", "counts"),
    [("neutral", True, True), ("negative", True, True), ("positive", True, False), ("negative", False, False)],
)
def test_a_malicious_review_is_neutral_or_negative_and_in_effect(rating: Any, in_effect: bool, counts: bool) -> None:
    said = FilingFacts(review=ReviewFacts(rating=rating, in_effect=in_effect))
    dispute = asked_to_file(complaint("malicious_review", facts=said))
    if counts:
        dispute.then("filed")
    else:
        dispute.refused("not_eligible")
    asked_to_file(complaint("malicious_review", facts=None)).faults("/facts/review")


CONFIRMED = FilingFacts(conformity_confirmed_at=NOON)
DAMAGED = complaint("quality", reason="damaged", facts=CONFIRMED, evidence=(proof(1, "photo"),))


def test_after_conformity_was_confirmed_a_claim_about_appearance_needs_evidence_to_the_contrary() -> None:
    problem = asked_to_file(DAMAGED).refused("not_eligible")
    assert problem.rule == "taobao@2026.6#quality.conformity"
    assert "video" in problem.detail
    asked_to_file(replace(DAMAGED, evidence=(proof(1, "photo"), proof(2, "video")))).then("filed")


def test_conformity_bars_no_other_reason_no_other_type_and_nothing_where_it_was_not_confirmed() -> None:
    asked_to_file(replace(DAMAGED, reason="malfunction")).then("filed")
    asked_to_file(replace(DAMAGED, facts=FilingFacts())).then("filed")
    asked_to_file(complaint("counterfeit", facts=CONFIRMED)).then("filed")


def test_a_windowed_order_of_another_type_is_measured_by_that_types_instant() -> None:
    assert ORDER.succeeded_at is not None
    breach = complaint("promise_breach", order=replace(ORDER, status="trade_closed", created_at=CREATED))
    asked_to_file(breach).refused("not_eligible", closed_at=CREATED + days(15))
