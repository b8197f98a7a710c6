"""What the parties did, told in full: the claim, the evidence beside, what goes back, and what they wrote."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core import words
from case_events.core.events import (
    Appealed,
    Event,
    EvidenceSubmitted,
    Expedited,
    Filed,
    InterventionRequested,
    MerchantReplied,
    Messaged,
    Rated,
    Remedied,
    RespondentReplied,
    Returned,
    RulingAccepted,
    Settled,
    Withdrawn,
)
from case_events.core.telling import told
from case_events.core.values import Offer, Recovery
from tests.core.test_cast import CAST
from tests.examples import proof, yuan
from tests.spec import filed

BACK = (Recovery(party="respondent", amount=yuan(50)),)
TWO = (proof(1, "video"), proof(2, "invoice"))
FILED = filed().history[0].event
assert isinstance(FILED, Filed)
BARE = replace(FILED, evidence=(), description="")
OPENS = "买家发起投诉「未收到货」，原因：未收到货；诉求：退款 ¥129.00。"
SWAP = Offer(kind="exchange")
TOLD: list[tuple[Event, str]] = [
    (BARE, OPENS),
    (replace(BARE, evidence=TWO), f"{OPENS}附证据2份：视频、发票。"),
    (
        replace(
            BARE,
            anonymous=True,
            late=True,
            previous=UUID(int=7),
            evidence=TWO,
            missing=("photo", "photo"),
            description="急。",
        ),
        f"{OPENS}匿名提交。已超出投诉时限，申请延长。接续此前未解决的投诉。附证据2份：视频、发票。尚缺证据：照片。说明：「急。」",
    ),
    (EvidenceSubmitted(by="platform", evidence=TWO), "平台提交证据2份：视频、发票。"),
    (
        MerchantReplied(decision="refuse", reason="已签收。", evidence=TWO),
        "商家拒绝诉求。附证据2份：视频、发票。理由：「已签收。」",
    ),
    (MerchantReplied(decision="offer", offer=SWAP, reason="缺货。"), "商家提出方案：换货。理由：「缺货。」"),
    (RespondentReplied(decision="agree", reason="好。"), "商家同意诉求。理由：「好。」"),
    (
        Settled(basis="agreement", remedy="repair", owed=None, recoveries=BACK),
        "双方达成一致：维修。应向平台返还：商家 ¥50.00。",
    ),
    (Settled(basis="offer", remedy="refund", owed=yuan(9), recoveries=()), "买家接受方案：退款 ¥9.00。"),
    (
        InterventionRequested(ground="requested", by="respondent", department="consumer_protection", reason="僵持。"),
        "商家申请平台介入，由消费者保障部门处理。理由：「僵持。」",
    ),
    (Expedited(reason="急。", priority=3), "买家要求加急，优先级升至 3。理由：「急。」"),
    (
        Appealed(by="complainant", reason="不服。", evidence=TWO, instance="reconsideration"),
        "买家申请复议，提交证据2份：视频、发票。理由：「不服。」",
    ),
    (Appealed(by="respondent", reason="不服。", instance="appeal"), "商家提出申诉。理由：「不服。」"),
    (Appealed(by="respondent", reason="不服。", instance="plenary"), "商家要求再次处理（plenary）。理由：「不服。」"),
    (
        RulingAccepted(by="complainant", stands=True, recoveries=BACK),
        "买家接受处理结果；双方均已接受，处理结果生效。应向平台返还：商家 ¥50.00。",
    ),
    (RulingAccepted(by="respondent"), "商家接受处理结果，等待另一方。"),
    (Withdrawn(reason="收到了。", recoveries=BACK), "买家撤诉。应向平台返还：商家 ¥50.00。理由：「收到了。」"),
    (Returned(step="address", address="文三路1号"), "商家提供退货地址。说明：「文三路1号」。"),
    (
        Returned(step="pickup", pickup="周五。", freight_by="respondent"),
        "商家安排上门取件。退货运费由商家承担。说明：「周五。」",
    ),
    (Returned(step="shipped", tracking="SF1"), "买家已寄回商品。说明：「SF1」。"),
    (
        Returned(step="received", received=True, freight_by="complainant"),
        "商家确认收到退货。退货运费由买家承担。",
    ),
    (Returned(step="received", received=False), "商家表示未收到退货，或退货不符。"),
    (Remedied(by="platform", kind="refund", amount=yuan(9)), "平台确认已履行：退款 ¥9.00。"),
    (Remedied(by="respondent", kind="exchange", amount=None), "商家确认已履行：换货。"),
    (Messaged(by="platform", text="请补充。"), "平台留言。说明：「请补充。」"),
    (Rated(score=2, comment="慢。"), "买家评价平台的处理：2 分（满分 5 分）。说明：「慢。」"),
    (Rated(score=5), "买家评价平台的处理：5 分（满分 5 分）。"),
]


@pytest.mark.parametrize(("event", "zh"), TOLD, ids=[f"{type(one).__name__}-{at}" for at, (one, _) in enumerate(TOLD)])
def test_what_a_party_did_is_told_in_full(event: Event, zh: str) -> None:
    said = words.paragraph(*told(event, CAST))
    assert said.zh == zh
    assert said.en[0].isupper()
