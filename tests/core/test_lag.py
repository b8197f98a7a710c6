"""No lag changes an outcome: the same is asked at the same instants, and schedulers come when they come, or never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from case_events.core.case import Case
from case_events.core.commands import Posted
from case_events.core.deadlines import overdue
from case_events.core.events import DeadlineExtended, Recorded
from case_events.core.values import Instant, Problem
from tests import examples as ex
from tests.core.tales import Tale, begun, chosen, side_of, tales
from tests.spec import Dispute

thorough = settings(max_examples=25, deadline=None, derandomize=True)
LOOKED_MAX = timedelta(days=45)
looks = st.lists(st.timedeltas(timedelta(0), LOOKED_MAX), max_size=12).map(sorted)
"""When some scheduler looks at the clocks, counted from the first thing asked."""
END = timedelta(days=20)


UNHEARD = ("forbidden", "id_reused")
"""Who may not ask records nothing, not even what is overdue; everybody reads it all the same."""


class Answered(NamedTuple):
    """What somebody was told who asked something: what was recorded of it, or why not, and how the case then is."""

    problem: Problem | None
    recorded: list[tuple[str, Instant, Any]]
    state: dict[str, Any]


def asked(tale: Tale, *, clocked: bool) -> list[Posted]:
    """What is asked in a tale, chosen where nobody but the askers ever looks at the clocks."""
    dispute, at, commands = begun(tale, clocked=clocked), tale.start, list[Posted]()
    for number, one in enumerate(tale.asks):
        at = Instant.of(at + one.gap)
        commands.append(chosen(dispute, one, number, at))
        dispute.when(commands[-1], at=at, by=side_of(one), key=f"key {number}")
    return commands


def lived(
    tale: Tale, commands: list[Posted], looked: list[timedelta], *, clocked: bool
) -> tuple[Dispute, list[Answered]]:
    """The tale with these commands, the clocks looked at so long after its start."""
    dispute, at, answers = begun(tale, clocked=clocked), tale.start, list[Answered]()
    left = [Instant.of(tale.start + after) for after in looked]
    for number, (one, command) in enumerate(zip(tale.asks, commands, strict=True)):
        at = Instant.of(at + one.gap)
        while left and left[0] <= at:
            dispute.passes(left.pop(0))
        dispute.when(command, at=at, by=side_of(one), key=f"key {number}")
        answers.append(answered(dispute))
    for look in left:
        dispute.passes(max(look, at))
    return dispute.passes(Instant.of(max(at, tale.start + LOOKED_MAX) + END)), answers


def answered(dispute: Dispute) -> Answered:
    step = dispute.last
    recorded = [(one.name, one.effective_at, said(one)) for one in step.answer]
    # A guessed day that is confirmed once it is over runs out next.
    confirmed = bool(step.events) and isinstance(step.events[-1].event, DeadlineExtended)
    if not confirmed and (step.problem is None or step.problem.code not in UNHEARD):
        assert overdue(dispute.case, dispute.now) is None, "everything overdue is recorded first, also with a refusal"
    problem = step.problem and msgspec.structs.replace(step.problem, current_version=None)
    return Answered(problem, recorded, state_of(dispute.fork().passes(dispute.now).case))


def said(one: Recorded) -> Any:
    """An event without what tells how late we were, or which version it or another one had."""
    data = msgspec.to_builtins(one.event, enc_hook=str)
    return versionless({name: value for name, value in data.items() if name != "late_s"})


def state_of(case: Case) -> dict[str, Any]:
    """All that parties and desk see of it, but for versions and for reminders, which come in time or not at all; in
    real time also but for when a timeout was written."""
    clocks = [(one.kind, one.party, one.due_at, one.provisional) for one in case.clocks]
    apart = {"clocks", "reminders", "version", "undo"} | (set() if case.test_clock else {"updated_at", "closed_at"})
    plain = {name: getattr(case, name) for name in case.__struct_fields__ if name not in apart}
    return {name: versionless(msgspec.to_builtins(value, enc_hook=str)) for name, value in plain.items()} | {
        "clocks": clocks
    }


def versionless(value: Any) -> Any:
    if isinstance(value, dict):
        numbered = ("version", "set_by", "by_version")
        return {name: versionless(one) for name, one in value.items() if name not in numbered}
    return [versionless(one) for one in value] if isinstance(value, list | tuple) else value


def noticed(*disputes: Dispute) -> bool:
    """Did lag lengthen a party's window to the minimum notice? That is the one thing it may do."""
    return any(
        clock.minimum_notice
        for one in disputes
        for event in one.history
        for clock in getattr(event.event, "clocks", ())
    )


@thorough
@given(tales, looks)
def test_under_a_test_clock_everything_is_the_same_whenever_a_scheduler_comes(
    tale: Tale, looked: list[timedelta]
) -> None:
    commands = asked(tale, clocked=True)
    alone, answers = lived(tale, commands, [], clocked=True)
    watched, same = lived(tale, commands, looked, clocked=True)
    assert answers == same
    unstamped = [[msgspec.structs.replace(one, recorded_at=ex.NOON) for one in d.history] for d in (alone, watched)]
    assert unstamped[0] == unstamped[1]


@thorough
@given(tales, looks)
def test_in_real_time_every_answer_is_the_same_whenever_a_scheduler_comes(tale: Tale, looked: list[timedelta]) -> None:
    commands = asked(tale, clocked=False)
    alone, answers = lived(tale, commands, [], clocked=False)
    watched, same = lived(tale, commands, looked, clocked=False)
    assume(not noticed(alone, watched))
    assert answers == same
    names = [[one.name for one in d.history if one.name != "deadline_approaching"] for d in (alone, watched)]
    assert names[0] == names[1]


@thorough
@given(tales, looks)
def test_of_two_lags_neither_takes_a_party_s_time_away(tale: Tale, looked: list[timedelta]) -> None:
    """Until a minimum notice made the first difference, all is the same; that one gives more time, never less."""
    commands = asked(tale, clocked=False)
    alone, answers = lived(tale, commands, [], clocked=False)
    watched, same = lived(tale, commands, looked, clocked=False)
    for one, other in zip(answers, same, strict=True):
        if one != other:
            assert noticed(alone, watched)
            return
