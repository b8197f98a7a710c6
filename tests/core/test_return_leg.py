"""The goods go back before the refund: address, shipment, receipt, each with its clock and its silence (domain N8)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.commands import Return
from case_events.core.gates import allowed_events, required_action_by
from tests.examples import (
    ADDRESS,
    AGREE,
    APPEAL,
    NO_APPEAL,
    RECEIVED,
    REFUND,
    REFUNDED,
    REFUSE,
    SHIPPED,
    TICK,
    WITH_RETURN,
    policy,
    yuan,
)
from tests.spec import Dispute, days, filed, hours

GRANTED = replace(REFUND, outcome="return_and_refund")
DONE = replace(REFUNDED, kind="return_and_refund")


def agreed(*changes: tuple[str, str]) -> Dispute:
    """A return agreed to one hour after filing."""
    dispute = filed(*WITH_RETURN, *changes, demand="return_and_refund").when(AGREE, at=hours(1))
    return dispute.then("merchant_replied", "settled", status="waiting_for_return", outcome="settled")


def shipped() -> Dispute:
    return agreed().when(ADDRESS, by="respondent", at=hours(2)).when(SHIPPED, at=hours(3)).then("returned")


def test_address_shipment_and_receipt_follow_each_other_and_then_the_refund_is_owed() -> None:
    dispute = agreed().runs(return_address=days(2) + hours(1))
    assert required_action_by(dispute.case) == ("respondent",)
    dispute.when(ADDRESS, by="respondent", at=hours(2)).then("returned").runs(return_shipment=days(7) + hours(2))
    assert required_action_by(dispute.case) == ("complainant",)
    dispute.when(SHIPPED, at=hours(3)).then("returned").runs(return_receipt=days(10) + hours(3))
    dispute.when(RECEIVED, by="respondent", at=hours(4)).then("returned", status="waiting_for_remedy")
    dispute.runs(remedy=days(3) + hours(4)).when(DONE, at=hours(5)).then("remedied", "closed", outcome="settled")


def test_only_the_side_whose_step_it_is_may_take_it() -> None:
    allowed = {one.type: one for one in allowed_events(agreed().case, policy(*WITH_RETURN).type_of("not_received"))}
    assert (allowed["returned"].by, allowed["returned"].due_at) == (
        ("respondent",),
        agreed().clock("return_address").due_at,
    )
    agreed().when(ADDRESS, by="complainant", at=hours(2)).refused("not_allowed_now")
    shipped().when(RECEIVED, by="complainant", at=hours(4)).refused("not_allowed_now")
    agreed().when(ADDRESS, by="platform", at=hours(2)).refused("forbidden")


WRONG_STEPS = [
    (SHIPPED, ("/data/step",)),
    (replace(ADDRESS, address=None), ("/data/address",)),
    (replace(ADDRESS, tracking="SF1"), ("/data/tracking",)),
    (replace(ADDRESS, address=None, received=True), ("/data/address", "/data/received")),
]


@pytest.mark.parametrize(("step", "pointers"), WRONG_STEPS)
def test_a_step_out_of_turn_or_with_the_wrong_words_is_refused(step: Return, pointers: tuple[str, ...]) -> None:
    agreed().when(step, by="respondent", at=hours(2)).faults(*pointers)


def test_goods_that_did_not_come_are_not_confirmed() -> None:
    shipped().when(replace(RECEIVED, received=False), by="respondent", at=hours(4)).faults("/data/received")


def test_a_respondent_silent_on_address_or_receipt_owes_the_refund_at_once() -> None:
    due = days(2) + hours(1)
    agreed().passes(due).then().passes(due + TICK).then("return_timed_out", status="waiting_for_remedy")
    dispute = agreed().passes(due + TICK).runs(remedy=due + days(3))
    dispute.when(DONE, at=days(3)).then("remedied", "closed")
    due = days(10) + hours(3)
    shipped().passes(due + TICK).then("return_timed_out").runs(remedy=due + days(3))


def test_a_complainant_who_never_ships_gets_nothing() -> None:
    dispute = agreed().when(ADDRESS, by="respondent", at=hours(2)).passes(days(7) + hours(2) + TICK)
    dispute.then("return_timed_out", "closed", outcome="lapsed", owed=None).runs()


def test_the_policy_says_what_silence_does() -> None:
    lapses = ('on_address_timeout = "owe"', 'on_address_timeout = "lapse"')
    changes = ((WITH_RETURN[0][0], WITH_RETURN[0][1].replace(*lapses)), *WITH_RETURN[1:])
    dispute = filed(*changes, demand="return_and_refund").when(AGREE, at=hours(1)).passes(days(3))
    dispute.then("return_timed_out", "closed", outcome="lapsed")


def test_a_refund_alone_sends_nothing_back() -> None:
    filed(*WITH_RETURN).when(AGREE, at=hours(1)).then("merchant_replied", "settled", status="waiting_for_remedy")


def test_a_ruling_starts_the_return_once_it_is_final() -> None:
    ruled = filed(*WITH_RETURN, demand="return_and_refund").when(REFUSE, at=days(1)).when(GRANTED, at=days(2))
    ruled.fork().passes(days(9) + TICK).then("appeal_window_expired").runs(return_address=days(11))
    ruled.when(APPEAL, by="respondent", at=days(3)).when(GRANTED, at=days(4)).then("ruled", outcome="upheld")
    ruled.runs(return_address=days(6))
    at_once = filed(*WITH_RETURN, NO_APPEAL, demand="return_and_refund").when(REFUSE, at=days(1))
    at_once.when(GRANTED, at=days(1)).then("ruled", status="waiting_for_return", owed=yuan(129))
