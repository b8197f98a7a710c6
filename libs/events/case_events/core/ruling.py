"""The rules of deciding: ruling, accepting a ruling, appeal, deadlines moved with cause (domain R1-R4, P1-P3, I4)."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from case_events.core import promises
from case_events.core.amounts import amount_of, cap_of
from case_events.core.case import Case, Deadline
from case_events.core.changes import REMINDER
from case_events.core.claims import evidence_faults
from case_events.core.commands import Appeal, ExtendDeadline, Rule
from case_events.core.contesting import has_contested
from case_events.core.events import Appealed, Closed, DeadlineExtended, Ruled, RulingAccepted, Verdict
from case_events.core.gates import refused_now
from case_events.core.lateness import contradiction
from case_events.core.outcomes import Events, invalid, left_to_do
from case_events.core.promises import Rulebook
from case_events.core.sanctions import forgery_faults, penalties_of, penalty_faults, sanction_faults
from case_events.core.values import BASIS_POINTS, Clock, Fault, Instant, Liable, Money, Problem, Side

RECONSIDERATION = "reconsideration"
"""The last instance of a complaint about a listing (domain P3)."""


def rule(command: Rule, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """R1, R4, P1: as many rulings as the policy has further instances may be appealed; the one after is final.

    So is what a reconsideration comes to (P3).
    """
    faults = ruling_faults(command, case, book)
    if faults:
        return invalid(faults, case, "ruling")
    number = len(case.rulings) + 1
    final = number > _further(book) or _reconsidered(case, book)
    ruled = ruling_of(command, case, number, final=final)
    if not final:
        return (replace(ruled, clocks=(promises.appeal(now, book),)),)
    due = left_to_do(case, ruled.outcome, ruled.owed, now, book, liable=ruled.liable)
    ruled = replace(ruled, recoveries=due.recoveries, clocks=due.clocks)
    return (ruled,) if due.clocks else (ruled, Closed(outcome=ruled.verdict))


def ruling_of(command: Rule, case: Case, number: int, *, final: bool) -> Ruled:
    """The ruling as it is recorded, without its clocks; the liable shares as amounts that add up to the fen."""
    granted = command.amount if command.amount and command.amount.amount else None
    liable = _shared(command.liable, granted)
    owed = _owed(liable, granted)
    return Ruled(
        round=number,
        outcome=command.outcome,
        verdict=_verdict(command.outcome, owed, case),
        rule=command.rule,
        reasons=command.reasons,
        owed=owed,
        liable=liable,
        penalties=penalties_of(command.penalties, case),
        evidence=command.evidence,
        final=final,
        departs=command.departs,
    )


def ruling_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    """Everything that is wrong with a ruling, all of it at once."""
    return (
        _amount_faults(command, case, book)
        + _ground_faults(command, case, book)
        + _liable_faults(command, case)
        + penalty_faults(penalties_of(command.penalties, case), case, book)
        + sanction_faults(command, case, book)
        + forgery_faults(command, case)
        + contradiction(command, case, book)
    )


def _further(book: Rulebook) -> int:
    terms = book.rules.appeal
    return len(terms.instances) or terms.rounds


def _reconsidered(case: Case, book: Rulebook) -> bool:
    """P3: is it a listing's complaint that is ruled on at the complainant's wish once more?"""
    return book.rules.takedown_at is not None and case.instance == RECONSIDERATION


def _verdict(outcome: str, owed: Money | None, case: Case) -> Verdict:
    """Whole is what was demanded, as much of it as was claimed; a thing is no part of any sum."""
    if outcome == "rejected":
        return "rejected"
    whole = owed is None or owed.amount >= case.amount.amount
    return "upheld" if outcome == case.demand and whole else "partly_upheld"


def _shared(liable: tuple[Liable, ...], owed: Money | None) -> tuple[Liable, ...]:
    """Each share in money: rounded down, and the fen that are left go to the largest remainders (domain R1)."""
    if owed is None:
        return tuple(replace(one, amount=None) for one in liable)
    exact = [owed.amount * one.share for one in liable]
    parts = [share // BASIS_POINTS for share in exact]
    largest = sorted(range(len(liable)), key=lambda at: (-(exact[at] % BASIS_POINTS), at))
    for at in largest[: owed.amount - sum(parts)]:
        parts[at] += 1
    return tuple(
        replace(one, amount=Money(amount=part, currency=owed.currency)) for one, part in zip(liable, parts, strict=True)
    )


def _owed(liable: tuple[Liable, ...], granted: Money | None) -> Money | None:
    """What the complainant is to get; of what is shared out it bears its own share itself (domain R1)."""
    if granted is None:
        return None
    own = sum(one.amount.amount for one in liable if one.party == "complainant" and one.amount)
    return replace(granted, amount=granted.amount - own)


def _amount_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    """R1, R3: the sum of an outcome the policy knows, in the case's currency."""
    faults, amount = [], command.amount
    if amount is not None and amount.currency != case.amount.currency:
        faults.append(Fault(pointer="/data/amount/currency", detail=f"the case is in {case.amount.currency}"))
    detail = _sum_fault(command, case, book) if command.outcome in book.rules.ruling.outcomes else None
    return [*faults, Fault(pointer="/data/amount", detail=detail)] if detail else faults


def _sum_fault(command: Rule, case: Case, book: Rulebook) -> str | None:
    """What each outcome says of money; then what the policy's formula, or the cap, says of the sum."""
    claimed, given = case.amount.amount, command.amount.amount if command.amount else 0
    match command.outcome:
        case "rejected" | "takedown" | "exchange" | "repair":
            return f"{command.outcome} owes no money" if given else None
        case "refund" | "return_and_refund" if given != claimed:
            return f"a refund is what was claimed: {claimed}"
        case "partial_refund" if not 0 < given < claimed:
            return f"more than 0 and less than {claimed}"
        case _:
            return _figure_fault(command, case, book, given) or (None if given else "more than nothing")


def _figure_fault(command: Rule, case: Case, book: Rulebook, given: int) -> str | None:
    """R3: the policy's figure, or why not; where it has none, no more than a claim may ask for."""
    if command.departs is not None:
        return None
    formula = book.rules.ruling.amounts.get(command.outcome)
    if formula is not None:
        due = amount_of(formula, case.order, case.facts)
        wrong = f"{due} by the policy's formula" if given != due else None
    else:
        cap = cap_of(book.rules.cap, case.order, case.facts)
        wrong = f"at most {cap}" if cap is not None and given > cap else None
    return f"{wrong}; a ruling that departs from it says why (departs)" if wrong else None


def _ground_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    """R4: an outcome and a clause of the policy, and evidence of this case that counts."""
    faults = []
    if command.outcome not in book.rules.ruling.outcomes:
        faults.append(Fault(pointer="/data/outcome", detail=f"one of {', '.join(book.rules.ruling.outcomes)}"))
    if command.rule not in book.rules.clauses:
        clauses = ", ".join(book.rules.clauses)
        faults.append(Fault(pointer="/data/rule", detail=f"a clause of the policy: {clauses}"))
    known = {brought.evidence.sha256 for brought in case.evidence}
    for index, digest in enumerate(command.evidence):
        if digest not in known:
            faults.append(Fault(pointer=f"/data/evidence/{index}", detail="no such evidence in this case"))
        elif digest in case.rejected_evidence:
            faults.append(Fault(pointer=f"/data/evidence/{index}", detail="this evidence was rejected (E2)"))
    return faults


def _liable_faults(command: Rule, case: Case) -> list[Fault]:
    """R1: each side's share once, all of them together the whole; an amount that is said is the share's own."""
    sides = [one.party for one in command.liable]
    if len(set(sides)) < len(sides):
        return [Fault(pointer="/data/liable", detail="a side's share is said once")]
    if command.outcome == "shared_liability" and not {"complainant", "respondent"} <= set(sides):
        return [Fault(pointer="/data/liable", detail="shared liability says each side's share (R1)")]
    if command.liable and sum(one.share for one in command.liable) != BASIS_POINTS:
        return [Fault(pointer="/data/liable", detail=f"the shares add up to {BASIS_POINTS} basis points")]
    due = _shared(command.liable, command.amount or Money(amount=0, currency=case.amount.currency))
    return [
        Fault(pointer=f"/data/liable/{index}/amount", detail=f"this share comes to {right.amount.amount}")
        for index, (said, right) in enumerate(zip(command.liable, due, strict=True))
        if said.amount is not None and right.amount is not None and said.amount != right.amount
    ]


def accept(by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P2: once both sides accept, the ruling stands at once."""
    assert by != "platform", "only parties accept"
    if by in case.accepted_by:
        return refused_now("This side has accepted the ruling.", "ruling_accepted", case)
    if not case.accepted_by:
        return (RulingAccepted(by=by),)
    ruling = case.rulings[-1]
    due = left_to_do(case, ruling.outcome, ruling.owed, now, book, liable=ruling.liable)
    accepted = RulingAccepted(by=by, stands=True, recoveries=due.recoveries, clocks=due.clocks)
    return (accepted,) if due.clocks else (accepted, Closed(outcome=ruling.verdict))


def appeal(command: Appeal, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P1, P3, I4, E3: the first closes the window; where the policy wants it, with evidence not seen before."""
    assert by != "platform", "only parties appeal"
    if by in case.accepted_by:
        return refused_now("This side has accepted the ruling.", "appealed", case)
    if has_contested(by, case, book.rules):
        return refused_now("This side has contested a ruling of this case already (P3).", "appealed", case)
    known, terms = {brought.evidence.sha256 for brought in case.evidence}, book.rules.appeal
    faults = evidence_faults(command.evidence, book.policy, "/data/evidence")
    if terms.needs_evidence and all(item.sha256 in known for item in command.evidence):
        faults.append(Fault(pointer="/data/evidence", detail="an appeal brings evidence not seen before (E3)"))
    if faults:
        return invalid(faults, case, "appeal")
    instance = terms.instances[len(case.rulings) - 1] if terms.instances else "appeal"
    if by == "complainant" and book.rules.takedown_at is not None and instance == "appeal":
        instance = RECONSIDERATION
    clocks = (promises.ruling_on_appeal(now, book),)
    appealed = Appealed(by=by, reason=command.reason, evidence=command.evidence, instance=instance, clocks=clocks)
    return (appealed,)


def extend(command: ExtendDeadline, case: Case, book: Rulebook) -> Events | Problem:
    """F3: a clock is only ever moved later; a provisional one may be confirmed where it stands.

    More time for the respondent keeps the complainant's right to call the platform in open for longer (N6).
    """
    clock = next((c for c in case.clocks if (c.kind, c.party) == (command.kind, command.party)), None)
    if clock is None:
        running = ", ".join(f"{c.kind} of {c.party}" for c in case.clocks)
        return invalid([Fault(pointer="/data/kind", detail=f"no such clock runs; running: {running}")], case, "filing")
    confirmed = clock.provisional and command.due_at == clock.due_at
    if command.due_at <= clock.due_at and not confirmed:
        detail = f"a deadline is never moved earlier than {clock.due_at.rfc3339()}"
        return invalid([Fault(pointer="/data/due_at", detail=detail)], case, "filing")
    moved = Clock(kind=clock.kind, party=clock.party, due_at=command.due_at)
    opened = promises.kept_open(moved, case, book) if moved.kind == "response" else ()
    extended = DeadlineExtended(
        kind=clock.kind,
        party=clock.party,
        due_at=command.due_at,
        reason=command.reason,
        clocks=(moved, *_still_ahead(clock, command.due_at - clock.due_at, case), *opened),
    )
    return (extended,)


def _still_ahead(clock: Deadline, by: timedelta, case: Case) -> tuple[Clock, ...]:
    """The reminder goes with its clock, as far ahead of it as it was (domain Q2)."""
    about = (clock.kind + REMINDER, clock.party)
    return tuple(
        Clock(kind=one.kind, party=one.party, due_at=Instant.of(one.due_at + by))
        for one in case.reminders
        if (one.kind, one.party) == about
    )
