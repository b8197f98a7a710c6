"""How amounts, instants, lists and what a person wrote are put into words; and the words of every status and end."""

from __future__ import annotations

import pytest

from case_events.core import words
from case_events.core.values import Instant, Money, Text
from tests.examples import yuan

ENGLISH = {
    "waiting for acceptance": "waiting_for_acceptance",
    "waiting for the merchant": "waiting_for_merchant",
    "waiting for the respondent": "waiting_for_respondent",
    "waiting for the complainant": "waiting_for_complainant",
    "waiting for evidence": "evidence_requested",
    "under review": "under_review",
    "ruled, open to appeal": "appealable",
    "appeal under review": "appeal_under_review",
    "waiting for the return": "waiting_for_return",
    "waiting for the remedy": "waiting_for_remedy",
    "waiting for what the platform paid first": "waiting_for_recovery",
    "waiting for the platform's follow-up": "waiting_for_follow_up",
    "closed": "closed",
}


def test_each_status_is_named() -> None:
    assert {text.en: status for status, text in words.STATUSES.items()} == ENGLISH


def test_each_end_is_named() -> None:
    ends = {
        "双方和解": "settled",
        "逾期视为同意": "conceded",
        "支持投诉": "upheld",
        "部分支持": "partly_upheld",
        "不支持投诉": "rejected",
        "已撤诉": "withdrawn",
        "不予受理": "dismissed",
        "逾期自动关闭": "lapsed",
    }
    assert {text.zh: end for end, text in words.OUTCOMES.items()} == ends


def test_each_clock_is_named() -> None:
    clocks = {
        "平台受理": "acceptance",
        "{respondent}响应": "response",
        "双方协商": "negotiation",
        "{complainant}申请平台介入": "intervention",
        "{party}补充证据": "evidence",
        "平台出具处理结果": "ruling",
        "双方申诉": "appeal",
        "{respondent}提供退货地址": "return_address",
        "{complainant}寄回商品": "return_shipment",
        "{respondent}确认收到退货": "return_receipt",
        "{respondent}履行": "remedy",
        "平台安排专人": "assignment",
        "{party}向平台返还垫付款": "recovery",
        "平台回访": "follow_up",
    }
    assert {text.zh: kind for kind, text in words.CLOCKS.items()} == clocks


def test_what_is_filed_is_named_by_its_list() -> None:
    lists = {
        "投诉": "complaint",
        "退款申请": "refund",
        "售后申请": "after_sales",
        "举报": "report",
        "物流投诉": "logistics",
        "保险理赔": "insurance",
        "监管案件": "supervision",
    }
    assert {text.zh: kind for kind, text in words.KINDS.items()} == lists


def test_each_party_is_named() -> None:
    parties = {
        "{complainant}": "complainant",
        "{respondent}": "respondent",
        "平台": "platform",
        "双方": "both",
        "系统": "scheduler",
    }
    assert {text.zh: party for party, text in words.PARTIES.items()} == parties


def test_each_next_step_is_said() -> None:
    steps = {
        "请平台受理": "waiting_for_acceptance",
        "{complainant}可申请平台介入": "waiting_for_complainant.unlocked",
        "请{complainant}考虑方案或与{respondent}协商": "waiting_for_complainant",
        "请{asked}补充证据：{kinds}": "evidence_requested",
        "请平台出具处理结果": "under_review",
        "请平台安排专人处理": "under_review.assignment",
        "任一方可凭新证据申诉": "appealable",
        "{asked}可凭新证据申诉": "appealable.one_side",
        "任一方可提出异议": "appealable.without_evidence",
        "{asked}可提出异议": "appealable.without_evidence.one_side",
        "双方均不能再提出异议，处理结果将生效": "appealable.nobody",
        "请平台复核并出具处理结果": "appeal_under_review",
        "请{respondent}提供退货地址": "waiting_for_return.address",
        "请{complainant}寄回商品": "waiting_for_return.shipped",
        "请{respondent}确认收到退货": "waiting_for_return.received",
        "请{respondent}履行：{owed}": "waiting_for_remedy",
        "请{asked}向平台返还：{recovery}": "waiting_for_recovery",
        "请平台回访{respondent}的处理情况": "waiting_for_follow_up",
    }
    turns = {"waiting_for_merchant", "waiting_for_respondent"}
    assert {text.zh: step for step, text in words.NEXT.items() if step not in turns} == steps
    assert {words.NEXT[turn].zh for turn in turns} == {"请{respondent}响应诉求"}


@pytest.mark.parametrize(
    ("at", "zh"),
    [
        ("2026-03-05T04:00:00Z", "2026-03-05 12:00"),
        ("2026-03-05T15:59:59.999999Z", "2026-03-05 23:59"),
        ("2026-03-05T16:00:00Z", "2026-03-05 24:00"),  # midnight: the end of the day before
        ("2026-02-28T16:00:00Z", "2026-02-28 24:00"),
        ("2026-03-05T16:00:00.000001Z", "2026-03-06 00:00"),
        ("2026-03-05T16:00:01Z", "2026-03-06 00:00"),
        ("2026-03-05T16:01:00Z", "2026-03-06 00:01"),
        ("2026-03-05T17:00:00Z", "2026-03-06 01:00"),
        ("2026-12-31T16:00:00Z", "2026-12-31 24:00"),
    ],
)
def test_an_instant_is_said_in_china_s_time_and_midnight_ends_a_day(at: str, zh: str) -> None:
    assert words.clock_time(Instant.parse(at)) == Text(zh=zh, en=f"{zh} UTC+8")


@pytest.mark.parametrize(
    ("fen", "said"),
    [(0, "¥0.00"), (1, "¥0.01"), (99, "¥0.99"), (100, "¥1.00"), (110, "¥1.10"), (100_000, "¥1,000.00")],
)
def test_money_is_said_to_the_fen(fen: int, said: str) -> None:
    assert words.money(Money(amount=fen, currency="CNY")) == said
    assert words.money(Money(amount=fen, currency="HKD")) == said.replace("¥", "HKD ")


def test_what_is_owed_is_a_thing_or_a_sum_of_it() -> None:
    kind = Text(zh="退款", en="refund")
    assert words.thing(kind, yuan(129)) == Text(zh="退款 ¥129.00", en="refund of ¥129.00")
    assert words.thing(kind, None) == kind


def test_a_list_is_said_with_each_language_s_own_comma() -> None:
    one, other = Text(zh="照片", en="photo"), Text(zh="视频", en="video")
    assert words.listed([one, other]) == Text(zh="照片、视频", en="photo, video")
    assert words.listed([one]) == one


def test_sentences_follow_each_other_and_each_english_one_begins_with_a_capital() -> None:
    first, second = Text(zh="甲。", en="the first iPad."), Text(zh="乙。", en="the second.")
    assert words.paragraph(first, second) == Text(zh="甲。乙。", en="The first iPad. The second.")


def test_a_sentence_is_filled_in_each_language_from_its_own() -> None:
    sentence = Text(zh="{side}欠{count}件", en="{side} owes {count}")
    said = words.say(sentence, side=Text(zh="商家", en="the merchant"), count=3)
    assert said == Text(zh="商家欠3件", en="the merchant owes 3")


@pytest.mark.parametrize(
    ("written", "zh", "en"),
    [
        ("你好", "「你好」。", '"你好".'),
        ("你好。", "「你好。」", '"你好。"'),
        ("好！\n", "「好！\n」", '"好！\n"'),
        ("erased", "（已删除）。", "(erased)."),
        ("withheld", "（不公开）。", "(not shown)."),
        ("erased?", "「erased?」", '"erased?"'),
        ("\u202e反", "「\u202e反\u202c」。", '"\u202e反\u202c".'),
        (
            "\u2069\u202e\u2067\u202d",
            "「\u2069\u202e\u2067\u202d\u2069\u202c\u202c」。",
            '"\u2069\u202e\u2067\u202d\u2069\u202c\u202c".',
        ),
    ],
)
def test_what_a_person_wrote_is_quoted_unless_it_is_gone_or_kept_back(written: str, zh: str, en: str) -> None:
    assert words.quoted(written) == Text(zh=zh, en=en)
