"""The pieces that several events change a case by: clocks that stop and start, evidence, what is decided and owed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from case_events.core import events
from case_events.core.case import BroughtEvidence, Case, Deadline, Post, RequestedEvidence, Status
from case_events.core.timeouts import AppealWindowExpired, MerchantResponseTimedOut, NegotiationStalled, Timeout
from case_events.core.values import Clock, ClockParty, Evidence, Instant, Money, Party, Recovery, Side, Word

Change = Callable[[Case, Any, events.Happened], Case]
"""How one kind of event changes a case: the case, the event, and its envelope → the case after it.

They are found by the event's type: a ``match`` over so many Structs costs more than the change itself (measured).
"""

NEGOTIATION = ("acceptance", "response", "negotiation", "intervention")
RETURN = ("return_address", "return_shipment", "return_receipt")
AFTER = ("remedy", "recovery", "follow_up")
AT_ONCE = ("rejected", "takedown")
"""Outcomes after which nobody has anything left to do: a listing that is ruled off is gone."""
ALL = (*NEGOTIATION, *RETURN, "evidence", "assignment", "ruling", "appeal", *AFTER)
"""Every kind of clock there is; a closed case has none running."""
REMINDER = "_reminder"
"""What the kind of a reminder ends in, after the kind of the clock it is about (domain Q2)."""


def turn(respondent: Party) -> Status:
    """The status in which the respondent is next."""
    return "waiting_for_merchant" if respondent.role == "merchant" else "waiting_for_respondent"


Running = tuple[tuple[Deadline, ...], tuple[Deadline, ...]]
"""The clocks that run, and the reminders of them; each in the order in which they run out."""


def clocks_after(
    case: Case, started: tuple[Clock, ...], stop: tuple[str, ...] = (), of: ClockParty | None = None
) -> Running:
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
        return case.clocks, case.reminders
    reminders = [
        one
        for one in case.reminders
        if (one.kind, one.party) not in gone and (one.kind.removesuffix(REMINDER), one.party) not in gone
    ]
    return started_by(case.version, started, clocks, reminders)


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


def expired(case: Case, event: Timeout) -> Case:
    """A clock ran out: it stops, is remembered, and what the timeout promises starts."""
    match event:
        case MerchantResponseTimedOut() | NegotiationStalled():
            case = replace(case, status="waiting_for_complainant", intervention_open=True)
            clocks, reminders = clocks_after(case, event.clocks, stop=(event.kind, "negotiation"))
        case _:
            clocks, reminders = clocks_after(case, event.clocks, stop=(event.kind,), of=event.party)
    return replace(case, clocks=clocks, reminders=reminders, expired=ran_out(case, event))


def ran_out(case: Case, event: Timeout) -> tuple[Deadline, ...]:
    """The clocks that ran out, with the one of this timeout."""
    return (*case.expired, Deadline(kind=event.kind, party=event.party, due_at=event.due_at, set_by=event.set_by))


def decided(
    case: Case,
    outcome: Word,
    remedy: Word,
    owed: Money | None,
    clocks: tuple[Clock, ...],
    recoveries: tuple[Recovery, ...] = (),
) -> Case:
    """The outcome is fixed; what is owed is waited for, and nothing else any more.

    Nothing owed: the ``closed`` of the same step ends it.
    """
    started, reminders = started_by(case.version, clocks, [], [])
    left = None if nothing_left(remedy, owed, recoveries) else remedy
    return replace(
        case,
        status=waiting(left, recoveries, started),
        outcome=outcome,
        taken_down=None if outcome == "rejected" else "ruling" if remedy == "takedown" else case.taken_down,
        remedy=left,
        owed=unpaid(owed, recoveries),
        recoveries=recoveries,
        clocks=started,
        reminders=reminders,
        expired=anew(case),
    )


def nothing_left(remedy: Word, owed: Money | None, recoveries: tuple[Recovery, ...]) -> bool:
    """Has nobody anything to do for the complainant: nothing was granted, or the platform paid it all first?"""
    return remedy in AT_ONCE or (owed is not None and unpaid(owed, recoveries) is None)


def unpaid(owed: Money | None, recoveries: tuple[Recovery, ...]) -> Money | None:
    """What the respondent owes to the complainant beyond what it pays back to the platform (domain P6)."""
    if owed is None:
        return None
    back = sum([one.amount.amount for one in recoveries if one.party == "respondent"])
    return replace(owed, amount=owed.amount - back) if back < owed.amount else None


def anew(case: Case) -> tuple[Deadline, ...]:
    """What ran out and still counts: what is owed from now on has its whole time, whatever ran out before."""
    return tuple([one for one in case.expired if one.kind not in AFTER])


def waiting(remedy: Word | None, recoveries: tuple[Recovery, ...], clocks: tuple[Deadline, ...]) -> Status:
    """The status of a decided case: for the goods, for what is owed, for what is owed back, for the last look."""
    running = {clock.kind for clock in clocks}
    if not running.isdisjoint(RETURN):
        return "waiting_for_return"
    if remedy is None and recoveries:
        return "waiting_for_recovery"
    if remedy is None and "follow_up" in running:
        return "waiting_for_follow_up"
    return "waiting_for_remedy"  # with no remedy owed either, the ``closed`` of the same step follows


def brought(case: Case, by: Side, evidence: tuple[Evidence, ...]) -> Case:
    """One side's evidence is there; what it was asked for and left out stays missing."""
    if not evidence:
        return case
    case = replace(case, evidence=(*case.evidence, *whose(by, evidence)))
    for asked in case.requested:
        if asked.party == by:
            case = _answered(case, asked, {item.kind for item in evidence})
    return case


def whose(by: Side, evidence: tuple[Evidence, ...]) -> tuple[BroughtEvidence, ...]:
    """The evidence with the side that brought it."""
    return tuple([BroughtEvidence(by=by, evidence=item) for item in evidence])


def _answered(case: Case, asked: RequestedEvidence, kinds: set[str]) -> Case:
    """Whatever the asked side brings ends the waiting; what a reason requires is waited for until it is whole."""
    left = replace(asked, kinds=tuple(kind for kind in asked.kinds if kind not in kinds))
    case = replace(case, requested=tuple(left if one is asked else one for one in case.requested))
    if asked.back is None:
        return case if left.kinds else _in_hand(case, asked, case.status)
    waited_for = any(clock.kind == "evidence" and clock.party == asked.party for clock in case.clocks)
    if case.status != "evidence_requested" or not waited_for:
        return case  # it came late; what the other side was asked for meanwhile is still waited for
    return _in_hand(case, asked, asked.back)


def _in_hand(case: Case, asked: RequestedEvidence, status: Status) -> Case:
    """Nobody waits any more for what this side was asked for."""
    clocks, reminders = clocks_after(case, (), stop=("evidence",), of=asked.party)
    return replace(case, status=status, clocks=clocks, reminders=reminders)


def asked_for(case: Case, party: ClockParty) -> RequestedEvidence | None:
    """What this side was asked for last."""
    return next((one for one in case.requested if one.party == party), None)


Standing = events.RulingAccepted | AppealWindowExpired


def stands(case: Case, event: Standing) -> Case:
    """The last ruling takes effect as it reads now (domain P2)."""
    ruling = case.rulings[-1]
    return decided(case, ruling.verdict, ruling.outcome, ruling.owed, event.clocks, event.recoveries)


def given_up(case: Case, outcome: Word, clocks: tuple[Clock, ...], recoveries: tuple[Recovery, ...]) -> Case:
    """Nothing is owed to the complainant, no clock goes on; what the platform paid first is owed back (domain P6)."""
    started, reminders = started_by(case.version, clocks, [], [])
    return replace(
        case,
        status=waiting(None, recoveries, started) if recoveries else case.status,
        outcome=outcome,
        taken_down=None,
        remedy=None,
        owed=None,
        recoveries=recoveries,
        clocks=started,
        reminders=reminders,
        expired=anew(case),
    )


def kept_by(case: Case, department: Word) -> str | None:
    """Who at the desk has the case where this department does: in another one nobody yet."""
    return case.assignee if department == case.department else None


def posted(case: Case, happened: events.Happened) -> tuple[Post, ...]:
    """The words that can be put right later, with those of this event."""
    return (*case.posts, Post(event_id=happened.event_id, version=happened.version, type=happened.name))
