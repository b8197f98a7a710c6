"""How what the platform's desk did is told: one sentence for each event of its, or for each variant of it."""

from __future__ import annotations

from case_events.core.values import Text

EVENTS: dict[str, Text] = {
    "accepted.reply": Text(
        zh="平台已受理，由{respondent}处理。", en="the platform accepted the complaint; {respondent} is next."
    ),
    "accepted.direct": Text(zh="平台已受理。", en="the platform accepted the complaint."),
    "dismissed.unfounded": Text(zh="平台不予受理。", en="the platform dismissed the complaint."),
    "dismissed.malicious": Text(
        zh="平台认定为恶意投诉，不予受理。", en="the platform dismissed the complaint as malicious."
    ),
    "dismissed.sent_back": Text(zh="平台退回投诉。", en="the platform sent the complaint back."),
    "evidence_requested": Text(
        zh="平台请{asked}补充证据：{kinds}。", en="the platform asked {asked} for more evidence: {kinds}."
    ),
    "evidence_rejected.set_aside": Text(
        zh="平台不采信{side}提交的{count}份证据。",
        en="the platform set evidence of {side} aside ({count}).",
    ),
    "evidence_rejected.forged": Text(
        zh="平台认定{side}提交的{count}份证据系伪造，其主张不予支持。",
        en="the platform found evidence of {side} to be forged ({count}); that side's cause fails.",
    ),
    "assigned": Text(zh="案件由{department}的 {agent} 负责。", en="the case is with {agent} of {department}."),
    "escalated": Text(zh="平台将投诉升级至{department}。", en="the platform handed the case up to {department}."),
    "linked.here": Text(
        zh="本案与同类案件并案处理（共同点：{matter}）。",
        en="the case was linked with others of one matter ({matter}).",
    ),
    "linked.moved": Text(
        zh="本案与同类案件并案处理（共同点：{matter}），转至{department}。",
        en="the case was linked with others of one matter ({matter}) and went to {department}.",
    ),
    "noted.internal": Text(zh="平台内部备注。", en="the desk made a note for itself."),
    "noted.shown": Text(zh="平台备注。", en="the desk noted something for both sides."),
    "deadline_extended.relief": Text(
        zh="系统于 {began} 至 {ended} 中断，所占用的时间予以补足。",
        en="the service was out from {began} to {ended}; what that took of the time is given back.",
    ),
    "deadline_extended.clock": Text(zh="平台调整期限。", en="the platform moved a deadline."),
    "timeout_reversed": Text(
        zh="平台撤销{side}的超时，案件恢复到超时之前。",
        en="the platform took the timeout of {side} back; the case is as it was before it.",
    ),
    "deadline_extended.filing": Text(
        zh="平台同意延长投诉时限。", en="the platform granted the longer filing window that was asked for."
    ),
    "ruled": Text(
        zh="平台第{round}次判责：{verdict}，{owed}。", en="the platform ruled (round {round}): {verdict}; {owed}."
    ),
    "corrected.ruling": Text(
        zh="平台更正第{round}次判责（见第{version}条），现为：{verdict}，{owed}。",
        en="the platform corrected its ruling of round {round} (entry {version}); it now reads: {verdict}; {owed}.",
    ),
    "corrected.text": Text(
        zh="平台更正第{version}条的文字，现为：{words}",
        en="the platform corrected entry {version}; it now reads: {words}",
    ),
    "advance_paid.instant": Text(
        zh="极速退款：平台先行支付 {amount}。", en="instant refund: the platform paid {amount} at once."
    ),
    "advance_paid.advance": Text(zh="先行赔付：平台先行支付 {amount}。", en="the platform paid {amount} in advance."),
    "recovered": Text(zh="{side}已向平台返还 {amount}。", en="{side} paid {amount} back to the platform."),
    "followed_up.solved": Text(
        zh="平台回访：{respondent}处理妥善。", en="the platform followed up: {respondent} handled it well."
    ),
    "followed_up.unsolved": Text(
        zh="平台回访：{respondent}处理不当。", en="the platform followed up: {respondent} did not handle it well."
    ),
    "followed_up.imposed": Text(
        zh="平台回访：处理不当，责令{respondent}：{owed}。",
        en="the platform followed up: it was not handled well, and {respondent} now owes: {owed}.",
    ),
    "closed": Text(zh="投诉关闭，结果：{outcome}。", en="the case was closed: {outcome}."),
    "subject_erased": Text(
        zh="已删除{side}的个人信息（依据：{basis}）。", en="what names {side} was erased (ground: {basis})."
    ),
}

MATTERS: dict[str, Text] = {
    "merchant": Text(zh="同一商家", en="one merchant"),
    "reason": Text(zh="同一原因", en="one reason"),
}
"""What complaints of one matter have in common (domain C1)."""

LIABLE = Text(zh="责任：{shares}。", en="liability: {shares}.")
PENALTIES = Text(zh="处罚：{penalties}。", en="penalties: {penalties}.")
DEPARTS = Text(zh="偏离规则标准的理由：{words}", en="why it departs from what the rules say: {words}")
FINAL = Text(zh="本结果为最终结果。", en="this is final.")
TAKEN_DOWN = Text(zh="相关商品已下架。", en="the listing was taken down.")
ADVICE = Text(zh="建议：{words}", en="what to do instead: {words}")
OUTSIDE = Text(
    zh="外部处理结果（{authority}，编号 {reference}）：{words}",
    en="decided outside ({authority}, reference {reference}): {words}",
)
LONGER = Text(zh="理由：{reason}。", en="reason: {reason}.")
RECOVERIES = Text(zh="应向平台返还：{recoveries}。", en="to be paid back to the platform: {recoveries}.")
CORRECTED = Text(zh="（已由第{version}条更正。）", en="(Corrected by entry {version}.)")
