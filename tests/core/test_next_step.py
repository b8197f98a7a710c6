"""What a case waits for, said in words; what was put right beside what it was; and reminders, which are no clocks."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.case import Deadline
from case_events.core.changes import REMINDER
from case_events.core.commands import Correct, Correction
from case_events.core.events import Filed
from case_events.core.evolve import fold
from case_events.core.gates import allowed_events, blocked_events
from case_events.core.timeline import Timeline, timeline
from case_events.core.values import Clock, ClockParty, Instant, Recovery, Side
from tests.core.shipped import asked_to_file, at_the_desk, complaint
from tests.examples import ACCEPT_RULING, APPEAL, ASK_FOR_PHOTOS, REFUSE, REJECT, TICK, policy, proof, yuan
from tests.spec import Dispute, days, filed, hours


def told(dispute: Dispute) -> Timeline:
    return timeline(dispute.history, dispute.case, dispute.in_force.type_of(dispute.case.type))


def clock(kind: str, party: ClockParty, day: int) -> Deadline:
    return Deadline(kind=kind, party=party, due_at=Instant.parse(f"2026-03-{day:02d}T04:00:00Z"), set_by=1)


OWED_BACK = Recovery(party="complainant", amount=yuan(50))
STATES: list[tuple[dict[str, Any], str, tuple[Side, ...]]] = [
    (
        {"status": "waiting_for_respondent", "clocks": (clock("response", "respondent", 5),)},
        "请商家响应诉求，截止 2026-03-05 12:00。",
        ("respondent",),
    ),
    (
        {
            "status": "waiting_for_recovery",
            "recoveries": (OWED_BACK,),
            "clocks": (clock("recovery", "complainant", 6),),
        },
        "请买家向平台返还：¥50.00，截止 2026-03-06 12:00。",
        ("complainant",),
    ),
    (
        {"status": "waiting_for_follow_up", "clocks": (clock("follow_up", "platform", 7),)},
        "请平台回访商家的处理情况，截止 2026-03-07 12:00。",
        ("platform",),
    ),
    (
        {"status": "under_review", "clocks": (clock("assignment", "platform", 3), clock("ruling", "platform", 5))},
        "请平台安排专人处理，截止 2026-03-03 12:00。",
        ("platform",),
    ),
    (
        # E4: what the reason requires may still be brought; the case waits for the merchant all the same
        {
            "status": "waiting_for_merchant",
            "clocks": (clock("evidence", "complainant", 4), clock("response", "respondent", 5)),
        },
        "请商家响应诉求，截止 2026-03-05 12:00。",
        ("respondent",),
    ),
    (
        # N2, N3: amended shortly before the talks stall, the claim is the merchant's to answer for longer than they run
        {
            "status": "waiting_for_merchant",
            "clocks": (clock("negotiation", "complainant", 4), clock("response", "respondent", 5)),
        },
        "请商家响应诉求，截止 2026-03-05 12:00。",
        ("respondent",),
    ),
    (
        # N3: they have stalled; the buyer's right outlasts the merchant's turn, which goes on
        {
            "status": "waiting_for_complainant",
            "intervention_open": True,
            "clocks": (clock("response", "respondent", 5), clock("intervention", "complainant", 11)),
        },
        "请商家响应诉求，截止 2026-03-05 12:00。买家可申请平台介入，截止 2026-03-11 12:00。",
        ("complainant", "respondent"),
    ),
    (
        {
            "status": "waiting_for_remedy",
            "remedy": "refund",
            "owed": yuan(79),
            "recoveries": (OWED_BACK,),
            "clocks": (clock("recovery", "complainant", 4), clock("remedy", "respondent", 5)),
        },
        "请商家履行：退款 ¥79.00，截止 2026-03-05 12:00。请买家向平台返还：¥50.00，截止 2026-03-04 12:00。",
        ("respondent", "complainant"),
    ),
]


@pytest.mark.parametrize(("state", "zh", "by"), STATES, ids=[f"{state['status']}-{zh[:4]}" for state, zh, _ in STATES])
def test_the_next_step_is_the_one_the_case_waits_for(state: dict[str, Any], zh: str, by: tuple[Side, ...]) -> None:
    dispute = filed()
    case = replace(dispute.case, **state)
    said = timeline(dispute.history, case, policy().type_of("not_received"))
    assert said.next is not None
    assert (said.next.zh, said.next.by) == (zh, by)
    assert [one.kind for one in said.deadlines] == [one.kind for one in case.clocks]


def test_no_evidence_is_asked_for_where_the_policy_wants_none_to_contest_a_ruling() -> None:
    """I4, E3: arbitration on Tmall."""
    for name, zh in (("taobao", "任一方可凭新证据申诉"), ("tmall", "任一方可提出异议")):
        dispute = at_the_desk(complaint("quality", policy=name), policy=name)
        dispute.when(replace(REJECT, rule="ruling"), at=hours(3)).then("ruled", status="appealable")
        step = told(dispute).next
        assert step is not None
        assert step.zh.startswith(f"{zh}，截止 "), step.zh


@pytest.mark.parametrize(("name", "zh"), [("taobao", "商家可凭新证据申诉"), ("tmall", "商家可提出异议")])
def test_who_has_accepted_a_ruling_is_not_told_that_it_may_contest_it(name: str, zh: str) -> None:
    dispute = at_the_desk(complaint("quality", policy=name), policy=name)
    dispute.when(replace(REJECT, rule="ruling"), at=hours(3)).when(ACCEPT_RULING, at=hours(4), by="complainant")
    step = told(dispute).next
    assert step is not None
    assert step.zh.startswith(f"{zh}，截止 "), step.zh


def test_about_a_listing_who_has_contested_is_not_told_to_once_more_and_where_nobody_may_that_is_said() -> None:
    """P3: the merchant's appeal, then the complainant's reconsideration."""
    dispute = at_the_desk(complaint("ip_infringement"))
    down = replace(REJECT, outcome="takedown", rule="infringed")
    dispute.when(down, at=hours(3)).when(APPEAL, at=hours(4), by="respondent").when(down, at=hours(5))
    step = told(dispute).next
    assert step is not None
    assert step.zh.startswith("投诉方可凭新证据申诉，截止 "), step.zh
    rules = dispute.in_force.type_of("ip_infringement")
    assert [one.by for one in allowed_events(dispute.case, rules) if one.type == "appealed"] == [("complainant",)]
    dispute.when(ACCEPT_RULING, at=hours(6), by="complainant").then("ruling_accepted")
    step = told(dispute).next
    assert step is not None
    assert step.zh.startswith("双方均不能再提出异议，处理结果将生效，截止 "), step.zh
    assert "appealed" not in [one.type for one in allowed_events(dispute.case, rules)]
    for side in ("complainant", "respondent"):
        refused = dispute.fork().when(APPEAL, at=hours(7), by=side).refused("not_allowed_now")
        assert refused == blocked_events(dispute.case, rules)["appealed"]


def test_whose_evidence_a_clock_waits_for_is_said_and_of_what_came_in_part_that_not_all_did() -> None:
    """A3, E4: what the reason requires of the complainant, and what the platform wants of the respondent."""
    dispute = asked_to_file(complaint("ip_infringement", evidence=(proof(1, "infringing_link"),)))
    dispute.when(replace(ASK_FOR_PHOTOS, party="respondent"), at=hours(1))
    said = [(one.zh, one.en) for one in told(dispute).deadlines if one.kind == "evidence"]
    named = "Deadline for the evidence asked of"
    assert said == [
        ("投诉方补充证据：截止 2026-03-05 12:00", f"{named} the complainant: 2026-03-05 12:00 UTC+8"),
        ("被投诉方补充证据：截止 2026-03-05 13:00", f"{named} the respondent: 2026-03-05 13:00 UTC+8"),
    ]
    dispute.passes(days(3) + TICK)
    late = next(one for one in told(dispute).entries if one.type == "evidence_timed_out")
    assert late.zh == "投诉方未在 2026-03-05 12:00 前补齐证据。"
    assert late.en == "The complainant did not bring all of the evidence asked for by 2026-03-05 12:00 UTC+8."


def test_a_corrected_ruling_is_shown_beside_the_one_it_was() -> None:
    dispute = filed().when(REFUSE, at=days(1)).when(REJECT, at=days(2))
    fields = Correction(outcome="refund", amount=yuan(129), rule="delivery_not_proved", reasons="签收人并非本人。")
    dispute.when(
        Correct(event=dispute.history[-1].event_id, fields=fields, reason="看错了凭证。"), at=days(2) + hours(1)
    )
    ruled, corrected = told(dispute).entries[-2:]
    assert (ruled.type, corrected.type) == ("ruled", "corrected")
    assert "不支持投诉" in ruled.zh
    assert ruled.zh.endswith(f"（已由第{corrected.version}条更正。）")
    assert ruled.en.endswith(f"(Corrected by entry {corrected.version}.)")
    assert corrected.zh.startswith(f"平台更正第1次判责（见第{ruled.version}条），现为：支持投诉，退款 ¥129.00。")
    assert "更正原因：「看错了凭证。」" in corrected.zh


def test_a_reminder_is_no_clock_of_the_case() -> None:
    reminded = Clock(kind="response" + REMINDER, party="respondent", due_at=Instant.parse("2026-03-04T04:00:00Z"))
    dispute = filed()
    first = dispute.history[0]
    assert isinstance(first.event, Filed)
    history = (replace(first, event=replace(first.event, clocks=(*first.event.clocks, reminded))),)
    case = fold(history)
    assert case is not None
    said = timeline(history, case, policy().type_of("not_received"))
    assert [one.kind for one in said.entries[0].clocks] == ["response", "negotiation"]
    assert [one.kind for one in said.deadlines] == ["response", "negotiation"]
    assert [one.kind for one in case.reminders] == ["response_reminder"]
