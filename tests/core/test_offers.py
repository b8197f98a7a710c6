"""Offers of every kind: money says how much, a thing has no amount (domain N4)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.commands import Remedy, Reply
from case_events.core.values import Money, Offer
from tests.core.market import complaint as market_complaint
from tests.core.shipped import complaint, fen, order, taken
from tests.examples import ACCEPT, AGREE, FILING, TAKE_THE_OFFER, yuan
from tests.spec import Dispute, days, given, hours


def accepted(demand: str = "return_and_refund") -> Dispute:
    filing = replace(FILING, type="quality", reason="quality", demand=demand)
    return given().file(filing).when(ACCEPT, at=hours(1))


def offer(kind: str, amount: Money | None = None) -> Reply:
    return Reply(decision="offer", offer=Offer(kind=kind, amount=amount))


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("partial_refund", yuan(128)),
        ("freight", yuan(10)),
        ("price_difference", yuan(139)),
        ("exchange", None),
        ("repair", None),
    ],
)
def test_an_offer_taken_is_owed_as_it_was_offered_and_done_as_it_was_owed(kind: str, amount: Money | None) -> None:
    dispute = accepted().when(offer(kind, amount), at=hours(2)).when(TAKE_THE_OFFER, at=hours(3))
    dispute.then("settled", status="waiting_for_remedy", remedy=kind, owed=amount).runs(remedy=days(3) + hours(3))
    dispute.when(Remedy(kind=kind, amount=amount), at=days(1)).then("remedied", "closed", outcome="settled")


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("partial_refund", yuan(129)),
        ("partial_refund", None),
        ("freight", None),
        ("freight", yuan(0)),
        ("price_difference", yuan(140)),
        ("exchange", yuan(1)),
        ("repair", yuan(0)),
    ],
)
def test_an_offer_with_the_wrong_amount_is_refused(kind: str, amount: Money | None) -> None:
    accepted().when(offer(kind, amount), at=hours(2)).faults("/data/offer/amount")


def test_a_claim_whose_cap_is_more_than_the_price_can_be_met_by_an_offer() -> None:
    """Harassment over goods of twenty yuan: five hundred may be claimed, and offered."""
    cheap = order(paid=fen(2_000), freight=fen(0))
    dispute = taken(complaint("harassment", demand="compensation", amount=fen(50_000), order=cheap))
    dispute.fork().when(offer("compensation", fen(50_001)), at=hours(2)).faults("/data/offer/amount")
    dispute.when(offer("compensation", fen(50_000)), at=hours(2)).then("merchant_replied")
    dispute.when(TAKE_THE_OFFER, at=hours(3)).then("settled", owed=fen(50_000))


@pytest.mark.parametrize("cap", ["paid", "none"])
def test_what_was_paid_with_its_freight_may_always_be_offered_and_more_where_there_is_no_cap(cap: str) -> None:
    rules = {"cap": cap, "offers": ["compensation"], "demands": ["refund", "compensation"]}
    dispute = market_complaint(rules)
    dispute.fork().when(offer("compensation", yuan(139)), at=hours(2)).then("merchant_replied")
    more = dispute.when(offer("compensation", yuan(140)), at=hours(2))
    if cap == "none":
        more.then("merchant_replied")
    else:
        more.faults("/data/offer/amount")


def test_agreeing_to_a_thing_owes_no_money() -> None:
    accepted("exchange").when(AGREE, at=hours(2)).then("merchant_replied", "settled", remedy="exchange", owed=None)
    accepted("refund").when(AGREE, at=hours(2)).then("merchant_replied", "settled", remedy="refund", owed=yuan(129))
