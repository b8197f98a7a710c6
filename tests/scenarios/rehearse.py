"""A scenario played in memory: the same rules as the service's, a pretended clock, no database and no network."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.case import Case
from case_events.core.commands import POSTED, File
from case_events.core.decide import Facts
from case_events.core.policy import InForce
from case_events.core.values import Problem
from case_events.shape import convert
from tests.scenarios.script import Expected, Refused, Scenario, Step, data_of
from tests.spec import TEST_CLOCK, Dispute


def rehearse(scenario: Scenario, in_force: InForce, calendar: Calendar) -> Dispute:
    """Plays it to the end and checks every expectation. Raises AssertionError at the first that fails."""
    dispute = Dispute(in_force, calendar, Facts(number="C-1"), scenario.title.en)
    filing = convert(scenario.body("T1001"), File)
    dispute.file(replace(filing, test_clock=TEST_CLOCK), at=scenario.starts_at)
    assert dispute.last.problem is None, f"the filing was refused: {dispute.last.problem}"
    check(scenario.filed, dispute.written, dispute.case)
    for step in scenario.steps:
        _play(dispute, scenario, step)
    return dispute


def _play(dispute: Dispute, scenario: Scenario, step: Step) -> None:
    before, at, problem = len(dispute.history), scenario.instant(step.at), None
    dispute.passes(at)
    if step.post is not None:
        command = convert(data_of(step.post), POSTED[step.post.type])
        dispute.when(command, by=step.post.by, at=at)
        problem = dispute.last.problem
    check_refusal(step.refused, problem)
    check(step, tuple(one.name for one in dispute.history[before:]), dispute.case)


def check_refusal(expected: Refused | None, problem: Problem | None) -> None:
    if expected is None:
        assert problem is None, f"refused: {problem}"
        return
    assert problem is not None, f"not refused with {expected.code}"
    told = Refused(code=problem.code, due_at=problem.due_at, opens_at=problem.opens_at, closed_at=problem.closed_at)
    assert told == expected


def check(expected: Expected, recorded: tuple[str, ...], case: Case) -> None:
    """Every expectation after a step, the same as ``perform`` has of the HTTP answers."""
    assert recorded == expected.recorded
    assert (case.status, case.stage, case.outcome) == (expected.status, expected.stage, expected.outcome)
    assert {clock.kind: clock.due_at for clock in case.clocks} == expected.deadlines
    assert case.priority == expected.priority
