"""What the desk did, told in full: every sum, side, reason and consequence stands in it, in its place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core import words
from case_events.core.events import (
    Accepted,
    Assigned,
    Closed,
    Corrected,
    DeadlineExtended,
    Dismissed,
    Escalated,
    Event,
    EvidenceRejected,
    EvidenceRequested,
    FollowedUp,
    Linked,
    Noted,
    Recovered,
    Ruled,
)
from case_events.core.telling import told
from case_events.core.values import Clock, Liable, OutsideResult, Penalty, Recovery
from tests.core.standing import day
from tests.core.test_cast import CAST
from tests.examples import yuan

SOME = UUID("00000000-0000-4000-8000-00000000000a")
BACK = (Recovery(party="complainant", amount=yuan(50)),)
MARK = (Penalty(kind="credit_mark", on="complainant"),)
PLAIN = Ruled(round=2, outcome="refund", verdict="upheld", rule="ruling", reasons="属实。", owed=yuan(60))
LIABLE = (Liable(party="respondent", share=10_000, amount=yuan(60)),)
POINTS = (Penalty(kind="points", points=6),)
FULL = replace(
    PLAIN,
    liable=LIABLE,
    penalties=(Penalty(kind="points", points=6),),
    departs="情况特殊。",
    recoveries=BACK,
    final=True,
)
BESIDE = (
    "责任：商家 100%。处罚：扣分 6 分。偏离规则标准的理由：「情况特殊。」应向平台返还：买家 ¥50.00。本结果为最终结果。"
)
REJECTED = replace(PLAIN, outcome="rejected", verdict="rejected", owed=None)
COURT = OutsideResult(authority="court", reference="2026-1", result="维持。")
MOVED: dict[str, Any] = {"party": "complainant", "due_at": day(5)}
ASIDE: dict[str, Any] = {"evidence": ("0" * 64, "1" * 64), "reason": "模糊。"}
TOLD: list[tuple[Event, str]] = [
    (Accepted(clocks=(Clock(kind="response", party="respondent", due_at=day(5)),)), "平台已受理，由商家处理。"),
    (Accepted(clocks=(Clock(kind="ruling", party="platform", due_at=day(5)),)), "平台已受理。"),
    (Dismissed(reason="无关。"), "平台不予受理。理由：「无关。」"),
    (Dismissed(reason="缺。", advice="补。"), "平台退回投诉。建议：「补。」理由：「缺。」"),
    (
        Dismissed(reason="屡次。", malicious=True, advice="停。", penalties=MARK, recoveries=BACK),
        (
            "平台认定为恶意投诉，不予受理。建议：「停。」处罚：信用扣减（买家）。"
            "应向平台返还：买家 ¥50.00。理由：「屡次。」"
        ),
    ),
    (
        EvidenceRequested(party="complainant", kinds=("invoice", "photo", "invoice"), clocks=()),
        "平台请买家补充证据：发票、照片。",
    ),
    (EvidenceRejected(of="complainant", forged=False, **ASIDE), "平台不采信买家提交的2份证据。理由：「模糊。」"),
    (
        EvidenceRejected(of="respondent", forged=True, **ASIDE),
        "平台认定商家提交的2份证据系伪造，其主张不予支持。理由：「模糊。」",
    ),
    (Assigned(department="platform_supervision", agent="a-7"), "案件由平台监管部门的 a-7 负责。"),
    (Escalated(to="platform_supervision", reason="违规。"), "平台将投诉升级至平台监管部门。理由：「违规。」"),
    # C1: what they have in common is named, never a bare word
    (Linked(group=SOME, by="merchant"), "本案与同类案件并案处理（共同点：同一商家）。"),
    (
        Linked(group=SOME, by="reason", department="platform_supervision"),
        "本案与同类案件并案处理（共同点：同一原因），转至平台监管部门。",
    ),
    (Noted(text="已核实。"), "平台内部备注。说明：「已核实。」"),
    (
        Noted(text="见判决。", internal=False, outside=COURT),
        "平台备注。外部处理结果（法院，编号 2026-1）：「维持。」说明：「见判决。」",
    ),
    (DeadlineExtended(kind="response", reason="停运。", **MOVED), "平台调整期限。理由：「停运。」"),
    # F3: the reason of a longer window is a word of the policy
    (DeadlineExtended(kind="filing", reason="merchant_refused", **MOVED), "平台同意延长投诉时限。理由：商家拒绝处理。"),
    (DeadlineExtended(kind="filing", reason="erased", **MOVED), "平台同意延长投诉时限。理由：（已删除）。"),
    (PLAIN, "平台第2次判责：支持投诉，退款 ¥60.00。理由：「属实。」"),
    (REJECTED, "平台第2次判责：不支持投诉，无需履行。理由：「属实。」"),
    (
        FULL,
        f"平台第2次判责：支持投诉，退款 ¥60.00。{BESIDE}理由：「属实。」",
    ),
    (
        Corrected(event=SOME, version=4, reason="笔误。", ruling=FULL),
        f"平台更正第2次判责（见第4条），现为：支持投诉，退款 ¥60.00。{BESIDE}理由：「属实。」更正原因：「笔误。」",
    ),
    (
        Corrected(event=SOME, version=4, reason="笔误。", ruling=REJECTED),
        "平台更正第2次判责（见第4条），现为：不支持投诉，无需履行。理由：「属实。」更正原因：「笔误。」",
    ),
    (
        Corrected(event=SOME, version=3, reason="错字。", text="请提供发票。"),
        "平台更正第3条的文字，现为：「请提供发票。」更正原因：「错字。」",
    ),
    (Recovered(party="complainant", amount=yuan(50)), "买家已向平台返还 ¥50.00。"),
    (FollowedUp(solved=True, comment="好。"), "平台回访：商家处理妥善。说明：「好。」"),
    (FollowedUp(solved=False, comment="慢。"), "平台回访：商家处理不当。说明：「慢。」"),
    (
        FollowedUp(solved=False, comment="慢。", remedy="compensation", owed=yuan(20)),
        "平台回访：处理不当，责令商家：赔偿 ¥20.00。说明：「慢。」",
    ),
    (FollowedUp(solved=False, remedy="repair", owed=None), "平台回访：处理不当，责令商家：维修。"),
    (Closed(outcome="refund", reason="已付。"), "投诉关闭，结果：退款。理由：「已付。」"),
]


@pytest.mark.parametrize(("event", "zh"), TOLD, ids=[f"{type(one).__name__}-{at}" for at, (one, _) in enumerate(TOLD)])
def test_what_the_desk_did_is_told_in_full(event: Event, zh: str) -> None:
    said = words.paragraph(*told(event, CAST))
    assert said.zh == zh
    assert "_" not in said.en


def test_who_has_a_case_is_named_as_they_are_called() -> None:
    text = words.paragraph(*told(Assigned(department="customer_service", agent="agent-7"), CAST))
    assert text.en == "The case is with agent-7 of customer service.", "and a name as it is"
