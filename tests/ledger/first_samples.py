"""What the events of schema version 1 meant: the golden files that a landed release wrote, as they are read today."""

from __future__ import annotations

from uuid import UUID

from case_events.core.events import (
    Accepted,
    Appealed,
    ClaimAmended,
    Closed,
    DeadlineExtended,
    Dismissed,
    Escalated,
    Event,
    EvidenceRequested,
    EvidenceSubmitted,
    Filed,
    InterventionRequested,
    MerchantReplied,
    Remedied,
    Returned,
    Ruled,
    Settled,
    Withdrawn,
)
from case_events.core.facts import FilingFacts, RefundFacts
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    EvidenceTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RemedyTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
)
from case_events.core.values import (
    Clock,
    Evidence,
    Goods,
    Instant,
    Liable,
    Money,
    Offer,
    Order,
    Party,
    Penalty,
    PolicyRef,
)

DUE = Instant.parse("2026-03-05T04:00:00.000001Z")
LATER = Instant.parse("2026-03-11T16:00:00Z")
FEN = Money(amount=9_007_199_254_740_991, currency="CNY")
YUAN = Money(amount=12_900, currency="CNY")
DIGEST = "0123456789abcdef" * 4
SECRET = '李雷 <lei@example.com> "引号" \\ \t\n/ 😀'
"""A private text with everything that JSON escapes, and some that it does not."""
PROOF = Evidence(kind="photo", uri=f"https://files.example/{SECRET}", sha256=DIGEST, visibility="platform")
RESPONSE = Clock(kind="response", party="respondent", due_at=DUE, provisional=True, minimum_notice=True)
RULING = Clock(kind="ruling", party="platform", due_at=LATER)
APPEAL = Clock(kind="appeal", party="both", due_at=LATER)
REMEDY = Clock(kind="remedy", party="respondent", due_at=LATER)

FIRST: dict[str, Event] = {
    "filed": Filed(
        number="100000001",
        type="not_received",
        reason="logistics_lost",
        marketplace="taobao",
        policy=PolicyRef(name="taobao", version="2026.1", digest=DIGEST),
        order=Order(
            order_id="T-1\u2028\u007f",
            status="trade_success",
            created_at=Instant.parse("2026-02-20T12:00:00+08:00"),
            paid=YUAN,
            freight=Money(amount=0, currency="CNY"),
            goods=(Goods(sku="sku-1", title="毛衣 \u0000\u001f", category="apparel", quantity=2, price=FEN),),
            paid_at=Instant.parse("2026-02-20T04:00:01Z"),
            shipped_at=Instant.parse("2026-02-21T04:00:00.5Z"),
            succeeded_at=Instant.parse("2026-02-27T04:00:00Z"),
            closed_at=Instant.parse("2999-12-31T23:59:59.999999Z"),
            merchant_promises=("seven_days_no_reason",),
        ),
        complainant=Party(role="buyer", id=SECRET),
        respondent=Party(role="merchant", id="m-1"),
        demand="refund",
        amount=YUAN,
        description=SECRET,
        department="customer_service",
        evidence=(PROOF, PROOF),
        facts=FilingFacts(refund=RefundFacts(applied_at=DUE, succeeded_at=LATER)),
        anonymous=True,
        external_ref="ref/1",
        test_clock=UUID("00000000-0000-4000-8000-00000000000a"),
        clocks=(RESPONSE, Clock(kind="negotiation", party="complainant", due_at=LATER)),
    ),
    "accepted": Accepted(clocks=(RESPONSE,)),
    "dismissed": Dismissed(reason=SECRET, malicious=True),
    "evidence_requested": EvidenceRequested(party="complainant", kinds=("photo",), clocks=(RESPONSE,)),
    "escalated": Escalated(to="consumer_protection", reason=SECRET),
    "claim_amended": ClaimAmended(demand="refund", amount=YUAN, clocks=(RESPONSE,)),
    "evidence_submitted": EvidenceSubmitted(by="platform", evidence=(PROOF,)),
    "merchant_replied": MerchantReplied(
        decision="offer", reason=SECRET, offer=Offer(kind="partial_refund", amount=YUAN), evidence=(PROOF,)
    ),
    "settled": Settled(basis="concession", remedy="refund", owed=YUAN, clocks=(REMEDY,)),
    "intervention_requested": InterventionRequested(
        ground="requested", by="complainant", department="customer_service", reason=SECRET, clocks=(RULING,)
    ),
    "ruled": Ruled(
        round=2,
        outcome="partial_refund",
        verdict="partly_upheld",
        rule="delivery_not_proved",
        reasons=SECRET,
        owed=YUAN,
        departs=SECRET,
        liable=(Liable(party="respondent", share=6_667), Liable(party="platform", share=3_333)),
        penalties=(Penalty(kind="points_2"),),
        evidence=(DIGEST,),
        final=True,
        clocks=(APPEAL,),
    ),
    "appealed": Appealed(by="respondent", reason=SECRET, evidence=(PROOF,), clocks=(RULING,)),
    "withdrawn": Withdrawn(reason=SECRET),
    "returned": Returned(step="address", address=SECRET, tracking=SECRET, received=True, clocks=(REMEDY,)),
    "remedied": Remedied(by="platform", kind="refund", amount=YUAN, reference=SECRET),
    "closed": Closed(outcome="upheld", reason=SECRET),
    "deadline_extended": DeadlineExtended(
        kind="ruling", party="platform", due_at=LATER, reason=SECRET, clocks=(RULING,)
    ),
    "acceptance_timed_out": AcceptanceTimedOut(
        kind="acceptance", party="platform", due_at=DUE, set_by=1, late_s=0, clocks=(RULING,), priority=1
    ),
    "evidence_timed_out": EvidenceTimedOut(
        kind="evidence", party="complainant", due_at=DUE, set_by=2, late_s=0, clocks=(RULING,)
    ),
    "merchant_response_timed_out": MerchantResponseTimedOut(
        kind="response", party="respondent", due_at=DUE, set_by=3, late_s=86_400, clocks=(RULING,)
    ),
    "negotiation_stalled": NegotiationStalled(
        kind="negotiation", party="complainant", due_at=DUE, set_by=1, late_s=1, clocks=(RULING,)
    ),
    "intervention_window_expired": InterventionWindowExpired(
        kind="intervention", party="complainant", due_at=DUE, set_by=2, late_s=0, clocks=(RULING,)
    ),
    "return_timed_out": ReturnTimedOut(
        kind="return_address",
        party="respondent",
        due_at=DUE,
        set_by=6,
        late_s=0,
        clocks=(REMEDY,),
        step="address",
        effect="owe",
    ),
    "ruling_timed_out": RulingTimedOut(
        kind="ruling", party="platform", due_at=DUE, set_by=4, late_s=0, clocks=(RULING,), priority=2
    ),
    "appeal_window_expired": AppealWindowExpired(
        kind="appeal", party="both", due_at=DUE, set_by=5, late_s=0, clocks=(REMEDY,)
    ),
    "remedy_timed_out": RemedyTimedOut(
        kind="remedy", party="respondent", due_at=DUE, set_by=6, late_s=0, clocks=(REMEDY,), priority=3
    ),
}
