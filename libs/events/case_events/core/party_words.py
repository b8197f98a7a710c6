"""How what the parties did is told: one sentence for each event of theirs, or for each variant of it."""

from __future__ import annotations

from case_events.core.values import Text

EVENTS: dict[str, Text] = {
    "filed": Text(
        zh="{complainant}发起{kind}「{title}」，原因：{reason}；诉求：{claim}。",
        en='{complainant} filed {kind}, "{title}" (reason: {reason}), asking for: {claim}.',
    ),
    "claim_amended": Text(zh="{complainant}修改诉求为：{claim}。", en="{complainant} changed the claim to: {claim}."),
    "evidence_submitted": Text(zh="{by}提交证据{count}份：{kinds}。", en="{by} brought evidence ({count}): {kinds}."),
    "merchant_replied.agree": Text(zh="{respondent}同意诉求。", en="{respondent} agreed."),
    "merchant_replied.refuse": Text(zh="{respondent}拒绝诉求。", en="{respondent} refused."),
    "merchant_replied.offer": Text(zh="{respondent}提出方案：{offer}。", en="{respondent} offered: {offer}."),
    "respondent_replied.agree": Text(zh="{respondent}同意诉求。", en="{respondent} agreed."),
    "respondent_replied.refuse": Text(zh="{respondent}拒绝诉求。", en="{respondent} refused."),
    "respondent_replied.offer": Text(zh="{respondent}提出方案：{offer}。", en="{respondent} offered: {offer}."),
    "settled.agreement": Text(zh="双方达成一致：{owed}。", en="the parties agreed: {owed}."),
    "settled.offer": Text(zh="{complainant}接受方案：{owed}。", en="{complainant} took the offer: {owed}."),
    "settled.concession": Text(
        zh="{respondent}逾期未响应，视为同意：{owed}。", en="{respondent}'s silence counts as agreement: {owed}."
    ),
    "intervention_requested.requested": Text(
        zh="{by}申请平台介入，由{department}处理。", en="{by} called the platform in ({department})."
    ),
    "intervention_requested.refused": Text(
        zh="因{respondent}拒绝，平台介入，由{department}处理。",
        en="the platform stepped in because {respondent} refused ({department}).",
    ),
    "intervention_requested.response_timed_out": Text(
        zh="因{respondent}超时未响应，平台介入，由{department}处理。",
        en="the platform stepped in because {respondent} was silent ({department}).",
    ),
    "intervention_requested.stalled": Text(
        zh="因协商未果，平台介入，由{department}处理。",
        en="the platform stepped in because the talks stalled ({department}).",
    ),
    "intervention_requested.direct": Text(
        zh="此类案件由平台直接处理，由{department}负责。",
        en="the platform decides this kind of case itself ({department}).",
    ),
    "intervention_requested.forged": Text(
        zh="因发现伪造证据，平台介入，由{department}处理。",
        en="the platform stepped in because evidence was forged ({department}).",
    ),
    "intervention_requested.receipt_disputed": Text(
        zh="因{respondent}对退货有异议，平台介入，由{department}处理。",
        en="the platform stepped in because {respondent} disputes the goods that came back ({department}).",
    ),
    "expedited": Text(
        zh="{complainant}要求加急，优先级升至 {priority}。", en="{complainant} pressed; priority raised to {priority}."
    ),
    "appealed.appeal": Text(zh="{by}提出申诉{brought}。", en="{by} appealed{brought}."),
    "appealed.reconsideration": Text(zh="{by}申请复议{brought}。", en="{by} asked for reconsideration{brought}."),
    "appealed.arbitration": Text(zh="{by}申请仲裁{brought}。", en="{by} asked for arbitration{brought}."),
    "appealed.other": Text(
        zh="{by}要求再次处理（{instance}）{brought}。", en="{by} asked for another look ({instance}){brought}."
    ),
    "ruling_accepted.waits": Text(
        zh="{by}接受处理结果，等待另一方。", en="{by} accepted the ruling; the other side has not yet."
    ),
    "ruling_accepted.stands": Text(
        zh="{by}接受处理结果；双方均已接受，处理结果生效。", en="{by} accepted the ruling; both have, and it stands."
    ),
    "withdrawn": Text(zh="{complainant}撤诉。", en="{complainant} withdrew the complaint."),
    "returned.address": Text(zh="{respondent}提供退货地址。", en="{respondent} gave the return address."),
    "returned.pickup": Text(zh="{respondent}安排上门取件。", en="{respondent} arranged to fetch the goods."),
    "returned.shipped": Text(zh="{complainant}已寄回商品。", en="{complainant} sent the goods back."),
    "returned.received": Text(zh="{respondent}确认收到退货。", en="{respondent} confirmed that the goods came back."),
    "returned.disputed": Text(
        zh="{respondent}表示未收到退货，或退货不符。",
        en="{respondent} said that the goods did not come back, or not as they should.",
    ),
    "remedied": Text(zh="{by}确认已履行：{owed}。", en="{by} reported the remedy as done: {owed}."),
    "messaged": Text(zh="{by}留言。", en="{by} wrote a message."),
    "rated": Text(
        zh="{complainant}评价平台的处理：{score} 分（满分 5 分）。",
        en="{complainant} rated how the platform handled it: {score} out of 5.",
    ),
}

BROUGHT = Text(zh="，提交证据{count}份：{kinds}", en=" with evidence ({count}): {kinds}")
ATTACHED = Text(zh="附证据{count}份：{kinds}。", en="evidence attached ({count}): {kinds}.")
ANONYMOUS = Text(zh="匿名提交。", en="it is anonymous.")
FILED_LATE = Text(zh="已超出投诉时限，申请延长。", en="it is past the filing window and asks for a longer one.")
TAKES_UP = Text(zh="接续此前未解决的投诉。", en="it takes up an earlier complaint that was not resolved.")
LACKS = Text(zh="尚缺证据：{kinds}。", en="evidence still missing: {kinds}.")
FREIGHT_BY = Text(zh="退货运费由{side}承担。", en="{side} bears the return freight.")
