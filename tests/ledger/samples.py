"""One full sample of every event there is: every field said, so that a golden file leaves nothing out."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from case_events.core import events, timeouts
from case_events.core.events import Event
from case_events.core.facts import (
    ContractFacts,
    DocumentFacts,
    ExtensionFacts,
    FilingFacts,
    ListingFacts,
    RefundFacts,
    ReviewFacts,
    RightsFacts,
)
from case_events.core.values import Advance, Clock, LegalEntity, Liable, Money, Offer, OutsideResult, Penalty, Recovery
from tests.ledger.first_samples import APPEAL, DIGEST, DUE, FIRST, LATER, PROOF, REMEDY, RULING, SECRET, YUAN

SOME_ID = UUID("00000000-0000-4000-8000-00000000000b")
NOTICE = replace(PROOF, kind="carrier_notice", region="浙江省", shows_at=DUE, moved_at=LATER)
ENTITY = LegalEntity(name=SECRET, place=SECRET, registration=SECRET)
RECOVERIES = (Recovery(party="respondent", amount=YUAN),)
FREIGHT = Money(amount=1_000, currency="CNY")
FOLLOW_UP = Clock(kind="follow_up", party="platform", due_at=LATER)
OUTAGE = events.Outage(id=SOME_ID, began_at=DUE, ended_at=LATER)
RECOVERY = Clock(kind="recovery", party="respondent", due_at=LATER)
FACTS = FilingFacts(
    refund=RefundFacts(applied_at=DUE, succeeded_at=LATER),
    review=ReviewFacts(rating="negative", in_effect=True),
    listing=ListingFacts(listing_id="l-1", title="毛衣", url=f"https://files.example/{SECRET}"),
    rights=RightsFacts(kind="trademark", registration="R-1"),
    contract=ContractFacts(amount=YUAN, accuracy=9_900),
    document=DocumentFacts(type="trade_outbound", number="D-1"),
    circumstance="signed_intact",
    loss=YUAN,
    return_freight=FREIGHT,
    conformity_confirmed_at=DUE,
    extension=ExtensionFacts(reason="faulty_goods", explanation=SECRET),
    trusted=True,
)


def more(name: str, **said: object) -> Event:
    """The event of version 1 with what it can say since."""
    return replace(FIRST[name], **said)


RULED = more(
    "ruled",
    liable=(
        Liable(party="respondent", share=6_667, amount=YUAN),
        Liable(party="platform", share=3_333, amount=FREIGHT),
    ),
    penalties=(Penalty(kind="points", on="respondent", points=6), Penalty(kind="credit_mark", on="complainant")),
    recoveries=RECOVERIES,
)
assert isinstance(RULED, events.Ruled)

SAMPLES: dict[str, Event] = FIRST | {
    "filed": more(
        "filed",
        subtype="fake_one_pay_three",
        kind="report",
        channel="order_page",
        evidence=(PROOF, NOTICE),
        missing=("photo",),
        late=True,
        facts=FACTS,
        complainant_entity=ENTITY,
        respondent_entity=ENTITY,
        marks=2,
        previous=SOME_ID,
    ),
    "evidence_submitted": more("evidence_submitted", evidence=(NOTICE,)),
    "merchant_replied": more("merchant_replied", evidence=(NOTICE,)),
    "respondent_replied": events.RespondentReplied(
        decision="offer", reason=SECRET, offer=Offer(kind="repair", amount=YUAN), evidence=(NOTICE,)
    ),
    "settled": more("settled", recoveries=RECOVERIES),
    "intervention_requested": more("intervention_requested", ground="receipt_disputed"),
    "expedited": events.Expedited(reason=SECRET, priority=1),
    "appealed": more("appealed", evidence=(NOTICE,), instance="arbitration"),
    "ruling_accepted": events.RulingAccepted(by="complainant", stands=True, recoveries=RECOVERIES, clocks=(RECOVERY,)),
    "withdrawn": more("withdrawn", recoveries=RECOVERIES, clocks=(RECOVERY,)),
    "returned": more("returned", pickup=SECRET, freight_by="respondent"),
    "remedied": more("remedied", clocks=(FOLLOW_UP,)),
    "messaged": events.Messaged(by="respondent", text=SECRET),
    "rated": events.Rated(score=5, comment=SECRET),
    "accepted": more("accepted", takedown=True),
    "dismissed": more(
        "dismissed",
        advice=SECRET,
        penalties=(Penalty(kind="credit_mark", on="complainant"),),
        recoveries=RECOVERIES,
        clocks=(RECOVERY,),
    ),
    "evidence_requested": more("evidence_requested", clocks=(RULING, APPEAL)),
    "evidence_rejected": events.EvidenceRejected(evidence=(DIGEST,), of="respondent", forged=True, reason=SECRET),
    "assigned": events.Assigned(department="consumer_protection", agent="agent-1"),
    "linked": events.Linked(group=SOME_ID, by="merchant", department="platform_supervision"),
    "noted": events.Noted(
        text=SECRET, internal=True, outside=OutsideResult(authority="court", reference="(2026)1", result=SECRET)
    ),
    "deadline_extended": more("deadline_extended", kind="filing", clocks=(APPEAL,), outage=OUTAGE),
    "timeout_reversed": events.TimeoutReversed(
        event=SOME_ID, kind="response", party="respondent", reason=SECRET, clocks=(APPEAL,)
    ),
    "ruled": RULED,
    "corrected": events.Corrected(event=SOME_ID, version=4, reason=SECRET, ruling=RULED, text=SECRET, clocks=(REMEDY,)),
    "advance_paid": events.AdvancePaid(
        advance=Advance(amount=YUAN, ground="instant", recover_from="ruling"), reference=SECRET
    ),
    "recovered": events.Recovered(party="respondent", amount=YUAN, reference=SECRET, clocks=(FOLLOW_UP,)),
    "subject_erased": events.SubjectErased(subject="complainant", basis="retention_expired"),
    "followed_up": events.FollowedUp(solved=True, comment=SECRET, remedy="compensation", owed=YUAN, clocks=(REMEDY,)),
    "intervention_window_expired": more("intervention_window_expired", recoveries=RECOVERIES),
    "return_timed_out": more("return_timed_out", recoveries=RECOVERIES),
    "appeal_window_expired": more("appeal_window_expired", recoveries=RECOVERIES),
    "response_timed_out": timeouts.ResponseTimedOut(
        kind="response", party="respondent", due_at=DUE, set_by=1, late_s=3, clocks=(RULING,)
    ),
    "assignment_timed_out": timeouts.AssignmentTimedOut(
        kind="assignment", party="platform", due_at=DUE, set_by=2, late_s=0, clocks=(RULING,), priority=1
    ),
    "follow_up_timed_out": timeouts.FollowUpTimedOut(
        kind="follow_up", party="platform", due_at=DUE, set_by=6, late_s=0, clocks=(FOLLOW_UP,)
    ),
    "recovery_timed_out": timeouts.RecoveryTimedOut(
        kind="recovery", party="respondent", due_at=DUE, set_by=6, late_s=0, clocks=(RECOVERY,), priority=2
    ),
    "deadline_approaching": timeouts.DeadlineApproaching(kind="response", party="respondent", due_at=DUE, set_by=1),
}
"""Every event as it is written today."""

SECOND: dict[str, Event] = {
    "deadline_extended": more("deadline_extended", kind="filing", clocks=(APPEAL,)),
}
"""What version 2 of an event could say, of those that have a third by now."""
