"""Every promise a clock makes, computed once from the policy when it is given; the events then carry it for ever."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from case_events.core.calendar import MOMENT, Calendar, after, elapsed, last_day
from case_events.core.case import Case, Deadline
from case_events.core.changes import REMINDER
from case_events.core.commands import File
from case_events.core.events import Event, Filed, clocks_of
from case_events.core.policy import ComplaintType, InForce, Policy
from case_events.core.spans import Again, Span
from case_events.core.terms import ReturnLeg
from case_events.core.values import Clock, ClockParty, Instant, Recovery, Value


class Rulebook(Value, frozen=True, kw_only=True):
    """What a promise is computed from: the rules of the case's type, its policy's notice and ladder, the calendar."""

    rules: ComplaintType
    minimum_notice: Span
    calendar: Calendar
    policy: Policy


def rulebook(complaint: Case | File | Filed, in_force: InForce, calendar: Calendar) -> Rulebook:
    """What the promises of this complaint are computed from."""
    return Rulebook(
        rules=in_force.type_of(complaint.type, complaint.subtype),
        minimum_notice=in_force.policy.minimum_notice,
        calendar=calendar,
        policy=in_force.policy,
    )


def acceptance(start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """A1; nothing where the policy wants no acceptance."""
    wanted = book.rules.acceptance
    return (_clock("acceptance", "platform", start, wanted.within, book),) if wanted else ()


def acceptance_again(case: Case, start: Instant, book: Rulebook) -> Clock:
    assert book.rules.acceptance is not None, "its clock ran"
    return _again("acceptance", "platform", case, start, book.rules.acceptance, book)


def turn(filed_at: Instant, start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """The respondent's turn from ``start`` (N1, N2) and the talks, counted from filing (N3)."""
    reply, talks = book.rules.reply, book.rules.negotiation
    assert reply is not None, "the respondent has a turn"
    due, provisional = after(start, reply.open_period, book.calendar)
    if reply.final_period is not None:
        due, guessed = after(due, reply.final_period, book.calendar)
        provisional = provisional or guessed
    response = Clock(kind="response", party="respondent", due_at=due, provisional=provisional)
    if talks is None:
        return (response,)
    stalls, guessed = after(filed_at, talks.stalls_after, book.calendar)
    if stalls < due:
        # Accepted late: the respondent has its turn first (F9), whatever day of the talks it is.
        stalls, guessed = due, provisional
    return (response, Clock(kind="negotiation", party="complainant", due_at=stalls, provisional=guessed))


def no_earlier(clock: Clock, case: Case) -> Clock:
    """The clock, or where it stands already if that is later: no deadline ever moves earlier."""
    running = next((one for one in case.clocks if (one.kind, one.party) == (clock.kind, clock.party)), None)
    if running is None or running.due_at <= clock.due_at:
        return clock
    return replace(clock, due_at=running.due_at, provisional=running.provisional)


def intervention(start: Instant, book: Rulebook, written: Instant, response: Deadline | None) -> Clock:
    """How long the complainant may call the platform in before the case lapses; ``response``: a turn that goes on."""
    clock = _noticed("intervention", "complainant", start, book.rules.intervention.lapses_after, book, written)
    return clock if response is None else outlasting(response, clock, book)


def outlasting(response: Clock | Deadline, right: Clock, book: Rulebook) -> Clock:
    """N3, N6: the right to call the platform in, no shorter than the respondent's turn and the minimum notice after it.

    Else the complainant's silence would end the case while the respondent is next. Nobody knows either while the days
    of the turn are a guess.
    """
    least, guessed = after(response.due_at, book.minimum_notice, book.calendar)
    unsure = response.provisional and not book.calendar.knows(last_day(response.due_at))
    if right.due_at > least:
        return replace(right, provisional=right.provisional or unsure)
    return Clock(kind=right.kind, party=right.party, due_at=least, provisional=guessed or unsure)


def kept_open(response: Clock, case: Case, book: Rulebook) -> tuple[Clock, ...]:
    """The running right to call the platform in, moved with the respondent's turn; nothing where it may stay."""
    running = next((one for one in case.clocks if one.kind == "intervention"), None)
    if running is None:
        return ()
    stands = Clock(kind=running.kind, party=running.party, due_at=running.due_at, provisional=running.provisional)
    clock = outlasting(response, stands, book)
    return () if clock == stands else (clock,)


def evidence(party: ClockParty, start: Instant, within: timedelta | None, book: Rulebook) -> Clock:
    """A3: the time the platform names, or the policy's; ``decide`` saw that there is one."""
    if within is not None:
        return Clock(kind="evidence", party=party, due_at=Instant.of(start + within))
    assert book.rules.evidence is not None, "the policy names a time"
    return _clock("evidence", party, start, book.rules.evidence.within, book)


def required_evidence(start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """E4: until when what the reason requires may be brought."""
    terms = book.rules.evidence
    within = terms.required_within or terms.within if terms else None
    return (_clock("evidence", "complainant", start, within, book),) if within else ()


def ruling(start: Instant, book: Rulebook, channel: str | None) -> tuple[Clock, ...]:
    """I3, N1: the limit of the stage, or of the filing's channel; the desk is reminded at the target."""
    terms = book.rules.ruling.channels.get(channel or "", book.rules.ruling)
    limit = _clock("ruling", "platform", start, terms.within, book)
    if terms.target is None:
        return (limit,)
    return (limit, _clock("ruling" + REMINDER, "platform", start, terms.target, book))


def ruling_again(case: Case, start: Instant, book: Rulebook) -> Clock:
    return _again("ruling", "platform", case, start, book.rules.ruling, book)


def ruling_on_appeal(start: Instant, book: Rulebook) -> Clock:
    return _clock("ruling", "platform", start, book.rules.appeal.ruling_within, book)


def appeal(start: Instant, book: Rulebook) -> Clock:
    """P1."""
    return _clock("appeal", "both", start, book.rules.appeal.window, book)


def return_address(start: Instant, leg: ReturnLeg, book: Rulebook, written: Instant | None) -> Clock:
    """N8: where the goods go back first, before anything is owed."""
    return _noticed("return_address", "respondent", start, leg.address_within, book, written or start)


def return_shipment(start: Instant, leg: ReturnLeg, book: Rulebook) -> Clock:
    return _clock("return_shipment", "complainant", start, leg.ship_within, book)


def return_receipt(start: Instant, leg: ReturnLeg, book: Rulebook) -> Clock:
    return _clock("return_receipt", "respondent", start, leg.receive_within, book)


def remedy(start: Instant, book: Rulebook, written: Instant | None = None) -> Clock:
    """P4; ``written`` where the start is a legal instant that was recorded later."""
    return _noticed("remedy", "respondent", start, book.rules.remedy.within, book, written or start)


def remedy_again(case: Case, start: Instant, book: Rulebook) -> Clock:
    return _again("remedy", "respondent", case, start, book.rules.remedy, book)


def recoveries(
    owed: tuple[Recovery, ...], start: Instant, book: Rulebook, written: Instant | None = None
) -> tuple[Clock, ...]:
    """P6: what is owed back to the platform has the remedy's time."""
    within = book.rules.remedy.within
    return tuple(_noticed("recovery", one.party, start, within, book, written or start) for one in owed)


def recovery_again(party: ClockParty, case: Case, start: Instant, book: Rulebook) -> Clock:
    return _again("recovery", party, case, start, book.rules.remedy, book)


def follow_up(start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """P4; nothing where the policy wants none."""
    wanted = book.rules.follow_up
    return (_clock("follow_up", "platform", start, wanted.within, book),) if wanted else ()


def assignment(start: Instant, book: Rulebook) -> tuple[Clock, ...]:
    """N1: until somebody at the desk has the case; nothing where the policy sets no time."""
    wanted = book.rules.intervention.steps_in_within
    return (_clock("assignment", "platform", start, wanted, book),) if wanted else ()


def reminding(events: tuple[Event, ...], rules: ComplaintType, now: Instant) -> tuple[Event, ...]:
    """The events, each clock they start with its reminder at the policy's lead time or its target (domain Q2, I3).

    A reminder that would be due already is left out, and so is that of a provisional clock: it is not sure yet.
    """
    return tuple(_reminding(event, rules, now) for event in events)


def _reminding(event: Event, rules: ComplaintType, now: Instant) -> Event:
    said = clocks_of(event)
    if not said:
        return event
    clocks = [clock for clock in said if not clock.kind.endswith(REMINDER)]
    targets = {(clock.kind, clock.party): clock for clock in said if clock.kind.endswith(REMINDER)}
    reminders = []
    for clock in clocks:
        reminder = targets.get((clock.kind + REMINDER, clock.party)) or _ahead(clock, rules)
        sure = reminder is not None and not (clock.provisional or reminder.provisional)
        if reminder is not None and sure and now < reminder.due_at < clock.due_at:
            reminders.append(reminder)
    return replace(event, clocks=(*clocks, *reminders)) if reminders or targets else event


def _ahead(clock: Clock, rules: ComplaintType) -> Clock | None:
    """The reminder of a clock, where the policy has one for its kind."""
    lead = rules.reminders.get(clock.kind)
    if lead is None:
        return None
    return Clock(kind=clock.kind + REMINDER, party=clock.party, due_at=Instant.of(clock.due_at - elapsed(lead)))


def _clock(kind: str, party: ClockParty, start: Instant, span: Span, book: Rulebook) -> Clock:
    due, provisional = after(start, span, book.calendar)
    return Clock(kind=kind, party=party, due_at=due, provisional=provisional)


def _again(kind: str, party: ClockParty, case: Case, start: Instant, terms: Again, book: Rulebook) -> Clock:
    """The clock once more; ``case``: before it ran out now, so that it knows how often it did in a row before."""
    before = sum((gone.kind, gone.party) == (kind, party) for gone in case.expired)
    return _clock(kind, party, start, terms.interval(before), book)


def _noticed(kind: str, party: ClockParty, start: Instant, span: Span, book: Rulebook, written: Instant) -> Clock:
    """A party's follow-on window counts from the legal instant; our lag never leaves less than the minimum notice.

    A window that is shorter than the notice by itself is given whole from the writing (design, "Late cascades").
    What a test clock or an import writes, a moment after its legal instant, is not late.
    """
    clock = _clock(kind, party, start, span, book)
    if written - start <= MOMENT:
        return clock
    floor, provisional = min(after(written, book.minimum_notice, book.calendar), after(written, span, book.calendar))
    if floor <= clock.due_at:
        return clock
    return Clock(kind=kind, party=party, due_at=floor, provisional=provisional, minimum_notice=True)
