"""An entry of the timeline, of every event: the clause it goes by, the clocks it shows, and whether it was late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.case import Case, RequestedEvidence
from case_events.core.events import EVENTS, Event, Filed, Recorded
from case_events.core.policy import ComplaintType
from case_events.core.terms import Clause
from case_events.core.timeline import Entry, Timeline, timeline
from case_events.core.values import Clock, Instant
from tests.core.standing import OWED_BACK, clock, day, standing
from tests.examples import policy, yuan
from tests.ledger.samples import SAMPLES
from tests.spec import filed

NAMED = ("filing", "acceptance", "reply", "negotiation", "intervention", "evidence", "ruling", "appeal", "remedy")
CLAUSES = {name: Clause(zh=f"{name}条", en=f"On {name}.") for name in (*NAMED, "return_leg", "delivery_not_proved")}
RULES: ComplaintType = replace(policy().type_of("not_received"), clauses=CLAUSES)
GOES_BY = {
    "filing": {"filed"},
    "acceptance": {"accepted", "dismissed", "acceptance_timed_out"},
    "reply": {
        *("claim_amended", "merchant_replied", "respondent_replied"),
        *("merchant_response_timed_out", "response_timed_out"),
    },
    "negotiation": {"negotiation_stalled"},
    "intervention": {
        *("intervention_requested", "expedited", "assigned", "escalated", "linked"),
        *("intervention_window_expired", "assignment_timed_out"),
    },
    "evidence": {"evidence_requested", "evidence_rejected", "evidence_timed_out"},
    "ruling": {"ruling_timed_out"},
    "delivery_not_proved": {"ruled"},  # a ruling names its own
    "appeal": {"appealed", "ruling_accepted", "appeal_window_expired"},
    "return_leg": {"returned", "return_timed_out"},
    "remedy": {
        *("remedied", "advance_paid", "recovered", "followed_up"),
        *("remedy_timed_out", "recovery_timed_out", "follow_up_timed_out"),
    },
    None: {
        *("evidence_submitted", "settled", "withdrawn", "messaged", "rated", "noted", "deadline_extended"),
        "timeout_reversed",
        *("corrected", "closed", "deadline_approaching", "subject_erased"),
    },
}
"""The clause each event's entry shows; none is shown where no rule moved anybody."""


def recorded(event: Event, late: timedelta = timedelta(0), version: int = 7) -> Recorded:
    return replace(
        filed().history[0],
        version=version,
        event=event,
        effective_at=Instant.of(getattr(event, "due_at", day(5)) + late),
    )


def told(*history: Recorded, case: Case | None = None, rules: ComplaintType = RULES) -> Timeline:
    return timeline(history, case or filed().case, rules)


def entry(event: Event, **said: Any) -> Entry:
    return told(recorded(event, **said)).entries[0]


@pytest.mark.parametrize("clause", GOES_BY)
def test_the_entry_of_each_event_names_the_clause_it_goes_by(clause: str | None) -> None:
    for name in GOES_BY[clause]:
        rule = entry(SAMPLES[name]).rule
        if clause is None:
            assert rule is None, name
        else:
            assert rule is not None, name
            said = (rule.clause, rule.zh, rule.en)
            assert said == (f"taobao@2026.1#not_received.{clause}", f"{clause}条", f"On {clause}."), name


def test_every_event_there_is_is_looked_at() -> None:
    assert set().union(*GOES_BY.values()) == set(EVENTS) == set(SAMPLES)


def test_an_entry_under_a_type_that_does_not_word_the_clause_names_none() -> None:
    one = recorded(SAMPLES["accepted"])
    assert told(one, rules=replace(RULES, clauses={})).entries[0].rule is None


@pytest.mark.parametrize("name", SAMPLES)
def test_an_entry_says_which_event_it_is_by_whom_and_when(name: str) -> None:
    one = replace(recorded(SAMPLES[name]), who="respondent", occurred_at=day(2), effective_at=day(3))
    said = told(one).entries[0]
    assert (said.version, said.event_id, said.type) == (7, one.event_id, name)
    assert (said.at, said.occurred_at, said.by) == (day(3), day(2), "respondent")


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("late", "said"), [(timedelta(0), False), (MINUTE, False), (MINUTE + timedelta(microseconds=1), True)]
)
def test_a_timeout_written_more_than_a_minute_late_says_so(late: timedelta, said: bool) -> None:
    text = entry(SAMPLES["ruling_timed_out"], late=late)
    assert ("补记" in text.zh, "Recorded late" in text.en) == (said, said)
    assert "补记" not in entry(SAMPLES["deadline_approaching"], late=late).zh


STARTED = (
    Clock(kind="ruling", party="platform", due_at=day(9)),
    Clock(kind="ruling_reminder", party="platform", due_at=day(8)),
)


def test_an_event_says_the_clocks_it_starts_but_no_reminder() -> None:
    said = entry(replace(SAMPLES["intervention_requested"], clocks=STARTED))
    assert [(one.kind, one.party, one.due_at) for one in said.clocks] == [("ruling", "platform", day(9))]
    assert said.zh.endswith("平台出具处理结果截止 2026-03-09 12:00。")
    assert said.en.endswith("Deadline for the platform's ruling: 2026-03-09 12:00 UTC+8.")


@pytest.mark.parametrize("name", ["claim_amended", "deadline_extended"])
def test_a_changed_claim_and_an_extension_move_a_clock(name: str) -> None:
    said = entry(replace(SAMPLES[name], clocks=STARTED))
    assert said.zh.endswith("平台出具处理结果时限顺延至 2026-03-09 12:00。")
    assert said.en.endswith("Deadline for the platform's ruling moved to 2026-03-09 12:00 UTC+8.")


@pytest.mark.parametrize(
    ("provisional", "lengthened", "zh"),
    [
        (False, False, ""),
        (True, False, "（暂定，待放假安排公布）"),
        (False, True, "（因系统延迟，已补足最短期限）"),
        (True, True, "（暂定，待放假安排公布）（因系统延迟，已补足最短期限）"),
    ],
)
def test_a_due_time_unlike_others_says_why_wherever_it_stands(provisional: bool, lengthened: bool, zh: str) -> None:
    odd = replace(clock("ruling", on=9), provisional=provisional, minimum_notice=lengthened)
    case = standing("under_review", clocks=(odd,))
    said = told(case=case)
    assert said.next is not None
    assert said.next.zh == f"请平台出具处理结果，截止 2026-03-09 12:00{zh}。"
    assert said.deadlines[0].zh == f"平台出具处理结果：截止 2026-03-09 12:00{zh}"
    assert (said.next.provisional, said.deadlines[0].provisional) == (provisional, provisional)
    assert said.deadlines[0].minimum_notice == lengthened


def test_what_was_put_right_says_by_which_entry_and_nothing_else_does() -> None:
    wrong = recorded(SAMPLES["messaged"], version=3)
    other = recorded(SAMPLES["noted"], version=4)
    right = recorded(replace(SAMPLES["corrected"], version=3), version=9)
    said = told(wrong, other, right).entries
    assert [("（已由第9条更正。）" in one.zh) for one in said] == [True, False, False]


MISSING_PHOTO = "Photo of the buyer is missing, due by 2026-03-06 12:00 UTC+8"
RUN_BESIDE = {"evidence", "recovery", "follow_up"}
WAITED_FOR = {
    *("acceptance", "response", "negotiation", "intervention", "ruling", "appeal", "assignment", "remedy"),
    *("return_address", "return_shipment", "return_receipt"),
}


def next_kind(status: Any, *kinds: str) -> str:
    running = tuple(clock(kind, "respondent", on) for on, kind in enumerate(kinds, 3))
    said = told(case=standing(status, clocks=running, remedy="refund", owed=yuan(9), recoveries=(OWED_BACK,))).next
    assert said is not None
    return said.kind


@pytest.mark.parametrize("beside", sorted(RUN_BESIDE))
def test_a_case_does_not_wait_for_what_runs_beside_unless_it_has_come_to_that(beside: str) -> None:
    assert next_kind("waiting_for_remedy", beside, "remedy") == "remedy"
    assert next_kind("under_review", beside) == beside
    for waited in sorted(WAITED_FOR):
        assert next_kind("under_review", beside, waited) == waited
    assert next_kind("waiting_for_recovery", "evidence", "follow_up", "recovery") == "recovery"
    assert next_kind("waiting_for_follow_up", "evidence", "recovery", "follow_up") == "follow_up"
    assert next_kind("waiting_for_recovery", "recovery", "remedy") == "recovery"


def test_the_whole_says_which_case_it_is_and_where_it_stands() -> None:
    case = replace(standing("closed"), outcome="partly_upheld", version=12)
    said = told(case=case)
    assert (said.case_id, said.number, said.version, said.title) == (case.case_id, case.number, 12, RULES.title)
    assert (said.status.word, said.status.zh) == ("closed", "已关闭")
    assert said.outcome is not None
    assert (said.outcome.word, said.outcome.zh, said.next) == ("partly_upheld", "部分支持", None)
    assert isinstance(filed().history[0].event, Filed)
    assert told(case=standing("under_review", clocks=())).next is None
    assert isinstance(case.case_id, UUID)


def test_what_is_missing_says_whose_it_is_and_until_when_while_that_runs() -> None:
    wanted = (
        RequestedEvidence(party="complainant", kinds=("photo",), back="under_review"),
        RequestedEvidence(party="respondent", kinds=("invoice",), back=None),
    )
    case = standing("evidence_requested", clocks=(clock("evidence", "complainant", 6),), requested=wanted)
    said = told(case=case)
    assert [(one.kind, one.party, one.due_at, one.zh, one.en) for one in said.missing] == [
        ("photo", "complainant", day(6), "买家尚缺照片，截止 2026-03-06 12:00", MISSING_PHOTO),
        ("invoice", "respondent", None, "商家尚缺发票", "Invoice of the merchant is missing"),
    ]
    assert said.next is not None
    assert said.next.zh == "请买家补充证据：照片，截止 2026-03-06 12:00。"
