"""Every event and every variant of it has its sentence, reached by that event and saying what it was about."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core import events as happened
from case_events.core import timeouts, words
from case_events.core.cast import Cast
from case_events.core.events import Event
from case_events.core.telling import tale_of, told
from case_events.core.values import (
    Advance,
    Clock,
    Instant,
    Money,
    Offer,
    OutsideResult,
    Party,
    Penalty,
    PolicyRef,
    Recovery,
    Text,
)
from case_events.core.viewer import WITHHELD
from tests.examples import proof, yuan

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CAST = Cast(
    complainant=Text(zh="买家", en="the buyer"),
    respondent=Text(zh="商家", en="the merchant"),
    title=Text(zh="未收到货", en="Goods not received"),
)
DUE = Instant.parse("2026-03-05T04:00:00Z")
ENDED = Instant.parse("2026-03-05T06:30:00Z")
GROUP = UUID("00000000-0000-4000-8000-00000000000a")
RESPONSE = Clock(kind="response", party="respondent", due_at=DUE)
FILED = happened.Filed(
    number="C-1",
    type="not_received",
    reason="not_received",
    marketplace="taobao",
    policy=PolicyRef(name="taobao", version="2026.6", digest="0" * 64),
    complainant=Party(role="buyer", id="b-1"),
    respondent=Party(role="merchant", id="m-1"),
    demand="refund",
    amount=yuan(129),
    description="没有收到。",
    department="customer_service",
)
RULED = happened.Ruled(
    round=1, outcome="refund", verdict="upheld", rule="delivery_not_proved", reasons="未能证明。", owed=yuan(60)
)
BACK = (Recovery(party="respondent", amount=yuan(50)),)
TIMED: dict[str, Any] = {"kind": "ruling", "party": "platform", "due_at": DUE, "set_by": 2, "late_s": 0}
OUTSIDE = OutsideResult(authority="court", reference="2026-1", result="维持。")


def intervention(ground: Any) -> Event:
    return happened.InterventionRequested(ground=ground, by="complainant", department="customer_service")


def reply(decision: Any, kind: type[happened.MerchantReplied] = happened.MerchantReplied) -> Event:
    return kind(decision=decision, offer=Offer(kind="partial_refund", amount=yuan(50)) if decision == "offer" else None)


def returned(step: Any, **more: Any) -> Event:
    return happened.Returned(step=step, **more)


SAID: list[tuple[Event, str, str]] = [
    # what a reader must find in it: in Chinese, in English
    (FILED, "买家发起投诉「未收到货」", 'The buyer filed a complaint, "Goods not received"'),
    (replace(FILED, kind="report", amount=yuan(0), demand="takedown"), "发起举报", "asking for: takedown."),
    (replace(FILED, kind="insurance"), "发起保险理赔", "filed an insurance claim"),
    (replace(FILED, kind="of_the_future"), "发起of_the_future", "filed a case (of the future)"),
    (replace(FILED, anonymous=True, description=WITHHELD), "匿名提交。说明：（不公开）", "It is anonymous."),
    (replace(FILED, late=True), "已超出投诉时限，申请延长。", "past the filing window"),
    (replace(FILED, previous=GROUP), "接续此前未解决的投诉。", "takes up an earlier complaint"),
    (replace(FILED, missing=("photo", "video")), "尚缺证据：照片、视频。", "Evidence still missing: photo, video."),
    (happened.ClaimAmended(demand="refund", amount=yuan(100)), "退款 ¥100.00", "refund of ¥100.00"),
    (happened.EvidenceSubmitted(by="respondent", evidence=(proof(1),)), "商家提交证据1份：照片", "(1): photo"),
    (reply("agree"), "商家同意诉求。", "The merchant agreed."),
    (reply("refuse"), "商家拒绝诉求。", "The merchant refused."),
    (reply("offer"), "部分退款 ¥50.00", "partial refund of ¥50.00"),
    (reply("agree", happened.RespondentReplied), "商家同意诉求。", "agreed."),
    (reply("refuse", happened.RespondentReplied), "商家拒绝诉求。", "refused."),
    (reply("offer", happened.RespondentReplied), "部分退款 ¥50.00", "offered: partial refund"),
    (happened.Settled(basis="agreement", remedy="refund", owed=yuan(9)), "双方达成一致：退款 ¥9.00。", "agreed"),
    (happened.Settled(basis="offer", remedy="exchange", owed=None), "接受方案：换货。", "took the offer: exchange."),
    (
        happened.Settled(basis="concession", remedy="refund", owed=yuan(9), recoveries=BACK),
        "应向平台返还：商家 ¥50.00。",
        "To be paid back to the platform: ¥50.00 by the merchant.",
    ),
    (intervention("requested"), "买家申请平台介入，由客服处理", "called the platform in (customer service)"),
    (intervention("refused"), "因商家拒绝", "because the merchant refused"),
    (intervention("response_timed_out"), "因商家超时未响应", "was silent"),
    (intervention("stalled"), "因协商未果", "the talks stalled"),
    (intervention("direct"), "由平台直接处理", "decides this kind of case itself"),
    (intervention("forged"), "因发现伪造证据", "because evidence was forged"),
    (intervention("receipt_disputed"), "对退货有异议", "disputes the goods that came back"),
    (
        happened.Expedited(reason="太慢了", priority=2),
        "优先级升至 2。理由：「太慢了」",
        'raised to 2. Reason: "太慢了"',
    ),
    (
        happened.Appealed(by="respondent", reason="不服", evidence=(proof(2),)),
        "商家提出申诉，提交证据1份：照片。",
        "The merchant appealed with evidence (1): photo.",
    ),
    (
        happened.Appealed(by="complainant", reason="不服", instance="reconsideration"),
        "买家申请复议。",
        "reconsideration.",
    ),
    (happened.Appealed(by="complainant", reason="不服", instance="arbitration"), "买家申请仲裁。", "arbitration."),
    (happened.Appealed(by="complainant", reason="不服", instance="plenary"), "（plenary）", "another look (plenary)."),
    (happened.RulingAccepted(by="complainant"), "等待另一方", "the other side has not yet"),
    (happened.RulingAccepted(by="respondent", stands=True), "处理结果生效", "and it stands"),
    (happened.Withdrawn(reason="收到了", recoveries=BACK), "买家撤诉。应向平台返还", "withdrew the complaint."),
    (returned("address", address="文三路1号"), "「文三路1号」", "gave the return address"),
    (returned("pickup", pickup="周五上午"), "安排上门取件。说明：「周五上午」", "arranged to fetch the goods"),
    (returned("shipped", tracking="SF1"), "买家已寄回商品。", "sent the goods back"),
    (returned("received", received=True, freight_by="respondent"), "退货运费由商家承担。", "bears the return freight"),
    (returned("received", received=False), "未收到退货，或退货不符", "did not come back, or not as they should"),
    (happened.Remedied(by="respondent", kind="refund", amount=yuan(9)), "商家确认已履行：退款 ¥9.00。", "as done"),
    (happened.Messaged(by="respondent", text="请提供照片。"), "商家留言。说明：「请提供照片。」", "wrote a message."),
    (happened.Rated(score=4, comment="还行"), "评价平台的处理：4 分", "4 out of 5."),
    (happened.Accepted(clocks=(RESPONSE,)), "由商家处理", "the merchant is next"),
    (happened.Accepted(takedown=True), "平台已受理。相关商品已下架。", "The listing was taken down."),
    (happened.Dismissed(reason="无关"), "平台不予受理。理由：「无关」", "dismissed the complaint."),
    (
        happened.Dismissed(
            reason="屡次", malicious=True, penalties=(Penalty(kind="credit_mark", on="complainant"),), recoveries=BACK
        ),
        "恶意投诉，不予受理。处罚：信用扣减（买家）。应向平台返还",
        "Penalties: credit mark for the buyer.",
    ),
    (
        happened.Dismissed(reason="缺证明", advice="补充商标证"),
        "平台退回投诉。建议：「补充商标证」",
        "sent the complaint back",
    ),
    (happened.EvidenceRequested(party="respondent", kinds=("invoice",), clocks=()), "请商家补充证据：发票", "invoice"),
    (
        happened.EvidenceRejected(evidence=("0" * 64,), of="respondent", forged=False, reason="模糊"),
        "不采信商家提交的1份证据",
        "set evidence of the merchant aside (1)",
    ),
    (
        happened.EvidenceRejected(evidence=("0" * 64,), of="complainant", forged=True, reason="篡改"),
        "买家提交的1份证据系伪造",
        "to be forged (1)",
    ),
    (happened.Assigned(department="customer_service", agent="a-7"), "由客服的 a-7 负责", "a-7 of customer service"),
    (happened.Escalated(to="consumer_protection", reason="金额大"), "升级至消费者保障部门", "handed the case up"),
    (happened.Linked(group=GROUP, by="counterfeit"), "共同点：假冒商品", "of one matter (counterfeit)"),
    (
        happened.Linked(group=GROUP, by="counterfeit", department="platform_supervision"),
        "转至平台监管部门",
        "went to platform supervision",
    ),
    (happened.Noted(text="已电话核实"), "平台内部备注。说明：「已电话核实」", "made a note for itself"),
    (
        happened.Noted(text="见判决", internal=False, outside=OUTSIDE),
        "外部处理结果（法院，编号 2026-1）：「维持。」",
        'Decided outside (the court, reference 2026-1): "维持。"',
    ),
    (
        happened.DeadlineExtended(kind="response", party="respondent", due_at=DUE, reason="停运"),
        "平台调整期限。理由：「停运」",
        "moved a deadline",
    ),
    (
        happened.DeadlineExtended(
            kind="appeal", party="both", due_at=DUE, outage=happened.Outage(id=GROUP, began_at=DUE, ended_at=ENDED)
        ),
        "系统于 2026-03-05 12:00 至 2026-03-05 14:30 中断，所占用的时间予以补足。",
        "service was out from 2026-03-05 12:00 UTC+8 to 2026-03-05 14:30 UTC+8",
    ),
    (
        happened.DeadlineExtended(kind="filing", party="complainant", due_at=DUE, reason="merchant_refused"),
        "平台同意延长投诉时限",
        "granted the longer filing window",
    ),
    (
        replace(RULED, final=True, penalties=(Penalty(kind="points", points=6),), recoveries=BACK),
        "处罚：扣分 6 分。应向平台返还：商家 ¥50.00。本结果为最终结果。",
        "Penalties: points (6).",
    ),
    (
        happened.Corrected(event=GROUP, version=4, reason="笔误", ruling=RULED),
        "更正第1次判责（见第4条），现为：支持投诉，退款 ¥60.00。理由：「未能证明。」更正原因：「笔误」",
        "corrected its ruling of round 1 (entry 4); it now reads: upheld; refund of ¥60.00.",
    ),
    (
        happened.Corrected(event=GROUP, version=3, reason="错字", text="请提供发票。"),
        "更正第3条的文字，现为：「请提供发票。」",
        'corrected entry 3; it now reads: "请提供发票。"',
    ),
    (
        happened.AdvancePaid(advance=Advance(amount=yuan(50), ground="instant", recover_from="ruling")),
        "极速退款：平台先行支付 ¥50.00",
        "Instant refund: the platform paid ¥50.00",
    ),
    (
        happened.AdvancePaid(advance=Advance(amount=yuan(50), ground="advance", recover_from="ruling")),
        "先行赔付：平台先行支付 ¥50.00",
        "paid ¥50.00 in advance",
    ),
    (
        happened.TimeoutReversed(
            event=GROUP, kind="response", party="respondent", reason="系统故障", clocks=(RESPONSE,)
        ),
        "平台撤销商家的超时，案件恢复到超时之前。更正原因：「系统故障」",
        "took the timeout of the merchant back",
    ),
    (happened.Recovered(party="respondent", amount=yuan(50)), "商家已向平台返还 ¥50.00", "paid ¥50.00 back"),
    (
        happened.SubjectErased(subject="complainant", basis="retention_expired"),
        "已删除买家的个人信息（依据：保存期限已届满）",
        "what names the buyer was erased (ground: the time of keeping is over)",
    ),
    (happened.FollowedUp(solved=True), "商家处理妥善", "the merchant handled it well"),
    (happened.FollowedUp(solved=False, comment="拖延"), "商家处理不当。说明：「拖延」", "did not handle it well"),
    (
        happened.FollowedUp(solved=False, remedy="compensation", owed=yuan(20)),
        "责令商家：赔偿 ¥20.00",
        "now owes: compensation of ¥20.00",
    ),
    (happened.Closed(outcome="settled"), "投诉关闭，结果：双方和解", "was closed: settled"),
    (timeouts.AcceptanceTimedOut(**TIMED, priority=1), "2026-03-05 12:00 前受理，本案优先级为 1", "has priority 1"),
    (
        timeouts.EvidenceTimedOut(**TIMED | {"party": "complainant"}),
        "买家未在",
        "all of the evidence asked for by 2026-03-05 12:00 UTC+8",
    ),
    (timeouts.MerchantResponseTimedOut(**TIMED), "商家未在 2026-03-05 12:00 前响应", "did not reply by"),
    (timeouts.ResponseTimedOut(**TIMED), "商家未在 2026-03-05 12:00 前响应", "did not reply by"),
    (timeouts.NegotiationStalled(**TIMED), "双方仍未达成一致", "had not agreed by"),
    (timeouts.InterventionWindowExpired(**TIMED, recoveries=BACK), "买家未在", "To be paid back to the platform"),
    (
        timeouts.ReturnTimedOut(**TIMED | {"party": "respondent"}, step="address", effect="owe"),
        "应直接退款",
        "the refund is owed",
    ),
    (
        timeouts.ReturnTimedOut(**TIMED | {"party": "complainant"}, step="shipped", effect="lapse", recoveries=BACK),
        "无需退款。应向平台返还",
        "nothing is owed",
    ),
    (timeouts.RulingTimedOut(**TIMED, priority=2), "前出具处理结果，本案优先级为 2", "did not rule by"),
    (
        timeouts.AssignmentTimedOut(**TIMED, priority=3),
        "前安排专人，本案优先级为 3",
        "nobody at the desk had the case by",
    ),
    (timeouts.AppealWindowExpired(**TIMED), "无人申诉，处理结果生效", "the ruling stands"),
    (timeouts.RemedyTimedOut(**TIMED, priority=4), "前履行，本案优先级为 4", "did not do what is owed"),
    (
        timeouts.RecoveryTimedOut(**TIMED | {"party": "complainant"}, priority=5),
        "买家未在 2026-03-05 12:00 前向平台返还，本案优先级为 5",
        "did not pay the platform back by",
    ),
    (timeouts.FollowUpTimedOut(**TIMED), "前回访，按原结果关闭", "nobody followed up by"),
    (
        timeouts.DeadlineApproaching(kind="remedy", party="respondent", due_at=DUE, set_by=3),
        "提醒商家：商家履行将于 2026-03-05 12:00 截止",
        "the deadline for the merchant's remedy is 2026-03-05 12:00 UTC+8",
    ),
]


@pytest.mark.parametrize(("event", "zh", "en"), SAID, ids=[tale_of(event, CAST).sentence for event, _, _ in SAID])
def test_an_event_says_what_it_was_about_in_both_languages(event: Event, zh: str, en: str) -> None:
    text = words.paragraph(*told(event, CAST))
    assert zh in text.zh
    assert en.lower() in text.en.lower()
    assert CHINESE.search(text.zh)
    assert not re.search(r"[{}]", text.zh + text.en)
    assert text.en[0].isupper()


def test_every_sentence_there_is_has_an_event_that_says_it() -> None:
    assert {tale_of(event, CAST).sentence for event, _, _ in SAID} == set(words.EVENTS)


def test_what_a_person_wrote_fills_no_sentence() -> None:
    sly = "{complainant} {0}"
    for event in (
        happened.Messaged(by="complainant", text=sly),
        happened.Noted(text=sly, outside=replace(OUTSIDE, result=sly, reference=sly)),
        happened.Dismissed(reason=sly, advice=sly),
        happened.Corrected(event=GROUP, version=2, reason=sly, text=sly),
        happened.Assigned(department="customer_service", agent=sly),
        replace(RULED, departs=sly, reasons=sly),
    ):
        assert sly in words.paragraph(*told(event, CAST)).zh


def test_no_money_is_said_where_none_is_claimed() -> None:
    report = replace(FILED, demand="takedown", amount=Money(amount=0, currency="CNY"))
    assert "¥" not in words.paragraph(*told(report, CAST)).zh
