"""Relief: a party whose window's last hours fell into an outage of ours gets back what the outage took of them.

It is judged when the clock has run out, by whoever looks first, from the outages on record then: the API and the
scheduler come to the same. What is given back is bounded by the outages themselves, so that it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from case_events.core.calendar import Calendar, elapsed
from case_events.core.case import Case, Deadline
from case_events.core.changes import REMINDER
from case_events.core.deadlines import asks
from case_events.core.decide import decide
from case_events.core.events import DeadlineExtended, Event, History, Outage, Recorded, clocks_of
from case_events.core.policy import InForce
from case_events.core.promises import kept_open, reminding, rulebook
from case_events.core.values import IMPORT, Clock, Instant, Problem, Value


class Promise(Value, frozen=True, kw_only=True):
    """A window as it was promised, before any relief: from when it was a party's, until when, and what it got back."""

    given_at: Instant
    due_at: Instant
    relieved_for: tuple[Outage, ...] = ()


def run_out(
    deadline: Deadline,
    case: Case,
    history: History,
    in_force: InForce,
    calendar: Calendar,
    outages: Sequence[Outage],
    now: Instant,
) -> tuple[Event, ...]:
    """What a clock that has run out records: that it was lengthened for an outage, or else its timeout."""
    events = granted(deadline, case, history, in_force, calendar, outages, now)
    if events:
        return events
    timed_out = decide(asks(deadline), "platform", case, in_force, calendar, None, now)
    assert not isinstance(timed_out, Problem), "a due clock's command always records an event"
    return timed_out


def granted(
    deadline: Deadline,
    case: Case,
    history: History,
    in_force: InForce,
    calendar: Calendar,
    outages: Sequence[Outage],
    now: Instant,
) -> tuple[Event, ...]:
    """What a clock that has run out records instead of its timeout: it was lengthened for one more outage.

    Nothing where the policy has no relief, the window is the platform's own, or no outage on record took anything of
    it that was not given back already. ``history``: all of it, the events before this one. A longer turn of the
    respondent keeps the complainant's right to call the platform in open for longer (N6).
    """
    terms = in_force.policy.relief
    if terms is None or not outages or deadline.party == "platform" or deadline.kind.endswith(REMINDER):
        return ()
    promise = _promised(deadline, history)
    opens = max(Instant.of(promise.due_at - elapsed(terms.last)), promise.given_at)
    least = elapsed(terms.least) if terms.least else timedelta(0)
    known = {one.id for one in promise.relieved_for}
    for outage in outages:
        if outage.id in known or outage.ended_at - outage.began_at < least:
            continue
        due_at = lengthened(promise.due_at, opens, (*promise.relieved_for, outage))
        if due_at > deadline.due_at:
            moved = Clock(kind=deadline.kind, party=deadline.party, due_at=due_at)
            opened = kept_open(moved, case, rulebook(case, in_force, calendar)) if moved.kind == "response" else ()
            extended = DeadlineExtended(
                kind=moved.kind, party=moved.party, due_at=due_at, clocks=(moved, *opened), outage=outage
            )
            return reminding((extended,), in_force.type_of(case.type, case.subtype), now)
    return ()


def lengthened(due_at: Instant, opens: Instant, outages: Iterable[Outage]) -> Instant:
    """Until when a window must last so that from ``opens`` on it has as much time outside the outages as promised.

    The clock stands while an outage lasts: whoever had three hours left when it began has three when it ended. Two
    outages at one time are one.
    """
    counted = opens
    for outage in sorted(outages, key=lambda one: one.began_at):
        began = max(outage.began_at, counted)
        if began >= due_at:
            break
        if outage.ended_at > began:
            due_at, counted = Instant.of(due_at + (outage.ended_at - began)), outage.ended_at
    return due_at


def _promised(deadline: Deadline, history: History) -> Promise:
    """The promise behind a deadline: the last event before all relief that set this clock.

    A guess that was made sure is no new promise: the time was the party's since it was guessed.
    """
    outages: list[Outage] = []
    sure: Promise | None = None
    for one in reversed(history[: deadline.set_by]):
        made = _sets(one, deadline)
        if made is None:
            continue
        if sure is not None:
            return replace(sure, given_at=_given_at(one)) if made.provisional else sure
        moved = one.event if isinstance(one.event, DeadlineExtended) and one.event.kind == deadline.kind else None
        if moved is not None and moved.outage is not None:
            outages.append(moved.outage)
            continue
        sure = Promise(given_at=_given_at(one), due_at=made.due_at, relieved_for=tuple(outages))
        if moved is None:
            return sure
    raise AssertionError("a clock that runs was set by an event, and what was moved ran before")


def _sets(one: Recorded, deadline: Deadline) -> Clock | None:
    """What this event promises of that clock; None if it does not."""
    return next((it for it in clocks_of(one.event) if (it.kind, it.party) == (deadline.kind, deadline.party)), None)


def _given_at(one: Recorded) -> Instant:
    """From when a window was a party's with us: what a timeout opens counts from the legal instant.

    An imported case was nobody's here before it came.
    """
    if one.client.startswith(IMPORT):
        return one.recorded_at
    return one.occurred_at if one.who == "scheduler" else one.effective_at
