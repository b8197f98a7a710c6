"""How a case is told: one sentence per event, state and clock, in the words of the ops desk, in both languages.

A sentence's ``{names}`` are filled in by ``say``; what a person wrote is only ever filled in, never a sentence.
"""

from __future__ import annotations

from datetime import timedelta

from case_events.core import clock_words, party_words, platform_words
from case_events.core.values import CHINA, ERASED, Instant, Money, Text
from case_events.core.viewer import WITHHELD

ISOLATES, EMBEDDINGS = "\u2066\u2067\u2068", "\u202a\u202b\u202d\u202e"
"""Invisible characters that turn what follows them around until they are ended (UAX #9)."""

ENDS = ("。", "…", ".", "!", "?", "\uff01", "\uff1f")
"""What ends a sentence, full width or half: who wrote it has said that it is over."""

STATUSES: dict[str, Text] = {
    "waiting_for_acceptance": Text(zh="待受理", en="waiting for acceptance"),
    "waiting_for_merchant": Text(zh="待商家处理", en="waiting for the merchant"),
    "waiting_for_respondent": Text(zh="待被投诉方处理", en="waiting for the respondent"),
    "waiting_for_complainant": Text(zh="待投诉方答复", en="waiting for the complainant"),
    "evidence_requested": Text(zh="待补充证据", en="waiting for evidence"),
    "under_review": Text(zh="平台处理中", en="under review"),
    "appealable": Text(zh="已判责，可申诉", en="ruled, open to appeal"),
    "appeal_under_review": Text(zh="申诉处理中", en="appeal under review"),
    "waiting_for_return": Text(zh="待退货", en="waiting for the return"),
    "waiting_for_remedy": Text(zh="待履行", en="waiting for the remedy"),
    "waiting_for_recovery": Text(zh="待返还平台垫付款", en="waiting for what the platform paid first"),
    "waiting_for_follow_up": Text(zh="待平台回访", en="waiting for the platform's follow-up"),
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
    "evidence": Text(zh="{party}补充证据", en="the evidence asked of {party}"),
    "ruling": Text(zh="平台出具处理结果", en="the platform's ruling"),
    "appeal": Text(zh="双方申诉", en="an appeal by either side"),
    "return_address": Text(zh="{respondent}提供退货地址", en="{respondent}'s return address"),
    "return_shipment": Text(zh="{complainant}寄回商品", en="{complainant} to send the goods back"),
    "return_receipt": Text(zh="{respondent}确认收到退货", en="{respondent} to confirm the goods came back"),
    "remedy": Text(zh="{respondent}履行", en="{respondent}'s remedy"),
    "assignment": Text(zh="平台安排专人", en="somebody at the desk to take the case"),
    "recovery": Text(zh="{party}向平台返还垫付款", en="{party} to pay the platform back"),
    "follow_up": Text(zh="平台回访", en="the platform's follow-up"),
}
"""What each clock runs for; it stands after "deadline for"."""

PARTIES: dict[str, Text] = {
    "complainant": Text(zh="{complainant}", en="{complainant}"),
    "respondent": Text(zh="{respondent}", en="{respondent}"),
    "platform": Text(zh="平台", en="the platform"),
    "both": Text(zh="双方", en="both sides"),
    "scheduler": Text(zh="系统", en="the clock"),
}

EVENTS: dict[str, Text] = {**party_words.EVENTS, **platform_words.EVENTS, **clock_words.EVENTS}
"""One sentence per event, or one per variant of it (``event.variant``)."""

KINDS: dict[str, Text] = {
    "complaint": Text(zh="投诉", en="a complaint"),
    "refund": Text(zh="退款申请", en="a refund request"),
    "after_sales": Text(zh="售后申请", en="an after-sales request"),
    "report": Text(zh="举报", en="a report"),
    "logistics": Text(zh="物流投诉", en="a logistics complaint"),
    "insurance": Text(zh="保险理赔", en="an insurance claim"),
    "supervision": Text(zh="监管案件", en="a supervision case"),
}
"""What is filed, by the party's list it stands in (domain Q3)."""

NEXT: dict[str, Text] = {
    "waiting_for_acceptance": Text(zh="请平台受理", en="the platform is to accept or not"),
    "waiting_for_merchant": Text(zh="请{respondent}响应诉求", en="{respondent} is to reply to the claim"),
    "waiting_for_respondent": Text(zh="请{respondent}响应诉求", en="{respondent} is to reply to the claim"),
    "waiting_for_complainant": Text(
        zh="请{complainant}考虑方案或与{respondent}协商",
        en="{complainant} is to take the offer or keep talking with {respondent}",
    ),
    "waiting_for_complainant.unlocked": Text(
        zh="{complainant}可申请平台介入", en="{complainant} may call the platform in"
    ),
    "evidence_requested": Text(zh="请{asked}补充证据：{kinds}", en="{asked} is to bring evidence: {kinds}"),
    "under_review": Text(zh="请平台出具处理结果", en="the platform is to rule"),
    "under_review.assignment": Text(zh="请平台安排专人处理", en="somebody at the desk is to take the case"),
    "appealable": Text(zh="任一方可凭新证据申诉", en="either side may appeal with new evidence"),
    "appealable.one_side": Text(zh="{asked}可凭新证据申诉", en="{asked} may appeal with new evidence"),
    "appealable.without_evidence": Text(zh="任一方可提出异议", en="either side may contest the ruling"),
    "appealable.without_evidence.one_side": Text(zh="{asked}可提出异议", en="{asked} may contest the ruling"),
    "appealable.nobody": Text(
        zh="双方均不能再提出异议，处理结果将生效",
        en="neither side may contest the ruling any more, and it takes effect",
    ),
    "appeal_under_review": Text(zh="请平台复核并出具处理结果", en="the platform is to rule on the appeal"),
    "waiting_for_return.address": Text(zh="请{respondent}提供退货地址", en="{respondent} is to give a return address"),
    "waiting_for_return.shipped": Text(zh="请{complainant}寄回商品", en="{complainant} is to send the goods back"),
    "waiting_for_return.received": Text(
        zh="请{respondent}确认收到退货", en="{respondent} is to confirm that the goods came back"
    ),
    "waiting_for_remedy": Text(zh="请{respondent}履行：{owed}", en="{respondent} is to do what is owed: {owed}"),
    "waiting_for_recovery": Text(
        zh="请{asked}向平台返还：{recovery}", en="{asked} is to pay the platform back: {recovery}"
    ),
    "waiting_for_follow_up": Text(
        zh="请平台回访{respondent}的处理情况", en="the platform is to look how {respondent} handled it"
    ),
}
"""What is asked of whom in each status but ``closed``."""

STARTED = Text(zh="{clock}截止 {due}{notes}。", en="deadline for {clock}: {due}{notes}.")
MOVED = Text(zh="{clock}时限顺延至 {due}{notes}。", en="deadline for {clock} moved to {due}{notes}.")
RUNNING = Text(zh="{clock}：截止 {due}{notes}", en="deadline for {clock}: {due}{notes}")
UNTIL = Text(zh="{what}，截止 {due}{notes}。", en="{what}, by {due}{notes}.")
SAID = Text(zh="说明：{words}", en="in their words: {words}")
REASON = Text(zh="理由：{words}", en="reason: {words}")
WHY = Text(zh="更正原因：{words}", en="why it was corrected: {words}")
PROVISIONAL = Text(zh="（暂定，待放假安排公布）", en=" (provisional until the holidays are published)")
UNWRITTEN = Text(zh="（暂定，待系统记录）", en=" (provisional until it is recorded)")
NOTICED = Text(zh="（因系统延迟，已补足最短期限）", en=" (lengthened, because we were late)")
OVERDUE = Text(zh="（自 {since} 起已逾期）", en=" (overdue since {since})")
IMPORTED = Text(zh="（由历史数据导入。）", en="(Imported.)")
LATE = Text(zh="（系统于 {at} 补记。）", en="(Recorded late, at {at}.)")
GONE = Text(zh="（已删除）", en="(erased)")
KEPT_BACK = Text(zh="（不公开）", en="(not shown)")
MISSING = Text(zh="{side}尚缺{kind}{until}", en="{kind} of {side} is missing{until}")
UNTIL_WHEN = Text(zh="，截止 {due}", en=", due by {due}")
SHARED = Text(zh="{kind}，向投诉方支付 {amount}", en="{kind}, {amount} to the complainant")
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
    """What a person wrote, as the end of a sentence; or that it was erased, or is not for this reader."""
    if (gone := absent(text)) is not None:
        return Text(zh=f"{gone.zh}。", en=f"{gone.en}.")
    kept, ended = text + _closing(text), text.rstrip().endswith(ENDS)
    return Text(zh=f"「{kept}」" if ended else f"「{kept}」。", en=f'"{kept}"' if ended else f'"{kept}".')


def absent(text: str) -> Text | None:
    """That a text was erased, or is not for this reader; None of one that is there."""
    return {WITHHELD: KEPT_BACK, ERASED: GONE}.get(text)


def _closing(text: str) -> str:
    """What ends the writing directions that ``text`` begins: what the record says behind it is not turned around."""
    if text.isascii():
        return ""
    isolates, embeddings = (sum(map(text.count, begins)) for begins in (ISOLATES, EMBEDDINGS))
    return "\u2069" * isolates + "\u202c" * embeddings
