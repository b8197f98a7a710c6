"""Every promise a clock makes, computed once from the policy when it is given; the events then carry it for ever."""

from __future__ import annotations

from datetime import timedelta

from case_events.core.calendar import Calendar, after
from case_events.core.policy import ComplaintType, ReturnLeg, Span
from case_events.core.values import Clock, ClockParty, Instant, Value


class Rulebook(Value, frozen=True, kw_only=True):
    """What a promise is computed from: the rules of the case's type, the policy's notice, the calendar."""

    rules: ComplaintType
    minimum_notice: Span
    calendar: Calendar


def acceptance(start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """A1; nothing where the policy wants no acceptance."""
    wanted = book.rules.acceptance
    return (_clock("acceptance", "platform", start, wanted.within, book),) if wanted else ()


def acceptance_again(start: Instant, book: Rulebook) -> Clock:
    assert book.rules.acceptance is not None, "its clock ran"
    return _clock("acceptance", "platform", start, book.rules.acceptance.again_after, book)


def turn(filed_at: Instant, start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """The respondent's turn from ``start`` (N1, N2) and the talks, counted from filing (N3)."""
    reply = book.rules.reply
    due, provisional = after(start, reply.open_period, book.calendar)
    if reply.final_period is not None:
        due, guessed = after(due, reply.final_period, book.calendar)
        provisional = provisional or guessed
    response = Clock(kind="response", party="respondent", due_at=due, provisional=provisional)
    stalls, guessed = after(filed_at, book.rules.negotiation.stalls_after, book.calendar)
    if stalls < due:
        # Accepted late: the respondent has its turn first (F9), whatever day of the talks it is.
        stalls, guessed = due, provisional
    return (response, Clock(kind="negotiation", party="complainant", due_at=stalls, provisional=guessed))


def intervention(start: Instant, book: Rulebook, written: Instant) -> Clock:
    """How long the complainant may call the platform in before the case lapses."""
    return _noticed("intervention", "complainant", start, book.rules.intervention.lapses_after, book, written)


def evidence(party: ClockParty, start: Instant, within: timedelta | None, book: Rulebook) -> Clock:
    """A3: the time the platform names, or the policy's; ``decide`` saw that there is one."""
    if within is not None:
        return Clock(kind="evidence", party=party, due_at=Instant.of(start + within))
    assert book.rules.evidence is not None, "the policy names a time"
    return _clock("evidence", party, start, book.rules.evidence.within, book)


def ruling(start: Instant, book: Rulebook) -> Clock:
    """I3, N1."""
    return _clock("ruling", "platform", start, book.rules.ruling.within, book)


def ruling_again(start: Instant, book: Rulebook) -> Clock:
    return _clock("ruling", "platform", start, book.rules.ruling.again_after, book)


def ruling_on_appeal(start: Instant, book: Rulebook) -> Clock:
    return _clock("ruling", "platform", start, book.rules.appeal.ruling_within, book)


def appeal(start: Instant, book: Rulebook) -> Clock:
    """P1."""
    return _clock("appeal", "both", start, book.rules.appeal.window, book)


def owing(kind: str, start: Instant, book: Rulebook, written: Instant | None = None) -> Clock:
    """The first clock of what is owed: the return's where goods go back first (N8), else the remedy's (P4)."""
    leg = book.rules.return_leg
    if leg is None or kind != "return_and_refund":
        return remedy(start, book, written)
    return _noticed("return_address", "respondent", start, leg.address_within, book, written or start)


def return_shipment(start: Instant, leg: ReturnLeg, book: Rulebook) -> Clock:
    return _clock("return_shipment", "complainant", start, leg.ship_within, book)


def return_receipt(start: Instant, leg: ReturnLeg, book: Rulebook) -> Clock:
    return _clock("return_receipt", "respondent", start, leg.receive_within, book)


def remedy(start: Instant, book: Rulebook, written: Instant | None = None) -> Clock:
    """P4; ``written`` where the start is a legal instant that was recorded later."""
    return _noticed("remedy", "respondent", start, book.rules.remedy.within, book, written or start)


def remedy_again(start: Instant, book: Rulebook) -> Clock:
    return _clock("remedy", "respondent", start, book.rules.remedy.again_after, book)


def _clock(kind: str, party: ClockParty, start: Instant, span: Span, book: Rulebook) -> Clock:
    due, provisional = after(start, span, book.calendar)
    return Clock(kind=kind, party=party, due_at=due, provisional=provisional)


def _noticed(kind: str, party: ClockParty, start: Instant, span: Span, book: Rulebook, written: Instant) -> Clock:
    """A party's follow-on window counts from the legal instant; our lag never leaves less than the minimum notice.

    A window that is shorter than the notice by itself is given whole from the writing (design, "Late cascades").
    """
    clock = _clock(kind, party, start, span, book)
    floor, provisional = min(after(written, book.minimum_notice, book.calendar), after(written, span, book.calendar))
    if floor <= clock.due_at:
        return clock
    return Clock(kind=kind, party=party, due_at=floor, provisional=provisional, minimum_notice=True)
