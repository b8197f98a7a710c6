"""How a promise was counted, found again: the rule that gave it, at its start, by the days that were known then.

An event carries the promise and no formula. The rule that gave a provisional clock is therefore asked again, with the
calendar as it was: if it gives the very promise, it is that rule, and asked once more with the days published since it
says what the promise would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec.structs import replace

from case_events.core import negotiation, promises
from case_events.core.calendar import Calendar
from case_events.core.case import Case, Deadline
from case_events.core.events import Appealed, ClaimAmended, Event, EvidenceRequested, History, Recorded, clocks_of
from case_events.core.evolve import fold
from case_events.core.gates import running_clock
from case_events.core.promises import Rulebook
from case_events.core.timeouts import NegotiationStalled, Timeout
from case_events.core.values import Clock, Instant, Money, Recovery, Value

NOTHING = Money(amount=0, currency="CNY")
"""How much is owed back does not matter to its clock."""


class Recounted(Value, frozen=True, kw_only=True):
    """What came of it. ``due_at``: what the rule gives by the days that are published now.

    ``unknown``: some of the days still are not. ``lost``: no rule gives the promise again: a human has to look.
    """

    came_to: Literal["known", "unknown", "lost"]
    due_at: Instant | None = None


def recount(
    history: History, deadline: Deadline, book: Rulebook, then: Sequence[Calendar], known_now: Calendar
) -> Recounted:
    """Count ``deadline``, a provisional clock of the case with this ``history``, again by ``known_now``.

    ``then``: the calendars that may have been looked at when it was promised. ``book``: the rules the case pinned.
    """
    for version in given_by(history, deadline):
        happened = history[version - 1]
        case = fold(history[: version - 1]) or fold(history[:version])
        assert case is not None, "a history has its filing"
        guesses = (asked(deadline, case, happened, replace(book, calendar=one)) for one in then)
        if any(guess is not None and same(guess, deadline) for guess in guesses):
            clock = asked(deadline, case, happened, replace(book, calendar=known_now))
            return Recounted(came_to="lost") if clock is None else _told(clock)
    return Recounted(came_to="lost")


def _told(clock: Clock) -> Recounted:
    return Recounted(came_to="unknown") if clock.provisional else Recounted(came_to="known", due_at=clock.due_at)


def given_by(history: History, deadline: Deadline) -> Iterator[int]:
    """The version that set the clock, and those before it that promised the same: a promise may have been kept."""
    for happened in reversed(history[: deadline.set_by]):
        if any(same(clock, deadline) for clock in clocks_of(happened.event)):
            yield happened.version


def same(clock: Clock, deadline: Deadline) -> bool:
    """Is it that very promise?"""
    told = (clock.kind, clock.party, clock.due_at, clock.provisional)
    return told == (deadline.kind, deadline.party, deadline.due_at, deadline.provisional)


def asked(deadline: Deadline, case: Case, happened: Recorded, book: Rulebook) -> Clock | None:
    """The clock of this kind that such an event gives by these days; None if it gives none.

    A window counts from the legal instant of a timeout, else from when the event took effect.
    """
    written = happened.effective_at
    start = happened.occurred_at if happened.who == "scheduler" else written
    event = happened.event
    again = isinstance(event, Timeout) and event.kind == deadline.kind
    clocks = (
        *_of_the_talks(deadline.kind, case, event, start, written, book),
        *_of_what_is_owed(deadline, case, start, written, book, again=again),
        *_of_the_platform(deadline.kind, case, event, start, book, again=again),
    )
    return next((one for one in clocks if (one.kind, one.party) == (deadline.kind, deadline.party)), None)


def _of_the_talks(
    kind: str, case: Case, event: Event, start: Instant, written: Instant, book: Rulebook
) -> tuple[Clock, ...]:
    match kind:
        case "response" | "intervention" if isinstance(event, ClaimAmended):
            return negotiation.moved(case, book, start)
        case "response" | "negotiation" if book.rules.reply is not None:
            return promises.turn(case.filed_at, start, book)
        case "intervention":
            turn = running_clock(case, "response") if isinstance(event, NegotiationStalled) else None
            return (promises.intervention(start, book, written, turn),)
        case "evidence" if isinstance(event, EvidenceRequested):
            return (promises.evidence(event.party, start, None, book),) if book.rules.evidence else ()
        case "evidence":
            return promises.required_evidence(start, book)
        case "appeal":
            return (promises.appeal(start, book),)
        case _:
            return ()


def _of_what_is_owed(
    deadline: Deadline, case: Case, start: Instant, written: Instant, book: Rulebook, *, again: bool
) -> tuple[Clock, ...]:
    leg, party = book.rules.return_leg, deadline.party
    match deadline.kind:
        case "return_address" if leg is not None:
            return (promises.return_address(start, leg, book, written),)
        case "return_shipment" if leg is not None:
            return (promises.return_shipment(start, leg, book),)
        case "return_receipt" if leg is not None:
            return (promises.return_receipt(start, leg, book),)
        case "remedy":
            return (promises.remedy_again(case, start, book) if again else promises.remedy(start, book, written),)
        case "recovery" if again:
            return (promises.recovery_again(party, case, start, book),)
        case "recovery" if party in ("complainant", "respondent"):
            return promises.recoveries((Recovery(party=party, amount=NOTHING),), start, book, written)
        case _:
            return ()


def _of_the_platform(
    kind: str, case: Case, event: Event, start: Instant, book: Rulebook, *, again: bool
) -> tuple[Clock, ...]:
    match kind:
        case "acceptance" if book.rules.acceptance is not None:
            return (promises.acceptance_again(case, start, book),) if again else promises.acceptance(start, book)
        case "ruling" if again:
            return (promises.ruling_again(case, start, book),)
        case "ruling" if isinstance(event, Appealed):
            return (promises.ruling_on_appeal(start, book),)
        case "ruling":
            return promises.ruling(start, book, case.channel)
        case "assignment":
            return promises.assignment(start, book)
        case "follow_up":
            return promises.follow_up(start, book)
        case _:
            return ()
