"""The rules of deciding: ruling, appeal, remedy, and deadlines moved with cause (domain R1–R4, P1–P4, F3)."""

from __future__ import annotations

from case_events.core import promises
from case_events.core.case import Case
from case_events.core.commands import Appeal, ExtendDeadline, Remedy, Rule
from case_events.core.events import Appealed, Closed, DeadlineExtended, Remedied, Ruled, Verdict
from case_events.core.outcomes import Events, closed, invalid
from case_events.core.promises import Rulebook
from case_events.core.values import BASIS_POINTS, Clock, Fault, Instant, Problem, Side


def rule(command: Rule, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """R1, R4, P1: as many rulings as the policy has rounds may be appealed; the one after those is final."""
    faults = _amount_faults(command, case, book) + _ground_faults(command, case, book)
    if faults:
        return invalid(faults, case, "ruling")
    number, verdict = len(case.rulings) + 1, _verdict(command, case)
    final = number > book.rules.appeal.rounds
    ruled = Ruled(
        round=number,
        outcome=command.outcome,
        verdict=verdict,
        rule=command.rule,
        reasons=command.reasons,
        owed=command.amount if command.amount and command.amount.amount else None,
        liable=command.liable,
        penalties=command.penalties,
        evidence=command.evidence,
        final=final,
        departs=command.departs,
        clocks=_clocks(command.outcome, verdict, book, now, final=final),
    )
    if final and verdict == "rejected":
        return (ruled, Closed(outcome=verdict))
    return (ruled,)


def _clocks(outcome: str, verdict: Verdict, book: Rulebook, now: Instant, *, final: bool) -> tuple[Clock, ...]:
    if not final:
        return (promises.appeal(now, book),)
    return (promises.owing(outcome, now, book),) if verdict != "rejected" else ()


def _verdict(command: Rule, case: Case) -> Verdict:
    if command.outcome == "rejected":
        return "rejected"
    whole = command.amount is None or command.amount.amount >= case.amount.amount
    return "upheld" if command.outcome == case.demand and whole else "partly_upheld"


def _amount_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    faults = []
    claimed, given = case.amount.amount, command.amount.amount if command.amount else 0
    if command.amount is not None and command.amount.currency != case.amount.currency:
        faults.append(Fault(pointer="/data/amount/currency", detail=f"the case is in {case.amount.currency}"))
    if command.outcome == "rejected" and given:
        faults.append(Fault(pointer="/data/amount", detail="a rejected claim owes nothing"))
    if command.outcome in ("refund", "return_and_refund") and given != claimed:
        faults.append(Fault(pointer="/data/amount", detail=f"a refund is what was claimed: {claimed}"))
    if command.outcome == "partial_refund" and not 0 < given < claimed:
        faults.append(Fault(pointer="/data/amount", detail=f"more than 0 and less than {claimed}"))
    formula = book.rules.ruling.amounts.get(command.outcome)
    if formula is not None and command.departs is None and given != formula.of(case.order.paid.amount):
        share = (
            f"{formula.of(case.order.paid.amount)}, {formula.basis_points} basis points of what was {formula.share_of}"
        )
        faults.append(
            Fault(pointer="/data/amount", detail=f"{share}; a ruling that departs from it says why (departs)")
        )
    return faults


def _ground_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    faults = []
    if command.outcome not in book.rules.ruling.outcomes:
        faults.append(Fault(pointer="/data/outcome", detail=f"one of {', '.join(book.rules.ruling.outcomes)}"))
    if command.rule not in book.rules.clauses:
        clauses = ", ".join(sorted(book.rules.clauses))
        faults.append(Fault(pointer="/data/rule", detail=f"a clause of the policy: {clauses}"))
    if command.liable and sum(liable.share for liable in command.liable) != BASIS_POINTS:
        faults.append(Fault(pointer="/data/liable", detail=f"the shares add up to {BASIS_POINTS} basis points"))
    known = {brought.evidence.sha256 for brought in case.evidence}
    for index, digest in enumerate(command.evidence):
        if digest not in known:
            faults.append(Fault(pointer=f"/data/evidence/{index}", detail="no such evidence in this case"))
    return faults


def appeal(command: Appeal, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """P1, E3: the first appeal closes the window; it must bring evidence that was not there before."""
    assert by != "platform", "only parties appeal"
    known = {brought.evidence.sha256 for brought in case.evidence}
    if all(item.sha256 in known for item in command.evidence):
        fault = Fault(pointer="/data/evidence", detail="an appeal brings evidence not seen before (E3)")
        return invalid([fault], case, "appeal")
    clocks = (promises.ruling_on_appeal(now, book),)
    return (Appealed(by=by, reason=command.reason, evidence=command.evidence, clocks=clocks),)


def remedy(command: Remedy, by: Side, case: Case) -> Events | Problem:
    """P4: what is owed, no less and no more; then the case is closed."""
    faults = []
    if command.kind != case.remedy:
        faults.append(Fault(pointer="/data/kind", detail=f"what is owed is {case.remedy}"))
    if command.amount != case.owed:
        said = f"{case.owed.amount} {case.owed.currency}" if case.owed else "no money"
        faults.append(Fault(pointer="/data/amount", detail=f"what is owed is {said}"))
    if faults:
        return invalid(faults, case, "remedy")
    done = Remedied(by=by, kind=command.kind, amount=command.amount, reference=command.reference)
    return (done, closed(case))


def extend(command: ExtendDeadline, case: Case) -> Events | Problem:
    """F3: a clock is only ever moved later; a provisional one may be confirmed where it stands."""
    clock = next((c for c in case.clocks if (c.kind, c.party) == (command.kind, command.party)), None)
    if clock is None:
        running = ", ".join(f"{c.kind} of {c.party}" for c in case.clocks)
        return invalid([Fault(pointer="/data/kind", detail=f"no such clock runs; running: {running}")], case, "filing")
    confirmed = clock.provisional and command.due_at == clock.due_at
    if command.due_at <= clock.due_at and not confirmed:
        detail = f"a deadline is never moved earlier than {clock.due_at.rfc3339()}"
        return invalid([Fault(pointer="/data/due_at", detail=detail)], case, "filing")
    moved = Clock(kind=clock.kind, party=clock.party, due_at=command.due_at)
    extended = DeadlineExtended(
        kind=clock.kind, party=clock.party, due_at=command.due_at, reason=command.reason, clocks=(moved,)
    )
    return (extended,)
