"""Generated disputes: random things asked at random instants, with the clocks looked at sooner or later."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from case_events.core.commands import POSTED_NAMES, Posted
from case_events.core.deadlines import deadlines_of
from case_events.core.gates import refusal
from case_events.core.values import Instant, Side
from tests import examples as ex
from tests.core import moves, subjects
from tests.core.moves import MOVES, rules_of
from tests.spec import Dispute

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
    """A generated dispute; ``prologue``: how much of the common course (refused, ruled, appealed) it begins with.

    ``subject``: what it is about, by its name in ``subjects``.
    """

    subject: str
    start: Instant
    prologue: int
    asks: tuple[Ask, ...]


LANDED = tuple(name for name in subjects.subjects() if name.startswith("landed"))
SUBJECTS = tuple(subjects.subjects())
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
    subject=st.sampled_from(LANDED) | st.sampled_from(SUBJECTS),
    start=st.sampled_from(ex.STARTS),
    prologue=st.sampled_from((0, 0, 1, 3, 4, 5)),
    asks=st.lists(every_ask, min_size=1, max_size=9).map(tuple),
)
COURSE = (MOVES[0], moves.refuse, MOVES[10], moves.rule, moves.appeal)
"""What often happens; what a policy does not want is refused and changes nothing."""
WITH_GOODS = (moves.agree, moves.next_return_step, moves.next_return_step, moves.next_return_step)
"""What happens instead where goods go back."""


def begun(tale: Tale, *, clocked: bool) -> Dispute:
    dispute = subjects.filed(subjects.subjects()[tale.subject], tale.start, clocked=clocked)
    goods = dispute.case.demand == "return_and_refund"
    for number, move in enumerate((WITH_GOODS if goods else COURSE)[: tale.prologue], 4):
        by: Side | None = "respondent" if move is moves.next_return_step and number != 6 else None
        dispute.when(move(dispute.case, dispute.in_force, number), at=tale.start, by=by)
    return dispute


def chosen(dispute: Dispute, one: Ask, number: int, at: Instant) -> Posted:
    """What is asked of the case as the asker can see it: after what is overdue."""
    seen, in_force = dispute.fork().passes(at).case, dispute.in_force
    every = [move(seen, in_force, one.what + number) for move in MOVES]
    rules = rules_of(seen, in_force)
    possible = [command for command in every if refusal(POSTED_NAMES[type(command)], seen, rules) is None]
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
        due = [clock.due_at for clock in deadlines_of(dispute.case) if not clock.provisional]
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
