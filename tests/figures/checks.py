"""Every check of a figure, and which promises it can be asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from case_events.core.calendar import after
from case_events.core.collective import Complaint, links
from case_events.core.commands import Expedite
from case_events.core.terms import Collective
from case_events.core.values import Instant, Party
from tests.examples import NOON, TICK
from tests.figures import clocks, sums, windows
from tests.figures.marketplaces import GENERAL, PROMISES, General
from tests.figures.promise import Promise
from tests.figures.purchases import NOT_RECEIVED
from tests.figures.scene import DECIDED_AT, Market, offering, running, take
from tests.spec import days, hours


@dataclass(frozen=True)
class Check:
    """One figure, or a few that only show together; ``of``: the promises that make it."""

    run: Callable[[Promise, Market], None]
    of: Callable[[Promise], bool]

    @property
    def name(self) -> str:
        return self.run.__name__


CHECKS = (
    Check(clocks.reply, lambda one: one.reply is not None),
    Check(clocks.ruling, lambda one: bool(one.channels)),
    Check(clocks.appeal, lambda one: one.appeals > 0),
    Check(clocks.acceptance, lambda one: one.acceptance is not None),
    Check(clocks.remedy, lambda one: one.reply is not None and one.amount is not None),
    Check(clocks.stall, lambda one: one.offer is not None and one.stalls_after is not None),
    Check(clocks.amending, lambda one: one.offer is not None or one.final_period is not None),
    Check(clocks.asked_evidence, lambda one: one.evidence_within is not None),
    Check(clocks.required_evidence, lambda one: bool(one.required)),
    Check(clocks.expedites, lambda one: one.expedites > 0),
    Check(windows.window, lambda one: one.status is not None),
    Check(windows.bends, lambda one: bool(one.bends)),
    Check(windows.refund_before, lambda one: one.refund_after is not None),
    Check(sums.cap, lambda one: one.cap is not None),
    Check(sums.owed, lambda one: bool(one.owed)),
    Check(sums.points, lambda one: one.points is not None),
    Check(sums.advance, lambda one: one.advance is not None),
    Check(sums.instant, lambda one: one.instant is not None),
    Check(sums.accuracy, lambda one: one.accuracy is not None),
    Check(sums.shipping, lambda one: one.shipping is not None),
    Check(sums.says, lambda one: bool(one.says)),
)


def of_promise(promise: Promise) -> Iterator[Check]:
    """The checks of what this type promises."""
    return (check for check in CHECKS if check.of(promise))


def notice(general: General, market: Market) -> None:
    """Our lag never leaves a party less: a right of seven days, written on its sixth and an hour, lasts a day more."""
    dispute = take(market.in_turn(NOT_RECEIVED), NOT_RECEIVED, "respondent", offering(NOT_RECEIVED), DECIDED_AT)
    written = Instant.of(NOON + days(15) + hours(1))
    dispute.passes(written)
    running(dispute, NOT_RECEIVED, intervention=Instant.of(written + general.minimum_notice))


def highest(general: General, market: Market) -> None:
    """Left alone for most of a year, a case stands as high as it can, and pressing goes on from there."""
    dispute = market.at_the_desk(NOT_RECEIVED).passes(Instant.of(NOON + days(280)))
    assert dispute.case.priority == general.priority_up_to
    take(dispute, NOT_RECEIVED, "complainant", Expedite(reason="请尽快。"), days(280))
    assert dispute.case.priority == general.priority_up_to + 1


def marks(general: General, market: Market) -> None:
    """A2: so many marks and a complaint is refused; one fewer and it is not."""
    market.filed(NOT_RECEIVED, marks=general.refused_at_marks - 1)
    market.ask_to_file(NOT_RECEIVED, marks=general.refused_at_marks).refused("not_eligible")


def marks_window(general: General, market: Market) -> None:
    """A2: how long a mark counts; the record counts them, and is told this."""
    credit = market.in_force.policy.credit
    assert credit is not None
    assert after(NOON, credit.window, market.calendar)[0] == NOON + general.marks_window


def collective(general: General, market: Market) -> None:
    """C1: so many complainants within the window are one matter; one fewer, or a microsecond more, and none is."""
    terms = market.in_force.policy.collective
    assert terms is not None
    window = after(NOON, terms.window, market.calendar)[0] - NOON
    enough = general.collective_by_merchant
    assert _linked(enough - 1, general.collective_window, terms, window, alike=False) == 0
    assert _linked(enough, general.collective_window, terms, window, alike=False) == enough
    assert _linked(enough, general.collective_window + TICK, terms, window, alike=False) == 0
    enough = general.collective_by_reason
    assert _linked(enough - 1, general.collective_window, terms, window, alike=True) == 0
    assert _linked(enough, general.collective_window, terms, window, alike=True) == enough


def _linked(count: int, apart: timedelta, terms: Collective, window: timedelta, *, alike: bool) -> int:
    """How many of so many complaints, about one thing or each about its own, are linked, the first this long before."""
    complaints = [
        Complaint(
            case_id=UUID(int=number),
            version=1,
            complainant=Party(role="buyer", id=f"buyer-{number}"),
            reason="quality" if alike else f"reason_{number}",
            filed_at=Instant.of(NOON + apart) if number else NOON,
        )
        for number in range(count)
    ]
    return len(links(complaints, terms, window, b"shop"))


FOR_ALL = (notice, highest, marks, marks_window, collective)
"""The checks of what a marketplace promises for every type."""


def failing(market: Market, types: Iterable[tuple[str, str | None]]) -> str | None:
    """The first check that does not hold under these rules: of what holds for all, then of these types and subtypes."""
    where, of = market.in_force.policy.marketplace, set(types)
    for for_all in FOR_ALL:
        if not _holds(partial(for_all, GENERAL[where], market)):
            return for_all.__name__
    for promise in PROMISES[where]:
        if (promise.type, promise.subtype) in of:
            for check in of_promise(promise):
                if not _holds(partial(check.run, promise, market)):
                    return f"{promise.name}: {check.name}"
    return None


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True
