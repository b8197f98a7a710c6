"""Who is who in a telling, and how shares, penalties, debts and evidence are said."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core import cast as told
from case_events.core.cast import Cast, cast_of
from case_events.core.values import ClockParty, Evidence, Liable, Money, Party, Penalty, Recovery, Text
from tests.examples import policy, proof, yuan
from tests.spec import filed

CAST = Cast(
    complainant=Text(zh="买家", en="the buyer"),
    respondent=Text(zh="商家", en="the merchant"),
    title=Text(zh="未收到货", en="Goods not received"),
)


def test_each_side_is_called_by_its_role_and_the_case_by_the_title_of_its_type() -> None:
    rules = policy().type_of("not_received")
    swapped = replace(
        filed().case, complainant=Party(role="merchant", id="m-1"), respondent=Party(role="carrier", id="c-1")
    )
    assert cast_of(filed().case, rules) == CAST
    cast = cast_of(swapped, rules)
    assert (cast.complainant.zh, cast.respondent.zh, cast.title.zh) == ("商家", "物流公司", "未收到货")
    strangers = replace(swapped, complainant=Party(role="x", id="1"), respondent=Party(role="y", id="2"))
    cast = cast_of(strangers, rules)
    assert (cast.complainant.en, cast.respondent.en) == ("the complainant", "the respondent")


def test_where_one_merchant_complains_about_another_each_is_called_by_its_side() -> None:
    rivals = replace(filed().case, complainant=Party(role="merchant", id="m-2"))
    cast = cast_of(rivals, policy().type_of("not_received"))
    assert (cast.complainant.zh, cast.respondent.zh) == ("投诉方", "被投诉方")
    assert (cast.complainant.en, cast.respondent.en) == ("the complainant", "the respondent")


@pytest.mark.parametrize(
    ("party", "zh", "en"),
    [
        ("complainant", "买家", "the buyer"),
        ("respondent", "商家", "the merchant"),
        ("platform", "平台", "the platform"),
        ("both", "双方", "both sides"),
    ],
)
def test_whose_a_clock_is_is_said_by_name(party: ClockParty, zh: str, en: str) -> None:
    assert CAST.side(party) == Text(zh=zh, en=en)


def test_the_clock_itself_is_named_as_one_who_acts() -> None:
    assert CAST.side("scheduler") == Text(zh="系统", en="the clock")


def test_a_sentence_knows_the_sides_and_the_title() -> None:
    every = Text(zh="{complainant}、{respondent}:{title}{count}", en="{complainant}, {respondent}: {title} {count}")
    said = CAST.say(every, count=2)
    assert said == Text(zh="买家、商家:未收到货2", en="the buyer, the merchant: Goods not received 2")


def test_a_claim_of_no_money_names_the_thing_alone_and_what_is_owed_names_even_nothing() -> None:
    assert told.claimed("refund", yuan(129)).zh == "退款 ¥129.00"
    assert told.claimed("refund", Money(amount=1, currency="CNY")).en == "refund of ¥0.01"
    assert told.claimed("takedown", yuan(0)).zh == "下架"
    assert told.owed("refund", yuan(0)).zh == "退款 ¥0.00"
    assert told.owed("exchange", None).en == "exchange"


def test_of_a_loss_that_is_shared_it_is_said_what_the_complainant_gets_and_not_that_this_is_all() -> None:
    got = told.owed("shared_liability", yuan(67))
    assert (got.zh, got.en) == ("共同承担，向投诉方支付 ¥67.00", "shared liability, ¥67.00 to the complainant")
    assert told.owed("shared_liability", None).zh == "共同承担"


def test_an_end_we_do_not_know_stands_as_it_is() -> None:
    assert told.outcome("lapsed").zh == "逾期自动关闭"
    assert told.outcome("refund").zh == "退款"
    assert told.outcome("lost_at_sea").en == "lost at sea"


def test_each_kind_of_evidence_is_named_once_in_its_order_and_every_piece_counted() -> None:
    brought: tuple[Evidence, ...] = (proof(1, "video"), proof(2, "photo"), proof(3, "video"))
    said = told.pieces(brought)
    assert said["count"] == 3
    assert said["kinds"] == Text(zh="视频、照片", en="video, photo")


@pytest.mark.parametrize(
    ("share", "percent"),
    [
        (10_000, "100"),
        (7_000, "70"),
        (3_333, "33.33"),
        (1_050, "10.5"),
        (5, "0.05"),
        (100, "1"),
        (110, "1.1"),
        (0, "0"),
    ],
)
def test_a_share_is_said_in_percent_without_needless_zeros(share: int, percent: str) -> None:
    said = told.shares((Liable(party="platform", share=share),), CAST)
    assert said == Text(zh=f"平台 {percent}%", en=f"the platform {percent}%")


def test_several_bearers_are_said_with_what_each_bears_and_a_sole_one_without() -> None:
    one = Liable(party="respondent", share=7_000, amount=yuan(70))
    other = Liable(party="complainant", share=3_000, amount=yuan(30))
    assert told.shares((one, other), CAST) == Text(
        zh="商家 70%（¥70.00）、买家 30%（¥30.00）", en="the merchant 70% (¥70.00), the buyer 30% (¥30.00)"
    )
    assert told.shares((one,), CAST).zh == "商家 70%"
    assert told.shares((replace(one, amount=None), other), CAST).zh == "商家 70%、买家 30%（¥30.00）"


def test_a_penalty_says_its_points_and_whose_it_is_where_it_is_not_the_respondent_s() -> None:
    imposed = (
        Penalty(kind="points", points=6),
        Penalty(kind="warning"),
        Penalty(kind="credit_mark", on="complainant"),
        Penalty(kind="points", on="complainant", points=1),
    )
    assert told.penalties(imposed, CAST) == Text(
        zh="扣分 6 分、警告、信用扣减（买家）、扣分 1 分（买家）",
        en="points (6), warning, credit mark for the buyer, points (1) for the buyer",
    )


def test_what_goes_back_to_the_platform_is_one_sentence_or_none() -> None:
    due = (Recovery(party="respondent", amount=yuan(50)), Recovery(party="complainant", amount=yuan(9)))
    assert told.back(due, CAST) == (
        Text(
            zh="应向平台返还：商家 ¥50.00、买家 ¥9.00。",
            en="to be paid back to the platform: ¥50.00 by the merchant, ¥9.00 by the buyer.",
        ),
    )
    assert told.back((), CAST) == ()
    assert told.sums(due) == "¥50.00, ¥9.00"
