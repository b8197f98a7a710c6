"""What was posted by mistake is put right, and both stay visible: a ruling before anything was done on it, or words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.commands import Correct, Correction, Note, PayAdvance, Recover, Rule
from case_events.core.events import Corrected
from case_events.core.gates import allowed_events
from case_events.core.values import Instant, Liable
from tests.core import subjects
from tests.core.market import GOODS, PART_REFUND, REFUND, REJECT, WORDS, complaint
from tests.core.moves import fen
from tests.examples import (
    ACCEPT,
    ACCEPT_RULING,
    ADDRESS,
    AGREE,
    APPEAL,
    ASK_FOR_PHOTOS,
    MESSAGE,
    NOON,
    REFUNDED,
    REFUSE,
    TICK,
    extend,
    yuan,
)
from tests.spec import Dispute, days, hours

FINAL: dict[str, Any] = {"appeal.rounds": 0}


def ruled(rules: dict[str, Any] | None = None, ruling: Rule = PART_REFUND, **filing: Any) -> Dispute:
    """Refused and ruled at once; 60 of 129 yuan."""
    return complaint(rules, **filing).when(REFUSE, at=hours(0)).when(ruling, at=hours(0)).then("ruled")


def correction(dispute: Dispute, **fields: Any) -> Correct:
    """What was wrong in the last ruling."""
    return Correct(event=dispute.case.rulings[-1].event_id, fields=Correction(**fields), reason="金额录入错误。")


def test_a_ruling_that_may_be_appealed_reads_as_it_should_and_both_sides_have_the_whole_window_again() -> None:
    dispute = ruled().runs(appeal=days(7))
    dispute.when(correction(dispute, amount=yuan(90)), at=days(2)).then("corrected", status="appealable")
    dispute.runs(appeal=days(9))
    ruling = dispute.case.rulings[-1]
    assert (ruling.owed, ruling.corrected_by, ruling.round, ruling.final) == (yuan(90), dispute.case.version, 1, False)
    event = dispute.history[-1].event
    assert isinstance(event, Corrected)
    assert (event.event, event.version) == (ruling.event_id, dispute.case.version - 1)
    dispute.fork().when(APPEAL, at=days(9)).then("appealed")
    dispute.fork().when(APPEAL, at=days(9) + TICK).refused("deadline_passed", "appeal_window_expired")
    dispute.passes(days(9) + TICK).then("appeal_window_expired", owed=yuan(90), outcome="partly_upheld")


def test_why_a_ruling_departed_holds_while_its_figures_stay_and_other_figures_need_a_reason_of_their_own() -> None:
    five_percent = {"partial_refund": {"share_of": "paid", "basis_points": 500}}
    plain = {"procedure": "claim", "title": WORDS, "ruling": {"amounts": five_percent}}
    dispute = ruled(ruling=replace(PART_REFUND, departs="双方另有约定。"), whole={"types.plain": plain})
    dispute.fork().when(correction(dispute, reasons="更正理由。"), at=hours(1)).then("corrected")
    dispute.fork().when(correction(dispute, amount=yuan(70), reasons="更正理由。"), at=hours(1)).faults(
        "/data/fields/amount"
    )
    dispute.fork().when(correction(dispute, amount=fen(645)), at=hours(1)).then("corrected")
    dispute.when(correction(dispute, amount=yuan(70), departs="约定为七十元。"), at=hours(1)).then("corrected")
    assert (dispute.case.rulings[-1].departs, dispute.case.rulings[-1].owed) == ("约定为七十元。", yuan(70))


def test_a_ruling_that_cited_the_wrong_clause_cites_the_right_one() -> None:
    dispute = ruled()
    dispute.when(correction(dispute, rule="appeal"), at=hours(1)).then("corrected")
    ruling = dispute.case.rulings[-1]
    assert (ruling.rule, ruling.owed, ruling.outcome) == ("appeal", yuan(60), "partial_refund")


def test_a_listing_ruled_off_by_mistake_is_back_once_the_ruling_reads_otherwise() -> None:
    report = subjects.filed(subjects.subjects()["taobao@2026.6 counterfeit_report"], NOON)
    report.when(replace(REJECT, outcome="takedown", rule="violation_found"), at=hours(1)).then("ruled", takedown=True)
    fix = correction(report, outcome="rejected", rule="violation_not_found")
    report.when(fix, at=hours(2)).then("corrected", status="appealable", takedown=False)
    claim = subjects.filed(subjects.subjects()["taobao@2026.6 ip_infringement"], NOON).when(ACCEPT, at=hours(1))
    claim.when(REFUSE, at=hours(2)).when(replace(REJECT, outcome="takedown", rule="infringed"), at=hours(3))
    claim.when(correction(claim, outcome="rejected", rule="not_infringed"), at=hours(4)).then(
        "corrected", takedown=True
    )


def test_a_window_that_was_extended_further_is_not_shortened_by_a_correction() -> None:
    dispute = ruled().when(extend("appeal", "both", Instant.of(NOON + days(20))), at=hours(1))
    dispute.when(correction(dispute, amount=yuan(90)), at=hours(2)).then("corrected").runs(appeal=days(20))


def test_who_accepted_the_ruling_accepted_other_words_and_may_appeal_the_corrected_one() -> None:
    dispute = ruled().when(ACCEPT_RULING, at=hours(1)).then("ruling_accepted")
    dispute.fork().when(APPEAL, at=hours(2)).refused("not_allowed_now")
    dispute.when(correction(dispute, amount=yuan(61)), at=hours(2)).then("corrected", accepted_by=())
    dispute.when(APPEAL, at=hours(3)).then("appealed", contested_by=("complainant",))


def test_a_ruling_that_waits_for_its_remedy_owes_what_it_now_says() -> None:
    dispute = ruled(FINAL).runs(remedy=days(3))
    dispute.when(correction(dispute, outcome="refund", amount=yuan(129)), at=days(1)).then("corrected")
    dispute.runs(remedy=days(4))
    assert (dispute.case.outcome, dispute.case.remedy, dispute.case.owed) == ("upheld", "refund", yuan(129))
    dispute.when(REFUNDED, at=days(2)).then("remedied", "closed", outcome="upheld")


def test_a_ruling_corrected_to_a_rejection_ends_the_case() -> None:
    dispute = ruled(FINAL)
    dispute.when(correction(dispute, outcome="rejected", reasons="证据不足。"), at=days(1))
    dispute.then("corrected", "closed", outcome="rejected", owed=None, remedy=None).runs()


def test_a_correction_changes_what_is_recovered_too() -> None:
    dispute = complaint(FINAL | {"advance.up_to": 10_000}).when(PayAdvance(amount=yuan(100)), at=hours(0))
    dispute.when(REFUSE, at=hours(0)).when(PART_REFUND, at=hours(0)).then("ruled", status="waiting_for_recovery")
    dispute.when(correction(dispute, outcome="refund", amount=yuan(129)), at=days(1)).then("corrected")
    assert [(one.party, one.amount) for one in dispute.case.recoveries] == [("respondent", yuan(100))]
    assert (dispute.case.status, dispute.case.owed) == ("waiting_for_remedy", yuan(29))
    assert {(one.kind, one.party) for one in dispute.case.clocks} == {
        ("remedy", "respondent"),
        ("recovery", "respondent"),
    }
    dispute.when(Recover(party="respondent", amount=yuan(100)), at=days(1)).then("recovered")
    dispute.when(correction(dispute, amount=yuan(60)), at=days(1)).refused("not_allowed_now")


def remedied() -> Dispute:
    follow_up = {"follow_up": {"within": {"days": 7}}}
    dispute = ruled(FINAL | follow_up).when(replace(REFUNDED, kind="partial_refund", amount=yuan(60)), at=hours(1))
    return dispute.then("remedied", status="waiting_for_follow_up")


def sent_the_address() -> Dispute:
    granted = replace(REFUND, outcome="return_and_refund")
    dispute = ruled(FINAL | GOODS, granted, demand="return_and_refund")
    dispute.fork().when(correction(dispute, outcome="refund"), at=hours(1)).refused("invalid")
    dispute.fork().when(correction(dispute, outcome="rejected", reasons="不成立。"), at=hours(1)).then(
        "corrected", "closed"
    )
    return dispute.when(ADDRESS, by="respondent", at=hours(1)).then("returned")


def appealed() -> Dispute:
    return ruled().when(APPEAL, at=hours(1)).then("appealed")


def closed() -> Dispute:
    dispute = complaint(FINAL).when(REFUSE, at=hours(0)).when(REJECT, at=hours(0))
    return dispute.then("ruled", "closed")


def never_sent() -> Dispute:
    rules = FINAL | GOODS | {"advance": {"up_to": 50_000}, "follow_up": {"within": {"days": 7}}}
    dispute = complaint(rules).when(PayAdvance(amount=yuan(50)), at=hours(0)).when(REFUSE, at=hours(0))
    dispute.when(replace(REFUND, outcome="return_and_refund"), at=hours(0)).then("ruled", status="waiting_for_return")
    dispute.when(ADDRESS, by="respondent", at=hours(1)).passes(days(7) + hours(1) + TICK)
    return dispute.then("return_timed_out", status="waiting_for_recovery", outcome="lapsed")


@pytest.mark.parametrize("done", [remedied, sent_the_address, appealed, closed, never_sent])
def test_once_anything_was_done_on_a_ruling_it_is_not_corrected(done: Any) -> None:
    dispute = done()
    before = len(dispute.history)
    dispute.when(correction(dispute, reasons="更正。"), at=dispute.now).refused("not_allowed_now")
    assert len(dispute.history) == before


def test_only_the_last_ruling_is_corrected_and_its_finality_stays() -> None:
    dispute = ruled().when(APPEAL, at=hours(1)).when(REFUND, at=hours(2)).then("ruled", status="waiting_for_remedy")
    first = Correct(event=dispute.case.rulings[0].event_id, fields=Correction(amount=yuan(70)), reason="笔误。")
    dispute.when(first, at=hours(3)).refused("not_allowed_now")
    dispute.when(correction(dispute, outcome="partial_refund", amount=yuan(80)), at=hours(3)).then("corrected")
    assert (dispute.case.rulings[-1].final, dispute.case.rulings[-1].round) == (True, 2)
    assert (dispute.case.rulings[0].owed, dispute.case.owed) == (yuan(60), yuan(80))


def test_a_corrected_ruling_keeps_every_rule_a_ruling_keeps() -> None:
    dispute = ruled()
    shares = (Liable(party="respondent", share=9_999),)
    asked = correction(dispute, amount=yuan(130), rule="no_such_clause", liable=shares)
    asked_of = dispute.when(asked, at=hours(1)).refused("invalid")
    pointers = {fault.pointer for fault in asked_of.errors}
    assert pointers == {"/data/fields/amount", "/data/fields/rule", "/data/fields/liable"}
    dispute.when(correction(dispute, text="更正。"), at=hours(1)).faults("/data/fields")
    dispute.when(correction(dispute), at=hours(1)).faults("/data/fields")


def test_words_are_corrected_at_any_time_and_change_nothing_else() -> None:
    dispute = complaint().when(MESSAGE, at=hours(1)).when(Note(text="已致电商家。"), at=hours(2))
    for number in (1, 2):
        fix = Correct(event=dispute.history[number].event_id, fields=Correction(text="更正后的话。"), reason="错别字。")
        before = dispute.case
        dispute.when(fix, at=hours(3)).then("corrected")
        assert replace(dispute.case, version=before.version, updated_at=before.updated_at) == before
        event = dispute.history[-1].event
        assert isinstance(event, Corrected)
        assert (event.version, event.text) == (number + 1, "更正后的话。")
    closed_case = dispute.when(AGREE, at=hours(4)).when(REFUNDED, at=hours(5)).then("remedied", "closed")
    fix = Correct(event=closed_case.history[1].event_id, fields=Correction(text="最后的更正。"), reason="错别字。")
    closed_case.when(fix, at=hours(6)).then("corrected", status="closed")


def test_what_never_was_or_is_no_words_is_not_corrected() -> None:
    dispute = complaint().when(MESSAGE, at=hours(1))
    unknown = Correct(event=UUID(int=7), fields=Correction(text="更正。"), reason="笔误。")
    dispute.when(unknown, at=hours(2)).faults("/data/event")
    both = Correct(event=dispute.history[1].event_id, fields=Correction(text="更正。", amount=yuan(1)), reason="笔误。")
    dispute.when(both, at=hours(2)).faults("/data/fields")


def test_correcting_is_offered_only_where_there_is_something_to_correct() -> None:
    def offered(dispute: Dispute) -> bool:
        rules = dispute.in_force.type_of("plain")
        return "corrected" in {one.type for one in allowed_events(dispute.case, rules)}

    evidence = {"evidence": {"within": {"days": 3}}}
    assert not offered(complaint())
    assert offered(complaint().when(MESSAGE, at=hours(1)))
    assert offered(ruled())
    assert not offered(complaint(evidence))
    replied = complaint(evidence).when(REFUSE, at=hours(1)).when(ASK_FOR_PHOTOS, at=hours(1))
    assert offered(replied), "the reply's words"
