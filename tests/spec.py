"""The language of the rules' tests: given a dispute, when something is asked or time passes, then this and no more.

Pure: it plans with ``core.plan`` and keeps the history in a tuple, as the ledger would in its table.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.case import Case, Deadline
from case_events.core.commands import BY, POSTED_NAMES, File, Posted
from case_events.core.events import History, Outage
from case_events.core.gates import running_clock
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, Step, World, plan, plan_timeouts
from case_events.core.policy import InForce
from case_events.core.values import CaseId, Instant, Party, Problem, Side
from tests import examples

SPACE = UUID("7c0f3f0e-57f4-5d0c-8a44-0d8f6b1f2a01")
TEST_CLOCK = UUID("00000000-0000-4000-8000-000000000001")
ACTORS: dict[Side, Party] = {
    "complainant": examples.BUYER,
    "respondent": examples.MERCHANT,
    "platform": examples.PLATFORM,
}
When = Instant | timedelta
"""An instant, or a time after filing."""


class Dispute:
    """One case told step by step; every ``when`` is followed by what it came to."""

    def __init__(self, in_force: InForce, calendar: Calendar, facts: Facts, name: str) -> None:
        self.in_force, self.calendar, self.facts = in_force, calendar, facts
        self.case_id: CaseId = uuid5(SPACE, name)
        self.history: History = ()
        self.step: Step | None = None
        self.filed_at = examples.NOON
        self.outages: tuple[Outage, ...] = ()
        self.now = examples.NOON
        self.asked = 0

    # when

    def file(
        self,
        filing: File = examples.FILING,
        *,
        at: Instant = examples.NOON,
        key: str | None = None,
        by: Party | None = None,
    ) -> Dispute:
        self.filed_at = at
        return self._ask(filing, by or filing.complainant, at, key, None)

    def when(
        self,
        command: Posted,
        *,
        at: When,
        by: Side | Party | None = None,
        key: str | None = None,
        if_match: int | None = None,
        claimed: When | None = None,
    ) -> Dispute:
        """``command`` is asked by whose it is, or by another side; ``claimed``: when they say it happened."""
        side = by or BY[POSTED_NAMES[type(command)]][0]
        actor = side if isinstance(side, Party) else self._party(side)
        happened = None if claimed is None else self.instant(claimed)
        return self._ask(command, actor, self.instant(at), key, if_match, happened)

    def passes(self, to: When) -> Dispute:
        """Time passes and the clocks are looked at."""
        self.now = self.instant(to)
        return self._took(plan_timeouts(self.history, self._world()))

    # then

    def then(self, *recorded: str, **state: object) -> Dispute:
        """Exactly these events were written, nothing was refused, and the case is so."""
        problem = self.last.problem
        assert problem is None, f"refused: {problem}"
        assert self.written == recorded
        return self._is(state)

    def refused(self, code: str, *recorded: str, **about: object) -> Problem:
        """It was refused with this code and these members; only these (overdue) events were written."""
        problem = self.last.problem
        assert problem is not None, f"not refused; written: {self.written}"
        assert problem.code == code, problem
        assert self.written == recorded
        for name, value in about.items():
            assert getattr(problem, name) == value, f"{name} is {getattr(problem, name)}, not {value}"
        return problem

    def faults(self, *pointers: str) -> Dispute:
        """It was refused because exactly these places are wrong, all named at once."""
        problem = self.refused("invalid")
        assert sorted(fault.pointer for fault in problem.errors) == sorted(pointers), problem.errors
        return self

    def runs(self, **due: When) -> Dispute:
        """Exactly these clocks run, until then."""
        running = {clock.kind: clock.due_at for clock in self.case.clocks}
        assert running == {kind: self.instant(at) for kind, at in due.items()}
        return self

    # what is so

    @property
    def last(self) -> Step:
        assert self.step is not None, "nothing happened yet"
        return self.step

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.last.events)

    @property
    def case(self) -> Case:
        assert self.last.case is not None, "no case was filed"
        return self.last.case

    def clock(self, kind: str) -> Deadline:
        clock = running_clock(self.case, kind)
        assert clock is not None, f"no {kind} clock runs"
        return clock

    def instant(self, when: When) -> Instant:
        return when if isinstance(when, Instant) else Instant.of(self.filed_at + when)

    def fork(self) -> Dispute:
        """The same dispute so far, to be told on in another way."""
        other = Dispute(self.in_force, self.calendar, self.facts, "")
        other.__dict__.update(self.__dict__)
        return other

    def _party(self, side: Side) -> Party:
        """Who stands on this side; of a case that does not exist, whoever usually does."""
        case = self.step.case if self.step is not None else None
        sides: dict[Side, Party] = {"complainant": case.complainant, "respondent": case.respondent} if case else {}
        return sides.get(side, ACTORS[side])

    def _is(self, state: dict[str, object]) -> Dispute:
        for name, value in state.items():
            assert getattr(self.case, name) == value, f"{name} is {getattr(self.case, name)}, not {value}"
        return self

    def _ask(
        self,
        command: File | Posted,
        actor: Party,
        at: Instant,
        key: str | None,
        if_match: int | None,
        claimed: Instant | None = None,
    ) -> Dispute:
        self.now = at
        self.asked += 1
        request = Request(
            case_id=self.case_id,
            command=command,
            actor=actor,
            client="storefront",
            event_id=uuid5(self.case_id, key or f"step {self.asked}"),
            asked=repr((command, actor)).encode() if key else None,
            if_match=if_match,
            occurred_at=claimed,
        )
        return self._took(plan(self.history, request, self._world()))

    def _world(self) -> World:
        moment = Moment(recorded_at=self.now, effective_at=self.now)
        facts, outages = self.facts, self.outages
        return World(in_force=self.in_force, calendar=self.calendar, moment=moment, facts=facts, outages=outages)

    def _took(self, step: Step) -> Dispute:
        self.step = step
        self.history = (*self.history, *step.events)
        return self


def given(in_force: InForce | None = None, *, calendar: Calendar | None = None, facts: Facts | None = None) -> Dispute:
    """Nothing has been filed yet; Taobao's policy unless another is given."""
    known = facts or Facts(number="C-1")
    return Dispute(in_force or examples.policy(), calendar or examples.calendar(), known, "one")


def filed(*changes: tuple[str, str], at: Instant = examples.NOON, clocked: bool = False, **filing: Any) -> Dispute:
    """A complaint filed under Taobao's policy with ``changes``; ``clocked``: under a test clock."""
    command = replace(examples.FILING, **({"order": examples.order_that_succeeded(at)} | filing))
    if clocked:
        command = replace(command, test_clock=TEST_CLOCK)
    dispute = given(examples.policy(*changes)).file(command, at=at)
    assert dispute.written == ("filed",), dispute.last.problem
    return dispute


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    return timedelta(days=count)
