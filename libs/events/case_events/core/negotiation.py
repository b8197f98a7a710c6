"""The rules of the parties' talks: amending, replying, settling, calling the platform in (domain N1–N6, F9)."""

from __future__ import annotations

from typing import assert_never

from case_events.core import outcomes, promises
from case_events.core.amounts import cap_of
from case_events.core.calendar import after
from case_events.core.case import Case
from case_events.core.claims import claim_faults, evidence_faults
from case_events.core.commands import AmendClaim, Expedite, Reply, RequestIntervention, Respond, SubmitEvidence
from case_events.core.events import ClaimAmended, EvidenceSubmitted, Expedited, MerchantReplied, RespondentReplied
from case_events.core.gates import running_clock, too_early
from case_events.core.outcomes import Events, invalid
from case_events.core.promises import Rulebook
from case_events.core.spans import Span
from case_events.core.values import Clock, Fault, Instant, Offer, Problem, Side

ANSWERS = ("merchant_replied", "respondent_replied")
"""The respondent's own words on the claim, by their events."""


def amend(command: AmendClaim, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """N2: in the open period the deadline stays; in the final period it moves to the amendment plus that period.

    Where the turn is one period only, the respondent has at least ``after_amendment`` for what is claimed now.
    """
    faults = claim_faults(command.demand, command.amount, case, book.rules)
    if faults:
        return invalid(faults, case, "reply")
    return (ClaimAmended(demand=command.demand, amount=command.amount, clocks=moved(case, book, now)),)


def moved(case: Case, book: Rulebook, now: Instant) -> tuple[Clock, ...]:
    """N2: the respondent's time for what is claimed now; nothing where it has that much, or its open period runs.

    A right to call the platform in that runs already is kept open for longer.
    """
    response = running_clock(case, "response")
    term = _time_for_an_answer(case, book, now)
    if term is None:
        return ()
    due, provisional = after(now, term, book.calendar)
    if response is not None and due <= response.due_at:
        return ()
    turn = Clock(kind="response", party="respondent", due_at=due, provisional=provisional)
    return (turn, *promises.kept_open(turn, case, book))


def _time_for_an_answer(case: Case, book: Rulebook, now: Instant) -> Span | None:
    """Who has answered once has ``after_amendment`` for every claim amended since; its first turn is over for good."""
    reply = book.rules.reply
    assert reply is not None, "the gate saw the respondent's turn"
    answered = any(one.type in ANSWERS for one in case.posts)
    if answered or reply.final_period is None:
        return reply.after_amendment
    assert case.reply_started_at is not None, "the respondent's turn has begun"
    opened, _ = after(case.reply_started_at, reply.open_period, book.calendar)
    return reply.final_period if now > opened else None


def reply(command: Reply, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """N1, N4: agreeing settles at the amount claimed; refusing brings the platform in or lets the complainant do so."""
    faults = _reply_faults(command, case, book)
    if faults:
        return invalid(faults, case, "reply")
    assert book.rules.reply is not None, "the gate saw the respondent's turn"
    kind = RespondentReplied if isinstance(command, Respond) else MerchantReplied
    replied = kind(decision=command.decision, reason=command.reason, offer=command.offer, evidence=command.evidence)
    match command.decision:
        case "agree":
            return (replied, *outcomes.settled("agreement", case.demand, outcomes.claimed(case), now, book, case))
        case "refuse" if book.rules.reply.on_refusal == "escalate":
            return (replied, outcomes.brought_in("refused", "platform", now, book, case))
        case "refuse" | "offer":
            return (replied,)
        case _:
            assert_never(command.decision)


def _reply_faults(command: Reply, case: Case, book: Rulebook) -> list[Fault]:
    faults = evidence_faults(command.evidence, book.policy, "/data/evidence")
    if command.decision == "refuse" and command.reason is None:
        faults.append(Fault(pointer="/data/reason", detail="a refusal says why (N4)"))
    if command.decision == "offer" and command.offer is None:
        faults.append(Fault(pointer="/data/offer", detail="an offer says what is offered (N4)"))
    if command.decision != "offer" and command.offer is not None:
        faults.append(Fault(pointer="/data/offer", detail=f"the decision is {command.decision}, which brings no offer"))
    if command.offer is None:
        return faults
    amount = command.offer.amount
    if command.offer.kind not in book.rules.offers:
        faults.append(Fault(pointer="/data/offer/kind", detail=f"one of {', '.join(book.rules.offers)}"))
    if amount is not None and amount.currency != case.amount.currency:
        faults.append(Fault(pointer="/data/offer/amount/currency", detail=f"the case is in {case.amount.currency}"))
    return faults + _offered_amount_faults(command.offer, case, book)


def _offered_amount_faults(offer: Offer, case: Case, book: Rulebook) -> list[Fault]:
    """An offer of money says how much; an exchange or a repair has no amount (N4)."""
    detail, given = None, offer.amount.amount if offer.amount else 0
    most = _most_offered(case, book)
    if offer.kind == "partial_refund":
        if not 0 < given < case.amount.amount:
            detail = "more than nothing and less than what is claimed"
    elif offer.kind in outcomes.THINGS:
        if offer.amount is not None:
            detail = f"{offer.kind} moves no money"
    elif given == 0 or (most is not None and given > most):
        detail = "more than nothing" if most is None else f"more than nothing and at most {most}"
    return [Fault(pointer="/data/offer/amount", detail=detail)] if detail else []


def _most_offered(case: Case, book: Rulebook) -> int | None:
    """What was paid with its freight, or what may be claimed where that is more: every claim can be met (F6, N4)."""
    paid = case.order.paid.amount + case.order.freight.amount if case.order else case.amount.amount
    cap = cap_of(book.rules.cap, case.order, case.facts)
    return None if cap is None else max(cap, paid)


def settle(case: Case, book: Rulebook, now: Instant) -> Events:
    """N4: the complainant accepts the offer on the table."""
    assert case.offer is not None, "the gate saw an offer"
    return outcomes.settled("offer", case.offer.kind, case.offer.amount, now, book, case)


def request_intervention(
    command: RequestIntervention, by: Side, case: Case, book: Rulebook, now: Instant
) -> Events | Problem:
    """N3, N5, F9: the complainant once the respondent had its turn, the respondent at any time."""
    early = too_early(case, by, book.rules)
    if early is not None:
        return early
    return (outcomes.brought_in("requested", by, now, book, case, command.reason),)


def submit_evidence(command: SubmitEvidence, by: Side, case: Case, book: Rulebook) -> Events | Problem:
    """E1, E6: of the kinds the policy knows."""
    faults = evidence_faults(command.evidence, book.policy, "/data/evidence")
    if faults:
        return invalid(faults, case, "ruling")
    return (EvidenceSubmitted(by=by, evidence=command.evidence),)


def expedite(command: Expedite, case: Case) -> Events:
    """I2: another place in the queue, as often as the policy lets a complainant press."""
    return (Expedited(reason=command.reason, priority=case.priority + 1),)
