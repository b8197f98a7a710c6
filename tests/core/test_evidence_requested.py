"""The platform asks for more: the asked side has its time, the platform's own clock goes on (domain A3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from case_events.core.commands import SubmitEvidence
from case_events.core.gates import required_action_by
from case_events.core.missing import missing_evidence
from case_events.core.values import Instant
from tests.examples import (
    ACCEPT,
    APPEAL,
    ASK_FOR_PHOTOS,
    REFUND,
    REFUSE,
    REJECT,
    TICK,
    WITH_ACCEPTANCE,
    WITH_EVIDENCE,
    WITHDRAW,
    proof,
)
from tests.spec import Dispute, days, filed, hours

PHOTO = SubmitEvidence(evidence=(proof(11, "photo"),))
BOTH_KINDS = SubmitEvidence(evidence=(proof(11, "photo"), proof(12, "packaging")))
IN_A_DAY = replace(ASK_FOR_PHOTOS, within=timedelta(days=1))
THURSDAY_NIGHT = Instant.parse("2026-03-06T00:00:00+08:00")


def missing(dispute: Dispute) -> tuple[str, ...]:
    return tuple(one.kind for one in missing_evidence(dispute.case))


def asked() -> Dispute:
    """Refused on Tuesday noon, asked an hour later, to be ruled until Thursday 24:00."""
    dispute = filed(WITH_EVIDENCE).when(REFUSE, at=days(1)).when(ASK_FOR_PHOTOS, at=hours(25))
    return dispute.then("evidence_requested", status="evidence_requested", stage="claim")


def test_the_asked_side_has_the_policys_time_and_the_ruling_is_due_as_before() -> None:
    dispute = asked().runs(ruling=THURSDAY_NIGHT, evidence=hours(25) + days(3))
    assert dispute.clock("evidence").party == "complainant"
    assert required_action_by(dispute.case) == ("complainant",)
    assert missing(dispute) == ("photo", "packaging")


def test_what_was_asked_for_brings_the_case_back_to_the_desk() -> None:
    dispute = asked().when(BOTH_KINDS, at=hours(30)).then("evidence_submitted", status="under_review")
    dispute.runs(ruling=THURSDAY_NIGHT)
    assert missing(dispute) == ()


def test_what_was_left_out_stays_missing_until_it_is_brought() -> None:
    dispute = asked().when(PHOTO, at=hours(30)).then("evidence_submitted", status="under_review")
    assert missing(dispute) == ("packaging",)
    dispute.when(SubmitEvidence(evidence=(proof(12, "packaging"),)), at=hours(31)).then("evidence_submitted")
    assert missing(dispute) == ()


def test_what_the_other_side_brings_does_not_end_the_waiting() -> None:
    dispute = asked().when(BOTH_KINDS, by="respondent", at=hours(30)).then("evidence_submitted")
    dispute.runs(ruling=THURSDAY_NIGHT, evidence=hours(25) + days(3))
    assert (dispute.case.status, len(missing_evidence(dispute.case))) == ("evidence_requested", 2)


def test_what_is_asked_for_later_comes_beside_what_is_still_missing() -> None:
    more = replace(ASK_FOR_PHOTOS, kinds=("video",))
    dispute = asked().when(PHOTO, at=hours(30)).when(more, at=hours(31)).then("evidence_requested")
    assert missing(dispute) == ("video", "packaging")


def test_what_a_ruling_did_without_is_not_missing_any_more_nor_asked_for_again_after_an_appeal() -> None:
    dispute = asked().passes(days(4) + hours(2))
    assert missing(dispute) == ("photo", "packaging")
    dispute.when(REJECT, at=days(4) + hours(3)).then("ruled", status="appealable")
    assert missing(dispute) == ()
    dispute.when(APPEAL, at=days(5)).then("appealed", status="appeal_under_review")
    assert missing(dispute) == ()
    dispute.when(replace(IN_A_DAY, kinds=("invoice",)), at=days(5) + hours(1)).then("evidence_requested")
    assert missing(dispute) == ("invoice",)


def test_the_time_runs_out_and_the_case_goes_on_without_it() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(IN_A_DAY, at=hours(25)).passes(hours(49)).then()
    dispute.passes(hours(49) + TICK).then("evidence_timed_out", status="under_review", priority=0)
    dispute.runs(ruling=THURSDAY_NIGHT)
    assert missing(dispute) == ("photo", "packaging")
    dispute.when(REFUND, at=hours(50)).then("ruled")


def test_a_late_ruling_is_a_late_ruling_even_while_evidence_is_awaited() -> None:
    dispute = asked().passes(Instant.of(THURSDAY_NIGHT + TICK)).then("ruling_timed_out", status="evidence_requested")
    dispute.passes(hours(25) + days(3) + TICK)
    assert (dispute.case.status, dispute.written[-1]) == ("under_review", "evidence_timed_out")


def test_while_the_platform_waits_it_does_not_rule_but_the_complainant_may_withdraw() -> None:
    asked().when(REFUND, at=hours(26)).refused("not_allowed_now")
    asked().when(WITHDRAW, at=hours(26)).then("withdrawn", "closed").runs()


def test_before_accepting_the_platform_may_ask_too() -> None:
    dispute = filed(WITH_ACCEPTANCE).when(IN_A_DAY, at=hours(1))
    dispute.then("evidence_requested").runs(acceptance=hours(24), evidence=hours(25))
    dispute.when(ACCEPT, at=hours(2)).refused("not_allowed_now")
    dispute.when(PHOTO, at=hours(3)).then("evidence_submitted", status="waiting_for_acceptance")
    dispute.when(ACCEPT, at=hours(4)).then("accepted")


def test_on_appeal_the_asked_side_brings_its_evidence_but_the_claim_cannot_be_withdrawn() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(REFUND, at=days(2)).when(APPEAL, by="respondent", at=days(3))
    dispute.when(replace(IN_A_DAY, party="respondent"), at=days(3)).then("evidence_requested", stage="appeal")
    assert required_action_by(dispute.case) == ("respondent",)
    dispute.when(WITHDRAW, at=days(3)).refused("not_allowed_now")
    dispute.when(PHOTO, by="respondent", at=days(3)).then("evidence_submitted", status="appeal_under_review")


def test_where_the_policy_names_no_time_the_platform_must() -> None:
    filed().when(REFUSE, at=days(1)).when(ASK_FOR_PHOTOS, at=days(1)).faults("/data/within")


@pytest.mark.parametrize("within", [timedelta(0), timedelta(hours=-1), timedelta(days=365, microseconds=1)])
def test_a_time_that_is_none_or_beyond_a_year_is_refused(within: timedelta) -> None:
    request = replace(ASK_FOR_PHOTOS, within=within)
    filed(WITH_EVIDENCE).when(REFUSE, at=days(1)).when(request, at=days(1)).faults("/data/within")


def test_a_side_may_be_given_a_whole_year() -> None:
    request = replace(ASK_FOR_PHOTOS, within=days(365))
    filed(WITH_EVIDENCE).when(REFUSE, at=days(1)).when(request, at=days(1)).then("evidence_requested")


def test_only_the_platform_asks_and_only_while_it_is_next() -> None:
    filed().when(IN_A_DAY, at=hours(1)).refused("not_allowed_now")
    filed().when(REFUSE, at=days(1)).when(IN_A_DAY, by="complainant", at=days(1)).refused("forbidden")
