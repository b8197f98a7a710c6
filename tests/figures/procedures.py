"""What is promised in the other procedures: reviews, reports, infringements, logistics, insurance (F8, L, B, IP)."""

from __future__ import annotations

from dataclasses import replace

from case_events.core.facts import (
    ContractFacts,
    DocumentFacts,
    FilingFacts,
    ListingFacts,
    ReviewFacts,
    RightsFacts,
)
from case_events.core.values import Money
from tests.figures.promise import Channel, Owed, Promise, Working
from tests.figures.purchases import REMINDERS
from tests.spec import days

LISTING = ListingFacts(listing_id="L1")

MALICIOUS_REVIEW = Promise(
    type="malicious_review",
    reason="malicious_review",
    demand="takedown",
    clause="review_malicious",
    complainant="merchant",
    respondent="buyer",
    amount=None,
    facts=FilingFacts(review=ReviewFacts(rating="negative", in_effect=True)),
    offer=None,
    channels=(Channel(None, limit=Working(3), target=Working(1)),),
    reminders=REMINDERS,
)
COUNTERFEIT_REPORT = Promise(
    type="counterfeit_report",
    reason="counterfeit",
    demand="takedown",
    clause="violation_found",
    amount=None,
    facts=FilingFacts(listing=LISTING),
    status=None,
    window=None,
    acceptance=None,
    evidence_within=None,
    reply=None,
    offer=None,
    stalls_after=None,
    channels=(Channel(None, limit=Working(5), target=Working(3)),),
    reminders=REMINDERS[:3],
)
PROHIBITED_GOODS_REPORT = replace(
    COUNTERFEIT_REPORT,
    type="prohibited_goods_report",
    reason="prohibited_goods",
    channels=(Channel(None, limit=Working(1)),),
)
SUPERVISION = replace(
    COUNTERFEIT_REPORT,
    type="supervision",
    complainant="platform",
    reason="fake_transactions",
    channels=(Channel(None, limit=Working(3)),),
)
IP_INFRINGEMENT = Promise(
    type="ip_infringement",
    reason="ip_infringement",
    demand="takedown",
    clause="infringed",
    complainant="rights_holder",
    amount=None,
    facts=FilingFacts(listing=LISTING, rights=RightsFacts(kind="trademark")),
    required=("infringing_link", "infringement_proof"),
    status=None,
    window=None,
    offer=None,
    stalls_after=None,
    channels=(Channel(None, limit=Working(3)),),
    appeals=2,
    reminders=REMINDERS,
)
REPORTS = (COUNTERFEIT_REPORT, PROHIBITED_GOODS_REPORT, SUPERVISION)


def _document(kind: str, circumstance: str | None = None, loss: int | None = None) -> FilingFacts:
    return FilingFacts(
        document=DocumentFacts(type=kind, number="D1"),
        circumstance=circumstance,
        loss=None if loss is None else Money(amount=loss, currency="CNY"),
    )


def _worth(**fen: int) -> tuple[Owed, ...]:
    return tuple(Owed("compensation", sum_, _document("trade_outbound", what)) for what, sum_ in fen.items())


BY_CONTRACT = Promise(
    type="shipping_delay",
    reason="logistics_delay",
    demand="compensation",
    clause="carrier_at_fault",
    complainant="merchant",
    respondent="carrier",
    amount=5_000,
    status="shipped",
    counted_from="created_at",
    window=days(7),
    cap=5_000,
    acceptance=None,
    offer="compensation",
    channels=(Channel(None, limit=Working(3), target=Working(1)),),
    owed=(
        Owed("compensation", 5_000),
        Owed("compensation", 7_700, FilingFacts(contract=ContractFacts(amount=Money(amount=7_700, currency="CNY")))),
    ),
    reminders=REMINDERS,
)
FREIGHT = replace(
    BY_CONTRACT,
    type="freight",
    reason="freight_dispute",
    amount=1_200 + 1_500,
    facts=_document("trade_outbound"),
    cap=1_200 + 1_500,
    owed=(Owed("compensation", 1_200 + 1_500, _document("exchange_outbound")),),
)
NOT_DELIVERED_INDOORS = replace(
    BY_CONTRACT,
    type="not_delivered_indoors",
    reason="not_delivered_indoors",
    facts=_document("trade_outbound", "signed"),
    owed=(
        *_worth(signed=5_000, refused=5_000 + 1_200 + 1_500),
        Owed("compensation", 15_000, _document("trade_outbound", "other_loss", loss=30_000)),
    ),
)
POWER_ON_CHECK_SKIPPED = replace(
    BY_CONTRACT,
    type="power_on_check_skipped",
    reason="power_on_check_skipped",
    facts=_document("trade_outbound", "signed_intact"),
    owed=_worth(
        signed_intact=5_000,
        refused_intact=5_000 + 1_200 + 1_500,
        refused_damaged=5_000 + 1_200 + 96_000,
        signed_damaged=5_000 + 1_200 + 96_000,
    ),
)
UNBOXING_CHECK_SKIPPED = replace(POWER_ON_CHECK_SKIPPED, type="unboxing_check_skipped", reason="unboxing_check_skipped")
ACCURATE = ContractFacts(accuracy=9_900)
WRONG_GOODS_SHIPPED = replace(
    BY_CONTRACT,
    type="wrong_goods_shipped",
    reason="wrong_goods",
    facts=FilingFacts(
        document=DocumentFacts(type="ordinary_outbound", number="D1"), circumstance="kept", contract=ACCURATE
    ),
    accuracy=9_900,
    owed=tuple(
        Owed(
            "compensation",
            fen,
            FilingFacts(
                document=DocumentFacts(type="trade_outbound", number="D1"), circumstance=circumstance, contract=ACCURATE
            ),
        )
        for circumstance, fen in (
            ("refused_returned", 5_000 + 1_200),
            ("kept", 5_000),
            ("exchanged_offline", 5_000),
            ("not_recovered", 96_000),
        )
    ),
)
GOODS_LOST = replace(
    BY_CONTRACT,
    type="goods_lost",
    reason="logistics_lost",
    amount=96_000,
    cap=96_000,
    owed=(Owed("compensation", 96_000),),
)
LOGISTICS = (
    BY_CONTRACT,
    replace(BY_CONTRACT, type="return_delay"),
    replace(BY_CONTRACT, type="service_attitude", reason="service_attitude"),
    replace(BY_CONTRACT, type="forced_installation", reason="forced_installation"),
    FREIGHT,
    NOT_DELIVERED_INDOORS,
    replace(BY_CONTRACT, type="return_pickup_missed", reason="return_pickup_missed"),
    UNBOXING_CHECK_SKIPPED,
    POWER_ON_CHECK_SKIPPED,
    WRONG_GOODS_SHIPPED,
    GOODS_LOST,
)

REFUSED, RETURNED = FilingFacts(circumstance="refused_delivery"), FilingFacts(circumstance="returned")
SHIPPING_INSURANCE = Promise(
    type="shipping_insurance",
    reason="return_freight",
    demand="compensation",
    clause="insured_sum",
    complainant="merchant",
    respondent="insurer",
    amount=3_800,
    facts=REFUSED,
    status="shipped",
    counted_from="created_at",
    window=days(365),
    cap=3_800,
    acceptance=None,
    on_timeout="concede",
    offer=None,
    stalls_after=None,
    channels=(Channel(None, limit=Working(3), target=Working(1)),),
    owed=(
        Owed("compensation", 2_750, REFUSED, category="television"),
        Owed("compensation", 6_000, REFUSED, category="washing_machine"),
        Owed("compensation", 7_000, REFUSED, category="refrigerator"),
        Owed("compensation", 9_100, RETURNED, category="refrigerator"),
        Owed("compensation", 4_000, REFUSED, category="small_appliance"),
        Owed("compensation", 5_200, RETURNED, category="small_appliance"),
        Owed("compensation", 4_500, REFUSED, category="furniture"),
        Owed("compensation", 5_850, RETURNED, category="furniture"),
        Owed("compensation", 3_800, REFUSED, category="apparel"),
        Owed("compensation", 4_940, RETURNED, category="apparel"),
    ),
    reminders=REMINDERS,
)
