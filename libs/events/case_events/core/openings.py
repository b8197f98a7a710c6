"""Complaints that open by themselves: filed as cases of their own because of what another case records (domain B1)."""

from __future__ import annotations

from case_events.core.amounts import cap_of, lacking
from case_events.core.case import Case
from case_events.core.commands import File
from case_events.core.events import Event, Returned
from case_events.core.facts import FilingFacts
from case_events.core.formulas import Formula
from case_events.core.policy import ComplaintType, InForce
from case_events.core.terms import ReturnLeg
from case_events.core.values import Money, Party

INSURER = "insurer"
RETURNED = "returned"
"""The circumstance under which the insurance pays for a return (domain B2)."""


def openings(case: Case, events: tuple[Event, ...], in_force: InForce) -> tuple[File, ...]:
    """B1: the goods came back, the respondent bore the whole return freight and its promise was insured.

    ``case``: as it is after ``events``. The claim is the respondent's, against the insurer the policy names.
    """
    if not any(isinstance(one, Returned) and _borne(one) for one in events):
        return ()
    leg = in_force.type_of(case.type, case.subtype).return_leg
    if leg is None or leg.insurance is None or leg.insurer is None or not _insured(case, leg):
        return ()
    rules = in_force.policy.types[leg.insurance]
    return (_claim(case, leg.insurance, leg.insurer, rules),)


def _borne(event: Returned) -> bool:
    return event.step == "received" and event.received is True and event.freight_by == "respondent"


def _insured(case: Case, leg: ReturnLeg) -> bool:
    return case.order is not None and any(promise in leg.insured_by for promise in case.order.merchant_promises)


def _claim(case: Case, type_: str, insurer: str, rules: ComplaintType) -> File:
    facts = FilingFacts(circumstance=RETURNED, return_freight=case.facts.return_freight if case.facts else None)
    return File(
        type=type_,
        reason=rules.reasons[0],
        marketplace=case.marketplace,
        order=case.order,
        complainant=case.respondent,
        complainant_entity=case.respondent_entity,
        respondent=Party(role=INSURER, id=insurer),
        demand=rules.demands[0],
        amount=_amount(case, facts, rules),
        description=f"退货已收到，运费由商家承担，见投诉 {case.number}。"
        f"The goods of complaint {case.number} came back.",
        facts=facts,
        external_ref=case.number,
        test_clock=case.test_clock,
    )


def _amount(case: Case, facts: FilingFacts, rules: ComplaintType) -> Money | None:
    """The most the policy lets be claimed; None where it names none, or the order lacks what it is worked out from."""
    if isinstance(rules.cap, Formula) and lacking(rules.cap, case.order, facts):
        return None
    cap = cap_of(rules.cap, case.order, facts)
    return None if cap is None else Money(amount=cap, currency=case.amount.currency)
