"""The rules of the platform's own desk: dismissing, asking for evidence, handing a case up (domain A2, A3, I1)."""

from __future__ import annotations

from datetime import timedelta

from case_events.core import promises
from case_events.core.case import Case
from case_events.core.commands import Dismiss, Escalate, RequestEvidence
from case_events.core.events import Closed, Dismissed, Escalated, EvidenceRequested
from case_events.core.outcomes import Events, invalid
from case_events.core.policy import LADDER
from case_events.core.promises import Rulebook
from case_events.core.values import Fault, Instant, Problem

WITHIN_MAX = timedelta(days=365)
"""No side is asked for evidence further ahead than a year; more is a mistake in the request."""


def dismiss(command: Dismiss) -> Events:
    """A2: with reasons, and for good."""
    return (Dismissed(reason=command.reason, malicious=command.malicious), Closed(outcome="dismissed"))


def request_evidence(command: RequestEvidence, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """A3: the asked side's clock starts; the platform's goes on."""
    within, detail = command.within, None
    if within is None and book.rules.evidence is None:
        detail = "needed: the policy names no time for this type"
    if within is not None and not timedelta(0) < within <= WITHIN_MAX:
        detail = f"more than nothing and at most {WITHIN_MAX.days} days"
    if detail is not None:
        return invalid([Fault(pointer="/data/within", detail=detail)], case, "ruling")
    clock = promises.evidence(command.party, now, within, book)
    return (EvidenceRequested(party=command.party, kinds=command.kinds, clocks=(clock,)),)


def escalate(command: Escalate, case: Case) -> Events | Problem:
    """I1: one department up, no level skipped."""
    at = LADDER.index(case.department) if case.department in LADDER else len(LADDER)
    above = LADDER[at + 1 : at + 2]
    if command.to not in above:
        detail = f"one department up is {above[0]}" if above else f"no department is above {case.department}"
        return invalid([Fault(pointer="/data/to", detail=detail)], case, "intervention")
    return (Escalated(to=command.to, reason=command.reason),)
