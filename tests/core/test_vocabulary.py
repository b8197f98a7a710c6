"""What the domain's own words are called: each of them, row by row of the domain page, in Chinese and in English."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from case_events.core import vocabulary, words
from case_events.core.vocabulary import called, role
from case_events.policies import shipped

CHINESE = re.compile(r"[\u4e00-\u9fff]")
DOMAIN = {
    "the marketplaces": "taobao tmall",
    "I1, the departments": "customer_service consumer_protection platform_supervision",
    "F13, N4, R1, what is asked, offered and ruled": "refund return_and_refund partial_refund exchange repair "
    "compensation price_difference freight takedown rejected shared_liability",
    "R2, the penalties": "warning points listing_removed search_demotion traffic_limit operating_limit store_closed "
    "benefits_reduced cooperation_ended infringement_record credit_mark",
    "F5, the reasons": "quality not_as_described counterfeit unlabelled_goods wrong_goods damaged missing_parts "
    "malfunction size changed_mind not_received late_shipment out_of_stock fake_shipment price_added price_fraud "
    "false_advertising promise_breach after_sales_refused slow_handling service_attitude refund_not_paid "
    "freight_dispute seven_day_return order_status_abnormal harassment malicious_review payment_method_refused "
    "logistics_delay logistics_lost logistics_damaged prohibited_goods restricted_goods fake_transactions "
    "ip_infringement",
    "E1, the evidence": "photo video authenticity_comparison quality_report packaging order_record chat_record "
    "payment_record tracking_record delivery_proof pickup_record return_slip carrier_notice infringing_link "
    "infringement_proof inspection_report appraisal_certificate invoice purchase_receipt accessories "
    "listing_snapshot call_recording presale_terms",
    "L1-L11, the reasons": "forced_installation not_delivered_indoors return_pickup_missed unboxing_check_skipped "
    "power_on_check_skipped return_freight",
    "L6-L10, B2, what became of the goods": "signed refused other_loss signed_intact refused_intact signed_damaged "
    "refused_damaged refused_returned kept exchanged_offline not_recovered refused_delivery returned",
    "PIPL 47, the grounds of an erasure": "purpose_achieved retention_expired consent_withdrawn unlawful",
    "L0, the documents": "trade_outbound exchange_outbound ordinary_outbound",
    "IP1, the rights": "trademark picture description brand",
    "F3, what bends the window": "fresh customised thirty_day_returns faulty_goods merchant_refused",
    "B2, B3, what is insured": "television washing_machine refrigerator small_appliance furniture other group_sale "
    "shipping_insurance",
    "F1, F4, F10, the order": "awaiting_payment paid shipped trade_success trade_closed created_at paid_at "
    "shipped_at succeeded_at closed_at",
    "F4, the reviews": "neutral negative",
    "I3, I4, P3, channels and instances": "order_page appeal reconsideration arbitration",
    "P5, who decides outside": "regulator police court",
    "Q3, the lists": "complaint after_sales report logistics insurance supervision",
}
BEARERS = "buyer merchant platform carrier warehouse insurer rights_holder"


@pytest.mark.parametrize("row", DOMAIN)
def test_every_word_of_the_domain_has_a_name_of_its_own_in_both_languages(row: str) -> None:
    for word in DOMAIN[row].split():
        assert CHINESE.search(called(word).zh), word
        assert not CHINESE.search(called(word).en), word
        assert "_" not in called(word).en, word


def test_nothing_else_has_a_name() -> None:
    assert set(vocabulary.WORDS) == {word for row in DOMAIN.values() for word in row.split()}


@pytest.mark.parametrize("word", BEARERS.split())
def test_every_role_is_named_whichever_side_it_is(word: str) -> None:
    said = role(word, "complainant")
    assert said == role(word, "respondent")
    assert CHINESE.search(said.zh)
    assert said.en == "the " + word.replace("_", " ")


def test_a_role_nobody_knows_is_named_by_its_side() -> None:
    assert set(vocabulary.ROLES) == set(BEARERS.split())
    assert [role("florist", side).en for side in ("complainant", "respondent")] == ["the complainant", "the respondent"]
    assert [role("florist", side).zh for side in ("complainant", "respondent")] == ["投诉方", "被投诉方"]


def test_a_word_nobody_knows_stands_as_it_is_and_reads_as_words_in_english() -> None:
    assert (called("moon_dust_sold").zh, called("moon_dust_sold").en) == ("moon_dust_sold", "moon dust sold")


OPEN_WORDS = ("reasons", "demands", "offers", "outcomes", "penalties", "circumstances", "documents", "rights")
ALSO_OPEN = ("ratings", "order_states", "instances", "excused_by", "instant_reasons", "insured_by", "counted_from")
KEYED = ("required", "entry", "demands_of", "categories", "promises", "channels", "amounts", "by_category")


def said_in(table: Any) -> set[str]:
    """Every open word a policy's text says, wherever it stands."""
    found = set[str]()
    if isinstance(table, list):
        return found.union(*(said_in(one) for one in table))
    if not isinstance(table, dict):
        return found
    for name, inner in table.items():
        if name == "clauses":
            continue
        if name in (*OPEN_WORDS, *ALSO_OPEN):
            found |= {inner} if isinstance(inner, str) else {one for one in inner if isinstance(one, str)}
        if name in KEYED and isinstance(inner, dict):
            found |= set(inner)
            found |= {one for value in inner.values() if isinstance(value, list) for one in value}
        if name in ("department", "kind") and isinstance(inner, str):
            found.add(inner)
        found |= said_in(inner)
    return found


@pytest.mark.parametrize("text", shipped(), ids=["taobao", "tmall"])
def test_every_open_word_a_shipped_policy_writes_has_a_name(text: str) -> None:
    said = said_in(tomllib.loads(text))
    assert {"refund", "counterfeit", "customer_service", "photo", "arbitration", "complaint"} & said
    kinds = {word for word in said if word in words.KINDS}
    assert said - kinds - set(vocabulary.WORDS) == set()


def test_every_kind_of_case_says_what_was_filed() -> None:
    for kind in ("complaint", "refund", "after_sales", "report", "logistics", "insurance", "supervision"):
        assert CHINESE.search(words.KINDS[kind].zh)
        assert words.KINDS[kind].en.startswith(("a ", "an "))
