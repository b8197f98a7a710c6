"""The pieces that several events change a case by: clocks that stop and start, evidence, what is decided and owed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import BroughtEvidence, Case, Deadline, Post, RequestedEvidence, Status, Undo
from case_events.core.timeouts import AppealWindowExpired, MerchantResponseTimedOut, NegotiationStalled, Timeout
from case_events.core.values import Advance, Clock, ClockParty, Evidence, Instant, Money, Party, Recovery, Side, Word

Change = Callable[[Case, Any, events.Happened], None]
"""How one kind of event changes a case: the case that is written to, the event, and its envelope.

They are found by the event's type: a ``match`` over so many Structs costs more than the change itself (measured).
"""

NEGOTIATION = ("acceptance", "response", "negotiation", "intervention")
RETURN = ("return_address", "return_shipment", "return_receipt")
AFTER = ("remedy", "recovery", "follow_up")
DESK = ("assignment", "ruling")
AGAIN = ("acceptance", "ruling", "remedy", "recovery")
"""Clocks that run again when they ran out, until what they wait for is done."""
AT_ONCE = ("rejected", "takedown")
"""Outcomes after which nobody has anything left to do: a listing that is ruled off is gone."""
ALL = (*NEGOTIATION, *RETURN, "evidence", *DESK, "appeal", *AFTER)
"""Every kind of clock there is; a closed case has none running."""
REMINDER = "_reminder"
"""What the kind of a reminder ends in, after the kind of the clock it is about (domain Q2)."""


def turn(respondent: Party) -> Status:
    """The status in which the respondent is next."""
    return "waiting_for_merchant" if respondent.role == "merchant" else "waiting_for_respondent"


Running = tuple[tuple[Deadline, ...], tuple[Deadline, ...]]
"""The clocks that run, and the reminders of them; each in the order in which they run out."""


def reset_clocks(
    case: Case, started: tuple[Clock, ...], stop: tuple[str, ...] = (), of: ClockParty | None = None
) -> None:
    """Stop the named kinds (of one party, or of all), then start or move what the event promises.

    A reminder stops with its clock.
    """
    gone = [(clock.kind, clock.party) for clock in started]
    clocks: list[Deadline] = []
    for one in case.clocks:
        if one.kind in stop and (of is None or of == one.party):
            gone.append((one.kind, one.party))
        elif (one.kind, one.party) not in gone:
            clocks.append(one)
    if not gone:
        return
    reminders = [
        one
        for one in case.reminders
        if (one.kind, one.party) not in gone and (one.kind.removesuffix(REMINDER), one.party) not in gone
    ]
    case.clocks, case.reminders = started_by(case.version, started, clocks, reminders)


def started_by(version: int, started: tuple[Clock, ...], running: list[Deadline], reminders: list[Deadline]) -> Running:
    """What the event of this version promises, each in its place among what runs already."""
    for clock in started:
        deadline = Deadline(
            kind=clock.kind,
            party=clock.party,
            due_at=clock.due_at,
            set_by=version,
            provisional=clock.provisional,
            minimum_notice=clock.minimum_notice,
        )
        among = reminders if clock.kind.endswith(REMINDER) else running
        among.append(deadline)
        if len(among) > 1 and deadline.due_at <= among[-2].due_at:
            among.sort(key=_order)
    return tuple(running), tuple(reminders)


def _order(clock: Deadline) -> tuple[Instant, bool, str, str]:
    """What clocks are ordered by. At one instant silence comes before stall: the talks are over because the respondent
    had its turn, not before."""
    return clock.due_at, clock.kind != "response", clock.kind, clock.party


def expired(case: Case, event: Timeout) -> None:
    """A clock ran out: it stops, is remembered, and what the timeout promises starts."""
    match event:
        case MerchantResponseTimedOut() | NegotiationStalled():
            case.status = "waiting_for_complainant"
            case.intervention_open = True
            reset_clocks(case, event.clocks, stop=(event.kind, "negotiation"))
        case _:
            reset_clocks(case, event.clocks, stop=(event.kind,), of=event.party)
    ran_out(case, event)


def ran_out(case: Case, event: Timeout) -> None:
    """The clock of this timeout is remembered as one that ran out."""
    over = Deadline(kind=event.kind, party=event.party, due_at=event.due_at, set_by=event.set_by)
    case.expired = (*case.expired, over)


def decided(
    case: Case,
    outcome: Word,
    remedy: Word,
    owed: Money | None,
    clocks: tuple[Clock, ...],
    recoveries: tuple[Recovery, ...],
) -> None:
    """The outcome is fixed; what is owed is waited for, and nothing else any more.

    Nothing owed: the ``closed`` of the same step ends it.
    """
    case.outcome = outcome
    if outcome == "rejected":
        case.taken_down = None
    elif remedy == "takedown":
        case.taken_down = "ruling"
    left = unpaid(owed, case.advances, recoveries)
    case.remedy = None if nothing_left(remedy, owed, left) else remedy
    case.owed = left
    case.recoveries = recoveries
    case.clocks, case.reminders = started_by(case.version, clocks, [], [])
    case.status = waiting(case)
    start_anew(case)


def nothing_left(remedy: Word, owed: Money | None, left: Money | None) -> bool:
    """Has nobody anything to do for the complainant: nothing was granted, or the platform paid it all first?

    ``left``: what of ``owed`` is not paid.
    """
    return remedy in AT_ONCE or (owed is not None and left is None)


def unpaid(owed: Money | None, advances: tuple[Advance, ...], recoveries: tuple[Recovery, ...]) -> Money | None:
    """What the complainant is still owed beyond what the platform paid first and it may keep (domain P6)."""
    if owed is None:
        return None
    paid = sum([one.amount.amount for one in advances])
    back = sum([one.amount.amount for one in recoveries if one.party == "complainant"])
    return replace(owed, amount=owed.amount - (paid - back)) if paid - back < owed.amount else None


def start_anew(case: Case, kinds: tuple[str, ...] = AFTER) -> None:
    """What is owed from now on, or asked of the desk, has its whole time, whatever ran out before."""
    if case.expired:
        case.expired = tuple([one for one in case.expired if one.kind not in kinds])


def waiting(case: Case) -> Status:
    """The status of a decided case: for the goods, for what is owed, for what is owed back, for the last look."""
    running = {clock.kind for clock in case.clocks}
    if not running.isdisjoint(RETURN):
        return "waiting_for_return"
    if case.remedy is None and case.recoveries:
        return "waiting_for_recovery"
    if case.remedy is None and "follow_up" in running:
        return "waiting_for_follow_up"
    return "waiting_for_remedy"  # with no remedy owed either, the ``closed`` of the same step follows


def brought(case: Case, by: Side, evidence: tuple[Evidence, ...]) -> None:
    """One side's evidence is there; what it was asked for and left out stays missing."""
    if not evidence:
        return
    case.evidence = (*case.evidence, *whose(by, evidence))
    for asked in case.requested:
        if asked.party == by:
            _answered(case, asked, {item.kind for item in evidence})


def whose(by: Side, evidence: tuple[Evidence, ...]) -> tuple[BroughtEvidence, ...]:
    """The evidence with the side that brought it."""
    return tuple([BroughtEvidence(by=by, evidence=item) for item in evidence])


def _answered(case: Case, asked: RequestedEvidence, kinds: set[str]) -> None:
    """Whatever the asked side brings ends the waiting; what a reason requires is waited for until it is whole."""
    left = replace(asked, kinds=tuple(kind for kind in asked.kinds if kind not in kinds))
    case.requested = tuple(left if one is asked else one for one in case.requested)
    if asked.back is None:
        if not left.kinds:
            _in_hand(case, asked.party)
    elif case.status == "evidence_requested" and any(
        clock.kind == "evidence" and clock.party == asked.party for clock in case.clocks
    ):
        # Else it came late; what the other side was asked for meanwhile is still waited for.
        case.status = asked.back
        _in_hand(case, asked.party)


def _in_hand(case: Case, party: ClockParty) -> None:
    """No clock waits any more for what this side was asked for."""
    reset_clocks(case, (), stop=("evidence",), of=party)


def undoable(case: Case) -> tuple[Undo, ...]:
    """The parties' timeouts that can still be taken back, the last first."""
    found: list[Undo] = []
    one = case.undo
    while one is not None:
        found.append(one)
        one = one.was.undo
    return tuple(found)


def asked_for(case: Case, party: ClockParty) -> RequestedEvidence | None:
    """What this side was asked for last."""
    return next((one for one in case.requested if one.party == party), None)


Standing = events.RulingAccepted | AppealWindowExpired


def stands(case: Case, event: Standing) -> None:
    """The last ruling takes effect as it reads now (domain P2)."""
    ruling = case.rulings[-1]
    decided(case, ruling.verdict, ruling.outcome, ruling.owed, event.clocks, event.recoveries)


def given_up(case: Case, outcome: Word, clocks: tuple[Clock, ...], recoveries: tuple[Recovery, ...]) -> None:
    """Nothing is owed to the complainant, no clock goes on; what the platform paid first is owed back (domain P6)."""
    case.outcome = outcome
    case.taken_down = None
    case.remedy = None
    case.owed = None
    case.recoveries = recoveries
    case.clocks, case.reminders = started_by(case.version, clocks, [], [])
    if recoveries:
        case.status = waiting(case)
    start_anew(case)


def handed_to(case: Case, department: Word) -> None:
    """This department has the case from now on; in another one than before nobody has it yet."""
    if department != case.department:
        case.department = department
        case.assignee = None


def posted(case: Case, happened: events.Happened, by: Side) -> None:
    """The words of this event can be put right later."""
    post = Post(event_id=happened.event_id, version=happened.version, type=happened.name, by=by)
    case.posts = (*case.posts, post)
