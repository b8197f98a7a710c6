"""Whatever is asked of any complaint there is, in any order: what always holds, and that no case can get stuck.

``make histories`` runs twenty-five times as many (``CASELOG_HISTORIES`` is how many), and others each time.
"""

from __future__ import annotations

import os
from copy import copy
from datetime import timedelta
from typing import ClassVar, get_args

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec.structs import replace

from case_events.core.amounts import cap_of
from case_events.core.case import Case, Deadline, Status
from case_events.core.changes import ALL
from case_events.core.commands import BY, POSTED_NAMES, Posted
from case_events.core.deadlines import asks, deadlines_of, overdue
from case_events.core.decide import decide
from case_events.core.events import EVENTS, Corrected, DeadlineExtended, Event, Ruled, SubjectErased
from case_events.core.evolve import evolve, fold
from case_events.core.gates import allowed_events, refusal
from case_events.core.timeouts import InterventionWindowExpired
from case_events.core.values import Instant, Money, Problem, Side
from case_events.ledger.append_statements import MOVING
from case_events.ledger.read_models import CASE_COLUMNS, case_row
from tests import examples as ex
from tests.core import moves, subjects
from tests.core.driver import closes_by_itself
from tests.core.retold import is_as_recorded
from tests.core.tales import GAPS
from tests.spec import Dispute

COUNT = int(os.environ.get("CASELOG_HISTORIES", "400"))
ENOUGH = 10_000
"""So many histories meet every event and status there is; fewer may miss a rare one by chance."""
STEPS = 12
"""How many things are asked of one case, or times that pass, at most."""
SUBJECTS = sorted(subjects.subjects())
Running = dict[tuple[str, str], Instant]


class Histories(RuleBasedStateMachine):
    """One case after another, each asked what its state allows and sometimes what it does not."""

    met: ClassVar[set[str]] = set()
    seen: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.dispute: Dispute | None = None
        self.checked: Case | None = None
        self.count = 0

    @initialize(name=st.sampled_from(SUBJECTS), start=st.sampled_from(ex.STARTS), clocked=st.booleans())
    def file(self, name: str, start: Instant, clocked: bool) -> None:
        subject = subjects.subjects()[name]
        self.dispute = subjects.filed(subject, start, clocked=clocked)
        self.holds()

    @rule(
        gap=st.sampled_from((timedelta(0), ex.TICK, timedelta(hours=1), timedelta(hours=20), timedelta(days=4))),
        what=st.integers(0, 999),
        number=st.integers(0, 15),
        among=st.sampled_from((*["what leads on"] * 3, "what is possible", "anything")),
        respondent=st.booleans(),
    )
    def ask(self, gap: timedelta, what: int, number: int, among: str, respondent: bool) -> None:
        dispute = self.told
        at = Instant.of(dispute.now + gap)
        seen = dispute.fork().passes(at)
        from_these = self.among(seen, number, among) or self.among(seen, number, "anything")
        command = from_these[what % len(from_these)]
        side = moves.usual_side(command, seen.case, respondent=respondent)
        self.count += 1
        key = f"key {self.count}"
        first = dispute.when(command, at=at, by=side, key=key).last
        again = dispute.fork().when(command, at=at, by=side, key=key).last
        assert again.events == ()
        assert (again.problem, again.answer, again.case) == (first.problem, first.answer, first.case)
        assert again.replayed == (first.problem is None)
        as_shown(command, side or BY[POSTED_NAMES[type(command)]][0], seen, first.problem)
        self.holds()

    @staticmethod
    def among(seen: Dispute, number: int, among: str) -> list[Posted]:
        """What could be asked of the case as it is seen."""
        case, in_force = seen.case, seen.in_force
        every = [move(case, in_force, number) for move in (*moves.MOVES, moves.erase)]
        if among == "anything":
            return every
        rules = moves.rules_of(case, in_force)
        possible = [one for one in every if refusal(POSTED_NAMES[type(one)], case, rules) is None]
        return [one for one in possible if among == "what is possible" or isinstance(one, moves.LEADING_ON)]

    @rule(gap=st.sampled_from(GAPS))
    def time_passes(self, gap: timedelta) -> None:
        self.told.passes(Instant.of(self.told.now + gap))
        self.holds()

    def teardown(self) -> None:
        if self.dispute is None:
            return
        assert fold(self.dispute.history) == self.dispute.case
        is_as_recorded(self.dispute)
        closes_by_itself(self.dispute)
        self.holds()

    @property
    def told(self) -> Dispute:
        assert self.dispute is not None, "filed first"
        return self.dispute

    def holds(self) -> None:
        """Everything that holds after each event since the last look, and of the case as it is now."""
        dispute, case = self.told, self.checked
        for one in dispute.history[case.version if case else 0 :]:
            before, as_it_was = case, copy(case)
            case = evolve(before, one)
            assert before == as_it_was, "to follow an event leaves the case before it alone"
            assert case.version == one.version
            nothing_moves_earlier(before, case)
            no_case_lapses_in_the_respondents_turn(before, case, one.event)
            amounts_keep_their_caps(case, dispute)
            only_what_may_move_moves(before, case, one.event)
            if isinstance(one.event, Ruled | Corrected):
                shares_add_up(one.event)
            self.met.add(one.name)
            self.seen.add(case.status)
        assert case == dispute.case
        problem, last = dispute.last.problem, dispute.history[-1].event
        # Who may not ask makes nothing be looked at; a guessed day that is confirmed once it is over runs out next.
        if not (problem and problem.code == "forbidden") and not isinstance(last, DeadlineExtended):
            assert overdue(case, dispute.now) is None
        waits_for_something(case)
        each_clock_stops(case, dispute)
        self.checked = case


def as_shown(command: Posted, side: Side, seen: Dispute, problem: Problem | None) -> None:
    """What is taken was shown as allowed, and what was is refused for its content alone."""
    name, rules = POSTED_NAMES[type(command)], moves.rules_of(seen.case, seen.in_force)
    shown = {one.type: one.by for one in allowed_events(seen.case, rules)}
    allowed = side in shown.get(name, ())
    if problem is None:
        assert allowed, name
    elif allowed and name not in ("linked", "corrected", "subject_erased"):  # what group, ruling, side: their content
        assert problem.code == "invalid", problem


def nothing_moves_earlier(before: Case | None, after: Case) -> None:
    promised: Running = {(one.kind, one.party): one.due_at for one in before.clocks} if before else {}
    for clock in after.clocks:
        assert clock.due_at >= promised.get((clock.kind, clock.party), clock.due_at), clock


def no_case_lapses_in_the_respondents_turn(before: Case | None, after: Case, event: Event) -> None:
    """The right to call the platform in is never over while the respondent is next (N6)."""
    if before is not None and isinstance(event, InterventionWindowExpired):
        assert "response" not in [one.kind for one in before.clocks]
    due = {one.kind: one.due_at for one in after.clocks}
    assert not {"response", "intervention"} <= set(due) or due["response"] < due["intervention"]


def only_what_may_move_moves(before: Case | None, after: Case, event: Event) -> None:
    """Of a listed case a step writes these columns and no others, and an erasure a name."""
    if before is not None:
        old, new = case_row(before), case_row(after)
        changed = {name for name in CASE_COLUMNS if getattr(old, name) != getattr(new, name)}
        erased = {f"{event.subject}_id"} if isinstance(event, SubjectErased) else set()
        assert changed <= {*MOVING, *erased}


def amounts_keep_their_caps(case: Case, dispute: Dispute) -> None:
    rules = moves.rules_of(case, dispute.in_force)
    cap = cap_of(rules.cap, case.order, case.facts)
    assert cap is None or case.amount.amount <= cap
    advanced = sum(one.amount.amount for one in case.advances)
    assert not case.advances or (rules.advance is not None and advanced <= rules.advance.up_to)
    back = sum(one.amount.amount for one in case.recoveries)
    assert back <= advanced
    granted = case.rulings[-1].owed if case.rulings else case.amount
    if case.owed is not None and not case.followed_up and case.outcome in ("upheld", "partly_upheld"):
        assert granted is not None
        respondents = sum(one.amount.amount for one in case.recoveries if one.party == "respondent")
        assert case.owed.amount + respondents <= max(granted.amount, respondents)
    if case.rulings and case.recoveries and case.rulings[-1].liable and case.outcome in ("upheld", "partly_upheld"):
        nobody_bears_more_than_its_share(case, advanced)


def nobody_bears_more_than_its_share(case: Case, advanced: int) -> None:
    """Of what the ruling shares out (R1, P6); what the platform bears and has not paid first is not told apart yet."""
    borne = {one.party: one.amount.amount for one in case.rulings[-1].liable if one.amount is not None}
    back = {one.party: one.amount.amount for one in case.recoveries}
    own = min(borne.get("platform", 0), advanced)
    assert sum(back.values()) <= advanced - own
    owed = case.owed.amount if case.owed else 0
    respondents = owed + back.get("respondent", 0)
    assert respondents <= borne.get("respondent", 0) + borne.get("platform", 0) - own


def shares_add_up(event: Ruled | Corrected) -> None:
    ruled = event.ruling if isinstance(event, Corrected) else event
    if ruled is None or not ruled.liable or ruled.owed is None:
        return
    shares = [one.amount for one in ruled.liable if one.party != "complainant"]  # it bears its own itself (R1)
    assert sum(share.amount for share in shares if isinstance(share, Money)) == ruled.owed.amount


def waits_for_something(case: Case) -> None:
    """An open case has a clock, and the status of what is owed has something that is."""
    assert (case.status == "closed") == (deadlines_of(case) == ())
    assert {clock.kind for clock in case.clocks} <= set(ALL)
    kinds = {clock.kind for clock in case.clocks}
    match case.status:
        case "waiting_for_remedy":
            assert case.remedy is not None
            assert "remedy" in kinds
        case "waiting_for_recovery":
            assert case.recoveries
            recovering = {clock.party for clock in case.clocks if clock.kind == "recovery"}
            assert recovering == {one.party for one in case.recoveries}
        case "waiting_for_return":
            assert len({clock.kind for clock in case.clocks}) == 1
        case "waiting_for_follow_up":
            assert "follow_up" in kinds
        case "evidence_requested":
            assert "evidence" in kinds
        case "under_review" | "appeal_under_review":
            assert "ruling" in kinds
        case "appealable":
            assert kinds == {"appeal"}
        case "waiting_for_acceptance":
            assert "acceptance" in kinds
        case _:
            pass


def each_clock_stops(case: Case, dispute: Dispute) -> None:
    """A due clock's command always records an event that stops the clock."""
    for clock in deadlines_of(case):
        now = Instant.of(max(clock.due_at, case.updated_at) + ex.TICK)
        events = decide(asks(clock), "platform", case, dispute.in_force, dispute.calendar, None, now)
        assert not isinstance(events, Problem)
        after, last = case, dispute.history[-1]
        for number, event in enumerate(events, 1):
            recorded = replace(last, version=case.version + number, event=event, effective_at=now)
            after = evolve(after, recorded)
        assert identity(clock) not in [identity(one) for one in deadlines_of(after)]


def identity(clock: Deadline) -> tuple[str, str, int]:
    return (clock.kind, clock.party, clock.set_by)


@pytest.mark.timeout(300 + COUNT)
def test_whatever_is_asked_of_any_complaint_the_rules_hold_and_the_case_can_end() -> None:
    Histories.met, Histories.seen = set(), set()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=COUNT,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="CASELOG_HISTORIES" not in os.environ,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    if COUNT >= ENOUGH:
        assert Histories.met == set(EVENTS), "every event there is was met"
        assert Histories.seen == set(get_args(Status)), "every status there is was met"


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_kind_of_complaint_can_be_filed_and_is_ended_by_clocks_and_the_desk_alone(name: str) -> None:
    dispute = subjects.filed(subjects.subjects()[name], ex.NOON)
    assert dispute.case.status != "closed"
    closes_by_itself(dispute)
    assert dispute.case.closed_at is not None
