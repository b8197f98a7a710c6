"""What holds in every history, however it came about: generated disputes over several policies."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.case import Case, Deadline
from case_events.core.changes import ALL, REMINDER
from case_events.core.commands import Posted
from case_events.core.deadlines import asks, deadlines_of, overdue
from case_events.core.decide import decide
from case_events.core.events import History, Recorded
from case_events.core.evolve import evolve, fold
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.core.values import Clock, Instant, Problem
from tests import examples as ex
from tests.core.moves import MOVES
from tests.core.tales import GAPS, Tale, ask, begun, chosen, side_of, tales, told
from tests.core.test_intervention import ANSWERS_AGAIN
from tests.spec import Dispute, filed

thorough = settings(max_examples=100, deadline=None, derandomize=True)


def essence(history: History) -> list[Recorded]:
    """What was recorded, apart from when we knew."""
    return [replace(one, recorded_at=ex.NOON) for one in history]


@thorough
@given(tales)
def test_a_due_clocks_command_always_records_an_event_that_stops_that_clock(tale: Tale) -> None:
    dispute = told(tale, clocked=True, punctual=True)
    history, in_force = dispute.history, dispute.in_force
    for count in range(1, len(history) + 1):
        case = fold(history[:count])
        assert case is not None
        for clock in deadlines_of(case):
            now = Instant.of(max(clock.due_at, case.updated_at) + ex.TICK)
            events = decide(asks(clock), "platform", case, in_force, ex.calendar(), None, now)
            assert not isinstance(events, Problem)
            assert isinstance(events[0], TimedOut | DeadlineApproaching)
            after = case
            for index, event in enumerate(events):
                after = evolve(after, replace(history[0], version=case.version + index + 1, event=event))
            assert identity(clock) not in [identity(running) for running in deadlines_of(after)]


def identity(clock: Deadline) -> tuple[str, str, int]:
    return (clock.kind, clock.party, clock.set_by)


@thorough
@given(tales, st.sampled_from(GAPS))
def test_every_command_asked_twice_with_one_key_changes_nothing_the_second_time(tale: Tale, later: timedelta) -> None:
    dispute, at = begun(tale, clocked=False), tale.start
    for number, one in enumerate(tale.asks):
        at = Instant.of(at + one.gap)
        command, side = chosen(dispute, one, number, at), side_of(one)
        first = dispute.when(command, at=at, by=side, key=f"key {number}").last
        # A refusal is judged anew, so that the same answer needs the same instant; what was recorded is for ever.
        then = Instant.of(at + later) if first.problem is None else at
        again = dispute.fork().when(command, at=then, by=side, key=f"key {number}")
        assert again.last.events == ()
        assert again.last.problem == first.problem
        assert again.last.answer == first.answer
        assert again.last.case == first.case
        assert again.last.replayed == (first.problem is None)


@thorough
@given(tales)
def test_a_closed_case_has_no_clock_and_takes_nothing_but_afterthoughts(tale: Tale) -> None:
    dispute = told(tale, clocked=False, punctual=False)
    if dispute.case.status != "closed":
        dispute.when(ex.WITHDRAW, at=dispute.now)
    if dispute.case.status != "closed":
        return
    assert dispute.case.clocks == ()
    assert dispute.case.stage == "closed"
    assert dispute.case.outcome is not None
    later = Instant.of(dispute.now + timedelta(days=1))
    for number, move in enumerate(MOVES):
        asked = dispute.fork().when(move(dispute.case, dispute.in_force, number), at=later)
        assert (asked.last.problem is None) == (asked.written != ())
        assert set(asked.written) <= {"noted", "rated", "corrected"}
        assert asked.case.status == "closed"


@thorough
@given(tales)
def test_under_a_test_clock_it_does_not_matter_when_the_scheduler_comes(tale: Tale) -> None:
    punctual = told(tale, clocked=True, punctual=True)
    for other in (None, False):
        assert essence(told(tale, clocked=True, punctual=other).history) == essence(punctual.history)


@thorough
@given(tales)
def test_lag_never_changes_who_wins_nor_brings_a_due_time_nearer(tale: Tale) -> None:
    """Only a minimum notice may make a difference: it gives a party more time than it would have had.

    A reminder that would come too late is not told; that changes nothing else.
    """
    punctual = told(tale, clocked=False, punctual=True)
    for other in (told(tale, clocked=False, punctual=None), told(tale, clocked=False, punctual=False)):
        lagging = course(other)
        for one, same in zip(course(punctual), lagging, strict=False):
            due, later = promises(one), promises(same)
            if any(noticed for _, noticed in later.values()):
                assert all(later[clock][0] >= due[clock][0] for clock in due)
                break
            assert (one.name, due) == (same.name, later)
        else:
            assert (punctual.case.status, punctual.case.outcome) == (other.case.status, other.case.outcome)
            assert len(course(punctual)) == len(lagging)


def course(dispute: Dispute) -> list[Recorded]:
    return [one for one in dispute.history if one.name != "deadline_approaching"]


def promises(one: Recorded) -> dict[tuple[str, str], tuple[Instant, bool]]:
    clocks: tuple[Clock, ...] = getattr(one.event, "clocks", ())
    return {
        (clock.kind, clock.party): (clock.due_at, clock.minimum_notice)
        for clock in clocks
        if not clock.kind.endswith(REMINDER)
    }


@thorough
@given(tales)
def test_versions_are_dense_ids_unique_time_goes_forward_and_every_fold_is_the_same(tale: Tale) -> None:
    for clocked in (True, False):
        history = told(tale, clocked=clocked, punctual=None).history
        assert [one.version for one in history] == list(range(1, len(history) + 1))
        assert len({one.event_id for one in history}) == len(history)
        assert [one.effective_at for one in history] == sorted(one.effective_at for one in history)
        case: Case | None = None
        for count, one in enumerate(history, 1):
            case = evolve(case, one)
            assert case == fold(history[:count])
            assert case.version == count
            assert {clock.kind for clock in case.clocks} <= set(ALL)
            about = {(clock.kind + REMINDER, clock.party): clock.due_at for clock in case.clocks}
            assert all(reminder.due_at < about[reminder.kind, reminder.party] for reminder in case.reminders)


TALKS = ("amend", "offer", "extend")


@thorough
@given(st.lists(st.tuples(st.sampled_from(TALKS), st.timedeltas(timedelta(hours=1), timedelta(days=6))), max_size=12))
def test_whatever_is_said_in_the_talks_no_case_lapses_while_the_respondent_is_next(
    talks: list[tuple[str, timedelta]],
) -> None:
    dispute, at = filed(ANSWERS_AGAIN, ex.SILENCE_UNLOCKS, clocked=True).when(ex.OFFER, at=ex.NOON), ex.NOON
    for what, gap in talks:
        at = Instant.of(at + gap)
        said: dict[str, Posted] = {"amend": ex.AMEND, "offer": ex.OFFER}
        dispute.when(said.get(what) or ex.extend("response", "respondent", Instant.of(at + 3 * gap)), at=at)
    dispute.passes(Instant.of(at + timedelta(days=60)))
    lapsed = next(one for one in dispute.history if one.name == "intervention_window_expired")
    before = fold(dispute.history[: lapsed.version - 1])
    assert before is not None
    assert [one.kind for one in before.clocks] == ["intervention"]


@thorough
@given(tales)
def test_a_case_that_is_not_closed_always_waits_for_something_with_an_end(tale: Tale) -> None:
    dispute, at = begun(tale, clocked=False), tale.start
    for number, one in enumerate(tale.asks):
        at = Instant.of(at + one.gap)
        ask(dispute, one, number, at)
        assert (dispute.case.status == "closed") == (dispute.case.clocks == ())


@thorough
@given(tales, st.lists(st.timedeltas(ex.TICK, timedelta(days=9)), min_size=1, max_size=12))
def test_one_long_advance_of_a_test_clock_and_many_short_ones_give_the_same_events(
    tale: Tale, strides: list[timedelta]
) -> None:
    dispute = told(tale, clocked=True, punctual=False)
    short = dispute.fork()
    for stride in strides:
        short.passes(Instant.of(short.now + stride))
    long = dispute.passes(short.now)
    assert essence(long.history) == essence(short.history)


@thorough
@given(tales)
def test_nothing_overdue_is_left_behind_by_any_step(tale: Tale) -> None:
    dispute = told(tale, clocked=False, punctual=False)
    assert overdue(dispute.case, dispute.now) is None
    assert dispute.fork().passes(dispute.now).written == ()
