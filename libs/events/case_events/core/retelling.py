"""A recorded case told again under another policy: the same steps at the same instants, through the same ``plan``.

What is refused there is named and left out, and what follows is told on; nobody is made to say what nobody said. Clocks
are looked at in time, but where the record shows that nobody looked: there they are written as late as it was. Under
the policy it was filed under, a case comes out as it was recorded, but for three things: what the rest of the world
knew then and knows better now (days that were not published yet, a guess of which was later than they are); reminders
that nobody was there to tell; and the number of the versions, where a complaint that opened by itself was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter

from msgspec.structs import replace

from case_events.core.calendar import MOMENT
from case_events.core.case import Case
from case_events.core.commands import File, Posted
from case_events.core.deadlines import deadlines_of
from case_events.core.events import Filed, History, Outage, Recorded
from case_events.core.plan import Moment, Request, World, expire_overdue, plan
from case_events.core.policy import InForce
from case_events.core.promises import rulebook
from case_events.core.recalling import Rules, Step, actor_of, asked_in, filing_of, steps_of
from case_events.core.values import IMPORT, Instant, Problem, Value, Word

EVENTS_MAX = 5_000
"""A case that would have had more, by clocks that run out again and again, is told no further."""
TOO_MANY = Problem(code="busy", detail=f"More than {EVENTS_MAX} events would have been recorded by then.")
OutagesAt = Callable[[Instant], tuple[Outage, ...]]
"""The outages that were on record at an instant."""


class RefusedStep(Value, frozen=True, kw_only=True):
    """A recorded step that could not have been taken: its version and type, the problem's code and rule, and where
    what was asked is at fault."""

    version: int
    type: Word
    code: str
    rule: str | None
    pointers: tuple[str, ...] = ()


class Retold(Value, frozen=True, kw_only=True):
    """A history told again, and what of it was refused; ``case``: its fold, None where it could not be filed."""

    history: History
    case: Case | None
    refused: tuple[RefusedStep, ...]


def retell(recorded: History, world: World, candidate: InForce, outages: OutagesAt) -> Retold:
    """The steps of ``recorded`` asked again under the ``candidate``, until the moment of ``world``."""
    teller, refused = _Teller(recorded, world, candidate, outages), list[RefusedStep]()
    for step in steps_of(recorded):
        problem = teller.ask(step)
        if problem is not None:
            refused.append(_refused(step[0], problem))
        if teller.case is None:
            return Retold(history=(), case=None, refused=tuple(refused))
    teller.end(world.moment)
    return Retold(history=teller.history, case=teller.case, refused=tuple(refused))


def _refused(first: Recorded, problem: Problem) -> RefusedStep:
    return RefusedStep(
        version=first.version,
        type=first.name,
        code=problem.code,
        rule=problem.rule,
        pointers=tuple(one.pointer for one in problem.errors),
    )


class _Teller:
    """A history in the telling: what is told so far, and the case after it."""

    def __init__(self, recorded: History, world: World, candidate: InForce, outages: OutagesAt) -> None:
        filed = recorded[0].event
        assert isinstance(filed, Filed), "a history starts with its filing"
        self.history: History = ()
        self.case: Case | None = None
        self._filed, self._candidate, self._outages = filed, candidate, outages
        self._world = replace(world, in_force=candidate, facts=None, outages=())
        self._then = world.in_force
        self._unseen = _unseen(recorded)

    def ask(self, step: Step) -> Problem | None:
        """Ask what the step asked, after what had run out by then; why it is refused, if it is."""
        first = step[0]
        imported_by = first.client if first.client.startswith(IMPORT) else None
        moment = Moment(recorded_at=first.recorded_at, effective_at=first.effective_at)
        self._run_until(moment, imported_by)
        if len(self.history) > EVENTS_MAX:
            return TOO_MANY
        world = replace(self._at(moment), imported_by=imported_by)
        if self.case is None:
            filing, facts = filing_of(step, self._then)
            return self._plan(first, filing, replace(world, facts=facts))
        return self._plan(first, asked_in(step, self.case, self._rules(self.case)), world)

    def _plan(self, first: Recorded, command: File | Posted, world: World) -> Problem | None:
        request = Request(
            case_id=first.case_id,
            command=command,
            actor=actor_of(first, self._filed),
            client=first.client,
            event_id=first.event_id,
            occurred_at=first.occurred_at,
        )
        came_to = plan(self.history, request, world, self.case)
        self.history, self.case = (*self.history, *came_to.events), came_to.case
        return came_to.problem

    def end(self, moment: Moment) -> None:
        """Whatever has run out until now."""
        self._run_until(moment, None)

    def _rules(self, case: Case) -> Rules:
        calendar = self._world.calendar
        then = rulebook(self._filed, self._then, calendar)
        return Rules(then=then, now=rulebook(case, self._candidate, calendar))

    def _run_until(self, moment: Moment, imported_by: str | None) -> None:
        """Look at the clocks in time, as often as something runs out before the moment, and then."""
        for _ in range(EVENTS_MAX):
            if len(self.history) > EVENTS_MAX:
                return
            looked = min((self._looked_at(due) for due in self._running()), default=moment.effective_at)
            if looked < moment.effective_at:
                self._expire(Moment(recorded_at=looked, effective_at=looked), imported_by)
            elif not self._expire(moment, imported_by):
                return

    def _running(self) -> Iterator[Instant]:
        if self.case is not None:
            yield from (one.due_at for one in deadlines_of(self.case) if not one.provisional)

    def _looked_at(self, due: Instant) -> Instant:
        """When somebody looks at a clock: just after it ran out, and not before what set it; or when nobody did then,
        as soon as somebody did."""
        assert self.case is not None, "its clock runs"
        looked = max(Instant.of(due + MOMENT), self.case.updated_at)
        written = [at for same, _, at in self._unseen if same == due and at >= looked]
        if written:
            return min(written)
        for _, began, ended in self._unseen:
            if began < looked < ended:
                looked = ended
        return looked

    def _expire(self, moment: Moment, imported_by: str | None) -> bool:
        """Whether anything had run out; what one step does not record (CASCADE_MAX) the next does."""
        world = replace(self._at(moment), imported_by=imported_by)
        written, self.case = expire_overdue(self.history, self.case, world)
        self.history = (*self.history, *written)
        return written != ()

    def _at(self, moment: Moment) -> World:
        return replace(self._world, moment=moment, outages=self._outages(moment.effective_at))


def _unseen(recorded: History) -> list[tuple[Instant, Instant, Instant]]:
    """When nobody looked at the clocks of this case, by what was written late: what was due, since when it could have
    been written, and when it was; the earliest first.

    A clock that was made sure when it was over already is late since then. An imported case was nobody's here before
    it came; what had run out on its way was recorded in its time.
    """
    set_at = {one.event_id: one.effective_at for one in recorded}
    late = {
        (one.occurred_at, max(one.occurred_at, set_at[one.causation]), one.effective_at)
        for one in recorded
        if one.who == "scheduler" and one.causation is not None
    }
    came = [(one.effective_at, one.effective_at, one.recorded_at) for one in recorded if one.client.startswith(IMPORT)]
    return sorted([*late, *came[-1:]], key=itemgetter(1))
