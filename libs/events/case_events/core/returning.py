"""The rules of the return leg: address, shipment, receipt, and then the refund is owed (domain N8)."""

from __future__ import annotations

from typing import Literal, assert_never

from case_events.core import promises
from case_events.core.case import Case
from case_events.core.commands import Return
from case_events.core.events import AppealSide, Returned
from case_events.core.gates import refused_now, return_clock
from case_events.core.outcomes import Events, after_the_goods, brought_in, invalid
from case_events.core.promises import Rulebook
from case_events.core.stages import RETURN_STEPS
from case_events.core.terms import ReturnLeg, Silence
from case_events.core.values import Clock, Fault, Instant, Problem, Side

ReturnStep = Literal["address", "pickup", "shipped", "received"]
SAYS: dict[ReturnStep, str] = {
    "address": "address",
    "pickup": "pickup",
    "shipped": "tracking",
    "received": "received",
}
"""The field each step fills; the others stay empty."""


def step(command: Return, by: Side, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """The step whose clock runs, by the side it runs against."""
    clock, leg = return_clock(case), book.rules.return_leg
    assert clock is not None, "the gate saw the return under way"
    assert leg is not None, "its clock runs"
    if by != clock.party:
        return refused_now(f"The next step of the return is the {clock.party}'s.", "returned", case)
    faults = _faults(command, RETURN_STEPS[clock.kind], disputable=leg.disputable)
    if faults:
        return invalid(faults, case, "return_leg")
    clocks, end = _next(command, leg, case, book, now)
    returned = Returned(
        step=command.step,
        address=command.address,
        pickup=command.pickup,
        tracking=command.tracking,
        received=command.received,
        freight_by=_freight_by(case, leg) if command.step == "received" and command.received else None,
        clocks=clocks,
    )
    return (returned, *end)


def _freight_by(case: Case, leg: ReturnLeg) -> AppealSide:
    """B1, B3: who bore the return freight, by the policy and by what the merchant promised."""
    promised = case.order.merchant_promises if case.order else ()
    return next((leg.freight_by_promise[one] for one in promised if one in leg.freight_by_promise), leg.freight_by)


def _faults(command: Return, expected: str, *, disputable: bool) -> list[Fault]:
    if command.step != expected and (command.step, expected) != ("pickup", "address"):
        return [Fault(pointer="/data/step", detail=f"the next step is {expected}")]
    faults = []
    for field in SAYS.values():
        said = getattr(command, field)
        if field == SAYS[command.step] and (said is None or (said is False and not disputable)):
            faults.append(Fault(pointer=f"/data/{field}", detail=f"needed for {command.step}"))
        if field != SAYS[command.step] and said is not None:
            faults.append(Fault(pointer=f"/data/{field}", detail=f"has no place in {command.step}"))
    return faults


def _next(
    command: Return, leg: ReturnLeg, case: Case, book: Rulebook, now: Instant
) -> tuple[tuple[Clock, ...], Events]:
    """The clock of the step after this one, and what the last one leads to."""
    match command.step:
        case "address":
            return (promises.return_shipment(now, leg, book),), ()
        case "shipped" | "pickup":
            return (promises.return_receipt(now, leg, book),), ()
        case "received" if command.received is False:
            return (), (brought_in("receipt_disputed", "respondent", now, book, case),)
        case "received":
            return after_the_goods(case, now, book)
        case _:
            assert_never(command.step)


def silence_on(kind: str, leg: ReturnLeg) -> tuple[Literal["address", "shipped", "received"], Silence]:
    """The step whose clock of this kind ran out, and what the policy makes of it."""
    match kind:
        case "return_address":
            return "address", leg.on_address_timeout
        case "return_shipment":
            return "shipped", leg.on_shipping_timeout
        case _:
            return "received", leg.on_receipt_timeout
