"""The rules of filing: who may file what about which order, when, and how much it may ask for (domain F1–F6)."""

from __future__ import annotations

from uuid import UUID

from case_events.core import promises
from case_events.core.calendar import Calendar, after
from case_events.core.commands import File
from case_events.core.events import Event, Filed
from case_events.core.policy import Cap, ComplaintType, InForce
from case_events.core.promises import Rulebook
from case_events.core.values import Fault, Instant, Money, Order, Problem


def file(
    command: File, in_force: InForce, calendar: Calendar, number: str, open_complaint: UUID | None, now: Instant
) -> tuple[Event, ...] | Problem:
    """The ``Filed`` event, or the refusal: every fault of the body first, then eligibility, then an open complaint.

    Codes: ``invalid``, ``not_eligible`` (``closed_at`` when the window is over), ``not_yet`` (``opens_at``),
    ``already_open`` (``location``).
    """
    faults = _faults(command, in_force)
    if faults:
        detail = f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in the complaint."
        return Problem(code="invalid", detail=detail, rule=in_force.ref.clause("filing"), errors=tuple(faults))
    rules = in_force.type_of(command.type)
    book = Rulebook(rules=rules, minimum_notice=in_force.policy.minimum_notice, calendar=calendar)
    ineligible = _ineligible(command, in_force, book, now)
    if ineligible is not None:
        return ineligible
    if open_complaint is not None:
        return Problem(
            code="already_open",
            detail="This complainant already has an open complaint of this type about this order.",
            rule=in_force.ref.clause(f"{command.type}.filing"),
            location=f"/v1/cases/{open_complaint}",
        )
    return (_filed(command, in_force, book, number, now),)


def claim_faults(demand: str, amount: Money, order: Order, rules: ComplaintType, at: str) -> list[Fault]:
    """What is wrong with a demand and its amount (F6, F13); ``at`` is the pointer they stand under."""
    faults = []
    if demand not in rules.demands:
        faults.append(Fault(pointer=f"{at}/demand", detail=f"one of {', '.join(rules.demands)}"))
    if amount.currency != order.paid.currency:
        faults.append(Fault(pointer=f"{at}/amount/currency", detail=f"the order is in {order.paid.currency}"))
    if amount.amount == 0:
        faults.append(Fault(pointer=f"{at}/amount/amount", detail="a claim asks for more than nothing"))
    cap = cap_of(rules.cap, order)
    if cap is not None and amount.amount > cap:
        faults.append(Fault(pointer=f"{at}/amount/amount", detail=f"at most {cap} ({rules.cap})"))
    return faults


def cap_of(cap: Cap, order: Order) -> int | None:
    """The most a claim may ask for, in minor units; None where the policy sets no cap."""
    match cap:
        case "paid":
            return order.paid.amount
        case "paid_plus_freight":
            return order.paid.amount + order.freight.amount
        case "none":
            return None


def _faults(command: File, in_force: InForce) -> list[Fault]:
    policy, order = in_force.policy, command.order
    rules = policy.types.get(command.type)
    faults = []
    for pointer, money in (("/order/paid", order.paid), ("/order/freight", order.freight)):
        if money.currency != policy.currency:
            faults.append(Fault(pointer=f"{pointer}/currency", detail=f"{policy.marketplace} is in {policy.currency}"))
    for index, goods in enumerate(order.goods):
        if goods.price.currency != policy.currency:
            pointer = f"/order/goods/{index}/price/currency"
            faults.append(Fault(pointer=pointer, detail=f"{policy.marketplace} is in {policy.currency}"))
    if rules is None:
        return [*faults, Fault(pointer="/type", detail=f"one of {', '.join(sorted(policy.types))}")]
    if command.reason not in rules.reasons:
        faults.append(Fault(pointer="/reason", detail=f"one of {', '.join(rules.reasons)}"))
    if command.complainant.role not in rules.complainants:
        faults.append(Fault(pointer="/complainant/role", detail=f"one of {', '.join(rules.complainants)}"))
    if command.respondent.role not in rules.respondents:
        faults.append(Fault(pointer="/respondent/role", detail=f"one of {', '.join(rules.respondents)}"))
    if getattr(order, rules.filing.counted_from) is None:
        detail = "needed: the filing window is counted from it"
        faults.append(Fault(pointer=f"/order/{rules.filing.counted_from}", detail=detail))
    return faults + _facts_missing(command, rules) + claim_faults(command.demand, command.amount, order, rules, "")


def _facts_missing(command: File, rules: ComplaintType) -> list[Fault]:
    """What this type must know beside the order (F4)."""
    if rules.filing.refund_after is None:
        return []
    order, facts = command.order, command.facts
    needed = (("/order/paid_at", order.paid_at), ("/facts/refund", facts.refund if facts else None))
    detail = "needed: this type is about a refund applied for long after payment"
    return [Fault(pointer=pointer, detail=detail) for pointer, said in needed if said is None]


def _ineligible(command: File, in_force: InForce, book: Rulebook, now: Instant) -> Problem | None:
    window = book.rules.filing
    clause = in_force.ref.clause(f"{command.type}.filing")
    if command.order.status not in window.order_states:
        detail = f"The order is {command.order.status}; this complaint needs {' or '.join(window.order_states)} (F1)."
        return Problem(code="not_eligible", detail=detail, rule=clause)
    early = _refund_too_early(command, book, now)
    if early is not None:
        return Problem(code="not_eligible", detail=early, rule=clause)
    start: Instant = getattr(command.order, window.counted_from)
    closes, _ = after(start, window.closes_after, book.calendar)
    if now > closes:
        detail = f"The filing window closed at {closes.rfc3339()} (F2)."
        return Problem(code="not_eligible", detail=detail, rule=clause, closed_at=closes)
    opens = after(start, window.opens_after, book.calendar)[0] if window.opens_after else start
    if now < opens:
        detail = f"The filing window opens at {opens.rfc3339()} (F2)."
        return Problem(code="not_yet", detail=detail, rule=clause, opens_at=opens)
    return None


def _refund_too_early(command: File, book: Rulebook, now: Instant) -> str | None:
    """F4: what a type asks of the refund that went before it."""
    wanted, refund = book.rules.filing.refund_after, command.facts.refund if command.facts else None
    if wanted is None or refund is None or command.order.paid_at is None:
        return None
    since, _ = after(command.order.paid_at, wanted, book.calendar)
    if refund.applied_at <= since:
        return f"The refund was applied for by {since.rfc3339()}; this complaint needs one applied for later (F4)."
    if refund.succeeded_at > now:
        return "The refund has not succeeded yet (F4)."
    return None


def _filed(command: File, in_force: InForce, book: Rulebook, number: str, now: Instant) -> Filed:
    wanted = promises.acceptance(now, book)
    return Filed(
        number=number,
        type=command.type,
        reason=command.reason,
        marketplace=command.marketplace,
        policy=in_force.ref,
        order=command.order,
        complainant=command.complainant,
        respondent=command.respondent,
        demand=command.demand,
        amount=command.amount,
        description=command.description,
        department=book.rules.department,
        evidence=command.evidence,
        facts=command.facts,
        anonymous=command.anonymous,
        external_ref=command.external_ref,
        test_clock=command.test_clock,
        clocks=wanted or promises.turn(now, now, book),
    )
