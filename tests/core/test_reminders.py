"""A reminder before each deadline (domain Q2): at the policy's lead time, with its clock, never after it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.timeouts import DeadlineApproaching
from case_events.core.values import Instant
from tests.core import subjects
from tests.core.market import FILING, GOODS, REFUND, complaint, market
from tests.examples import (
    ADDRESS,
    AGREE,
    AMEND,
    APPEAL,
    ASK_FOR_PHOTOS,
    NOON,
    OFFER,
    REFUSE,
    STARTS,
    TICK,
    WITHDRAW,
    extend,
    order_that_succeeded,
)
from tests.spec import TEST_CLOCK, Dispute, days, given, hours

DAY: dict[str, Any] = {"hours": 24}
LEADS: dict[str, Any] = {
    "reminders": dict.fromkeys(("response", "appeal", "remedy", "negotiation", "intervention", "recovery"), DAY)
}
TARGET: dict[str, Any] = {"ruling.target": {"days": 1}}


def ahead(dispute: Dispute) -> dict[str, Any]:
    """The reminders that will come: the clock's kind, and how long after filing."""
    return {one.kind.removesuffix("_reminder"): one.due_at - dispute.filed_at for one in dispute.case.reminders}


def told(dispute: Dispute) -> list[tuple[str, str]]:
    """Of whose clocks the last step reminded."""
    events = [one.event for one in dispute.last.events]
    return [(one.kind, one.party) for one in events if isinstance(one, DeadlineApproaching)]


def test_a_clocks_party_is_reminded_at_the_lead_time_once_and_the_clock_goes_on() -> None:
    dispute = complaint(LEADS)
    assert ahead(dispute) == {"response": days(2), "negotiation": days(8)}
    dispute.passes(days(2)).then().passes(days(2) + TICK).then("deadline_approaching", status="waiting_for_merchant")
    event = dispute.last.events[0].event
    assert isinstance(event, DeadlineApproaching)
    due = dispute.instant(days(3))
    assert (event.kind, event.party, event.due_at, event.set_by) == ("response", "respondent", due, 1)
    dispute.runs(response=days(3), negotiation=days(9)).passes(days(3)).then()
    dispute.when(AGREE, at=days(3)).then("merchant_replied", "settled")


KINDS = [
    ("response", lambda: complaint(LEADS), days(3)),
    ("negotiation", lambda: complaint(LEADS).when(OFFER, at=hours(1)), days(9)),
    (
        "intervention",
        lambda: complaint(LEADS | {"reply.on_timeout": "unlock"}).passes(days(3) + TICK),
        days(10),
    ),
    ("appeal", lambda: complaint(LEADS).when(REFUSE, at=hours(0)).when(REFUND, at=hours(0)), days(7)),
    ("remedy", lambda: complaint(LEADS).when(AGREE, at=hours(0)), days(3)),
]


@pytest.mark.parametrize(("kind", "begin", "due"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_each_kind_of_clock_has_its_reminder_to_the_microsecond(kind: str, begin: Any, due: Any) -> None:
    dispute = begin()
    party = dispute.clock(kind).party
    dispute.passes(due - days(1))
    assert (kind, party) not in told(dispute)
    dispute.passes(due - days(1) + TICK)
    assert told(dispute) == [(kind, party)]


def test_the_reminder_moves_with_its_clock() -> None:
    amended = complaint(LEADS | {"reply.after_amendment": {"hours": 36}}).when(AMEND, at=hours(60))
    assert ahead(amended)["response"] == hours(72)
    amended.runs(response=hours(96), negotiation=days(9))
    extended = complaint(LEADS).when(extend("response", "respondent", Instant.of(NOON + days(5))), at=hours(1))
    assert ahead(extended)["response"] == days(4)
    told_before = complaint(LEADS).passes(days(2) + TICK)
    told_before.when(extend("response", "respondent", Instant.of(NOON + days(5))), at=days(2) + hours(1))
    assert ahead(told_before)["response"] == days(4)


def test_the_reminder_stops_with_its_clock() -> None:
    replied = complaint(LEADS).when(OFFER, at=hours(1))
    assert ahead(replied) == {"negotiation": days(8)}
    assert ahead(complaint(LEADS).when(REFUSE, at=hours(1))) == {}
    assert ahead(complaint(LEADS).when(WITHDRAW, at=hours(1))) == {}
    ruled = complaint(LEADS).when(REFUSE, at=hours(0)).when(REFUND, at=hours(0))
    assert ahead(ruled) == {"appeal": days(6)}
    assert ahead(ruled.when(APPEAL, at=hours(1))) == {}


def test_a_lag_that_passes_both_tells_only_of_the_timeout() -> None:
    complaint(LEADS).passes(days(3) + TICK).then("merchant_response_timed_out", "intervention_requested")
    complaint(LEADS).passes(days(3)).then("deadline_approaching")


def test_under_a_test_clock_one_long_advance_reminds_as_many_short_ones_do() -> None:
    long = complaint(LEADS, test_clock=TEST_CLOCK).passes(days(3) + TICK)
    long.then("deadline_approaching", "merchant_response_timed_out", "intervention_requested")
    assert [one.effective_at - NOON for one in long.history[1:]] == [days(2) + TICK, days(3) + TICK, days(3) + TICK]
    short = complaint(LEADS, test_clock=TEST_CLOCK).passes(days(2) + TICK).passes(days(3) + TICK)
    assert [one.event for one in long.history] == [one.event for one in short.history]


def test_a_reminder_that_would_be_due_already_is_left_out() -> None:
    asked = complaint(LEADS).when(OFFER, at=hours(1))
    late = asked.when(
        extend("negotiation", "complainant", Instant.of(NOON + days(9) + hours(1))), at=days(8) + hours(1)
    )
    late.then("deadline_approaching", "deadline_extended")
    assert ahead(late) == {}
    late.passes(days(9) + hours(1)).then()
    earlier = complaint(LEADS).when(OFFER, at=hours(1))
    earlier.when(
        extend("negotiation", "complainant", Instant.of(NOON + days(9) + hours(1))), at=days(8) + hours(1) - TICK
    )
    assert ahead(earlier) == {"negotiation": days(8) + hours(1)}


def test_the_desk_is_reminded_at_its_target_and_the_target_goes_with_an_extended_limit() -> None:
    review = complaint(LEADS | TARGET).when(REFUSE, at=hours(0)).runs(ruling=days(3))
    assert ahead(review) == {"ruling": days(1)}
    extended = review.fork().when(extend("ruling", "platform", Instant.of(NOON + days(5))), at=hours(1))
    assert ahead(extended) == {"ruling": days(3)}
    review.passes(days(1) + TICK).then("deadline_approaching", status="under_review")
    assert told(review) == [("ruling", "platform")]
    review.passes(days(3) + TICK).then("ruling_timed_out")
    assert ahead(review) == {}


def test_a_target_that_is_over_when_the_platform_is_brought_in_late_is_left_out() -> None:
    late = complaint(TARGET).passes(days(4) + TICK)
    late.then("merchant_response_timed_out", "intervention_requested")
    assert ahead(late) == {}
    just = complaint(TARGET).passes(days(4) - TICK)
    assert ahead(just) == {"ruling": days(4)}


def test_a_target_of_the_channel_is_the_channels() -> None:
    channels = {
        "ruling.channels": {"phone": {"within": {"days": 2}, "target": {"hours": 6}}, "page": {"within": {"days": 5}}}
    }
    by_phone = complaint(TARGET | channels, channel="phone").when(REFUSE, at=hours(0)).runs(ruling=days(2))
    assert ahead(by_phone) == {"ruling": hours(6)}
    by_page = complaint(TARGET | channels, channel="page").when(REFUSE, at=hours(0)).runs(ruling=days(5))
    assert ahead(by_page) == {}


def test_one_clock_has_one_reminder_even_where_the_policy_names_a_target_and_a_lead() -> None:
    both = {"reminders": {"ruling": {"hours": 12}}}
    review = complaint(TARGET | both).when(REFUSE, at=hours(0))
    assert [(one.kind, one.due_at - NOON) for one in review.case.reminders] == [("ruling_reminder", days(1))]


def test_a_provisional_clock_has_no_reminder_until_it_is_confirmed() -> None:
    rules = {"reply.open_period": {"working_days": 20}, "reminders": {"response": DAY}}
    at = STARTS[-1]
    filing = replace(FILING, order=order_that_succeeded(at))
    dispute = given(market(rules)).file(filing, at=at)
    clock = dispute.clock("response")
    assert clock.provisional
    assert not dispute.case.reminders
    dispute.when(extend("response", "respondent", clock.due_at), at=hours(1)).then("deadline_extended")
    assert [one.due_at for one in dispute.case.reminders] == [Instant.of(clock.due_at - days(1))]


def test_the_return_and_what_is_asked_for_are_reminded_of_too() -> None:
    rules = GOODS | {"evidence": {"within": {"days": 3}}}
    rules |= {"reminders": {"return_shipment": {"hours": 48}, "evidence": {"hours": 12}}}
    agreed = (
        complaint(rules, demand="return_and_refund")
        .when(AGREE, at=hours(1))
        .when(ADDRESS, by="respondent", at=hours(2))
    )
    assert ahead(agreed) == {"return_shipment": days(5) + hours(2)}
    asked = complaint(rules).when(REFUSE, at=hours(1)).when(ASK_FOR_PHOTOS, at=hours(2))
    assert ahead(asked) == {"evidence": hours(2 + 72 - 12)}


def test_the_shipped_policies_remind_of_the_reply_a_day_ahead() -> None:
    for policy in ("taobao@2026.6", "tmall@2026.6"):
        dispute = subjects.filed(subjects.subjects()[f"{policy} not_received"], NOON)
        assert ahead(dispute)["response"] == days(2)
