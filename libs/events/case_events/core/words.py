"""How a case is told: one sentence per event, state and clock, in the words of the ops desk, in both languages.

A sentence's ``{names}`` are filled in by ``say``; what a person wrote is only ever filled in, never a sentence.
"""

from __future__ import annotations

from datetime import timedelta

from case_events.core.policy import Text
from case_events.core.values import CHINA, ERASED, Instant, Money

STATUSES: dict[str, Text] = {
    "waiting_for_acceptance": Text(zh="待受理", en="waiting for acceptance"),
    "waiting_for_merchant": Text(zh="待商家处理", en="waiting for the merchant"),
    "waiting_for_complainant": Text(zh="待投诉方答复", en="waiting for the complainant"),
    "evidence_requested": Text(zh="待补充证据", en="waiting for evidence"),
    "under_review": Text(zh="平台处理中", en="under review"),
    "appealable": Text(zh="已判责,可申诉", en="ruled, open to appeal"),
    "appeal_under_review": Text(zh="申诉处理中", en="appeal under review"),
    "waiting_for_return": Text(zh="待退货", en="waiting for the return"),
    "waiting_for_remedy": Text(zh="待履行", en="waiting for the remedy"),
    "closed": Text(zh="已关闭", en="closed"),
}

OUTCOMES: dict[str, Text] = {
    "settled": Text(zh="双方和解", en="settled"),
    "conceded": Text(zh="逾期视为同意", en="conceded by silence"),
    "upheld": Text(zh="支持投诉", en="upheld"),
    "partly_upheld": Text(zh="部分支持", en="partly upheld"),
    "rejected": Text(zh="不支持投诉", en="rejected"),
    "withdrawn": Text(zh="已撤诉", en="withdrawn"),
    "dismissed": Text(zh="不予受理", en="dismissed"),
    "lapsed": Text(zh="逾期自动关闭", en="lapsed"),
}

CLOCKS: dict[str, Text] = {
    "acceptance": Text(zh="平台受理", en="acceptance by the platform"),
    "response": Text(zh="{respondent}响应", en="{respondent}'s reply"),
    "negotiation": Text(zh="双方协商", en="the talks"),
    "intervention": Text(zh="{complainant}申请平台介入", en="{complainant} to call the platform in"),
    "evidence": Text(zh="补充证据", en="the evidence asked for"),
    "ruling": Text(zh="平台出具处理结果", en="the platform's ruling"),
    "appeal": Text(zh="双方申诉", en="an appeal by either side"),
    "return_address": Text(zh="{respondent}提供退货地址", en="{respondent}'s return address"),
    "return_shipment": Text(zh="{complainant}寄回商品", en="{complainant} to send the goods back"),
    "return_receipt": Text(zh="{respondent}确认收到退货", en="{respondent} to confirm the goods came back"),
    "remedy": Text(zh="{respondent}履行", en="{respondent}'s remedy"),
}
"""What each clock runs for; it stands after "deadline for"."""

PARTIES: dict[str, Text] = {
    "complainant": Text(zh="{complainant}", en="{complainant}"),
    "respondent": Text(zh="{respondent}", en="{respondent}"),
    "platform": Text(zh="平台", en="the platform"),
    "both": Text(zh="双方", en="both sides"),
    "scheduler": Text(zh="系统", en="the clock"),
}

EVENTS: dict[str, Text] = {
    "filed": Text(
        zh="{complainant}发起投诉「{title}」,原因:{reason};诉求:{claim}。",
        en='{complainant} filed a complaint, "{title}" (reason: {reason}), asking for: {claim}.',
    ),
    "accepted": Text(
        zh="平台已受理,由{respondent}处理。", en="the platform accepted the complaint; {respondent} is next."
    ),
    "dismissed.unfounded": Text(zh="平台不予受理。", en="the platform dismissed the complaint."),
    "dismissed.malicious": Text(
        zh="平台认定为恶意投诉,不予受理。", en="the platform dismissed the complaint as malicious."
    ),
    "evidence_requested": Text(
        zh="平台请{asked}补充证据:{kinds}。", en="the platform asked {asked} for more evidence: {kinds}."
    ),
    "escalated": Text(zh="平台将投诉升级至{department}。", en="the platform handed the case up to {department}."),
    "claim_amended": Text(zh="{complainant}修改诉求为:{claim}。", en="{complainant} changed the claim to: {claim}."),
    "evidence_submitted": Text(zh="{by}提交证据{count}份:{kinds}。", en="{by} brought evidence ({count}): {kinds}."),
    "merchant_replied.agree": Text(zh="{respondent}同意诉求。", en="{respondent} agreed."),
    "merchant_replied.refuse": Text(zh="{respondent}拒绝诉求。", en="{respondent} refused."),
    "merchant_replied.offer": Text(zh="{respondent}提出方案:{offer}。", en="{respondent} offered: {offer}."),
    "settled.agreement": Text(zh="双方达成一致:{owed}。", en="the parties agreed: {owed}."),
    "settled.offer": Text(zh="{complainant}接受方案:{owed}。", en="{complainant} took the offer: {owed}."),
    "settled.concession": Text(
        zh="{respondent}逾期未响应,视为同意:{owed}。", en="{respondent}'s silence counts as agreement: {owed}."
    ),
    "intervention_requested.requested": Text(
        zh="{by}申请平台介入,由{department}处理。", en="{by} called the platform in ({department})."
    ),
    "intervention_requested.refused": Text(
        zh="因{respondent}拒绝,平台介入,由{department}处理。",
        en="the platform stepped in because {respondent} refused ({department}).",
    ),
    "intervention_requested.response_timed_out": Text(
        zh="因{respondent}超时未响应,平台介入,由{department}处理。",
        en="the platform stepped in because {respondent} was silent ({department}).",
    ),
    "intervention_requested.stalled": Text(
        zh="因协商未果,平台介入,由{department}处理。",
        en="the platform stepped in because the talks stalled ({department}).",
    ),
    "ruled": Text(
        zh="平台第{round}次判责:{verdict},{owed}。", en="the platform ruled (round {round}): {verdict}; {owed}."
    ),
    "appealed": Text(
        zh="{by}提出申诉,提交证据{count}份:{kinds}。", en="{by} appealed with evidence ({count}): {kinds}."
    ),
    "withdrawn": Text(zh="{complainant}撤诉。", en="{complainant} withdrew the complaint."),
    "returned.address": Text(zh="{respondent}提供退货地址。", en="{respondent} gave the return address."),
    "returned.shipped": Text(zh="{complainant}已寄回商品。", en="{complainant} sent the goods back."),
    "returned.received": Text(zh="{respondent}确认收到退货。", en="{respondent} confirmed that the goods came back."),
    "return_timed_out.owe": Text(
        zh="{asked}未在 {due} 前配合退货,应直接退款。",
        en="{asked} did not act on the return by {due}; the refund is owed.",
    ),
    "return_timed_out.lapse": Text(
        zh="{asked}未在 {due} 前寄回商品,无需退款。", en="{asked} did not return the goods by {due}; nothing is owed."
    ),
    "remedied": Text(zh="{by}确认已履行:{owed}。", en="{by} reported the remedy as done: {owed}."),
    "closed": Text(zh="投诉关闭,结果:{outcome}。", en="the case was closed: {outcome}."),
    "deadline_extended": Text(zh="平台调整期限。", en="the platform moved a deadline."),
    "acceptance_timed_out": Text(
        zh="平台未在 {due} 前受理,优先级升至 {priority}。",
        en="the platform did not answer by {due}; priority raised to {priority}.",
    ),
    "evidence_timed_out": Text(zh="{asked}未在 {due} 前补充证据。", en="{asked} did not bring the evidence by {due}."),
    "merchant_response_timed_out": Text(
        zh="{respondent}未在 {due} 前响应。", en="{respondent} did not reply by {due}."
    ),
    "negotiation_stalled": Text(zh="截至 {due} 双方仍未达成一致。", en="the parties had not agreed by {due}."),
    "intervention_window_expired": Text(
        zh="{complainant}未在 {due} 前申请平台介入。", en="{complainant} did not call the platform in by {due}."
    ),
    "ruling_timed_out": Text(
        zh="平台未在 {due} 前出具处理结果,优先级升至 {priority}。",
        en="the platform did not rule by {due}; priority raised to {priority}.",
    ),
    "appeal_window_expired": Text(
        zh="申诉期于 {due} 届满,无人申诉,处理结果生效。", en="nobody appealed by {due}; the ruling stands."
    ),
    "remedy_timed_out": Text(
        zh="{respondent}未在 {due} 前履行,优先级升至 {priority}。",
        en="{respondent} did not do what is owed by {due}; priority raised to {priority}.",
    ),
}
"""One sentence per event, or one per variant of it (``event.variant``)."""

NEXT: dict[str, Text] = {
    "waiting_for_acceptance": Text(zh="请平台受理", en="the platform is to accept or not"),
    "waiting_for_merchant": Text(zh="请{respondent}响应诉求", en="{respondent} is to reply to the claim"),
    "waiting_for_complainant": Text(
        zh="请{complainant}考虑方案或与{respondent}协商",
        en="{complainant} is to take the offer or keep talking with {respondent}",
    ),
    "waiting_for_complainant.unlocked": Text(
        zh="{complainant}可申请平台介入", en="{complainant} may call the platform in"
    ),
    "evidence_requested": Text(zh="请{asked}补充证据:{kinds}", en="{asked} is to bring evidence: {kinds}"),
    "under_review": Text(zh="请平台出具处理结果", en="the platform is to rule"),
    "appealable": Text(zh="任一方可凭新证据申诉", en="either side may appeal with new evidence"),
    "appeal_under_review": Text(zh="请平台复核并出具处理结果", en="the platform is to rule on the appeal"),
    "waiting_for_return.address": Text(zh="请{respondent}提供退货地址", en="{respondent} is to give a return address"),
    "waiting_for_return.shipped": Text(zh="请{complainant}寄回商品", en="{complainant} is to send the goods back"),
    "waiting_for_return.received": Text(
        zh="请{respondent}确认收到退货", en="{respondent} is to confirm that the goods came back"
    ),
    "waiting_for_remedy": Text(zh="请{respondent}履行:{owed}", en="{respondent} is to do what is owed: {owed}"),
}
"""What is asked of whom in each status but ``closed``."""

STARTED = Text(zh="{clock}截止 {due}{notes}。", en="deadline for {clock}: {due}{notes}.")
MOVED = Text(zh="{clock}时限顺延至 {due}{notes}。", en="deadline for {clock} moved to {due}{notes}.")
RUNNING = Text(zh="{clock}:截止 {due}{notes}", en="deadline for {clock}: {due}{notes}")
UNTIL = Text(zh="{what},截止 {due}{notes}。", en="{what}, by {due}{notes}.")
SAID = Text(zh="说明:{words}", en="in their words: {words}")
REASON = Text(zh="理由:{words}", en="reason: {words}")
ATTACHED = Text(zh="附证据{count}份:{kinds}。", en="evidence attached ({count}): {kinds}.")
LIABLE = Text(zh="责任:{shares}。", en="liability: {shares}.")
PENALTIES = Text(zh="处罚:{penalties}。", en="penalties: {penalties}.")
DEPARTS = Text(zh="偏离标准金额的理由:{words}。", en="why it departs from the usual amount: {words}.")
FINAL = Text(zh="本结果为最终结果。", en="this is final.")
PROVISIONAL = Text(zh="(暂定,待放假安排公布)", en=" (provisional until the holidays are published)")
NOTICED = Text(zh="(因系统延迟,已补足最短期限)", en=" (lengthened, because we were late)")
LATE = Text(zh="(系统于 {at} 补记。)", en="(Recorded late, at {at}.)")
GONE = Text(zh="(已删除)", en="(erased)")
NOTHING = Text(zh="无需履行", en="nothing is owed")


def say(sentence: Text, **parts: Text | str | int) -> Text:
    """The sentence with its names filled in; in English it starts with a capital."""
    zh = sentence.zh.format(**{name: part.zh if isinstance(part, Text) else part for name, part in parts.items()})
    en = sentence.en.format(**{name: part.en if isinstance(part, Text) else part for name, part in parts.items()})
    return Text(zh=zh, en=en)


def paragraph(*sentences: Text) -> Text:
    """Sentences after each other; each English one starts with a capital."""
    english = " ".join(one.en[:1].upper() + one.en[1:] for one in sentences)
    return Text(zh="".join(one.zh for one in sentences), en=english)


def listed(items: list[Text]) -> Text:
    return Text(zh="、".join(item.zh for item in items), en=", ".join(item.en for item in items))


def money(amount: Money) -> str:
    """``¥129.00``; other currencies by their code."""
    number = f"{amount.amount // 100:,}.{amount.amount % 100:02d}"
    return f"¥{number}" if amount.currency == "CNY" else f"{amount.currency} {number}"


def thing(kind: Text, amount: Money | None) -> Text:
    """``退款 ¥129.00``, or ``换货`` where no money is owed."""
    if amount is None:
        return kind
    return Text(zh=f"{kind.zh} {money(amount)}", en=f"{kind.en} of {money(amount)}")


def clock_time(instant: Instant) -> Text:
    """China time to the minute; midnight is the 24:00 of the day it ends, as a due time means it."""
    local = instant.astimezone(CHINA)
    text = f"{local:%Y-%m-%d %H:%M}"
    if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
        text = f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return Text(zh=text, en=f"{text} UTC+8")


def quoted(text: str) -> Text:
    """What a person wrote, or that it was erased."""
    return GONE if text == ERASED else Text(zh=f"「{text}」", en=f'"{text}"')
