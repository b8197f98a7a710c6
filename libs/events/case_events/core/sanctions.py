"""What a decision costs a side beside money: penalties, what a clause brings, what forgery costs (R2, M2, E2)."""

from __future__ import annotations

from case_events.core.case import Case
from case_events.core.commands import Dismiss, PenaltyList, Rule
from case_events.core.promises import Rulebook
from case_events.core.values import Fault, Penalty

AT = "/data/penalties"
MARK = "credit_mark"
"""The penalty of a consumer's credit: of a complainant, or of a buyer who is complained about."""


def penalties_of(said: PenaltyList, case: Case) -> tuple[Penalty, ...]:
    """Penalties in full; a bare word is the respondent's, but a credit mark is the complainant's unless a buyer is
    complained about (domain R2)."""
    marked = case.respondent.role != "buyer"
    return tuple(
        Penalty(kind=one, on="complainant" if one == MARK and marked else "respondent") if isinstance(one, str) else one
        for one in said
    )


def dismissal_faults(command: Dismiss, case: Case, book: Rulebook) -> list[Fault]:
    """A2: only who complained maliciously, or forged evidence, is penalised for it; who forged, always is (E2)."""
    penalties = dismissal_penalties(command)
    faults = penalty_faults(penalties, case, book)
    faults += [
        Fault(pointer=f"{AT}/{index}/on", detail="a dismissal penalises nobody but the complainant")
        for index, one in enumerate(penalties)
        if one.on != "complainant"
    ]
    forged = "complainant" in case.forged_by
    if penalties and not (command.malicious or forged):
        faults.append(Fault(pointer=AT, detail="only a malicious complaint is penalised (A2)"))
    if forged and not penalties:
        faults.append(Fault(pointer=AT, detail="the complainant forged evidence and is penalised (E2)"))
    return faults


def dismissal_penalties(command: Dismiss) -> tuple[Penalty, ...]:
    """Penalties in full; of a dismissal a bare word is the complainant's (domain A2)."""
    return tuple(Penalty(kind=one, on="complainant") if isinstance(one, str) else one for one in command.penalties)


def penalty_faults(penalties: tuple[Penalty, ...], case: Case, book: Rulebook) -> list[Fault]:
    """I1, R2: only what the type knows and what the department the case stands in may impose, and each but once.

    A policy that names no departments says nothing of how penalties are to be said.
    """
    department = next((one for one in book.policy.departments if one.name == case.department), None)
    known, may = book.rules.ruling.penalties, department.penalties if department else ()
    faults, seen = list[Fault](), set[tuple[str, str]]()
    for index, one in enumerate(penalties):
        at = f"{AT}/{index}"
        if known and one.kind not in known:
            faults.append(Fault(pointer=at, detail=f"one of {', '.join(known)}"))
        elif may and one.kind not in may:
            faults.append(Fault(pointer=at, detail=f"{case.department} may impose {', '.join(may)} (I1)"))
        elif (one.kind, one.on) in seen and department is not None:
            faults.append(Fault(pointer=at, detail="said twice"))
        seen.add((one.kind, one.on))
        if department is not None:
            faults += _misfit(one, case, at)
    return faults


def _misfit(one: Penalty, case: Case, at: str) -> list[Fault]:
    faults = []
    if (one.kind == "points") != (one.points is not None):
        faults.append(Fault(pointer=f"{at}/points", detail="points, and only points, say how many"))
    if one.kind == MARK and one.on == "respondent" and case.respondent.role != "buyer":
        faults.append(Fault(pointer=f"{at}/on", detail="a credit mark is the complainant's"))
    return faults


def sanction_faults(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    """M2: a clause that brings penalties brings all of them, or the ruling says why not."""
    if command.departs is not None:
        return []
    penalties = penalties_of(command.penalties, case)
    missing = [one for one in book.rules.ruling.sanctions.get(command.rule, ()) if one not in penalties]
    if not missing:
        return []
    told = ", ".join(f"{one.kind} {one.points}" if one.points else one.kind for one in missing)
    detail = f"{command.rule} brings {told}; a ruling that departs from it says why (departs)"
    return [Fault(pointer=AT, detail=detail)]


def forgery_faults(command: Rule, case: Case) -> list[Fault]:
    """E2: who forged evidence fails and is penalised; where both did, the claim fails."""
    faults = []
    if "complainant" in case.forged_by and command.outcome != "rejected":
        faults.append(Fault(pointer="/data/outcome", detail="rejected: the complainant forged evidence (E2)"))
    elif case.forged_by == ("respondent",) and command.outcome == "rejected":
        faults.append(Fault(pointer="/data/outcome", detail="not rejected: the respondent forged evidence (E2)"))
    penalised = {one.on for one in penalties_of(command.penalties, case)}
    return faults + [
        Fault(pointer=AT, detail=f"the {side} forged evidence and is penalised (E2)")
        for side in case.forged_by
        if side not in penalised
    ]
