"""One department up the ladder, none skipped, and the case as open as it was (domain I1)."""

from __future__ import annotations

from msgspec.structs import replace

from tests.examples import ESCALATE, REFUND, REFUSE
from tests.spec import days, filed, hours

TO_SUPERVISION = replace(ESCALATE, to="platform_supervision")


def test_a_case_goes_up_one_department_at_a_time() -> None:
    dispute = filed().when(REFUSE, at=days(1))
    before = dispute.case.clocks
    dispute.when(ESCALATE, at=days(1)).then("escalated", department="consumer_protection", status="under_review")
    assert dispute.case.clocks == before
    dispute.when(TO_SUPERVISION, at=days(1)).then("escalated", department="platform_supervision")
    dispute.when(REFUND, at=days(2)).then("ruled")


def test_no_level_is_skipped_and_none_is_gone_down() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(TO_SUPERVISION, at=days(1)).faults("/data/to")
    dispute.when(ESCALATE, at=days(1)).then("escalated").when(ESCALATE, at=days(1)).faults("/data/to")
    dispute.when(replace(ESCALATE, to="customer_service"), at=days(1)).faults("/data/to")


def test_above_the_last_department_there_is_none() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(ESCALATE, at=days(1)).when(TO_SUPERVISION, at=days(1))
    problem = dispute.when(TO_SUPERVISION, at=days(1)).refused("invalid")
    assert problem.errors[0].detail == "no department is above platform_supervision"


def test_a_complainant_may_not_escalate_nor_the_platform_before_it_is_in() -> None:
    filed().when(REFUSE, at=days(1)).when(ESCALATE, by="complainant", at=days(1)).refused("forbidden")
    filed().when(ESCALATE, at=hours(1)).refused("not_allowed_now")
