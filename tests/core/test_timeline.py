"""A case in words: every event, state and clock has a sentence in both languages, and the sentences read well."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from case_events.core import vocabulary, words
from case_events.core.canonical import encode_hook
from case_events.core.case import Status
from case_events.core.cast import outcome
from case_events.core.changes import ALL
from case_events.core.commands import Reply
from case_events.core.events import EVENTS, Basis, Decision, Filed, Ground, Verdict
from case_events.core.party_telling import INSTANCES
from case_events.core.terms import Silence
from case_events.core.timeline import Timeline, timeline
from case_events.core.values import ERASED, ClockParty, Instant, Liable, Money, Offer, Text, Who
from case_events.policies import load, shipped
from tests.examples import (
    ADDRESS,
    AGREE,
    AMEND,
    APPEAL,
    ASK_FOR_PHOTOS,
    CALL_THE_PLATFORM,
    NOON,
    OFFER,
    PART_REFUND,
    POLICIES,
    REFUND,
    REFUSE,
    REJECT,
    SHIPPED,
    STARTS,
    TAKE_THE_OFFER,
    TICK,
    WITH_ACCEPTANCE,
    WITH_EVIDENCE,
    WITH_RETURN,
    calendar,
    extend,
    policy,
    yuan,
)
from tests.scenarios.rehearse import in_force, rehearse
from tests.scenarios.script import scenarios
from tests.scenarios.tell import Language, lines
from tests.spec import ACTORS, Dispute, days, filed, hours

GOLDEN = Path(__file__).parent.parent / "scenarios" / "golden"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def told(dispute: Dispute) -> Timeline:
    return timeline(dispute.history, dispute.case, dispute.in_force.type_of(dispute.case.type))


SPLIT = {
    "waiting_for_complainant.unlocked",
    "under_review.assignment",
    *(
        "appealable.one_side",
        "appealable.without_evidence",
        "appealable.without_evidence.one_side",
        "appealable.nobody",
    ),
    *(f"waiting_for_return.{step}" for step in ("address", "shipped", "received")),
}


def variants() -> set[str]:
    """The names of all sentences events need: one each, or one for each variant."""
    split: dict[str, tuple[str, ...]] = {
        "merchant_replied": get_args(Decision),
        "respondent_replied": get_args(Decision),
        "settled": get_args(Basis),
        "intervention_requested": get_args(Ground),
        "appealed": (*INSTANCES, "other"),
        "ruling_accepted": ("waits", "stands"),
        "returned": ("address", "pickup", "shipped", "received", "disputed"),
        "return_timed_out": get_args(Silence),
        "accepted": ("reply", "direct"),
        "dismissed": ("unfounded", "malicious", "sent_back"),
        "evidence_rejected": ("set_aside", "forged"),
        "linked": ("here", "moved"),
        "noted": ("internal", "shown"),
        "deadline_extended": ("clock", "filing", "relief"),
        "corrected": ("ruling", "text"),
        "advance_paid": ("instant", "advance"),
        "followed_up": ("solved", "unsolved", "imposed"),
    }
    return {name for name in EVENTS if name not in split} | {f"{n}.{v}" for n, vs in split.items() for v in vs}


def test_every_event_status_clock_party_and_outcome_has_its_words() -> None:
    assert set(words.EVENTS) == variants()
    assert set(words.STATUSES) == set(get_args(Status))
    assert set(words.NEXT) == (set(get_args(Status)) - {"closed", "waiting_for_return"}) | SPLIT
    assert set(words.CLOCKS) == set(ALL)
    assert set(words.PARTIES) == set(get_args(ClockParty)) | set(get_args(Who))
    assert set(words.OUTCOMES) == set(get_args(Verdict)) | {"settled", "conceded", "withdrawn", "dismissed", "lapsed"}


def test_every_word_a_shipped_policy_uses_has_a_name() -> None:
    for text in shipped():
        for rules in load(text).policy.types.values():
            used = {*rules.reasons, *rules.demands, *rules.offers, *rules.ruling.outcomes, rules.department}
            assert used | {rules.intervention.department} <= set(vocabulary.WORDS)
            assert {*rules.complainants, *rules.respondents} <= set(vocabulary.ROLES)


def test_who_decides_outside_is_not_called_like_a_department_and_a_reason_like_its_complaint() -> None:
    assert vocabulary.called("regulator").zh == "市场监管部门", "the platform's own is 平台监管部门"
    for text in shipped():
        titles = load(text).policy.types
        assert vocabulary.called("payment_method_refused").zh in {one.title.zh for one in titles.values()}


TABLES = {
    "events": words.EVENTS,
    "statuses": words.STATUSES,
    "next": words.NEXT,
    "clocks": words.CLOCKS,
    "outcomes": words.OUTCOMES,
    "words": vocabulary.WORDS,
    "roles": vocabulary.ROLES,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_the_chinese_is_chinese_the_english_is_not_and_both_say_the_same_names(table: dict[str, Text]) -> None:
    for word, text in table.items():
        assert CHINESE.search(text.zh), word
        assert not CHINESE.search(text.en), word
        assert names_in(text.zh) == names_in(text.en), word


def names_in(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("name", scenarios())
def test_a_whole_dispute_is_told_without_a_hole_or_a_bare_word(name: str) -> None:
    dispute = rehearse(scenarios()[name], in_force("taobao"), calendar())
    for count in range(1, len(dispute.history) + 1):
        at_that_version = dispute.fork()
        at_that_version.history = dispute.history[:count]
        at_that_version.passes(dispute.history[count - 1].effective_at)
        for entry in told(at_that_version).entries:
            assert CHINESE.search(entry.zh)
            assert not re.search(r"[{}_]", entry.zh + entry.en)
            assert entry.en[0].isupper()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_appealed_dispute_reads_as_it_was_approved(language: Language) -> None:
    dispute = rehearse(scenarios()["refused_ruled_appealed"], in_force("taobao"), calendar())
    said = json.loads(msgspec.json.encode(told(dispute), enc_hook=encode_hook))
    approved = (GOLDEN / f"refused_ruled_appealed.{language}.txt").read_text(encoding="utf-8")
    assert "\n".join(lines(said, language)) + "\n" == approved


def test_a_fresh_complaint_says_who_is_next_and_until_when_in_china_time() -> None:
    said = told(filed())
    assert said.title == Text(zh="未收到货", en="Goods not received")
    assert (said.status.word, said.status.zh, said.outcome) == ("waiting_for_merchant", "待商家处理", None)
    assert said.next is not None
    assert (said.next.by, said.next.kind, said.next.party) == (("respondent",), "response", "respondent")
    assert said.next.due_at == Instant.of(NOON + hours(72))
    assert said.next.zh == "请商家响应诉求，截止 2026-03-05 12:00。"
    assert said.next.en == "The merchant is to reply to the claim, by 2026-03-05 12:00 UTC+8."
    assert [deadline.kind for deadline in said.deadlines] == ["response", "negotiation"]
    assert said.missing == ()


NEXT: list[tuple[Dispute, str]] = [
    (filed(WITH_ACCEPTANCE), "请平台受理，截止 2026-03-03 12:00。"),
    (filed().when(OFFER, at=hours(1)), "请买家考虑方案或与商家协商，截止 2026-03-11 12:00。"),
    (filed().when(OFFER, at=hours(1)).passes(days(10)), "买家可申请平台介入，截止 2026-03-18 12:00。"),
    (filed().when(REFUSE, at=days(1)), "请平台出具处理结果，截止 2026-03-05 24:00。"),
    (filed().when(REFUSE, at=days(1)).when(REJECT, at=days(2)), "任一方可凭新证据申诉，截止 2026-03-11 12:00。"),
    (
        filed().when(REFUSE, at=days(1)).when(REJECT, at=days(2)).when(APPEAL, at=days(3)),
        "请平台复核并出具处理结果，截止 2026-03-10 24:00。",
    ),
    (filed().when(AGREE, at=hours(1)), "请商家履行：退款 ¥129.00，截止 2026-03-05 13:00。"),
]


@pytest.mark.parametrize(("dispute", "zh"), NEXT, ids=[dispute.case.status for dispute, _ in NEXT])
def test_each_state_says_what_is_asked_of_whom(dispute: Dispute, zh: str) -> None:
    said = told(dispute).next
    assert said is not None
    assert said.zh == zh


def test_a_closed_case_asks_nothing_of_anybody() -> None:
    said = told(filed().when(OFFER, at=hours(1)).passes(days(10)).passes(days(17)))
    assert (said.next, said.deadlines) == (None, ())
    assert said.outcome is not None
    assert (said.outcome.word, said.outcome.en) == ("lapsed", "lapsed")


def entry(dispute: Dispute, version: int = -1) -> tuple[str, str]:
    last = told(dispute).entries[version]
    return last.zh, last.en


def test_a_moved_deadline_says_where_it_moved_and_carries_it_as_data() -> None:
    dispute = filed().when(AMEND, at=hours(60))
    zh, en = entry(dispute)
    assert zh == "买家修改诉求为：退款 ¥100.00。商家响应时限顺延至 2026-03-05 24:00。"
    assert en.endswith("Deadline for the merchant's reply moved to 2026-03-05 24:00 UTC+8.")
    clocks = told(dispute).entries[-1].clocks
    assert [(clock.kind, clock.due_at) for clock in clocks] == [("response", dispute.instant(hours(84)))]


def test_an_entry_cites_the_clause_it_goes_by() -> None:
    rule = told(filed().when(REFUSE, at=days(1)).when(REJECT, at=days(2))).entries[-1].rule
    assert rule is not None
    assert rule.clause == "taobao@2026.1#not_received.delivery_proved"
    assert rule.en == "Where delivery to the buyer is proved the claim is rejected."


def test_a_timeout_written_late_says_when_it_was_written() -> None:
    zh, _ = entry(filed().when(OFFER, at=hours(1)).passes(days(9) + hours(1)))
    assert zh.endswith("买家申请平台介入截止 2026-03-18 12:00。（系统于 2026-03-11 13:00 补记。）")
    prompt, _ = entry(filed().when(OFFER, at=hours(1)).passes(days(9) + TICK))
    assert "补记" not in prompt


def test_a_lengthened_and_a_provisional_deadline_say_so() -> None:
    zh, en = entry(filed().when(OFFER, at=hours(1)).passes(days(20)))
    assert "已补足最短期限" in zh
    assert "because we were late" in en
    at = Instant.parse("2026-12-30T04:00:00Z")
    said = told(filed(at=at).when(REFUSE, at=hours(1)))
    assert said.next is not None
    assert said.next.provisional
    assert "暂定" in said.next.zh
    assert "provisional" in said.deadlines[0].en


def test_a_due_time_of_a_timeout_that_is_not_written_says_so_and_blames_no_holidays() -> None:
    dispute = filed().passes(hours(72) + TICK)
    shown = replace(dispute.case, clocks=tuple(replace(one, provisional=True) for one in dispute.case.clocks))
    said = timeline(dispute.history, shown, dispute.in_force.type_of(shown.type))
    assert said.next is not None
    assert all("（暂定，待系统记录）" in zh for zh in (said.next.zh, said.deadlines[0].zh))
    assert all("(provisional until it is recorded)" in en for en in (said.next.en, said.deadlines[0].en))


def test_what_is_overdue_says_since_when_and_not_only_when_it_will_be_missed_next() -> None:
    """The 2nd at noon, refused an hour later: to be ruled by the 4th, and on each working day after that."""
    dispute = filed().when(REFUSE, at=hours(1))
    waiting = told(dispute)
    late = told(dispute.passes(days(7)))
    again = told(dispute.when(REJECT, at=days(7)).when(APPEAL, at=days(8)))
    assert late.next is not None
    assert late.next.en.endswith("by 2026-03-09 24:00 UTC+8 (overdue since 2026-03-04 24:00 UTC+8).")
    assert late.deadlines[0].zh.endswith("截止 2026-03-09 24:00（自 2026-03-04 24:00 起已逾期）")
    assert "overdue" not in late.entries[-1].en, "the event itself says what it promised"
    for in_time in (waiting, again):
        assert in_time.next is not None
        assert "overdue" not in in_time.next.en + in_time.deadlines[0].en


def test_who_is_asked_again_for_what_it_did_not_bring_is_not_overdue() -> None:
    """Another question, with time of its own."""
    asked = replace(ASK_FOR_PHOTOS, within=hours(1))
    dispute = filed().when(REFUSE, at=hours(1)).when(asked, at=hours(2)).passes(hours(4)).when(asked, at=hours(5))
    assert {one.kind for one in dispute.case.expired} == {one.kind for one in dispute.case.clocks[:1]} == {"evidence"}
    assert [one.en for one in told(dispute).deadlines if "overdue" in one.en] == []


def test_a_ruling_says_who_bears_it_what_it_costs_and_whether_it_is_final() -> None:
    shares = (Liable(party="respondent", share=6_667), Liable(party="complainant", share=3_333))
    ruling = replace(PART_REFUND, liable=shares, penalties=("points", "warning"))
    refused = filed().when(REFUSE, at=days(1))
    zh, en = entry(refused.fork().when(ruling, at=days(2)))
    assert "责任：商家 66.67%（¥40.00）、买家 33.33%（¥20.00）。处罚：扣分、警告。" in zh
    assert "Liability: the merchant 66.67% (¥40.00), the buyer 33.33% (¥20.00). Penalties: points, warning." in en
    assert "最终" not in zh
    final = refused.when(REJECT, at=days(2)).when(APPEAL, at=days(3)).when(REFUND, at=days(4))
    assert "本结果为最终结果。" in entry(final)[0]


def test_what_was_erased_is_shown_as_erased() -> None:
    dispute = filed().when(CALL_THE_PLATFORM, by="respondent", at=hours(1))
    first, second = dispute.history
    assert isinstance(first.event, Filed)
    erased = replace(first, event=replace(first.event, description=ERASED))
    asked = replace(second, event=replace(second.event, reason=ERASED))
    said = timeline((erased, asked), dispute.case, policy().type_of("not_received"))
    assert ["（已删除）" in one.zh for one in said.entries] == [True, True]
    assert ["(erased)" in one.en for one in said.entries] == [True, True]


def test_what_a_person_wrote_is_never_taken_for_a_sentence_of_ours() -> None:
    zh, en = entry(filed(description="{complainant} {0} {nobody}"))
    assert "「{complainant} {0} {nobody}」" in zh
    assert '"{complainant} {0} {nobody}"' in en


def test_words_we_do_not_know_stand_as_they_are() -> None:
    assert vocabulary.called("bank_transfer") == Text(zh="bank_transfer", en="bank transfer")
    assert outcome("overruled_by_court").en == "overruled by court"
    assert vocabulary.role("astronaut", "complainant").zh == "投诉方"
    assert vocabulary.role("astronaut", "respondent").en == "the respondent"


def test_a_settlement_that_owes_no_money_names_the_thing() -> None:
    swap = Reply(decision="offer", offer=Offer(kind="exchange"))
    zh, en = entry(filed().when(swap, at=hours(1)).when(TAKE_THE_OFFER, at=hours(2)))
    assert zh.startswith("买家接受方案：换货。")
    assert en.startswith("The buyer took the offer: exchange.")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (yuan(129), "¥129.00"),
        (Money(amount=5, currency="CNY"), "¥0.05"),
        (Money(amount=123_456_789, currency="CNY"), "¥1,234,567.89"),
        (Money(amount=1_050, currency="USD"), "USD 10.50"),
    ],
)
def test_money_is_written_in_yuan_and_fen(amount: Money, text: str) -> None:
    assert words.money(amount) == text


def test_a_moved_deadline_by_the_platform_gives_its_reason() -> None:
    dispute = filed()
    dispute.when(extend("response", "respondent", dispute.instant(days(5))), at=hours(1))
    zh, _ = entry(dispute)
    assert zh == "平台调整期限。理由：「节假日物流停运。」商家响应时限顺延至 2026-03-07 12:00。"


def test_every_state_a_policy_can_lead_to_can_be_told() -> None:
    for changes in POLICIES.values():
        for start in STARTS:
            dispute = filed(*changes, at=start).passes(days(40))
            assert len(told(dispute).entries) == len(dispute.history)


def test_what_the_platform_asked_for_is_shown_as_missing_and_asked_of_that_side() -> None:
    dispute = filed(WITH_EVIDENCE).when(REFUSE, at=days(1)).when(ASK_FOR_PHOTOS, at=days(1) + hours(1))
    said = told(dispute)
    assert [(one.kind, one.party) for one in said.missing] == [("photo", "complainant"), ("packaging", "complainant")]
    assert {one.due_at for one in said.missing} == {dispute.clock("evidence").due_at}
    assert said.missing[0].zh == "买家尚缺照片，截止 2026-03-06 13:00"
    assert said.missing[0].en == "Photo of the buyer is missing, due by 2026-03-06 13:00 UTC+8"
    assert said.next is not None
    assert (said.next.by, said.next.kind) == (("complainant",), "evidence")
    assert said.next.zh == "请买家补充证据：照片、包装，截止 2026-03-06 13:00。"


def test_a_ruling_that_departs_from_the_usual_amount_says_why() -> None:
    zh, en = entry(filed().when(REFUSE, at=days(1)).when(replace(REFUND, departs="预售条款。"), at=days(2)))
    assert "偏离规则标准的理由：「预售条款。」" in zh
    assert "Why it departs from what the rules say" in en


@pytest.mark.parametrize(
    ("step", "zh"),
    [(0, "请商家提供退货地址"), (1, "请买家寄回商品"), (2, "请商家确认收到退货")],
)
def test_each_step_of_the_return_says_whose_it_is(step: int, zh: str) -> None:
    dispute = filed(*WITH_RETURN, demand="return_and_refund").when(AGREE, at=hours(1))
    for taken, by in ((ADDRESS, "respondent"), (SHIPPED, "complainant"))[:step]:
        dispute.when(taken, by=ACTORS[by], at=hours(2))  # type: ignore[index]
    said = told(dispute).next
    assert said is not None
    assert said.zh.startswith(zh)
