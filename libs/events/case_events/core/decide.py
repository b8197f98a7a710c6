"""The rules' front: one match over everything that can be asked; the rules stand in the rooms it calls.

``decide`` gets everything it needs as arguments: the state, the pinned policy, the calendar, the facts about
other cases, and the one instant that judges. It reads no clock and makes no id.
"""

from __future__ import annotations

from typing import assert_never

from case_events.core import (
    aftermath,
    correcting,
    erasing,
    filing,
    intake,
    negotiation,
    promises,
    returning,
    reversing,
    ruling,
)
from case_events.core import commands as asked
from case_events.core.calendar import Calendar
from case_events.core.case import Case
from case_events.core.commands import POSTED_NAMES, Command, Expire, File
from case_events.core.events import Messaged
from case_events.core.expire import expire
from case_events.core.gates import refusal
from case_events.core.others import Facts
from case_events.core.outcomes import Events
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook
from case_events.core.values import Instant, Problem, Side


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

    The case's overdue clocks must have been expired before (``plan`` does). ``facts`` are needed
    for ``File`` only.
    """
    if isinstance(command, File):
        assert case is None, "a case is filed once"
        assert facts is not None, "filing needs the facts"
        events = filing.file(command, in_force, calendar, facts, now)
        if isinstance(events, Problem):
            return events
        return promises.reminding(events, in_force.type_of(command.type, command.subtype), now)
    assert case is not None, "nothing is asked of a case before it is filed"
    book = promises.rulebook(case, in_force, calendar)
    if isinstance(command, Expire):
        return promises.reminding(expire(command, case, book, now), book.rules, now)
    shut = refusal(POSTED_NAMES[type(command)], case, book.rules)
    if shut is not None:
        return shut
    if isinstance(command, PartyCommand):
        events = _by_party(command, by, case, book, now)
    else:
        events = _by_platform(command, case, book, now)
    return events if isinstance(events, Problem) else promises.reminding(events, book.rules, now)


PartyCommand = (
    asked.AmendClaim
    | asked.SubmitEvidence
    | asked.Reply
    | asked.Settle
    | asked.RequestIntervention
    | asked.Expedite
    | asked.Appeal
    | asked.AcceptRuling
    | asked.Withdraw
    | asked.Return
    | asked.Remedy
    | asked.Message
    | asked.Rate
)
PlatformCommand = (
    asked.Accept
    | asked.Dismiss
    | asked.RequestEvidence
    | asked.RejectEvidence
    | asked.Assign
    | asked.Escalate
    | asked.Link
    | asked.Note
    | asked.ExtendDeadline
    | asked.ReverseTimeout
    | asked.Rule
    | asked.Correct
    | asked.PayAdvance
    | asked.Recover
    | asked.FollowUp
    | asked.Close
    | asked.Erase
)


def _by_party(command: PartyCommand, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    match command:
        case asked.AmendClaim():
            return negotiation.amend(command, case, book, now)
        case asked.SubmitEvidence():
            return negotiation.submit_evidence(command, by, case, book)
        case asked.Reply():
            return negotiation.reply(command, case, book, now)
        case asked.Settle():
            return negotiation.settle(case, book, now)
        case asked.RequestIntervention():
            return negotiation.request_intervention(command, by, case, book, now)
        case asked.Expedite():
            return negotiation.expedite(command, case)
        case asked.Appeal():
            return ruling.appeal(command, by, case, book, now)
        case asked.AcceptRuling():
            return ruling.accept(by, case, book, now)
        case asked.Withdraw():
            return aftermath.withdraw(command, case, book, now)
        case asked.Return():
            return returning.step(command, by, case, book, now)
        case asked.Remedy():
            return aftermath.remedy(command, by, case, book, now)
        case asked.Message():
            return (Messaged(by=by, text=command.text),)
        case asked.Rate():
            return aftermath.rate(command)
        case _:
            assert_never(command)


def _by_platform(command: PlatformCommand, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    match command:
        case asked.Accept():
            return intake.accept(case, book, now)
        case asked.Dismiss():
            return intake.dismiss(command, case, book, now)
        case asked.RequestEvidence():
            return intake.request_evidence(command, case, book, now)
        case asked.RejectEvidence():
            return intake.reject_evidence(command, case, book, now)
        case asked.Assign():
            return intake.assign(command, case)
        case asked.Escalate():
            return intake.escalate(command, case, book)
        case asked.Link():
            return intake.link(command, case, book)
        case asked.Note():
            return intake.note(command)
        case asked.ExtendDeadline():
            return ruling.extend(command, case, book)
        case asked.ReverseTimeout():
            return reversing.reverse(command, case, book, now)
        case asked.Rule():
            return ruling.rule(command, case, book, now)
        case asked.Correct():
            return correcting.correct(command, case, book, now)
        case asked.PayAdvance():
            return aftermath.pay_advance(command, case, book)
        case asked.Recover():
            return aftermath.recover(command, case, book, now)
        case asked.FollowUp():
            return aftermath.follow_up(command, case, book, now)
        case asked.Close():
            return aftermath.close(command, case)
        case asked.Erase():
            return erasing.erase(command, case)
        case _:
            assert_never(command)
