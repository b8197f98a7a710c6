"""What happens when a clock runs out: the timeout itself and what the policy lets follow from it.

Follow-on windows count from the legal instant ``due_at``, never from when the timeout was written; ``written``
only lengthens a party's window to the minimum notice (design, "Late cascades").
"""

from __future__ import annotations

from typing import Any

from case_events.core import outcomes, promises, returning
from case_events.core.case import Case
from case_events.core.commands import Expire
from case_events.core.events import (
    Closed,
)
from case_events.core.gates import running_clock
from case_events.core.outcomes import Events
from case_events.core.policy import Effect
from case_events.core.promises import Rulebook
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    EvidenceTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RemedyTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
)
from case_events.core.values import Clock, Instant


def expire(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """The timeout of the clock named by ``command`` and what follows; it always stops that clock."""
    due = command.due_at
    assert written > due, "a clock has not run out while now <= due_at"
    match command.kind:
        case "acceptance":
            clocks = (promises.acceptance_again(due, book),)
            return (AcceptanceTimedOut(**_told(command, written, clocks), priority=case.priority + 1),)
        case "evidence":
            return (EvidenceTimedOut(**_told(command, written)),)
        case "response":
            return _response(command, case, book, written)
        case "negotiation":
            return _negotiation(command, case, book, written)
        case "return_address" | "return_shipment" | "return_receipt":
            return _returned(command, book, written)
        case "intervention":
            return (InterventionWindowExpired(**_told(command, written)), Closed(outcome="lapsed"))
        case "ruling":
            clocks = (promises.ruling_again(due, book),)
            return (RulingTimedOut(**_told(command, written, clocks), priority=case.priority + 1),)
        case "appeal":
            return _appeal(command, case, book, written)
        case "remedy":
            clocks = (promises.remedy_again(due, book),)
            return (RemedyTimedOut(**_told(command, written, clocks), priority=case.priority + 1),)
        case _:
            raise AssertionError(f"no clock of kind {command.kind} is ever set")


def _response(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """N6: silence escalates, unlocks or concedes, as the policy says."""
    effect = book.rules.reply.on_timeout
    if effect == "concede":
        timed_out = MerchantResponseTimedOut(**_told(command, written))
        return (
            timed_out,
            outcomes.settled("concession", case.demand, outcomes.claimed(case), command.due_at, book, written),
        )
    timed_out = MerchantResponseTimedOut(**_told(command, written, _unlocked(effect, command, case, book, written)))
    if effect == "unlock":
        return (timed_out,)
    return (timed_out, outcomes.brought_in("response_timed_out", "platform", command.due_at, book))


def _negotiation(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """N3: talks that lead nowhere let the complainant call the platform in, or bring it in."""
    effect = book.rules.negotiation.on_stall
    stalled = NegotiationStalled(**_told(command, written, _unlocked(effect, command, case, book, written)))
    if effect == "unlock":
        return (stalled,)
    return (stalled, outcomes.brought_in("stalled", "platform", command.due_at, book))


def _returned(command: Expire, book: Rulebook, written: Instant) -> Events:
    """N8: silence on a step makes the refund owed at once, or ends the case with nothing owed."""
    leg = book.rules.return_leg
    assert leg is not None, "its clock ran"
    step, effect = returning.silence_on(command.kind, leg)
    if effect == "lapse":
        timed_out = ReturnTimedOut(**_told(command, written), step=step, effect=effect)
        return (timed_out, Closed(outcome="lapsed"))
    clocks = (promises.remedy(command.due_at, book, written),)
    return (ReturnTimedOut(**_told(command, written, clocks), step=step, effect=effect),)


def _unlocked(effect: Effect, command: Expire, case: Case, book: Rulebook, written: Instant) -> tuple[Clock, ...]:
    """The window in which a right to call the platform in may be used; it opens once."""
    if effect != "unlock" or running_clock(case, "intervention") is not None:
        return ()
    return (promises.intervention(command.due_at, book, written),)


def _appeal(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """P2: the ruling stands; what it owes is due from the end of the window."""
    ruling = case.rulings[-1]
    if ruling.verdict == "rejected":
        return (AppealWindowExpired(**_told(command, written)), Closed(outcome=ruling.verdict))
    clocks = (promises.owing(ruling.outcome, command.due_at, book, written),)
    return (AppealWindowExpired(**_told(command, written, clocks)),)


def _told(command: Expire, written: Instant, clocks: tuple[Clock, ...] = ()) -> dict[str, Any]:
    return {
        "kind": command.kind,
        "party": command.party,
        "due_at": command.due_at,
        "set_by": command.set_by,
        "late_s": int((written - command.due_at).total_seconds()),
        "clocks": clocks,
    }
