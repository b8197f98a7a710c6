"""The rules of what follows a decision: remedy, recovery, the platform's look, rating, giving up (domain P4, P6)."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import promises
from case_events.core.amounts import cap_of
from case_events.core.case import Case
from case_events.core.commands import Close, FollowUp, PayAdvance, Rate, Recover, Remedy, Withdraw
from case_events.core.events import AdvancePaid, Closed, FollowedUp, Rated, Recovered, Remedied, Withdrawn
from case_events.core.outcomes import THINGS, Events, after_the_remedy, all_back, closed, invalid
from case_events.core.promises import Rulebook
from case_events.core.values import Advance, Clock, Fault, Instant, Money, Problem, Recovery, Side

NEVER_IMPOSED = ("rejected", "takedown", "return_and_refund", "shared_liability")
"""Outcomes that only a ruling has: what is imposed is the respondent's alone, and done without the complainant."""


def remedy(command: Remedy, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P4: what is owed, no less and no more; then the platform looks at it, or the case is closed."""
    faults = []
    if command.kind != case.remedy:
        faults.append(
            Fault(pointer="/data/kind", detail=f"what is owed is {case.remedy or 'nothing to the complainant'}")
        )
    if command.amount != case.owed:
        faults.append(Fault(pointer="/data/amount", detail=f"what is owed is {_said(case.owed)}"))
    if faults:
        return invalid(faults, case, "remedy")
    clocks, end = after_the_remedy(replace(case, remedy=None, owed=None), book, now)
    done = Remedied(by=by, kind=command.kind, amount=command.amount, reference=command.reference, clocks=clocks)
    return (done, *end)


def recover(command: Recover, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P6: what a side owes back to the platform, no less and no more."""
    owed = next((one for one in case.recoveries if one.party == command.party), None)
    if owed is None:
        fault = Fault(pointer="/data/from", detail=f"the {command.party} owes nothing back to the platform")
        return invalid([fault], case, "advance")
    if command.amount != owed.amount:
        fault = Fault(pointer="/data/amount", detail=f"what is owed back is {_said(owed.amount)}")
        return invalid([fault], case, "advance")
    left = tuple(one for one in case.recoveries if one is not owed)
    clocks, end = after_the_remedy(replace(case, recoveries=left), book, now)
    return (Recovered(party=command.party, amount=command.amount, reference=command.reference, clocks=clocks), *end)


def pay_advance(command: PayAdvance, case: Case, book: Rulebook) -> Events | Problem:
    """P6: the platform pays first, within the policy's sum and what is claimed; goods that must come back, do first."""
    terms, amount = book.rules.advance, command.amount
    assert terms is not None, "the gate saw that the policy knows one"
    most = min(terms.up_to, case.amount.amount) - sum(one.amount.amount for one in case.advances)
    faults = []
    if case.demand in THINGS or (case.demand == "return_and_refund" and book.rules.return_leg is not None):
        faults.append(Fault(pointer="/data/amount", detail=f"nothing is paid ahead of {case.demand}"))
    if amount.currency != case.amount.currency:
        faults.append(Fault(pointer="/data/amount/currency", detail=f"the case is in {case.amount.currency}"))
    if not 0 < amount.amount <= most:
        faults.append(Fault(pointer="/data/amount/amount", detail=f"more than nothing and at most {max(most, 0)}"))
    if faults:
        return invalid(faults, case, "advance")
    advance = Advance(amount=amount, ground="advance", recover_from=command.recover_from)
    return (AdvancePaid(advance=advance, reference=command.reference),)


def follow_up(command: FollowUp, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P4: handled well, the case closes; handled badly, the platform may impose a remedy or a compensation."""
    faults = _imposed_faults(command, case, book)
    if faults:
        return invalid(faults, case, "follow_up")
    imposed = command.remedy is not None
    looked = FollowedUp(
        solved=command.solved,
        comment=command.comment,
        remedy=command.remedy,
        owed=command.amount,
        clocks=(promises.remedy(now, book),) if imposed else (),
    )
    return (looked,) if imposed else (looked, closed(case))


def _imposed_faults(command: FollowUp, case: Case, book: Rulebook) -> list[Fault]:
    """What is imposed is in the policy's outcomes, and no more than a claim may ask for."""
    kind, amount, faults = command.remedy, command.amount, []
    if command.solved and (kind or amount):
        faults.append(Fault(pointer="/data/remedy", detail="handled well, nothing more is imposed"))
    if kind is None:
        return faults + ([Fault(pointer="/data/amount", detail="needs a remedy it belongs to")] if amount else [])
    possible = [one for one in book.rules.ruling.outcomes if one not in NEVER_IMPOSED]
    if kind not in possible:
        faults.append(Fault(pointer="/data/remedy", detail=f"one of {', '.join(possible)}"))
    if (kind in THINGS) != (amount is None):
        faults.append(Fault(pointer="/data/amount", detail="a thing moves no money, everything else says how much"))
    if amount is not None:
        cap = cap_of(book.rules.cap, case.order, case.facts)
        if amount.currency != case.amount.currency:
            faults.append(Fault(pointer="/data/amount/currency", detail=f"the case is in {case.amount.currency}"))
        if amount.amount == 0 or (cap is not None and amount.amount > cap):
            most = "" if cap is None else f" and at most {cap}"
            faults.append(Fault(pointer="/data/amount/amount", detail=f"more than nothing{most}"))
    return faults


def rate(command: Rate) -> Events:
    """P4: how the platform handled it; once, when the case is decided."""
    return (Rated(score=command.score, comment=command.comment),)


def withdraw(command: Withdraw, case: Case, book: Rulebook, now: Instant) -> Events:
    """The complainant gives up; what the platform paid first is owed back (P6)."""
    back, clocks = given_back(case, now, book)
    gone = Withdrawn(reason=command.reason, recoveries=back, clocks=clocks)
    return (gone,) if back else (gone, Closed(outcome="withdrawn"))


def given_back(
    case: Case, start: Instant, book: Rulebook, written: Instant | None = None
) -> tuple[tuple[Recovery, ...], tuple[Clock, ...]]:
    """What is owed back to the platform when nothing was granted, and its clocks."""
    back = all_back(case)
    return back, promises.recoveries(back, start, book, written)


def close(command: Close, case: Case) -> Events:
    """P4: the platform ends a case whose remedy, or what it is owed back, never came."""
    return (closed(case, command.reason),)


def _said(amount: Money | None) -> str:
    return f"{amount.amount} {amount.currency}" if amount else "no money"
