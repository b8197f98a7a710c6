"""The end: what is owed is done, late or in time, and the case is closed (P4)."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.events import Remedied
from case_events.core.values import Offer
from tests.examples import (
    AGREE,
    CLOSE,
    OFFER,
    REFUNDED,
    TAKE_THE_OFFER,
    TICK,
    WITHDRAW,
    yuan,
)
from tests.spec import Dispute, days, filed


def agreed() -> Dispute:
    """Agreed after a day; owed until day four."""
    return filed().when(AGREE, at=days(1)).then("merchant_replied", "settled").runs(remedy=days(4))


def test_doing_what_is_owed_closes_the_case_with_its_outcome() -> None:
    dispute = agreed().when(REFUNDED, at=days(4))
    dispute.then("remedied", "closed", status="closed", stage="closed", outcome="settled", owed=None, priority=0).runs()
    assert dispute.case.closed_at == dispute.instant(days(4))


def test_how_it_was_done_is_kept() -> None:
    done = agreed().when(REFUNDED, at=days(1)).history[-2].event
    assert isinstance(done, Remedied)
    assert (done.kind, done.amount, done.reference) == ("refund", yuan(129), "R-1")


def test_the_platform_may_say_that_it_is_done() -> None:
    agreed().when(REFUNDED, by="platform", at=days(2)).then("remedied", "closed")


def test_doing_less_more_or_something_else_is_refused() -> None:
    dispute = agreed()
    dispute.when(replace(REFUNDED, amount=yuan(128)), at=days(2)).faults("/data/amount")
    dispute.when(replace(REFUNDED, amount=None), at=days(2)).faults("/data/amount")
    dispute.when(replace(REFUNDED, kind="exchange", amount=yuan(200)), at=days(2)).faults("/data/kind", "/data/amount")


def test_what_is_owed_may_be_no_money() -> None:
    swap = replace(OFFER, offer=Offer(kind="exchange"))
    dispute = filed().when(swap, at=days(1)).when(TAKE_THE_OFFER, at=days(2)).then("settled", owed=None)
    dispute.when(REFUNDED, at=days(3)).faults("/data/kind", "/data/amount")
    dispute.when(replace(REFUNDED, kind="exchange", amount=None), at=days(3)).then("remedied", "closed")


def test_a_late_remedy_raises_priority_and_is_asked_for_again_each_day() -> None:
    dispute = agreed().passes(days(4)).then().passes(days(4) + TICK).then("remedy_timed_out", priority=1)
    dispute.runs(remedy=days(5)).passes(days(6) + TICK).then("remedy_timed_out", "remedy_timed_out", priority=3)
    dispute.runs(remedy=days(7)).when(REFUNDED, at=days(7)).then("remedied", "closed", priority=3)


def test_the_platform_closes_a_case_only_after_its_remedy_failed_to_come() -> None:
    dispute = agreed()
    dispute.when(CLOSE, at=days(4)).refused("not_yet", opens_at=dispute.instant(days(4)))
    dispute.when(CLOSE, at=days(4) + TICK).then("remedy_timed_out", "closed", status="closed", outcome="settled").runs()


def test_a_settled_claim_can_neither_be_withdrawn_nor_closed_by_the_merchant() -> None:
    agreed().when(WITHDRAW, at=days(2)).refused("not_allowed_now")
    agreed().when(CLOSE, by="respondent", at=days(5)).refused("forbidden")


def test_a_remedy_after_the_case_was_closed_is_not_allowed_rather_than_too_late() -> None:
    dispute = agreed().when(REFUNDED, at=days(5)).then("remedy_timed_out", "remedied", "closed")
    dispute.when(REFUNDED, at=days(5)).refused("not_allowed_now", due_at=None)
