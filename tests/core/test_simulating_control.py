"""The control of every simulation, over generated disputes; and that no policy, however other, breaks one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from case_events.core.evolve import fold
from case_events.core.recalling import steps_of
from case_events.core.retelling import retell
from case_events.core.simulating import simulate
from case_events.policies import load
from tests.core import subjects
from tests.core.retold import is_as_recorded, world_of
from tests.core.subjects import Subject
from tests.core.tales import Tale, tales, told
from tests.core.test_relief_invariants import Troubles, troubles
from tests.core.test_relief_invariants import told as told_with_relief
from tests.examples import LANDED, NOON, NOTE
from tests.spec import days

thorough = settings(max_examples=150, deadline=None, derandomize=True)
punctuality = st.sampled_from((True, False, None))


@thorough
@given(tales, st.booleans(), punctuality)
def test_under_its_own_policy_a_case_comes_out_as_it_was_recorded(
    tale: Tale, clocked: bool, punctual: bool | None
) -> None:
    is_as_recorded(told(tale, clocked=clocked, punctual=punctual))


@thorough
@given(tales, troubles, punctuality)
def test_so_does_one_that_was_given_relief_for_outages(tale: Tale, found: Troubles, punctual: bool | None) -> None:
    is_as_recorded(told_with_relief(tale, found, punctual=punctual))


def test_so_does_one_that_nobody_looked_at_for_longer_than_one_step_records() -> None:
    """Two years of a clock of every twelve hours, then an answer; and another two."""
    rules = load((LANDED.parent / "taobao-2026.5.toml").read_text(encoding="utf-8"))
    dispute = subjects.filed(Subject(rules, "quality"), NOON)
    for _ in range(2):
        dispute.passes(days(730))
    dispute.when(NOTE, at=days(730))
    unwritten = simulate(dispute.history, world_of(dispute.fork().passes(days(1_460))), rules, lambda _: ())
    assert (unwritten.differences, unwritten.recorded) == ((), unwritten.simulated)
    assert [one.times for one in unwritten.recorded.timeouts] == [2_918]
    for _ in range(2):
        dispute.passes(days(1_460))
    is_as_recorded(dispute)


@thorough
@given(tales, st.sampled_from(tuple(subjects.subjects())), punctuality)
def test_under_any_other_policy_each_step_is_told_or_named(tale: Tale, other: str, punctual: bool | None) -> None:
    dispute, candidate = told(tale, clocked=False, punctual=punctual), subjects.subjects()[other].in_force
    again = retell(dispute.history, world_of(dispute), candidate, lambda _: ())
    refused, told_again = {one.version for one in again.refused}, {one.event_id for one in again.history}
    if 1 in refused:
        assert (again.history, refused) == ((), {1})
        return
    for step in steps_of(dispute.history):
        assert (step[0].event_id in told_again) != (step[0].version in refused)
    assert [one.version for one in again.history] == list(range(1, len(again.history) + 1))
    found = simulate(dispute.history, world_of(dispute), candidate, lambda _: ())
    case = fold(again.history)
    assert case is not None
    assert found.simulated is not None
    assert (found.simulated.status, found.simulated.outcome) == (case.status, case.outcome)
