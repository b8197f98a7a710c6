"""Generated disputes: random things asked at random instants, with the clocks looked at sooner or later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.case import Case
from case_events.core.commands import POSTED_NAMES, Posted
from case_events.core.gates import RETURN_STEPS, refusal, return_clock
from case_events.core.values import Instant, Side
from tests import examples as ex
from tests.spec import Dispute, filed


def appeal(number: int) -> Posted:
    return replace(ex.APPEAL, evidence=(ex.proof(100 + number),))


def refund(case: Case) -> Posted:
    return replace(ex.REFUND, amount=case.amount)


def remedy(case: Case) -> Posted:
    return replace(ex.REFUNDED, kind=case.remedy or "refund", amount=case.owed)


def returning(case: Case) -> Posted:
    clock = return_clock(case)
    return RETURNS[clock.kind if clock else "return_address"]


def extension(case: Case) -> Posted:
    clock = case.clocks[0] if case.clocks else None
    until = clock.due_at if clock else case.updated_at
    later = Instant.of(until + timedelta(hours=0 if clock and clock.provisional else 30))
    return ex.extend(clock.kind if clock else "ruling", clock.party if clock else "platform", later)


ASKS_THE_BUYER = replace(ex.ASK_FOR_PHOTOS, within=timedelta(days=2))
ASKS_THE_MERCHANT = replace(ex.ASK_FOR_PHOTOS, party="respondent", within=timedelta(hours=30))
RETURNS = dict(zip(RETURN_STEPS, (ex.ADDRESS, ex.SHIPPED, ex.RECEIVED), strict=True))
COMMANDS: tuple[Callable[[Case, int], Posted], ...] = (
    lambda _case, _n: ex.ACCEPT,
    lambda _case, n: replace(ex.DISMISS, malicious=n % 2 == 0),
    lambda _case, _n: ASKS_THE_BUYER,
    lambda _case, _n: ASKS_THE_MERCHANT,
    lambda _case, _n: ex.ESCALATE,
    lambda _case, _n: ex.AMEND,
    lambda _case, n: replace(ex.EVIDENCE, evidence=(ex.proof(200 + n),)),
    lambda _case, _n: ex.AGREE,
    lambda _case, _n: ex.REFUSE,
    lambda _case, _n: ex.OFFER,
    lambda _case, _n: ex.TAKE_THE_OFFER,
    lambda _case, _n: ex.CALL_THE_PLATFORM,
    lambda case, _n: refund(case),
    lambda _case, _n: ex.REJECT,
    lambda _case, n: appeal(n),
    lambda _case, _n: ex.WITHDRAW,
    lambda case, _n: returning(case),
    lambda case, _n: remedy(case),
    lambda _case, _n: ex.CLOSE,
    lambda case, _n: extension(case),
)
GAPS = (
    *(timedelta(0), ex.TICK, timedelta(hours=1), timedelta(hours=23), timedelta(hours=24), timedelta(hours=47)),
    *(timedelta(hours=48), timedelta(hours=72), timedelta(hours=72) + ex.TICK, timedelta(days=4)),
    *(timedelta(days=7), timedelta(days=7) + ex.TICK, timedelta(days=9) + ex.TICK, timedelta(days=12)),
)


class Ask(NamedTuple):
    """One thing asked, some time after the one before it.

    ``wild``: whatever it is, else something the state allows; ``lag``: how late the clocks are looked at until then.
    """

    gap: timedelta
    what: int
    wild: bool
    other_side: bool
    lag: timedelta


class Tale(NamedTuple):
    """A generated dispute; ``prologue``: how much of the common course (refused, ruled, appealed) it begins with."""

    policy: str
    start: Instant
    prologue: int
    asks: tuple[Ask, ...]


gaps = st.sampled_from(GAPS) | st.timedeltas(timedelta(0), timedelta(days=3))
every_ask = st.builds(
    Ask,
    gap=gaps,
    what=st.integers(0, 59),
    wild=st.sampled_from((False, False, False, True)),
    other_side=st.sampled_from((False, False, False, True)),
    lag=st.sampled_from((ex.TICK, timedelta(minutes=1), timedelta(hours=30), timedelta(days=8))),
)
tales = st.builds(
    Tale,
    policy=st.sampled_from(sorted(ex.POLICIES)),
    start=st.sampled_from(ex.STARTS),
    prologue=st.sampled_from((0, 0, 1, 3, 4, 5)),
    asks=st.lists(every_ask, min_size=1, max_size=9).map(tuple),
)


COURSE: tuple[Posted, ...] = (ex.ACCEPT, ex.REFUSE, ex.CALL_THE_PLATFORM, ex.PART_REFUND, appeal(0))
"""What often happens; what a policy does not want is refused and changes nothing."""
COURSES: dict[str, tuple[Posted, ...]] = {"with return": (ex.AGREE, ex.ADDRESS, ex.SHIPPED, ex.RECEIVED)}
"""What happens instead under some of ``examples.POLICIES``."""


def begun(tale: Tale, *, clocked: bool) -> Dispute:
    demand = "return_and_refund" if tale.policy == "with return" else "refund"
    dispute = filed(*ex.POLICIES[tale.policy], at=tale.start, clocked=clocked, demand=demand)
    for command in COURSES.get(tale.policy, COURSE)[: tale.prologue]:
        by: Side | None = "respondent" if command in (ex.ADDRESS, ex.RECEIVED) else None
        dispute.when(command, at=tale.start, by=by)
    return dispute


def chosen(dispute: Dispute, one: Ask, number: int, at: Instant) -> Posted:
    """What is asked of the case as the asker can see it: after what is overdue."""
    seen = dispute.fork().passes(at).case
    every = [command(seen, number) for command in COMMANDS]
    possible = [command for command in every if refusal(POSTED_NAMES[type(command)], seen) is None]
    from_these = every if one.wild or not possible else possible
    return from_these[one.what % len(from_these)]


def ask(dispute: Dispute, one: Ask, number: int, at: Instant) -> None:
    command = chosen(dispute, one, number, at)
    dispute.when(command, at=at, by=side_of(one), key=f"key {number}")


def side_of(one: Ask) -> Side | None:
    return "respondent" if one.other_side else None


def wake(dispute: Dispute, until: Instant, lag: timedelta) -> None:
    """A scheduler that looks at each clock ``lag`` after it ran out, until the next thing is asked."""
    for _ in range(200):
        due = [clock.due_at for clock in dispute.case.clocks if not clock.provisional]
        looked = max((Instant.of(min(due) + lag), dispute.now)) if due else until
        if looked >= until:
            return
        dispute.passes(looked)
    raise AssertionError("more than 200 timeouts between two questions")


def told(tale: Tale, *, clocked: bool, punctual: bool | None) -> Dispute:
    """The whole tale. ``punctual``: timeouts written at once; None: with each one's lag; False: only when asked."""
    dispute, at = begun(tale, clocked=clocked), tale.start
    for number, one in enumerate(tale.asks):
        at = Instant.of(at + one.gap)
        if punctual is not False:
            wake(dispute, at, ex.TICK if punctual else one.lag)
        ask(dispute, one, number, at)
    return dispute.passes(Instant.of(at + timedelta(days=20)))
