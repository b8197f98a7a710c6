"""The second look: one appeal per ruling, new evidence, a window, and the ruling that is final (P1, P2, E3)."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.commands import Appeal
from case_events.core.values import Instant
from tests.examples import (
    APPEAL,
    EVIDENCE,
    NO_APPEAL,
    PART_REFUND,
    REFUND,
    REFUSE,
    REJECT,
    TICK,
    TWO_APPEALS,
    proof,
    yuan,
)
from tests.spec import Dispute, days, filed

RULED = days(2)


def ruled(*changes: tuple[str, str], ruling: object = REFUND) -> Dispute:
    """Refused on Tuesday noon, ruled on Wednesday noon."""
    return filed(*changes).when(REFUSE, at=days(1)).when(ruling, at=RULED)  # type: ignore[arg-type]


def test_a_ruling_can_be_appealed_by_either_side_for_seven_days() -> None:
    dispute = ruled().runs(appeal=RULED + days(7))
    assert dispute.clock("appeal").party == "both"
    dispute.fork().when(APPEAL, by="complainant", at=days(3)).then("appealed", contested_by=("complainant",))
    dispute.fork().when(APPEAL, by="respondent", at=days(3)).then("appealed", contested_by=("respondent",))


def test_an_appeal_the_very_last_instant_of_the_window_is_in_time() -> None:
    ruled().when(APPEAL, at=RULED + days(7)).then("appealed", status="appeal_under_review", stage="appeal")


def test_an_appeal_one_microsecond_after_the_window_is_too_late_and_the_ruling_stands() -> None:
    dispute = ruled().when(APPEAL, at=RULED + days(7) + TICK)
    dispute.refused("deadline_passed", "appeal_window_expired", due_at=dispute.instant(RULED + days(7)))
    assert (dispute.case.status, dispute.case.outcome) == ("waiting_for_remedy", "upheld")
    dispute.runs(remedy=RULED + days(7) + days(3))


def test_a_rejected_claim_is_closed_when_its_window_is_over() -> None:
    dispute = ruled(ruling=REJECT).passes(RULED + days(7) + TICK)
    dispute.then("appeal_window_expired", "closed", outcome="rejected", status="closed").runs()


def test_an_appeal_must_bring_evidence_that_was_not_there_before() -> None:
    nothing_new = Appeal(reason="再看一次。", evidence=(proof(1), proof(2)))
    dispute = ruled().when(nothing_new, at=days(3)).faults("/data/evidence")
    some_new = replace(nothing_new, evidence=(proof(1), proof(9)))
    dispute.when(some_new, at=days(3)).then("appealed")
    assert dispute.case.evidence[-1].evidence == proof(9)


def test_the_first_appeal_closes_the_window_and_the_other_side_answers_with_evidence() -> None:
    dispute = ruled().when(APPEAL, by="respondent", at=days(3)).then("appealed")
    again = replace(APPEAL, evidence=(proof(10),))
    dispute.when(again, by="complainant", at=days(4)).refused("not_allowed_now", due_at=None)
    dispute.when(EVIDENCE, by="complainant", at=days(4)).then("evidence_submitted")


def test_an_appeal_is_ruled_on_within_three_working_days() -> None:
    dispute = ruled().when(APPEAL, at=days(3))  # a Thursday: Friday, Monday, Tuesday
    dispute.runs(ruling=Instant.parse("2026-03-11T00:00:00+08:00"))


def test_the_second_ruling_is_final_and_what_it_owes_is_due() -> None:
    dispute = ruled(ruling=REJECT).when(APPEAL, at=days(3)).when(PART_REFUND, at=days(4))
    dispute.then("ruled", outcome="partly_upheld", status="waiting_for_remedy", owed=yuan(60), stage="appeal")
    assert dispute.case.rulings[-1].final
    dispute.runs(remedy=days(7)).when(replace(APPEAL, evidence=(proof(11),)), at=days(5)).refused("not_allowed_now")


def test_a_final_rejection_closes_the_case_at_once() -> None:
    dispute = ruled().when(APPEAL, by="respondent", at=days(3)).when(REJECT, at=days(4))
    dispute.then("ruled", "closed", status="closed", outcome="rejected").runs()


def test_a_policy_may_let_two_rulings_be_appealed() -> None:
    dispute = ruled(TWO_APPEALS).when(APPEAL, at=days(3)).when(REJECT, at=days(4)).then("ruled", status="appealable")
    dispute.when(replace(APPEAL, evidence=(proof(12),)), by="respondent", at=days(5)).then("appealed")
    dispute.when(REFUND, at=days(6)).then("ruled", status="waiting_for_remedy", outcome="upheld")
    assert [(ruling.round, ruling.final) for ruling in dispute.case.rulings] == [(1, False), (2, False), (3, True)]


def test_a_policy_may_allow_no_appeal_at_all() -> None:
    dispute = ruled(NO_APPEAL).then("ruled", status="waiting_for_remedy", outcome="upheld").runs(remedy=RULED + days(3))
    dispute.when(APPEAL, at=days(3)).refused("not_allowed_now")
