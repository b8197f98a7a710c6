"""One step of one case, planned: fold, expire what is overdue, decide. Pure; the ledger commits what it returns.

The API, the scheduler, the dry run and the tests plan with these functions; there is no second way to change a case.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.case import Case, Deadline
from case_events.core.citing import cited, rules_of
from case_events.core.commands import BY, POSTED_NAMES, File, Posted
from case_events.core.deadlines import overdue, timeout_id
from case_events.core.decide import decide
from case_events.core.deriving import derived
from case_events.core.events import Event, History, Noted, Outage, Recorded
from case_events.core.evolve import evolve, fold
from case_events.core.gates import stale
from case_events.core.openings import openings
from case_events.core.others import Facts
from case_events.core.policy import InForce
from case_events.core.relief import run_out
from case_events.core.values import ERASED, TEXT_MAX, CaseId, EventId, Instant, Party, Problem, Side, Value, Who

CASCADE_MAX = 1_000
"""The most clocks one step lets run out: nearly three years of daily re-arming. The rest is for the next step."""
CLAIMED_AHEAD_MAX = timedelta(minutes=5)
"""How far ahead of the judging instant a storefront may claim that something happened."""
OURSELVES = "caselog"
"""The client of what the clocks record."""


class Moment(Value, frozen=True, kw_only=True):
    """The one instant that judges a step: real time, and the instant the rules go by (the test clock's, if any)."""

    recorded_at: Instant
    effective_at: Instant


class World(Value, frozen=True, kw_only=True):
    """What a plan needs beside the case itself. ``imported_by``: an import; what ran out is recorded in its time."""

    in_force: InForce
    calendar: Calendar
    moment: Moment
    facts: Facts | None = None
    imported_by: str | None = None
    outages: tuple[Outage, ...] = ()


class Request(Value, frozen=True, kw_only=True):
    """Something asked of one case by a client: who, what, under which ids, and what it had read before.

    ``brief``: the asker looks at no texts of the case, so that they need not be opened.
    """

    case_id: CaseId
    command: File | Posted
    actor: Party
    client: str
    event_id: EventId
    agent: str | None = None
    asked: bytes | None = None
    occurred_at: Instant | None = None
    if_match: int | None = None
    brief: bool = False


class Step(Value, frozen=True, kw_only=True):
    """What a plan came to: the events to write, the answer to the asker, the case after it; or why it was refused.

    A refused step may still have ``events``: the timeouts it found overdue are recorded (design, "Overdue first").
    ``replayed``: the very same was asked before; ``answer`` and ``case`` are those of then and nothing is written.
    ``opens``: complaints that this step files as cases of their own; written with it or not at all (domain B1).
    """

    case_id: CaseId
    before: Case | None
    case: Case | None
    events: History = ()
    answer: History = ()
    problem: Problem | None = None
    replayed: bool = False
    opens: tuple[File, ...] = ()


def plan(history: History, request: Request, world: World, before: Case | None = None) -> Step:
    """What asking ``request`` of the case with this ``history`` (oldest first) comes to. ``before``: its fold."""
    before = before or fold(history)
    again = _asked_before(history, request)
    if again is not None:
        return again
    side = _side(request, before)
    if isinstance(side, Problem):
        return Step(case_id=request.case_id, before=before, case=before, problem=side)
    timeouts, case = expire_overdue(history, before, world)
    answer = (
        stale(request.if_match, (*history, *timeouts))
        or _unexpired(timeouts, case, world)
        or decide(request.command, side, case, world.in_force, world.calendar, world.facts, world.moment.effective_at)
    )
    if isinstance(answer, Problem):
        answer = _cited(answer, request, case, world)
        return Step(case_id=request.case_id, before=before, case=case, events=timeouts, problem=answer)
    recorded = _recorded(request, answer, side, case.version if case else 0, world.moment)
    for one in recorded:
        case = evolve(case, one)
    assert case is not None, "something was recorded"
    return Step(
        case_id=request.case_id,
        before=before,
        case=case,
        events=(*timeouts, *recorded),
        answer=recorded,
        opens=openings(case, answer, world.in_force),
    )


def not_opened(step: Step, opening: File, problem: Problem) -> Step:
    """The step without a complaint it wanted to file: its refusal stands in the case, for the desk to see."""
    assert step.case is not None, "only a recorded step opens anything"
    first, last = step.answer[0], step.answer[-1]
    said = "; ".join(f"{one.pointer}: {one.detail}" for one in problem.errors)
    text = f"{opening.type}: {problem.code}. {problem.detail} {said}".strip()[:TEXT_MAX]
    noted = replace(
        last,
        version=last.version + 1,
        event_id=derived(first.event_id, str(len(step.answer))),
        event=Noted(text=text, internal=True),
        who="platform",
        client=OURSELVES,
        agent=None,
        causation=first.event_id,
        asked=None,
    )
    left = tuple(one for one in step.opens if one is not opening)
    case, answer = evolve(step.case, noted), (*step.answer, noted)
    return replace(step, case=case, events=(*step.events, noted), answer=answer, opens=left)


def plan_timeouts(history: History, world: World) -> Step:
    """The step a clock asks for: everything overdue at this moment, in legal order; no events if nothing is."""
    before = fold(history)
    assert before is not None, "only a filed case has clocks"
    timeouts, case = expire_overdue(history, before, world)
    return Step(case_id=before.case_id, before=before, case=case, events=timeouts, answer=timeouts)


def expire_overdue(history: History, case: Case | None, world: World) -> tuple[History, Case | None]:
    """The timeouts that are overdue now, each followed by what it causes, and the case after them.

    At most ``CASCADE_MAX`` clocks run out; whoever needs them all asks ``overdue`` again.
    """
    written: list[Recorded] = []
    in_time = world.imported_by is not None or (case is not None and case.test_clock is not None)
    outages = () if in_time else world.outages
    for _ in range(CASCADE_MAX):
        deadline = overdue(case, world.moment.effective_at, in_time=in_time) if case else None
        if case is None or deadline is None:
            break
        # A clocked or imported timeout is written as if just after its deadline, so that one long advance and many
        # short ones give the same dates; never before what set its clock (talks that were over when accepted).
        moment = world.moment
        if in_time:
            just_after = Instant.of(deadline.due_at + timedelta(microseconds=1))
            moment = Moment(recorded_at=moment.recorded_at, effective_at=max(just_after, case.updated_at))
        so_far = (*history, *written)
        expired = run_out(deadline, case, so_far, world.in_force, world.calendar, outages, moment.effective_at)
        for one in _timed_out(case, deadline, expired, so_far, moment, world.imported_by or OURSELVES):
            written.append(one)
            case = evolve(case, one)
    return tuple(written), case


def _timed_out(
    case: Case, deadline: Deadline, events: tuple[Event, ...], so_far: History, moment: Moment, client: str
) -> History:
    return _enveloped(
        events,
        case_id=case.case_id,
        version=case.version,
        first=timeout_id(case.case_id, deadline),
        occurred_at=deadline.due_at,
        moment=moment,
        who="scheduler",
        client=client,
        causation=so_far[deadline.set_by - 1].event_id,
    )


def _recorded(request: Request, events: tuple[Event, ...], side: Side, version: int, moment: Moment) -> History:
    return _enveloped(
        events,
        case_id=request.case_id,
        version=version,
        first=request.event_id,
        occurred_at=request.occurred_at or moment.effective_at,
        moment=moment,
        who=side,
        client=request.client,
        agent=request.agent,
        asked=request.asked,
    )


def _enveloped(
    events: tuple[Event, ...],
    *,
    case_id: CaseId,
    version: int,
    first: EventId,
    occurred_at: Instant,
    moment: Moment,
    who: Who,
    client: str,
    agent: str | None = None,
    causation: UUID | None = None,
    asked: bytes | None = None,
) -> History:
    """The events of one step in their envelopes: the nth id derives from the first, and all share its correlation."""
    return tuple(
        Recorded(
            case_id=case_id,
            version=version + index + 1,
            event_id=first if index == 0 else derived(first, str(index)),
            event=event,
            occurred_at=occurred_at,
            effective_at=moment.effective_at,
            recorded_at=moment.recorded_at,
            who=who,
            agent=agent,
            client=client,
            correlation=first,
            causation=causation if index == 0 else first,
            asked=asked if index == 0 else None,
        )
        for index, event in enumerate(events)
    )


def _asked_before(history: History, request: Request) -> Step | None:
    """The original answer to the same request, as of that version; ``id_reused`` if something else was asked then."""
    first = next((one for one in history if one.event_id == request.event_id), None)
    if first is None:
        return None
    if first.asked != request.asked:
        problem = Problem(code="id_reused", detail="This key was used before, with another body.")
        return Step(case_id=request.case_id, before=None, case=None, problem=problem)
    answer = tuple(one for one in history if one.correlation == first.correlation)
    case = fold(tuple(one for one in history if one.version <= answer[-1].version))
    return Step(case_id=request.case_id, before=case, case=case, answer=answer, replayed=True)


def _cited(problem: Problem, request: Request, case: Case | None, world: World) -> Problem:
    if isinstance(request.command, File):
        return cited(problem, rules_of(request.command, world.in_force))
    assert case is not None, "only a filing is refused before there is a case"
    return cited(problem, world.in_force.type_of(case.type, case.subtype))


def _side(request: Request, case: Case | None) -> Side | Problem:
    """Which side asks: a party of the case by role and id, or the platform; the first of those the event is for."""
    if isinstance(request.command, File):
        return "platform" if request.actor.role == "platform" else "complainant"
    if case is None:
        return Problem(code="not_found", detail="There is no such case.")
    name = POSTED_NAMES[type(request.command)]
    for side in BY[name]:
        if _speaks_for(side, request.actor, case):
            return side
    whose = " or ".join(BY[name])
    return Problem(code="forbidden", detail=f"{name} is for the {whose} of this case to post.")


def _speaks_for(side: Side, actor: Party, case: Case) -> bool:
    if side == "platform":
        return actor.role == "platform"
    party = case.complainant if side == "complainant" else case.respondent
    return party == actor and party.id != ERASED


def _unexpired(found: History, case: Case | None, world: World) -> Problem | None:
    """Nothing is judged before everything overdue is recorded; what was found is recorded with this refusal."""
    if not found or case is None:
        return None
    if overdue(case, world.moment.effective_at, in_time=world.imported_by is not None) is None:
        return None
    return Problem(code="busy", detail="More clocks have run out than one step records; send it again.")


def claimed_ahead(occurred_at: Instant | None, now: Instant) -> bool:
    """Does the storefront claim an instant too far in the future?"""
    return occurred_at is not None and occurred_at > now + CLAIMED_AHEAD_MAX
