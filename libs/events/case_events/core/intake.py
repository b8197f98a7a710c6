"""The rules of the platform's own desk: taking a complaint, asking, assigning, linking (domain A, E2, I1)."""

from __future__ import annotations

from datetime import timedelta

from case_events.core import promises
from case_events.core.aftermath import given_back
from case_events.core.case import Case
from case_events.core.claims import unknown_kinds
from case_events.core.commands import Assign, Dismiss, Escalate, Link, Note, RejectEvidence, RequestEvidence
from case_events.core.eligibility import window
from case_events.core.events import (
    Accepted,
    AppealSide,
    Assigned,
    Closed,
    DeadlineExtended,
    Dismissed,
    Escalated,
    EvidenceRejected,
    EvidenceRequested,
    Linked,
    Noted,
)
from case_events.core.gates import refused_now
from case_events.core.outcomes import Events, brought_in, higher, invalid
from case_events.core.promises import Rulebook
from case_events.core.sanctions import dismissal_faults, dismissal_penalties
from case_events.core.stages import PARLEY
from case_events.core.values import Fault, Instant, Problem, Side

WITHIN_MAX = timedelta(days=365)
"""No side is asked for evidence further ahead than a year; more is a mistake in the request."""


def accept(case: Case, book: Rulebook, now: Instant) -> Events:
    """A1: the respondent is next, or where it has no turn or evidence was forged (E2) the platform itself."""
    takedown = book.rules.takedown_at == "acceptance"
    if case.forged_by or book.rules.reply is None:
        comes_in = brought_in("forged" if case.forged_by else "direct", "platform", now, book, case)
        return (*_longer_window(case, book), Accepted(takedown=takedown), comes_in)
    return (*_longer_window(case, book), Accepted(takedown=takedown, clocks=promises.turn(case.filed_at, now, book)))


def _longer_window(case: Case, book: Rulebook) -> Events:
    """F3: who accepts a complaint that was filed late gives it the longer window it asked for."""
    if not case.late:
        return ()
    asked, found = case.facts.extension if case.facts else None, window(case.order, case.facts, book)
    assert asked is not None, "filed late, asking for it"
    assert found is not None, "filed late, so there is a window"
    assert found.extended is not None, "but not too late"
    return (DeadlineExtended(kind="filing", party="complainant", due_at=found.extended, reason=asked.reason),)


def dismiss(command: Dismiss, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """A2: with reasons, and for good; what was paid first is owed back (P6)."""
    faults = dismissal_faults(command, case, book)
    if faults:
        return invalid(faults, case, "acceptance")
    back, clocks = given_back(case, now, book)
    dismissed = Dismissed(
        reason=command.reason,
        malicious=command.malicious,
        advice=command.advice,
        penalties=dismissal_penalties(command),
        recoveries=back,
        clocks=clocks,
    )
    return (dismissed,) if back else (dismissed, Closed(outcome="dismissed"))


def request_evidence(command: RequestEvidence, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """A3: the asked side's clock starts; the platform's goes on."""
    within, detail = command.within, None
    if within is None and book.rules.evidence is None:
        detail = "needed: the policy names no time for this type"
    if within is not None and not timedelta(0) < within <= WITHIN_MAX:
        detail = f"more than nothing and at most {WITHIN_MAX.days} days"
    faults = [Fault(pointer="/data/within", detail=detail)] if detail is not None else []
    unknown = unknown_kinds(command.kinds, book.policy)
    faults += [Fault(pointer=f"/data/kinds/{index}", detail=told) for index, told in unknown]
    if faults:
        return invalid(faults, case, "evidence")
    clock = promises.no_earlier(promises.evidence(command.party, now, within, book), case)
    return (EvidenceRequested(party=command.party, kinds=command.kinds, clocks=(clock,)),)


def reject_evidence(command: RejectEvidence, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """E2: evidence of one side does not count; forged, the platform comes in and that side's cause fails."""
    sides = dict[str, set[Side]]()
    for one in case.evidence:
        sides.setdefault(one.evidence.sha256, set()).add(one.by)
    faults = []
    for index, digest in enumerate(command.evidence):
        pointer = f"/data/evidence/{index}"
        if digest not in sides:
            faults.append(Fault(pointer=pointer, detail="no such evidence in this case"))
        elif digest in case.rejected_evidence and not command.forged:
            faults.append(Fault(pointer=pointer, detail="it was rejected already"))
    brought_by = set[AppealSide](("complainant", "respondent")).intersection(
        *(sides[digest] for digest in command.evidence if digest in sides)
    )
    if not faults:
        faults = _whose_faults(command.of, brought_by)
    if faults:
        return invalid(faults, case, "evidence")
    side = command.of or brought_by.pop()
    rejected = EvidenceRejected(evidence=command.evidence, of=side, forged=command.forged, reason=command.reason)
    if command.forged and case.status in PARLEY:
        return (rejected, brought_in("forged", "platform", now, book, case))
    return (rejected,)


def _whose_faults(said: AppealSide | None, brought_by: set[AppealSide]) -> list[Fault]:
    """Whoever shows what the other side brought does not make it its own: then the desk says whose it is."""
    if not brought_by:
        return [Fault(pointer="/data/evidence", detail="of one party at a time")]
    if said is None and len(brought_by) > 1:
        return [Fault(pointer="/data/of", detail="needed: both sides have brought it")]
    if said is not None and said not in brought_by:
        return [Fault(pointer="/data/of", detail=f"the {said} has not brought it")]
    return []


def assign(command: Assign, case: Case) -> Events | Problem:
    """I1: somebody of the department the case stands in."""
    if command.department != case.department:
        fault = Fault(pointer="/data/department", detail=f"the case is with {case.department}")
        return invalid([fault], case, "intervention")
    return (Assigned(department=command.department, agent=command.agent),)


def escalate(command: Escalate, case: Case, book: Rulebook) -> Events | Problem:
    """I1: one department up, no level skipped."""
    ladder = book.policy.ladder
    at = ladder.index(case.department) if case.department in ladder else len(ladder)
    above = ladder[at + 1 : at + 2]
    if command.to not in above:
        detail = f"one department up is {above[0]}" if above else f"no department is above {case.department}"
        return invalid([Fault(pointer="/data/to", detail=detail)], case, "departments")
    return (Escalated(to=command.to, reason=command.reason),)


def link(command: Link, case: Case, book: Rulebook) -> Events | Problem:
    """C1: the case is one of a group, and goes to the policy's department for those."""
    if case.group == command.group:
        return refused_now("The case is in this group already.", "linked", case)
    terms = book.policy.collective
    department = higher(case.department, terms.department, book) if terms else None
    return (Linked(group=command.group, by=command.by, department=department),)


def note(command: Note) -> Events:
    """N9, P5: the desk's own words, and what somebody outside decided."""
    return (Noted(text=command.text, internal=command.internal, outside=command.outside),)
