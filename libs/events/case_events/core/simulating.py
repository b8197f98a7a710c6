"""A recorded case under another policy: where it would stand, and how that differs from where it stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Literal

from msgspec.structs import replace

from case_events.core.case import Case, Stage, Status
from case_events.core.changes import REMINDER
from case_events.core.events import FollowedUp, History, Settled, clocks_of
from case_events.core.evolve import fold
from case_events.core.outcomes import GRANTED
from case_events.core.plan import World, expire_overdue
from case_events.core.policy import InForce
from case_events.core.retelling import EVENTS_MAX, OutagesAt, RefusedStep, retell
from case_events.core.timeouts import TimedOut
from case_events.core.values import CaseId, ClockParty, Instant, Money, PolicyRef, Value, Word
from case_events.core.viewer import Viewer, seen, unmarked

Difference = Literal["filing", "refused", "outcome", "status", "amount", "timeouts", "due_times"]
"""``filing``: it could not have been filed. ``refused``: other steps could not have been taken."""
Clocked = tuple[Word, ClockParty]
"""A kind of clock, and whom it runs against."""


class RanOut(Value, frozen=True, kw_only=True):
    """A clock that ran out, perhaps more than once, and when it did first."""

    kind: Word
    party: ClockParty
    times: int
    first_due_at: Instant


class Course(Value, frozen=True, kw_only=True):
    """Where a case stands, what its complainant was awarded, and what was not done in time."""

    stage: Stage
    status: Status
    outcome: Word | None
    awarded: Money
    timeouts: tuple[RanOut, ...]


class DueTime(Value, frozen=True, kw_only=True):
    """Of the promises of one clock the first that differs; None: it was not made at all."""

    kind: Word
    party: ClockParty
    recorded: Instant | None
    simulated: Instant | None


class Simulated(Value, frozen=True, kw_only=True):
    """A case as it is and as it would be; ``simulated`` is None where it could not have been filed."""

    case_id: CaseId
    number: str
    policy: PolicyRef
    recorded: Course
    simulated: Course | None
    differences: tuple[Difference, ...]
    due_times: tuple[DueTime, ...]
    refused: tuple[RefusedStep, ...]

    @property
    def differs(self) -> bool:
        return self.differences != ()


def simulate(history: History, world: World, candidate: InForce, outages: OutagesAt) -> Simulated:
    """The case with this ``history`` under the ``candidate``, until now, and what differs.

    ``world``: what the case is judged by now. What is overdue and not written yet counts as if it was.
    """
    recorded, case = _until_now(history, world)
    told = retell(recorded, world, candidate, outages)
    as_it_is = course_of(recorded, case)
    as_it_would_be = course_of(told.history, told.case) if told.case else None
    due_times = _due_times(recorded, told.history) if told.case else ()
    return Simulated(
        case_id=case.case_id,
        number=case.number,
        policy=case.policy,
        recorded=as_it_is,
        simulated=as_it_would_be,
        differences=tuple(_differences(as_it_is, as_it_would_be, told.refused, due_times)),
        due_times=due_times,
        refused=told.refused,
    )


def _until_now(history: History, world: World) -> tuple[History, Case]:
    """With all that is overdue and not written yet, in as many steps as that takes."""
    case = fold(history)
    while len(history) <= EVENTS_MAX:
        written, case = expire_overdue(history, case, world)
        history = (*history, *written)
        if not written:
            break
    assert case is not None, "a case has events"
    return history, case


def course_of(history: History, case: Case) -> Course:
    """How a case went so far; ``case``: the fold of its history."""
    return Course(
        stage=case.stage,
        status=case.status,
        outcome=case.outcome,
        awarded=_awarded(history, case),
        timeouts=_timeouts(history),
    )


def _awarded(history: History, case: Case) -> Money:
    """What the settlement or the ruling that stands gives the complainant, and what was imposed later (domain P4)."""
    if case.outcome not in GRANTED:
        return replace(case.amount, amount=0)
    if case.outcome in ("settled", "conceded"):
        owed = [one.event.owed for one in history if isinstance(one.event, Settled)][-1:]
    else:
        owed = [case.rulings[-1].owed]
    owed += [one.event.owed for one in history if isinstance(one.event, FollowedUp)]
    return replace(case.amount, amount=sum(one.amount for one in owed if one is not None))


def _timeouts(history: History) -> tuple[RanOut, ...]:
    ran_out = defaultdict[Clocked, list[Instant]](list)
    for one in history:
        if isinstance(one.event, TimedOut):
            ran_out[one.event.kind, one.event.party].append(one.event.due_at)
    return tuple(
        RanOut(kind=kind, party=party, times=len(due), first_due_at=due[0]) for (kind, party), due in ran_out.items()
    )


def _due_times(recorded: History, told: History) -> tuple[DueTime, ...]:
    """Of each clock, whether it ran out or not, the first promise that differs."""
    then, now = _promises(recorded), _promises(told)
    found = list[DueTime]()
    for kind, party in dict.fromkeys((*then, *now)):
        pairs = zip_longest(then.get((kind, party), ()), now.get((kind, party), ()))
        first = next(((was, would_be) for was, would_be in pairs if was != would_be), None)
        if first is not None:
            found.append(DueTime(kind=kind, party=party, recorded=first[0], simulated=first[1]))
    return tuple(found)


def _promises(history: History) -> dict[Clocked, list[Instant]]:
    """Until when each clock was to run, as often as it was said anew; reminders are none."""
    found = defaultdict[Clocked, list[Instant]](list)
    for one in history:
        for clock in clocks_of(one.event):
            due = found[clock.kind, clock.party]
            if not clock.kind.endswith(REMINDER) and due[-1:] != [clock.due_at]:
                due.append(clock.due_at)
    return {about: due for about, due in found.items() if due}


def _differences(
    recorded: Course, told: Course | None, refused: Iterable[RefusedStep], due_times: Iterable[DueTime]
) -> Iterator[Difference]:
    if told is None:
        yield "filing"
        return
    if refused:
        yield "refused"
    if told.outcome != recorded.outcome:
        yield "outcome"
    if (told.stage, told.status) != (recorded.stage, recorded.status):
        yield "status"
    if told.awarded != recorded.awarded:
        yield "amount"
    if _counted(told) != _counted(recorded):
        yield "timeouts"
    if due_times:
        yield "due_times"


def _counted(course: Course) -> set[tuple[Word, ClockParty, int]]:
    """What ran out and how often; the instants are due times."""
    return {(one.kind, one.party, one.times) for one in course.timeouts}


def simulated_for(viewer: Viewer, history: History, world: World, candidate: InForce, outages: OutagesAt) -> Simulated:
    """What the viewer sees of it: told without the marks that they are not to know of, since a ``candidate`` could be
    written to ask for them. ``history``: all of the case's."""
    return shown_to(simulate(unmarked(history, viewer), world, candidate, outages), history, viewer)


def shown_to(found: Simulated, history: History, viewer: Viewer) -> Simulated:
    """Without the steps that there are not for the viewer. ``history``: all of the case's."""
    versions = {one.version for one in seen(history, viewer)}
    refused = tuple(one for one in found.refused if one.version in versions)
    differences = tuple(word for word in found.differences if word != "refused" or refused)
    return replace(found, refused=refused, differences=differences)
