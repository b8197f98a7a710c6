"""The ruling: two working days by China's calendar, what it may say, what lateness does (N1, I3, R1, R4)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.commands import AmendClaim, Rule
from case_events.core.events import Ruled
from case_events.core.values import Instant, Liable, Money, Penalty
from tests.core.shipped import at_the_desk, complaint
from tests.examples import AMEND, EVIDENCE, PART_REFUND, REFUND, REFUSE, REJECT, TICK, WITHDRAW, proof, yuan
from tests.spec import Dispute, days, filed, hours

CHINA_DAYS = [
    # refused at (China)           rule until 24:00 of    because
    ("2026-03-04T10:00:00+08:00", "2026-03-07T00:00:00+08:00"),  # Wednesday: Thursday, Friday
    ("2026-03-05T23:59:59+08:00", "2026-03-10T00:00:00+08:00"),  # Thursday: Friday, Monday
    ("2026-03-07T10:00:00+08:00", "2026-03-11T00:00:00+08:00"),  # Saturday: Monday, Tuesday
    ("2026-02-13T18:00:00+08:00", "2026-02-25T00:00:00+08:00"),  # worked Saturday 14th, Spring Festival, Tuesday 24th
    ("2026-02-26T10:00:00+08:00", "2026-03-01T00:00:00+08:00"),  # Thursday: Friday, worked Saturday 28th
    ("2026-09-18T10:00:00+08:00", "2026-09-22T00:00:00+08:00"),  # Friday: worked Sunday 20th, Monday 21st
    ("2026-09-30T10:00:00+08:00", "2026-10-10T00:00:00+08:00"),  # National Day: Thursday 8th, Friday 9th
    ("2026-10-09T10:00:00+08:00", "2026-10-13T00:00:00+08:00"),  # Friday: worked Saturday 10th, Monday 12th
    ("2026-03-05T00:00:00+08:00", "2026-03-07T00:00:00+08:00"),  # midnight is Wednesday's 24:00: Thursday, Friday
]


@pytest.mark.parametrize(("refused_at", "due_at"), CHINA_DAYS)
def test_the_platform_rules_within_two_working_days_of_the_refusal(refused_at: str, due_at: str) -> None:
    at = Instant.parse(refused_at)
    dispute = (
        filed(at=Instant.of(at - hours(30))).when(REFUSE, at=at).then("merchant_replied", "intervention_requested")
    )
    dispute.runs(ruling=Instant.parse(due_at))
    assert dispute.clock("ruling").party == "platform"


def refused() -> Dispute:
    """Refused on a Tuesday noon: to be ruled until Thursday 24:00 China time."""
    return filed().when(REFUSE, at=days(1))


THURSDAY_NIGHT = Instant.parse("2026-03-06T00:00:00+08:00")
FRIDAY_NIGHT = Instant.parse("2026-03-07T00:00:00+08:00")
MONDAY_NIGHT = Instant.parse("2026-03-10T00:00:00+08:00")


def test_a_ruling_the_very_instant_it_is_due_is_in_time() -> None:
    refused().when(REFUND, at=THURSDAY_NIGHT).then("ruled", priority=0, status="appealable")


def test_a_late_ruling_raises_priority_and_is_asked_for_again_each_working_day() -> None:
    dispute = refused().passes(Instant.of(THURSDAY_NIGHT + TICK)).then("ruling_timed_out", priority=1)
    dispute.runs(ruling=FRIDAY_NIGHT).passes(Instant.of(FRIDAY_NIGHT + TICK)).then("ruling_timed_out", priority=2)
    dispute.runs(ruling=MONDAY_NIGHT).when(REFUND, at=MONDAY_NIGHT).then("ruled", priority=2)


def test_a_second_ruling_after_a_late_one_is_not_allowed_rather_than_too_late() -> None:
    dispute = refused().when(REFUND, at=FRIDAY_NIGHT).then("ruling_timed_out", "ruled")
    dispute.when(REFUND, at=FRIDAY_NIGHT).refused("not_allowed_now", due_at=None)


@pytest.mark.parametrize(
    ("ruling", "verdict", "owed"),
    [
        (REFUND, "upheld", yuan(129)),
        (PART_REFUND, "partly_upheld", yuan(60)),
        (REJECT, "rejected", None),
        (replace(REJECT, amount=yuan(0)), "rejected", None),
    ],
)
def test_a_ruling_says_its_verdict_and_what_is_owed(ruling: Rule, verdict: str, owed: Money | None) -> None:
    dispute = refused().when(ruling, at=days(2)).then("ruled", outcome=None, stage="claim", status="appealable")
    event = dispute.last.answer[0].event
    assert isinstance(event, Ruled)
    assert (event.verdict, event.owed, event.round, event.final) == (verdict, owed, 1, False)
    assert dispute.case.rulings[0].ruled_at == dispute.instant(days(2))


EXCHANGES = (
    ('demands = ["refund"]', 'demands = ["refund", "exchange"]'),
    ('outcomes = ["refund",', 'outcomes = ["refund", "exchange",'),
)
"""A policy where what is demanded and granted need be no money."""


def test_granting_the_thing_demanded_upholds_and_granting_another_upholds_in_part() -> None:
    swap = Rule(outcome="exchange", rule="delivery_not_proved", reasons="换货。")
    for demand, verdict in (("exchange", "upheld"), ("refund", "partly_upheld")):
        dispute = filed(*EXCHANGES, demand=demand).when(REFUSE, at=days(1)).when(swap, at=days(2)).then("ruled")
        assert [(one.verdict, one.owed) for one in dispute.case.rulings] == [(verdict, None)]


def test_a_refund_is_of_the_amount_claimed_last() -> None:
    dispute = filed().when(AMEND, at=hours(1)).when(REFUSE, at=days(1))
    dispute.when(REFUND, at=days(2)).faults("/data/amount")
    dispute.when(replace(REFUND, amount=yuan(100)), at=days(2)).then("ruled")


DIGEST = proof(99).sha256
WRONG_RULINGS = [
    (replace(REFUND, outcome="exchange"), ("/data/outcome",)),
    (replace(REFUND, rule="because_i_say_so"), ("/data/rule",)),
    (replace(REFUND, amount=yuan(128)), ("/data/amount",)),
    (replace(REFUND, amount=None), ("/data/amount",)),
    (replace(REFUND, amount=Money(amount=12900, currency="USD")), ("/data/amount/currency",)),
    (replace(PART_REFUND, amount=yuan(129)), ("/data/amount",)),
    (replace(PART_REFUND, amount=yuan(0)), ("/data/amount",)),
    (replace(REJECT, amount=yuan(1)), ("/data/amount",)),
    (replace(REFUND, evidence=(proof(1).sha256, DIGEST)), ("/data/evidence/1",)),
    (replace(REFUND, liable=(Liable(party="respondent", share=9_999),)), ("/data/liable",)),
    (
        replace(REFUND, outcome="gift", rule="none", evidence=(DIGEST,)),
        ("/data/outcome", "/data/rule", "/data/evidence/0"),
    ),
]


@pytest.mark.parametrize(("ruling", "pointers"), WRONG_RULINGS)
def test_a_ruling_that_does_not_hold_is_refused_with_every_fault(ruling: Rule, pointers: tuple[str, ...]) -> None:
    refused().when(ruling, at=days(2)).faults(*pointers)


def test_a_ruling_may_share_liability_and_weigh_the_evidence_of_both_sides() -> None:
    shares = (Liable(party="respondent", share=7_000), Liable(party="complainant", share=3_000))
    weighed = (proof(1).sha256, proof(2).sha256)
    dispute = refused().when(replace(PART_REFUND, liable=shares, evidence=weighed, penalties=("points",)), at=days(2))
    dispute.then("ruled")
    borne = [(one.party, one.share, one.amount) for one in dispute.case.rulings[0].liable]
    assert borne == [("respondent", 7_000, yuan(42)), ("complainant", 3_000, yuan(18))]
    assert dispute.case.rulings[0].evidence == weighed
    assert dispute.case.rulings[0].penalties == (Penalty(kind="points", on="respondent"),)


@pytest.mark.parametrize("amount", [None, yuan(0)])
def test_a_thing_is_granted_whole_whether_no_amount_is_said_or_none_of_it(amount: Money | None) -> None:
    exchange = Rule(outcome="exchange", amount=amount, rule="defect_proved", reasons="换货。")
    dispute = at_the_desk(complaint("quality", demand="exchange")).when(exchange, at=hours(3)).then("ruled")
    assert (dispute.case.rulings[0].verdict, dispute.case.rulings[0].owed) == ("upheld", None)


def test_a_claim_of_which_the_complainant_bears_a_share_is_upheld_in_part() -> None:
    shares = (Liable(party="respondent", share=7_000), Liable(party="complainant", share=3_000))
    whole = refused().when(replace(REFUND, liable=(Liable(party="respondent", share=10_000),)), at=days(2))
    assert whole.case.rulings[0].verdict == "upheld"
    shared = refused().when(replace(REFUND, liable=shares), at=days(2))
    assert (shared.case.rulings[0].verdict, shared.case.rulings[0].owed) == (
        "partly_upheld",
        Money(amount=9_030, currency="CNY"),
    )


def test_nobody_rules_before_the_platform_is_in() -> None:
    filed().when(REFUND, at=hours(1)).refused("not_allowed_now")


def test_the_talks_are_over_once_the_platform_is_in() -> None:
    dispute = refused()
    for late in (AmendClaim(demand="refund", amount=yuan(1)), REFUSE):
        dispute.when(late, at=days(2)).refused("not_allowed_now")
    dispute.when(EVIDENCE, at=days(2)).then("evidence_submitted")


def test_once_ruled_the_complainant_can_no_longer_withdraw_nor_anybody_bring_evidence() -> None:
    dispute = refused().when(REFUND, at=days(2))
    dispute.when(WITHDRAW, at=days(3)).refused("not_allowed_now")
    dispute.when(EVIDENCE, at=days(3)).refused("not_allowed_now")
