"""What happens when a clock runs out: the timeout itself and what the policy lets follow from it.

Follow-on windows count from the legal instant ``due_at``, never from when the timeout was written; ``written``
only lengthens a party's window to the minimum notice (design, "Late cascades").
"""

from __future__ import annotations

from typing import Any

from case_events.core import outcomes, promises, returning
from case_events.core.aftermath import given_back
from case_events.core.case import Case
from case_events.core.changes import REMINDER
from case_events.core.commands import Expire
from case_events.core.events import Closed
from case_events.core.gates import running_clock
from case_events.core.outcomes import Events
from case_events.core.promises import Rulebook
from case_events.core.terms import Effect
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    AssignmentTimedOut,
    DeadlineApproaching,
    EvidenceTimedOut,
    FollowUpTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RecoveryTimedOut,
    RemedyTimedOut,
    ResponseTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
)
from case_events.core.values import Clock, Instant


def expire(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """The timeout of the clock named by ``command`` and what follows; it always stops that clock."""
    due = command.due_at
    assert written > due, "a clock has not run out while now <= due_at"
    if command.kind.endswith(REMINDER):
        return (_approaching(command, case),)
    match command.kind:
        case "acceptance":
            again = (promises.acceptance_again(case, due, book),)
            return (AcceptanceTimedOut(**_told(command, written, again), priority=_raised(case, book)),)
        case "evidence":
            return (EvidenceTimedOut(**_told(command, written)),)
        case "response":
            return _response(command, case, book, written)
        case "negotiation":
            return _negotiation(command, case, book, written)
        case "return_address" | "return_shipment" | "return_receipt":
            return _returned(command, case, book, written)
        case "intervention":
            back, clocks = given_back(case, due, book, written)
            lapsed = InterventionWindowExpired(**_told(command, written, clocks), recoveries=back)
            return (lapsed,) if back else (lapsed, Closed(outcome="lapsed"))
        case "ruling":
            again = (promises.ruling_again(case, due, book),)
            return (RulingTimedOut(**_told(command, written, again), priority=_raised(case, book)),)
        case "assignment":
            return (AssignmentTimedOut(**_told(command, written), priority=_raised(case, book)),)
        case "recovery":
            again = (promises.recovery_again(command.party, case, due, book),)
            return (RecoveryTimedOut(**_told(command, written, again), priority=_raised(case, book)),)
        case "follow_up":
            return (FollowUpTimedOut(**_told(command, written)), outcomes.closed(case))
        case "appeal":
            return _appeal(command, case, book, written)
        case "remedy":
            again = (promises.remedy_again(case, due, book),)
            return (RemedyTimedOut(**_told(command, written, again), priority=_raised(case, book)),)
        case _:
            raise AssertionError(f"no clock of kind {command.kind} is ever set")


def _approaching(command: Expire, case: Case) -> DeadlineApproaching:
    """Q2: the clock goes on; only its reminder ends."""
    kind = command.kind.removesuffix(REMINDER)
    clock = next(one for one in case.clocks if (one.kind, one.party) == (kind, command.party))
    return DeadlineApproaching(kind=kind, party=command.party, due_at=clock.due_at, set_by=command.set_by)


def _raised(case: Case, book: Rulebook) -> int:
    """One more, up to the policy's highest; what pressing has added stays (I2)."""
    highest = book.policy.priority_up_to
    return case.priority + 1 if highest is None else max(case.priority, min(case.priority + 1, highest))


def _response(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """N6: silence escalates, unlocks or concedes, as the policy says."""
    assert book.rules.reply is not None, "its clock ran"
    effect, due = book.rules.reply.on_timeout, command.due_at
    kind = MerchantResponseTimedOut if case.respondent.role == "merchant" else ResponseTimedOut
    if effect == "concede":
        timed_out = kind(**_told(command, written))
        agreed = outcomes.settled("concession", case.demand, outcomes.claimed(case), due, book, case, written)
        return (timed_out, *agreed)
    timed_out = kind(**_told(command, written, _unlocked(effect, command, case, book, written)))
    if effect == "unlock":
        return (timed_out,)
    return (timed_out, outcomes.brought_in("response_timed_out", "platform", due, book, case))


def _negotiation(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """N3: talks that lead nowhere let the complainant call the platform in, or bring it in."""
    assert book.rules.negotiation is not None, "its clock ran"
    effect = book.rules.negotiation.on_stall
    stalled = NegotiationStalled(**_told(command, written, _unlocked(effect, command, case, book, written)))
    if effect == "unlock":
        return (stalled,)
    return (stalled, outcomes.brought_in("stalled", "platform", command.due_at, book, case))


def _returned(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """N8: silence on a step makes the refund owed at once, or ends the case with nothing owed."""
    leg = book.rules.return_leg
    assert leg is not None, "its clock ran"
    step, effect = returning.silence_on(command.kind, leg)
    if effect == "lapse":
        back, clocks = given_back(case, command.due_at, book, written)
        timed_out = ReturnTimedOut(**_told(command, written, clocks), step=step, effect=effect, recoveries=back)
        return (timed_out,) if back else (timed_out, Closed(outcome="lapsed"))
    clocks, end = outcomes.after_the_goods(case, command.due_at, book, written)
    return (ReturnTimedOut(**_told(command, written, clocks), step=step, effect=effect), *end)


def _unlocked(effect: Effect, command: Expire, case: Case, book: Rulebook, written: Instant) -> tuple[Clock, ...]:
    """The window in which a right to call the platform in may be used; it opens once."""
    if effect != "unlock" or running_clock(case, "intervention") is not None:
        return ()
    turn = running_clock(case, "response") if command.kind == "negotiation" else None
    return (promises.intervention(command.due_at, book, written, turn),)


def _appeal(command: Expire, case: Case, book: Rulebook, written: Instant) -> Events:
    """P2: the ruling stands; what it owes is due from the end of the window."""
    ruling = case.rulings[-1]
    due = outcomes.left_to_do(case, ruling.outcome, ruling.owed, command.due_at, book, written, ruling.liable)
    over = AppealWindowExpired(**_told(command, written, due.clocks), recoveries=due.recoveries)
    return (over,) if due.clocks else (over, Closed(outcome=ruling.verdict))


def _told(command: Expire, written: Instant, clocks: tuple[Clock, ...] = ()) -> dict[str, Any]:
    return {
        "kind": command.kind,
        "party": command.party,
        "due_at": command.due_at,
        "set_by": command.set_by,
        "late_s": int((written - command.due_at).total_seconds()),
        "clocks": clocks,
    }
