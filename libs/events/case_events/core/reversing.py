"""The rule by which a party's timeout is taken back: our lag may have caused it, and nothing was decided on it yet.

A window that closed while we were out is lengthened by itself where the policy gives relief (``relief``); this is for
what nobody foresaw, and takes a person at the desk and a reason.
"""

from __future__ import annotations

from case_events.core.calendar import elapsed
from case_events.core.case import Case, Deadline, Undo
from case_events.core.changes import asked_for, undoable
from case_events.core.commands import ReverseTimeout
from case_events.core.events import TimeoutReversed
from case_events.core.outcomes import Events, invalid
from case_events.core.promises import Rulebook, no_earlier, outlasting
from case_events.core.values import Clock, ClockParty, Fault, Instant, Problem


def reverse(command: ReverseTimeout, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """The case as it was before the timeout; its party has its time again, and no other clock ends before that.

    A clock whose evidence has come since does not run again: nobody would be late with it.
    """
    possible = undoable(case)
    undo = next((one for one in possible if one.event_id == command.event), None)
    due_at = command.due_at or Instant.of(now + elapsed(book.minimum_notice))
    faults = []
    if undo is None:
        detail = f"a party's timeout that can be taken back: {', '.join(str(one.event_id) for one in possible)}"
        faults.append(Fault(pointer="/data/event", detail=detail))
    elif _has_come(undo.kind, undo.party, case):
        faults.append(Fault(pointer="/data/event", detail="what was asked for has come since: nobody needs the time"))
    if due_at <= now:
        faults.append(Fault(pointer="/data/due_at", detail="later than now"))
    if undo is None or faults:
        return invalid(faults, case, "reply")
    clocks = tuple(
        _again(one, undo, due_at, case) for one in undo.was.clocks if not _has_come(one.kind, one.party, case)
    )
    return (
        TimeoutReversed(
            event=undo.event_id,
            kind=undo.kind,
            party=undo.party,
            reason=command.reason,
            clocks=_kept_open(clocks, book),
        ),
    )


def _has_come(kind: str, party: ClockParty, case: Case) -> bool:
    """Is it a clock of evidence of which nothing is missing any more (domain A3, E4)?"""
    asked = asked_for(case, party)
    return kind == "evidence" and asked is not None and not asked.kinds


def _again(clock: Deadline, undo: Undo, due_at: Instant, case: Case) -> Clock:
    """What ran beside it runs on, and no shorter: the talks are not over before the party has had its turn.

    One that runs now, until later, as the platform's own does that began anew meanwhile, stays where it is.
    """
    of = (clock.kind, clock.party)
    if of != (undo.kind, undo.party) and clock.due_at > due_at:
        again = Clock(kind=clock.kind, party=clock.party, due_at=clock.due_at, provisional=clock.provisional)
    else:
        again = Clock(kind=clock.kind, party=clock.party, due_at=due_at)
    return no_earlier(again, case)


def _kept_open(clocks: tuple[Clock, ...], book: Rulebook) -> tuple[Clock, ...]:
    """A right to call the platform in that ran beside the respondent's turn still outlasts it (N6)."""
    turn = next((one for one in clocks if one.kind == "response"), None)
    if turn is None:
        return clocks
    return tuple(outlasting(turn, one, book) if one.kind == "intervention" else one for one in clocks)
