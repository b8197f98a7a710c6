"""Steps that several rules end in: the platform comes in, a settlement stands, a decided case waits or closes."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from case_events.core import promises
from case_events.core.case import Case
from case_events.core.changes import AT_ONCE, nothing_left, unpaid
from case_events.core.events import Basis, Closed, Event, Ground, InterventionRequested, Settled
from case_events.core.promises import Rulebook
from case_events.core.terms import ReturnLeg
from case_events.core.values import Clock, Fault, Instant, Liable, Money, Problem, Recovery, Side, Value

Events = tuple[Event, ...]
THINGS = ("exchange", "repair", "takedown")
"""Demands and offers that move no money (domain F13, N4)."""
GRANTED = ("settled", "conceded", "upheld", "partly_upheld")
"""Outcomes under which the respondent had something to do, and the platform looks how it did it (domain P4)."""

Debtor = Literal["complainant", "respondent"]
"""Who may owe something back to the platform (domain P6)."""


class Due(Value, frozen=True, kw_only=True):
    """What a decision leaves to be done: the clocks of it, and what goes back to the platform (domain P4, P6)."""

    clocks: tuple[Clock, ...]
    recoveries: tuple[Recovery, ...]


def brought_in(
    ground: Ground, by: Side, start: Instant, book: Rulebook, case: Case, reason: str | None = None
) -> InterventionRequested:
    """The platform becomes the arbiter and its time to rule runs from ``start``."""
    place = book.rules.entry.get(case.reason, book.rules.intervention.department)
    # Under a policy that names no departments every intervention enters at its place (taobao@2026.1).
    department = higher(case.department, place, book) if book.policy.departments else place
    taken = case.assignee is not None and department == case.department
    clocks = promises.ruling(start, book, case.channel) if taken else coming_in(start, book, case.channel)
    return InterventionRequested(ground=ground, by=by, department=department, reason=reason, clocks=clocks)


def coming_in(start: Instant, book: Rulebook, channel: str | None) -> tuple[Clock, ...]:
    """The clocks of the desk: to have somebody on the case, and to rule."""
    return (*promises.ruling(start, book, channel), *promises.assignment(start, book))


def higher(stands: str, place: str, book: Rulebook) -> str:
    """The policy's place for a case, or the department where it stands if that is higher (domain I1)."""
    ladder = book.policy.ladder
    above = stands in ladder and place in ladder and ladder.index(stands) > ladder.index(place)
    return stands if above else place


def settled(
    basis: Basis,
    kind: str,
    owed: Money | None,
    start: Instant,
    book: Rulebook,
    case: Case,
    written: Instant | None = None,
) -> Events:
    """The parties agree, or silence was taken as agreement; what is owed has its time from ``start``."""
    due = left_to_do(case, kind, owed, start, book, written)
    agreed = Settled(basis=basis, remedy=kind, owed=owed, recoveries=due.recoveries, clocks=due.clocks)
    outcome = "conceded" if basis == "concession" else "settled"
    return (agreed,) if due.clocks else (agreed, Closed(outcome=outcome))


def left_to_do(
    case: Case,
    kind: str,
    owed: Money | None,
    start: Instant,
    book: Rulebook,
    written: Instant | None = None,
    liable: tuple[Liable, ...] = (),
) -> Due:
    """The clocks of what is owed to the complainant and to the platform; none: the case can close.

    Goods that go back do so first (N8): whether anything is owed or recovered is only sure once they are there.
    """
    back, leg = owed_back(case, kind, owed, liable), goods_go_back(kind, book)
    if leg is not None:
        return Due(clocks=(promises.return_address(start, leg, book, written),), recoveries=back)
    left = unpaid(owed, case.advances, back)
    clocks = () if nothing_left(kind, owed, left) else (promises.remedy(start, book, written),)
    return Due(clocks=(*clocks, *promises.recoveries(back, start, book, written)), recoveries=back)


def goods_go_back(kind: str, book: Rulebook) -> ReturnLeg | None:
    """The policy's way back for the goods, where they go back at all (domain N8)."""
    return book.rules.return_leg if kind == "return_and_refund" else None


def after_the_goods(
    case: Case, start: Instant, book: Rulebook, written: Instant | None = None
) -> tuple[tuple[Clock, ...], Events]:
    """What follows once the goods are back, or the respondent would not have them (domain N8): the clocks of what was
    decided, or where the platform has paid and bears it all, what follows when nothing is owed.
    """
    if case.remedy is None and not case.recoveries:
        return after_the_remedy(case, book, start)
    clocks = () if case.remedy is None else (promises.remedy(start, book, written),)
    return (*clocks, *promises.recoveries(case.recoveries, start, book, written)), ()


def owed_back(case: Case, kind: str, owed: Money | None, liable: tuple[Liable, ...]) -> tuple[Recovery, ...]:
    """What goes back to the platform under a decision of this kind: all of it from the complainant where it failed."""
    if kind == "rejected":
        return all_back(case)
    return recoveries(case, None if kind in AT_ONCE else owed, liable)


def all_back(case: Case) -> tuple[Recovery, ...]:
    """The claim failed (domain P6): the complainant owes back all the platform paid, whoever an advance named."""
    if not case.advances:
        return ()
    total = sum(one.amount.amount for one in case.advances)
    return (Recovery(party="complainant", amount=replace(case.advances[0].amount, amount=total)),)


def recoveries(case: Case, granted: Money | None, liable: tuple[Liable, ...]) -> tuple[Recovery, ...]:
    """What the platform gets back of what it paid first (domain P6): from the respondent as far as the claim was
    granted, from the complainant the rest; an advance that named its debtor goes by that.

    Where the ruling shares it out (R1), what the platform bears stays paid, and the respondent pays its share at most.
    """
    if not case.advances:
        return ()
    named = sum(one.amount.amount for one in case.advances if one.recover_from == "respondent")
    pool = sum(one.amount.amount for one in case.advances if one.recover_from == "ruling")
    borne = {one.party: one.amount.amount for one in liable if one.amount is not None}
    most = borne.get("respondent", 0) if borne else granted.amount if granted else 0
    back = sum(one.amount.amount for one in case.advances)
    respondent = named + min(pool, max(most - named, 0))
    if borne:
        back -= min(borne.get("platform", 0), back)
        respondent = min(respondent, most, back)
    shares: tuple[tuple[Debtor, int], ...] = (("respondent", respondent), ("complainant", back - respondent))
    money = case.advances[0].amount
    return tuple(Recovery(party=side, amount=replace(money, amount=amount)) for side, amount in shares if amount)


def after_the_remedy(case: Case, book: Rulebook, now: Instant) -> tuple[tuple[Clock, ...], Events]:
    """What follows once nothing is owed any more (domain P4): the policy's look at it, or the end."""
    if case.remedy is not None or case.recoveries:
        return (), ()
    if not case.followed_up and case.outcome in GRANTED and not _borne_alone(case):
        clocks = promises.follow_up(now, book)
        if clocks:
            return clocks, ()
    return (), (closed(case),)


def _borne_alone(case: Case) -> bool:
    """Does the complainant bear all that was granted (domain R1), so that the respondent had nothing to handle?"""
    owed = case.rulings[-1].owed if case.rulings else None
    return owed is not None and owed.amount == 0


def claimed(case: Case) -> Money | None:
    """The money a claim that is granted whole moves: none where a thing was asked for."""
    return None if case.demand in THINGS else case.amount


def closed(case: Case, reason: str | None = None) -> Closed:
    """The end of a case whose outcome is fixed."""
    assert case.outcome is not None, "only a decided case waits for its remedy"
    return Closed(outcome=case.outcome, reason=reason)


def invalid(faults: list[Fault], case: Case, clause: str) -> Problem:
    """All faults of what was asked, under the clause that asks for it."""
    return Problem(
        code="invalid",
        detail=f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in what was asked.",
        rule=case.policy.clause(f"{case.type}.{clause}"),
        current_version=case.version,
        errors=tuple(faults),
    )
