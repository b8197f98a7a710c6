"""What is wrong with a filing, all of it at once: words, roles, facts, evidence, money (F5-F8, F13, F14, P6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.commands import Remedy
from case_events.core.events import AdvancePaid, Filed, InterventionRequested
from case_events.core.facts import ContractFacts, DocumentFacts, ExtensionFacts, FilingFacts, ListingFacts, RightsFacts
from case_events.core.others import Facts, Previous, previous_of
from case_events.core.values import Evidence, Instant, Money, Party
from tests.core.shipped import asked_to_file, complaint, fen, goods, order
from tests.core.subjects import Subject, subjects
from tests.examples import AGREE, BUYER, CLOSE, NOON, ORDER, PLATFORM, TICK, proof, yuan
from tests.spec import Dispute, days, hours

DOLLARS = Money(amount=100, currency="USD")
FIRST = UUID("00000000-0000-4000-8000-00000000000a")


def test_every_fault_of_a_filing_is_named_at_once_and_each_place_once() -> None:
    bad = complaint(
        "not_delivered_indoors",
        reason="size",
        complainant=BUYER,
        respondent=PLATFORM,
        demand="exchange",
        amount=Money(amount=0, currency="USD"),
        channel="telegraph",
        anonymous=True,
        instant_refund=True,
        previous=FIRST,
        order=order(freight=DOLLARS, goods=(goods("apparel"), replace(goods("apparel"), price=DOLLARS))),
        evidence=(proof(1, "gossip"), proof(2, "carrier_notice")),
        facts=FilingFacts(
            document=DocumentFacts(type="postcard", number="D-1"),
            circumstance="odd",
            contract=ContractFacts(amount=DOLLARS),
            loss=DOLLARS,
            return_freight=DOLLARS,
        ),
    )
    asked_to_file(bad).faults(
        "/reason",
        "/complainant/role",
        "/respondent/role",
        "/demand",
        "/amount/currency",
        "/amount/amount",
        "/channel",
        "/anonymous",
        "/instant_refund",
        "/previous",
        "/order/freight/currency",
        "/order/goods/1/price/currency",
        "/evidence/0/kind",
        "/evidence/1/region",
        "/facts/document/type",
        "/facts/circumstance",
        "/facts/contract/amount/currency",
        "/facts/loss/currency",
        "/facts/return_freight/currency",
    )


SHIPPED = [
    name
    for name, one in subjects().items()
    if one.in_force.ref.version == "2026.6" and one == Subject(one.in_force, one.type, one.subtype)
]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_filing_that_says_nothing_it_needs_is_told_everything_it_needs(name: str) -> None:
    subject = subjects()[name]
    terms, policy = subject.rules.filing, subject.in_force.ref.name
    bare = replace(complaint(subject.type, subject.subtype, policy=policy), facts=None, amount=None, order=None)
    problem = asked_to_file(bare, policy=policy).last.problem
    needs = {f"/facts/{one}" for one in terms.needs}
    needs |= {"/facts/refund"} if terms.refund_after else set()
    needs |= {"/order"} if terms.order_states else set()
    needs |= {"/amount"} if subject.rules.cap != "nothing" else set()
    assert {one.pointer for one in (problem.errors if problem else ())} == needs


def test_of_an_unknown_type_the_faults_that_need_no_type_are_named_all_the_same() -> None:
    bad = replace(complaint("quality"), type="magic", evidence=(proof(1, "gossip"),), order=order(freight=DOLLARS))
    asked_to_file(bad).faults("/type", "/evidence/0/kind", "/order/freight/currency")


@pytest.mark.parametrize("subtype", [None, "forty_day_return"])
def test_a_type_with_subtypes_is_filed_as_one_of_them(subtype: str | None) -> None:
    problem = asked_to_file(replace(complaint("after_sales_guarantee", "shoe_guarantee"), subtype=subtype))
    told = problem.faults("/subtype").last.problem
    assert told is not None
    assert "seven_day_return" in told.errors[0].detail
    asked_to_file(complaint("quality", subtype="shoe_guarantee")).faults("/subtype")


def test_each_subtype_has_reasons_and_demands_of_its_own_and_tmall_one_subtype_more() -> None:
    command = complaint("after_sales_guarantee", "seven_day_return")
    asked_to_file(replace(command, reason="counterfeit", demand="repair")).faults("/reason", "/demand")
    more = complaint("after_sales_guarantee", "fifteen_day_quality_return_or_exchange", policy="tmall")
    asked_to_file(more, policy="tmall").then("filed", subtype="fifteen_day_quality_return_or_exchange")
    asked_to_file(more).faults("/subtype")


@pytest.mark.parametrize("policy", ["taobao", "tmall"])
def test_a_refund_that_did_not_come_and_the_freight_of_a_return_are_claimed_as_consumer_protection(policy: str) -> None:
    """F5, F7 (004): what goes wrong while goods are returned or exchanged."""
    claim = complaint("after_sales_guarantee", "consumer_protection", policy=policy)
    for reason, demand in (("refund_not_paid", "refund"), ("freight_dispute", "freight")):
        asked_to_file(replace(claim, reason=reason, demand=demand), policy=policy).then("filed", demand=demand)


def test_who_looks_for_a_report_of_late_shipment_is_sent_to_the_refund_in_both_languages() -> None:
    problem = asked_to_file(replace(complaint("quality"), type="late_shipment_report")).faults("/type").last.problem
    assert problem is not None
    detail = problem.errors[0].detail
    assert "refund_request" in detail
    assert "There is no report for late shipment" in detail
    assert "没有针对延迟发货的举报类型" in detail


LISTING = FilingFacts(listing=ListingFacts(listing_id="L-1", title="假货"))


@pytest.mark.parametrize("type_", ["counterfeit_report", "prohibited_goods_report"])
def test_a_report_is_always_anonymous_needs_no_order_and_goes_to_supervision_at_once(type_: str) -> None:
    dispute = asked_to_file(complaint(type_, facts=LISTING, anonymous=False))
    dispute.then("filed", "intervention_requested", anonymous=True, order=None, kind="report", amount=fen(0))
    came = dispute.last.answer[1].event
    assert isinstance(came, InterventionRequested)
    assert (came.ground, came.by, came.department) == ("direct", "platform", "platform_supervision")
    assert {one.kind for one in dispute.case.clocks} == {"ruling"}


def test_a_report_takes_no_order_that_would_tell_who_bought_and_no_money() -> None:
    asked_to_file(complaint("counterfeit_report", order=ORDER, amount=fen(1))).faults("/order", "/amount/amount")
    asked_to_file(complaint("counterfeit_report", amount=fen(0))).then("filed", "intervention_requested")


def test_a_complaint_about_an_order_names_its_complainant() -> None:
    problem = asked_to_file(complaint("quality", anonymous=True)).faults("/anonymous").last.problem
    assert problem is not None
    assert problem.detail == "1 fault in the complaint."


def test_nobody_complains_about_themselves() -> None:
    """F6: two shops mixed up into one; the other would never have had a word in its own case."""
    infringed = complaint("ip_infringement")
    asked_to_file(infringed).then("filed")
    asked_to_file(replace(infringed, complainant=infringed.respondent)).faults("/respondent")


def test_the_faults_of_a_complaint_are_counted() -> None:
    two = asked_to_file(complaint("quality", anonymous=True, reason="size")).faults("/anonymous", "/reason")
    assert two.last.problem is not None
    assert two.last.problem.detail == "2 faults in the complaint."


def test_the_demands_of_a_reason_take_the_place_of_the_types() -> None:
    goods_back = complaint("refund_request", reason="not_received", demand="return_and_refund")
    asked_to_file(goods_back).faults("/demand")
    asked_to_file(replace(goods_back, demand="refund")).then("filed")
    asked_to_file(replace(goods_back, reason="quality")).then("filed")


def test_the_platform_opens_a_case_of_its_own_after_a_look_at_the_data() -> None:
    dispute = asked_to_file(complaint("supervision", reason="fake_transactions"))
    dispute.then("filed", "intervention_requested", complainant=PLATFORM, department="platform_supervision")
    assert dispute.last.answer[0].who == "platform"
    buyers = replace(complaint("supervision"), complainant=BUYER)
    asked_to_file(buyers).faults("/complainant/role")


def earlier(closed: bool = True, **changes: Any) -> Facts:
    before = Previous(case_id=FIRST, closed=closed, complainant=BUYER, order_id=ORDER.order_id)
    return Facts(number="C-2", previous=replace(before, **changes))


AGAIN = complaint("quality", order=ORDER, previous=FIRST)


def test_an_unresolved_complaint_is_taken_up_again_once_it_is_closed() -> None:
    asked_to_file(AGAIN, facts=earlier()).then("filed", previous=FIRST)
    asked_to_file(AGAIN, facts=earlier(closed=False)).refused("already_open", location=f"/v1/cases/{FIRST}")


@pytest.mark.parametrize("outcome", ["settled", "conceded", "upheld", "partly_upheld"])
def test_a_complaint_whose_remedy_came_is_not_taken_up_again_and_one_whose_remedy_did_not_is(outcome: str) -> None:
    problem = asked_to_file(AGAIN, facts=earlier(outcome=outcome, remedied=True)).refused("not_eligible")
    assert problem.rule == "taobao@2026.6#quality.filing"
    asked_to_file(AGAIN, facts=earlier(outcome=outcome, remedied=False)).then("filed", previous=FIRST)


def test_a_complaint_that_was_rejected_is_decided_for_good_and_one_that_just_ended_is_not() -> None:
    asked_to_file(AGAIN, facts=earlier(outcome="rejected", remedied=True)).refused("not_eligible")
    for outcome in ("withdrawn", "lapsed", "dismissed"):
        asked_to_file(AGAIN, facts=earlier(outcome=outcome, remedied=True)).then("filed", previous=FIRST)


def after(dispute: Dispute) -> Facts:
    return Facts(number="C-2", previous=previous_of(dispute.case, closed=dispute.case.status == "closed"))


def test_what_is_known_of_a_case_says_whether_its_remedy_came() -> None:
    first = complaint("not_received", demand="refund", amount=fen(12_900))
    agreed = asked_to_file(first).when(AGREE, at=hours(1)).then("merchant_replied", "settled")
    again = replace(first, previous=agreed.case_id)
    remedied = agreed.fork().when(Remedy(kind="refund", amount=fen(12_900)), at=hours(2)).then("remedied", "closed")
    asked_to_file(again, facts=after(remedied)).refused("not_eligible")
    due = agreed.clock("remedy").due_at
    written_off = agreed.when(CLOSE, at=Instant.of(due + TICK)).then("remedy_timed_out", "closed")
    asked_to_file(again, facts=after(written_off), at=written_off.now).then("filed")


REPORT = complaint("counterfeit_report")


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"facts": FilingFacts(listing=ListingFacts(listing_id="l-2"))}, False),
        ({"respondent": Party(role="merchant", id="another")}, True),
    ],
)
def test_a_report_is_taken_up_by_one_about_the_same_listing(changes: dict[str, Any], same: bool) -> None:
    first = asked_to_file(REPORT)
    closed = replace(previous_of(first.case, closed=True), outcome="withdrawn")
    again = asked_to_file(
        replace(REPORT, previous=first.case_id, **changes), facts=Facts(number="C-2", previous=closed)
    )
    if same:
        again.then("filed", "intervention_requested")
    else:
        again.faults("/previous")


@pytest.mark.parametrize(("respondent", "same"), [("m-1", True), ("another", False)])
def test_what_is_about_no_order_and_no_listing_is_about_its_respondent(respondent: str, same: bool) -> None:
    filing = replace(REPORT, facts=None, previous=FIRST, respondent=Party(role="merchant", id="m-1"))
    before = earlier(complainant=REPORT.complainant, order_id=None, respondent=Party(role="merchant", id=respondent))
    said = asked_to_file(filing, facts=before).refused("invalid")
    assert ("/previous" in [fault.pointer for fault in said.errors]) != same


@pytest.mark.parametrize(
    "facts",
    [
        Facts(number="C-2"),
        earlier(complainant=Party(role="buyer", id="b-2")),
        earlier(order_id="T-other"),
        earlier(order_id=None),
        earlier(closed=False, complainant=Party(role="buyer", id="b-2")),
    ],
)
def test_nothing_is_told_of_a_complaint_of_somebody_else_or_about_something_else(facts: Facts) -> None:
    problem = asked_to_file(AGAIN, facts=facts).faults("/previous").last.problem
    assert problem is not None
    assert problem.location is None


def test_what_is_malicious_three_times_in_the_window_may_not_file_and_is_told_of_no_case() -> None:
    asked_to_file(complaint("quality"), facts=Facts(number="C-2", marks=2)).then("filed", marks=2)
    problem = asked_to_file(complaint("quality"), facts=Facts(number="C-2", marks=3)).refused("not_eligible")
    assert (problem.location, problem.rule) == (None, "taobao@2026.6#quality.malicious_complaint")
    assert problem.clause is not None
    assert "malicious" in problem.clause.en


NOTICE = Evidence(kind="carrier_notice", uri="https://files.example/n", sha256="0" * 64, region="浙江")


def test_evidence_is_of_a_kind_there_is_and_a_carriers_notice_names_its_region() -> None:
    asked_to_file(complaint("quality", evidence=(NOTICE, proof(1, "photo")))).then("filed")
    asked_to_file(complaint("quality", evidence=(replace(NOTICE, region=None),))).faults("/evidence/0/region")
    asked_to_file(complaint("quality", evidence=(proof(1, "photo"), proof(2, "x")))).faults("/evidence/1/kind")


def test_what_a_reason_requires_and_is_not_there_is_shown_with_its_day_and_the_filing_is_taken() -> None:
    dispute = asked_to_file(complaint("counterfeit", reason="counterfeit", evidence=(proof(1, "photo"),)))
    dispute.then("filed").runs(acceptance=hours(24), evidence=days(3))
    event = dispute.last.answer[0].event
    assert isinstance(event, Filed)
    assert event.missing == ("authenticity_comparison",)
    whole = asked_to_file(complaint("counterfeit", evidence=(proof(1, "authenticity_comparison"),)))
    whole.then("filed").runs(acceptance=hours(24))
    asked_to_file(complaint("counterfeit", reason="unlabelled_goods")).then("filed").runs(acceptance=hours(24))


def test_an_infringement_names_its_listing_and_a_right_the_policy_knows() -> None:
    asked_to_file(complaint("ip_infringement", facts=None)).faults("/facts/listing", "/facts/rights")
    wrong = replace(LISTING, rights=RightsFacts(kind="patent_of_nobility"))
    asked_to_file(complaint("ip_infringement", facts=wrong)).faults("/facts/rights/kind")
    asked_to_file(complaint("ip_infringement", facts=replace(LISTING, rights=RightsFacts(kind="brand")))).then("filed")


@pytest.mark.parametrize(("accuracy", "code"), [(None, "invalid"), (9_899, "not_eligible"), (9_900, None)])
def test_wrong_goods_are_about_a_contract_that_promises_its_accuracy(accuracy: int | None, code: str | None) -> None:
    command = complaint("wrong_goods_shipped")
    assert command.facts is not None
    said = replace(command.facts, contract=ContractFacts(accuracy=accuracy))
    dispute = asked_to_file(replace(command, facts=said))
    assert (dispute.last.problem.code if dispute.last.problem else None) == code
    if accuracy is None:
        dispute.faults("/facts/contract/accuracy")


def test_logistics_complaints_are_the_merchants_and_wrong_goods_the_platforms_too() -> None:
    lost, wrong = complaint("goods_lost"), complaint("wrong_goods_shipped")
    assert asked_to_file(lost).then("filed").case.complainant.role == "merchant"
    asked_to_file(replace(lost, complainant=PLATFORM)).faults("/complainant/role")
    asked_to_file(replace(wrong, complainant=PLATFORM)).then("filed")


def test_where_lateness_is_judged_the_payment_it_counts_from_is_needed() -> None:
    asked_to_file(complaint("not_shipped_as_agreed", policy="tmall", order=order(paid_at=None)), policy="tmall").faults(
        "/order/paid_at"
    )


def test_facts_a_type_does_not_know_do_no_harm() -> None:
    asked_to_file(complaint("quality", facts=replace(LISTING, circumstance="anything", loss=yuan(1)))).then("filed")


AT_ONCE = complaint(
    "refund_request", reason="out_of_stock", amount=fen(12_900), instant_refund=True, facts=FilingFacts(trusted=True)
)


def test_a_trusted_complainant_without_a_mark_is_refunded_at_filing() -> None:
    dispute = asked_to_file(AT_ONCE).then("filed", "advance_paid")
    paid = dispute.last.answer[1].event
    assert isinstance(paid, AdvancePaid)
    assert (paid.advance.amount, paid.advance.ground, paid.advance.recover_from) == (fen(12_900), "instant", "ruling")
    asked_to_file(replace(AT_ONCE, facts=FilingFacts())).then("filed")
    asked_to_file(AT_ONCE, facts=Facts(number="C-2", marks=1)).then("filed")
    asked_to_file(replace(AT_ONCE, instant_refund=False)).then("filed")


def test_an_instant_refund_is_for_the_reasons_and_up_to_the_sum_the_policy_names() -> None:
    dear = replace(AT_ONCE, order=order(paid=fen(50_000), status="paid"), amount=fen(20_001))
    asked_to_file(dear).faults("/instant_refund")
    asked_to_file(replace(dear, amount=fen(20_000))).then("filed", "advance_paid")
    asked_to_file(replace(AT_ONCE, reason="quality")).faults("/instant_refund")
    asked_to_file(complaint("quality", instant_refund=True)).faults("/instant_refund")
    swap = complaint("after_sales_guarantee", "seven_day_return", demand="exchange", instant_refund=True)
    asked_to_file(replace(swap, reason="seven_day_return")).faults("/instant_refund")


def test_nobody_is_refunded_at_once_for_a_complaint_that_was_filed_late() -> None:
    asked = ExtensionFacts(reason="merchant_refused", explanation="商家拒绝。")
    command = complaint(
        "after_sales_guarantee",
        "seven_day_return",
        reason="seven_day_return",
        amount=fen(10_000),
        instant_refund=True,
        facts=FilingFacts(trusted=True, extension=asked),
    )
    asked_to_file(command).then("filed", "advance_paid")
    assert command.order is not None
    long_ago = replace(command.order, created_at=Instant.of(NOON - days(40)), succeeded_at=Instant.of(NOON - days(20)))
    asked_to_file(replace(command, order=long_ago)).then("filed", late=True)
