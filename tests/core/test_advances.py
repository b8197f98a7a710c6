"""The platform pays first and gets it back from whoever loses (domain P6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from case_events.core.commands import PayAdvance, Recover
from case_events.core.facts import FilingFacts
from case_events.core.gates import required_action_by
from case_events.core.others import Facts
from case_events.core.values import Liable
from tests.core.market import FILING, GOODS, PART_REFUND, REFUND, REJECT, complaint, market
from tests.examples import (
    ADDRESS,
    AGREE,
    ASK_FOR_PHOTOS,
    CLOSE,
    DISMISS,
    NOON,
    OFFER,
    RECEIVED,
    REFUNDED,
    REFUSE,
    SHIPPED,
    TAKE_THE_OFFER,
    TICK,
    WITHDRAW,
    extend,
    yuan,
)
from tests.spec import Dispute, days, given, hours

ADVANCE: dict[str, Any] = {"advance.up_to": 10_000, "appeal.rounds": 0}
LOOKS: dict[str, Any] = {"follow_up.within": {"days": 7}}
HUNDRED = PayAdvance(amount=yuan(100), reference="A-1")


def advanced(rules: dict[str, Any] | None = None, advance: PayAdvance = HUNDRED, **filing: Any) -> Dispute:
    """A hundred yuan paid while the respondent is still to answer."""
    dispute = complaint(ADVANCE | (rules or {}), **filing)
    return dispute.when(advance, at=hours(1)).then("advance_paid", status="waiting_for_merchant")


def back(dispute: Dispute) -> dict[str, int]:
    """What each side owes back, in yuan."""
    assert all(one.amount.amount % 100 == 0 for one in dispute.case.recoveries)
    return {one.party: one.amount.amount // 100 for one in dispute.case.recoveries}


def clocks(dispute: Dispute) -> dict[tuple[str, str], timedelta]:
    return {(one.kind, one.party): one.due_at - dispute.filed_at for one in dispute.case.clocks}


def test_an_advance_stays_within_the_policys_sum_and_what_is_claimed() -> None:
    wants_more = advanced().when(PayAdvance(amount=yuan(1)), at=hours(2)).faults("/data/amount/amount")
    wants_more.when(replace(HUNDRED, amount=yuan(0)), at=hours(2)).faults("/data/amount/amount")
    small = complaint(ADVANCE, amount=yuan(60))
    small.when(PayAdvance(amount=yuan(61)), at=hours(1)).faults("/data/amount/amount")
    small.when(PayAdvance(amount=yuan(60)), at=hours(1)).then("advance_paid")


def test_nothing_is_paid_ahead_of_a_thing_or_of_goods_that_must_come_back_first() -> None:
    for demand in ("repair", "return_and_refund"):
        asked = complaint(ADVANCE | GOODS, demand=demand).when(HUNDRED, at=hours(1))
        assert [fault.pointer for fault in asked.refused("invalid").errors] == ["/data/amount"]
    complaint().when(HUNDRED, at=hours(1)).refused("not_allowed_now")


def test_granted_whole_the_respondent_pays_the_platform_what_it_paid_and_the_complainant_the_rest() -> None:
    ruled = advanced().when(REFUSE, at=hours(2)).when(REFUND, at=hours(3)).then("ruled", status="waiting_for_remedy")
    assert (ruled.case.owed, back(ruled)) == (yuan(29), {"respondent": 100})
    due = days(3) + hours(3)
    assert clocks(ruled) == {("remedy", "respondent"): due, ("recovery", "respondent"): due}
    other_way = ruled.fork().when(Recover(party="respondent", amount=yuan(100)), at=hours(4))
    other_way.then("recovered", status="waiting_for_remedy", recoveries=())
    other_way.when(replace(REFUNDED, amount=yuan(29)), at=hours(5)).then("remedied", "closed", outcome="upheld")
    ruled.when(replace(REFUNDED, amount=yuan(29)), at=hours(4)).then("remedied", status="waiting_for_recovery")
    ruled.when(Recover(party="respondent", amount=yuan(100)), at=hours(5)).then("recovered", "closed", outcome="upheld")


def test_granted_in_part_both_sides_owe_their_part_back() -> None:
    ruled = advanced().when(REFUSE, at=hours(2)).when(PART_REFUND, at=hours(3))
    ruled.then("ruled", status="waiting_for_recovery", owed=None, remedy=None)
    assert back(ruled) == {"respondent": 60, "complainant": 40}
    ruled.when(Recover(party="complainant", amount=yuan(40)), at=hours(4)).then("recovered", outcome="partly_upheld")
    assert clocks(ruled) == {("recovery", "respondent"): days(3) + hours(3)}
    ruled.when(Recover(party="respondent", amount=yuan(60)), at=hours(5)).then("recovered", "closed")


Debtor = Literal["ruling", "respondent", "complainant"]


@pytest.mark.parametrize(
    ("debtor", "granted", "owed", "respondent", "complainant"),
    [
        ("respondent", 129, 29, 100, 0),
        ("respondent", 60, 0, 100, 0),
        ("complainant", 129, 129, 0, 100),
        ("complainant", 60, 60, 0, 100),
        ("ruling", 129, 29, 100, 0),
    ],
)
def test_an_advance_that_names_its_debtor_is_recovered_from_it(
    debtor: Debtor, granted: int, owed: int, respondent: int, complainant: int
) -> None:
    ruling = REFUND if granted == 129 else PART_REFUND
    ruled = advanced(advance=replace(HUNDRED, recover_from=debtor)).when(REFUSE, at=hours(2)).when(ruling, at=hours(3))
    assert ruled.case.owed == (yuan(owed) if owed else None)
    assert sum(back(ruled).values()) == 100
    assert back(ruled).get("respondent", 0) == respondent
    assert back(ruled).get("complainant", 0) == complainant


def test_of_two_advances_the_respondent_never_owes_back_more_than_was_granted_or_named() -> None:
    paid = advanced(advance=PayAdvance(amount=yuan(40), recover_from="respondent"))
    paid.when(PayAdvance(amount=yuan(60)), at=hours(1)).then("advance_paid")
    ruled = paid.when(REFUSE, at=hours(2)).when(PART_REFUND, at=hours(3))
    assert (back(ruled), ruled.case.owed) == ({"respondent": 60, "complainant": 40}, None)


def withdrawn(advance: PayAdvance = HUNDRED) -> Dispute:
    return advanced(LOOKS, advance).when(WITHDRAW, at=hours(2)).then("withdrawn", outcome="withdrawn")


def dismissed(advance: PayAdvance = HUNDRED) -> Dispute:
    acceptance = {"acceptance": {"within": {"days": 1}, "again_after": {"hours": 12}}}
    dispute = complaint(ADVANCE | LOOKS | acceptance).when(advance, at=hours(1)).when(DISMISS, at=hours(2))
    return dispute.then("dismissed", outcome="dismissed")


def lapsed(advance: PayAdvance = HUNDRED) -> Dispute:
    unlocks = {"reply.on_timeout": "unlock"}
    dispute = advanced(LOOKS | unlocks, advance).passes(days(3) + TICK).passes(days(10) + TICK)
    return dispute.then("intervention_window_expired", outcome="lapsed")


def rejected(advance: PayAdvance = HUNDRED) -> Dispute:
    return (
        advanced(LOOKS, advance).when(REFUSE, at=hours(2)).when(REJECT, at=hours(3)).then("ruled", outcome="rejected")
    )


@pytest.mark.parametrize("debtor", ["ruling", "respondent", "complainant"])
@pytest.mark.parametrize("failed", [withdrawn, dismissed, lapsed, rejected])
def test_a_claim_that_fails_is_owed_back_by_the_complainant_and_nobody_looks_how_it_was_handled(
    failed: Any, debtor: Debtor
) -> None:
    """Whoever the advance named: the respondent pays for nothing that was not granted."""
    dispute = failed(replace(HUNDRED, recover_from=debtor))
    assert (dispute.case.status, dispute.case.remedy, dispute.case.owed) == ("waiting_for_recovery", None, None)
    assert back(dispute) == {"complainant": 100}
    assert {one.kind for one in dispute.case.clocks} == {"recovery"}
    outcome = dispute.case.outcome
    done = dispute.when(Recover(party="complainant", amount=yuan(100)), at=dispute.now)
    done.then("recovered", "closed", outcome=outcome)


def test_of_a_claim_that_fails_every_advance_is_owed_back() -> None:
    paid = advanced(advance=PayAdvance(amount=yuan(40), recover_from="respondent"))
    paid.when(PayAdvance(amount=yuan(60)), at=hours(1)).then("advance_paid")
    assert back(paid.when(WITHDRAW, at=hours(2)).then("withdrawn")) == {"complainant": 100}


def test_withdrawn_while_evidence_is_waited_for_the_advance_is_still_owed_back() -> None:
    evidence = {"evidence.within": {"days": 3}}
    dispute = advanced(evidence).when(REFUSE, at=hours(2)).when(ASK_FOR_PHOTOS, at=hours(3))
    dispute.then("evidence_requested", status="evidence_requested")
    dispute.when(WITHDRAW, at=hours(4)).then("withdrawn", status="waiting_for_recovery")
    assert clocks(dispute) == {("recovery", "complainant"): days(3) + hours(4)}


def test_a_settlement_wholly_covered_by_the_advance_owes_the_platform_alone() -> None:
    settled = advanced(LOOKS, advance=PayAdvance(amount=yuan(100))).when(OFFER, at=hours(2))
    settled.when(TAKE_THE_OFFER, at=hours(3)).then("settled", status="waiting_for_recovery", owed=None)
    assert back(settled) == {"respondent": 50, "complainant": 50}
    settled.when(Recover(party="respondent", amount=yuan(50)), at=hours(4))
    settled.when(Recover(party="complainant", amount=yuan(50)), at=hours(5))
    settled.then("recovered", status="waiting_for_follow_up", outcome="settled").runs(follow_up=days(7) + hours(5))


def test_what_is_recovered_is_what_is_owed_back_by_who_owes_it() -> None:
    ruled = advanced().when(REFUSE, at=hours(2)).when(REFUND, at=hours(3))
    ruled.when(Recover(party="complainant", amount=yuan(100)), at=hours(4)).faults("/data/from")
    ruled.when(Recover(party="respondent", amount=yuan(99)), at=hours(4)).faults("/data/amount")
    plain = complaint(ADVANCE).when(AGREE, at=hours(2))
    plain.when(Recover(party="respondent", amount=yuan(1)), at=hours(4)).refused("not_allowed_now")


def test_a_recovery_that_does_not_come_gains_priority_and_can_then_be_written_off() -> None:
    due = days(3) + hours(2)
    dispute = withdrawn()
    dispute.when(CLOSE, at=due).refused("not_yet", opens_at=dispute.instant(due))
    dispute.passes(due).then().passes(due + TICK).then("recovery_timed_out", priority=1)
    dispute.runs(recovery=due + days(1))
    dispute.when(CLOSE, at=due + TICK).then("closed", outcome="withdrawn").runs()


def test_who_is_next_is_everybody_who_owes_something() -> None:
    """Q1: a thing is granted, so that the complainant gives back the money while the respondent repairs."""
    repaired = replace(REFUND, outcome="repair", amount=None)
    ruled = advanced(GOODS).when(REFUSE, at=hours(2)).when(repaired, at=hours(3))
    ruled.then("ruled", status="waiting_for_remedy", remedy="repair")
    assert (back(ruled), required_action_by(ruled.case)) == ({"complainant": 100}, ("respondent", "complainant"))
    ruled.when(Recover(party="complainant", amount=yuan(100)), at=hours(4)).then("recovered")
    assert required_action_by(ruled.case) == ("respondent",)
    whole = advanced().when(REFUSE, at=hours(2)).when(REFUND, at=hours(3))
    assert (back(whole), required_action_by(whole.case)) == ({"respondent": 100}, ("respondent",))


def test_nothing_is_written_off_while_either_debt_still_has_time() -> None:
    ruled = advanced().when(REFUSE, at=hours(2)).when(REFUND, at=hours(3))
    ruled.when(extend("recovery", "respondent", ruled.instant(days(9))), at=hours(4)).then("deadline_extended")
    remedy, recovery = days(3) + hours(3), days(9)
    ruled.passes(remedy + TICK).then("remedy_timed_out")
    ruled.when(CLOSE, at=remedy + TICK).refused("not_yet", opens_at=ruled.instant(recovery))
    ruled.passes(recovery + TICK)
    ruled.when(CLOSE, at=recovery + TICK).then("closed", outcome="upheld")


def test_a_party_told_late_keeps_its_minimum_notice_to_pay_back() -> None:
    unlocks = {"reply.on_timeout": "unlock", "remedy.within": {"days": 1}}
    late = advanced(unlocks).passes(days(3) + TICK).passes(days(20))
    clock = next(one for one in late.case.clocks if one.kind == "recovery")
    assert (clock.due_at, clock.minimum_notice) == (late.instant(days(21)), True)


# at once


INSTANT: dict[str, Any] = {"advance": {"up_to": 50_000, "instant_up_to": 20_000, "instant_reasons": ["late"]}}
TRUSTED = FilingFacts(trusted=True)


def at_once(rules: dict[str, Any] | None = None, *, marks: int = 0, **filing: Any) -> Dispute:
    asked = replace(FILING, **({"instant_refund": True, "facts": TRUSTED} | filing))
    in_force = market(INSTANT | (rules or {}))
    return given(in_force, facts=Facts(number="C-1", marks=marks)).file(asked, at=NOON)


def test_a_trusted_complainant_is_paid_at_filing() -> None:
    dispute = at_once().then("filed", "advance_paid", status="waiting_for_merchant")
    assert [(one.amount, one.ground) for one in dispute.case.advances] == [(yuan(129), "instant")]
    dispute.when(AGREE, at=hours(1)).then("merchant_replied", "settled", status="waiting_for_recovery")
    assert back(dispute) == {"respondent": 129}


def test_who_is_not_trusted_or_has_a_mark_waits_like_everybody() -> None:
    at_once(facts=None).then("filed", advances=())
    at_once(marks=1).then("filed", advances=())
    at_once(instant_refund=False).then("filed", advances=())


def test_what_the_policy_does_not_pay_at_once_is_a_fault_of_the_filing() -> None:
    at_once(amount=yuan(100), reason="broken").faults("/instant_refund")
    at_once({"advance.instant_up_to": 9_999}, amount=yuan(100)).faults("/instant_refund")
    at_once({"advance.instant_up_to": 10_000}, amount=yuan(100)).then("filed", "advance_paid")
    at_once(demand="repair").faults("/instant_refund")


def test_goods_paid_for_at_once_still_go_back_and_nothing_is_recovered_before_they_are_there() -> None:
    agreed = at_once(GOODS, demand="return_and_refund").when(AGREE, at=hours(1))
    agreed.then("merchant_replied", "settled", status="waiting_for_return").runs(return_address=days(2) + hours(1))
    agreed.when(Recover(party="respondent", amount=yuan(129)), at=hours(2)).refused("not_allowed_now")
    agreed.when(ADDRESS, by="respondent", at=hours(2))
    never_sent = agreed.fork().passes(days(7) + hours(2) + TICK)
    never_sent.then("return_timed_out", outcome="lapsed", status="waiting_for_recovery")
    assert back(never_sent) == {"complainant": 129}
    agreed.when(SHIPPED, at=hours(3)).when(RECEIVED, by="respondent", at=hours(4))
    agreed.then("returned", status="waiting_for_recovery").runs(recovery=days(3) + hours(4))
    assert back(agreed) == {"respondent": 129}


def test_a_respondent_who_would_not_have_the_goods_owes_the_platform_at_once() -> None:
    agreed = at_once(GOODS, demand="return_and_refund").when(AGREE, at=hours(1)).passes(days(2) + hours(1) + TICK)
    agreed.then("return_timed_out", status="waiting_for_recovery").runs(recovery=days(5) + hours(1))


def test_where_the_platform_bears_what_it_paid_the_case_goes_on_once_the_goods_are_back() -> None:
    """R1, P6: nobody owes anything any more, whether the goods came or the respondent would not have them."""
    borne = replace(REFUND, outcome="return_and_refund", liable=(Liable(party="platform", share=10_000),))
    for looked, status, ends in ((LOOKS, "waiting_for_follow_up", ()), ({}, "closed", ("closed",))):
        filed = at_once({"appeal.rounds": 0} | GOODS | looked, demand="return_and_refund")
        ruled = filed.when(REFUSE, at=hours(1)).when(borne, at=hours(2))
        ruled.then("ruled", status="waiting_for_return", recoveries=(), owed=None)
        silent = ruled.fork().passes(days(2) + hours(2) + TICK)
        silent.then("return_timed_out", *ends, status=status, outcome="upheld")
        ruled.when(ADDRESS, by="respondent", at=hours(3)).when(SHIPPED, at=hours(4))
        ruled.when(RECEIVED, by="respondent", at=hours(5)).then("returned", *ends, status=status, outcome="upheld")
        assert clocks(ruled) == ({("follow_up", "platform"): days(7) + hours(5)} if looked else {})
