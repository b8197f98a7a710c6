"""The rules' front: one match over everything that can be asked; the rules stand in the rooms it calls.

``decide`` gets everything it needs as arguments: the state, the pinned policy, the calendar, the facts about
other cases, and the one instant that judges. It reads no clock and makes no id.
"""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from case_events.core import filing, intake, negotiation, outcomes, promises, returning, ruling
from case_events.core.calendar import Calendar
from case_events.core.case import Case
from case_events.core.commands import (
    POSTED_NAMES,
    Accept,
    AmendClaim,
    Appeal,
    Close,
    Command,
    Dismiss,
    Escalate,
    Expire,
    ExtendDeadline,
    File,
    Posted,
    Remedy,
    Reply,
    RequestEvidence,
    RequestIntervention,
    Return,
    Rule,
    Settle,
    SubmitEvidence,
    Withdraw,
)
from case_events.core.events import Accepted, Closed, EvidenceSubmitted, Withdrawn
from case_events.core.expire import expire
from case_events.core.gates import refusal
from case_events.core.outcomes import Events
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook
from case_events.core.values import Instant, Problem, Side, Value


class Facts(Value, frozen=True, kw_only=True):
    """What filing must know that is in no event of this case; the ledger passes it in."""

    number: str
    open_complaint: UUID | None = None


def decide(
    command: Command,
    by: Side,
    case: Case | None,
    in_force: InForce,
    calendar: Calendar,
    facts: Facts | None,
    now: Instant,
) -> Events | Problem:
    """The events ``command`` records at ``now``, in the order in which they happen and never none, or the refusal.

    The case's overdue clocks must have been expired before (``ledger.steps.plan`` does). ``facts`` are needed
    for ``File`` only.
    """
    if isinstance(command, File):
        assert case is None, "a case is filed once"
        assert facts is not None, "filing needs the facts"
        return filing.file(command, in_force, calendar, facts.number, facts.open_complaint, now)
    assert case is not None, "nothing is asked of a case before it is filed"
    book = Rulebook(rules=in_force.type_of(case.type), minimum_notice=in_force.policy.minimum_notice, calendar=calendar)
    if isinstance(command, Expire):
        return expire(command, case, book, now)
    shut = refusal(POSTED_NAMES[type(command)], case)
    return shut or _posted(command, by, case, book, now)


def _posted(command: Posted, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    match command:
        case Accept():
            return (Accepted(clocks=promises.turn(case.filed_at, now, book)),)
        case Dismiss():
            return intake.dismiss(command)
        case RequestEvidence():
            return intake.request_evidence(command, case, book, now)
        case Escalate():
            return intake.escalate(command, case)
        case AmendClaim():
            return negotiation.amend(command, case, book, now)
        case SubmitEvidence():
            return (EvidenceSubmitted(by=by, evidence=command.evidence),)
        case Reply():
            return negotiation.reply(command, case, book, now)
        case Settle():
            return negotiation.settle(case, book, now)
        case RequestIntervention():
            return negotiation.request_intervention(command, by, case, book, now)
        case Rule():
            return ruling.rule(command, case, book, now)
        case Appeal():
            return ruling.appeal(command, by, case, book, now)
        case Withdraw():
            return (Withdrawn(reason=command.reason), Closed(outcome="withdrawn"))
        case Return():
            return returning.step(command, by, case, book, now)
        case Remedy():
            return ruling.remedy(command, by, case)
        case Close():
            return (outcomes.closed(case, command.reason),)
        case ExtendDeadline():
            return ruling.extend(command, case)
        case _:
            assert_never(command)
