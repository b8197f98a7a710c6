"""Many steps at once: what is asked of one case is planned in a row and written once, and many cases share a group.

A batch and an import differ in how a row is judged and written; who goes when, and what becomes of a case that others
were faster at, is the same here. What does not go through in company is left to be asked alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.events import Filed
from case_events.core.evolve import fold
from case_events.core.plan import Moment, Request, Step, World, claimed_ahead, plan
from case_events.core.values import CaseId, Value
from case_events.ledger.codec import GENESIS
from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import Judged, judge, reads_texts
from case_events.ledger.sealing import KeyDestroyed, SubjectKey
from case_events.ledger.steps import Asking, commit, request_of, submit
from case_events.ledger.store import Contested

CASES_MAX = 100
"""Cases in one group, which is one transaction: some ten milliseconds of judging, so that others get their turn."""
ITEMS_MAX = 200
"""Items in one group; a case with more has a group to itself."""
STEPS_MAX = 100
"""Steps of one case that are written together."""
TRIES_MAX = 3
"""How often a case that others were faster at is judged again in company; after that it goes alone."""


class Item(Value, frozen=True, kw_only=True):
    """One thing asked, and where it stood among the others."""

    place: int
    request: Request


Lane = tuple[Item, ...]
"""What is asked of one case, in its order."""


class Chain(Value, frozen=True, kw_only=True):
    """What the first items of a lane came to, each judged on what those before it did; written whole or not at all.

    ``head`` and ``keys`` are the case's, as it was judged; ``opened``: the complaints it opens, written with it or not
    at all. Without ``answers`` the lane waits for the next round; ``alone``: it must not be written in company.
    """

    case_id: CaseId
    answers: tuple[Step, ...] = ()
    head: bytes = GENESIS
    keys: tuple[SubjectKey, ...] = ()
    opened: tuple[Step, ...] = ()
    alone: bool = False

    def step(self) -> Step | None:
        """All of it as one step; None if it records nothing."""
        steps = [one for one in self.answers if one.events]
        if not steps:
            return None
        events = tuple(event for one in steps for event in one.events)
        return Step(case_id=self.case_id, before=steps[0].before, case=steps[-1].case, events=events)


Judging = Callable[[Sequence[Lane]], Awaitable[list[Chain]]]
Writing = Callable[[Sequence[Chain]], Awaitable[set[CaseId]]]


def lanes_of(items: Iterable[Item]) -> list[Lane]:
    """The items case by case, in the order in which the cases first appear."""
    lanes: dict[CaseId, list[Item]] = {}
    for item in items:
        lanes.setdefault(item.request.case_id, []).append(item)
    return [tuple(lane) for lane in lanes.values()]


def grouped(lanes: Sequence[Lane], cases: int = CASES_MAX, items: int = ITEMS_MAX) -> Iterator[list[Lane]]:
    """The lanes in groups of at most so many cases and, but for one long lane, so many items."""
    group, count = list[Lane](), 0
    for lane in lanes:
        if group and (len(group) == cases or count + len(lane) > items):
            yield group
            group, count = [], 0
        group.append(lane)
        count += len(lane)
    if group:
        yield group


async def in_rounds(lanes: Sequence[Lane], answers: dict[int, Step], judged: Judging, write: Writing) -> list[Lane]:
    """Judge and write until every item has its answer, by its place; the lanes that are left to go alone.

    ``answers`` is filled as rounds are written, so that it says what was done if one of them raises.
    """
    left, alone, tries = list(lanes), list[Lane](), dict[CaseId, int]()
    while left:
        chains = await judged(left)
        written = await _written([chain for chain in chains if chain.step() is not None], write)
        places = {lane[0].request.case_id: lane[0].place for lane in left if lane[0].request.case_id in written}
        rest = list[tuple[Lane, Chain]]()
        for lane, chain in zip(left, chains, strict=True):
            took = chain.answers if chain.case_id in written or chain.step() is None else ()
            if took and _overtaken(lane[0], took[0], places):
                took = ()
            answers |= {item.place: step for item, step in zip(lane, took, strict=False)}
            # Who merely waits for others has tried nothing; unless nobody did anything, so that this ends.
            tried = not took and (chain.answers or not written)
            tries[chain.case_id] = 0 if took else tries.get(chain.case_id, 0) + bool(tried)
            rest.append((lane[len(took) :], chain))
        left = [lane for lane, chain in rest if lane and not _goes_alone(chain, tries)]
        alone += [lane for lane, chain in rest if lane and _goes_alone(chain, tries)]
    return alone


def _goes_alone(chain: Chain, tries: Mapping[CaseId, int]) -> bool:
    return chain.alone or tries[chain.case_id] >= TRIES_MAX


async def _written(chains: Sequence[Chain], write: Writing) -> set[CaseId]:
    """The cases that were written. One that the database refuses is found by halves; it is judged again."""
    if not chains:
        return set()
    try:
        return await write(chains)
    except (Contested, KeyDestroyed):
        if len(chains) == 1:
            return set()
        half = len(chains) // 2
        return await _written(chains[:half], write) | await _written(chains[half:], write)


def _overtaken(item: Item, step: Step, written: Mapping[CaseId, int]) -> bool:
    """Was a filing refused for a case that moved on in this very round, by what was asked before it?"""
    command = item.request.command
    if step.problem is None or not isinstance(command, File):
        return False
    blockers = {str(command.previous), (step.problem.location or "").rpartition("/")[2]}
    return any(place < item.place and str(case_id) in blockers for case_id, place in written.items())


def closes_what_it_filed(steps: Sequence[Step], step: Step) -> bool:
    """Would ``step`` close the case that ``steps`` file? It waits for the next round.

    Until then the complaint is open, and what was asked in between on the same order is told so.
    """
    filed = next((one.before is None for one in steps if one.events), False)
    return filed and bool(step.events) and step.case is not None and step.case.stage == "closed"


Answers = dict[int, Step | Exception]


async def submit_all(ledger: Ledger, askings: Mapping[int, Asking], *, dry_run: bool = False) -> AsyncIterator[Answers]:
    """Plan and, unless ``dry_run``, commit what is asked; the answers by their place, a group at a time.

    Items of one case are judged in the order of their places, each on what the ones before it did; cases go together. A
    fault that is one item's own is its answer. Raises one of UNAVAILABLE while Postgres is away; whether what was not
    answered by then was recorded is not known.
    """
    items = [Item(place=place, request=request_of(said, ledger.vault)) for place, said in sorted(askings.items())]
    for group in grouped(lanes_of(items)):
        answers: dict[int, Step] = {}
        try:
            async with ledger.connection() as connection:
                judged = partial(_judged, ledger, connection, dry_run)
                write = _unwritten if dry_run else partial(_commit, ledger, connection)
                await in_rounds(group, answers, judged, write)
        except UNAVAILABLE:
            raise
        except Exception:  # noqa: BLE001, S110 - a case that cannot be read fails its group: each item says it alone
            pass
        alone = [item.place for lane in group for item in lane if item.place not in answers]
        yield {**answers, **{place: await _alone(ledger, askings[place], dry_run) for place in alone}}


async def _alone(ledger: Ledger, asking: Asking, dry_run: bool) -> Step | Exception:
    try:
        return await submit(ledger, asking, dry_run=dry_run)
    except UNAVAILABLE:
        raise
    except Exception as fault:  # noqa: BLE001 - it is handed to whoever asked
        return fault


async def _judged(ledger: Ledger, connection: Connection, dry_run: bool, lanes: Sequence[Lane]) -> list[Chain]:
    judged = await judge(ledger, connection, [_first(lane) for lane in lanes])
    return [await _chained(ledger, connection, one, lane, dry_run) for one, lane in zip(judged, lanes, strict=True)]


def _first(lane: Lane) -> Request:
    """The first of a lane; the case is read as the one wants it who looks at most of it."""
    first = lane[0].request
    return replace(first, brief=False) if any(reads_texts(item.request) for item in lane) else first


async def _chained(ledger: Ledger, connection: Connection, judged: Judged, lane: Lane, dry_run: bool) -> Chain:
    """The first item as it was judged, and after it as many as can be judged at the same instant."""
    case_id, loaded = judged.request.case_id, judged.loaded
    if judged.opened and not dry_run:
        return Chain(case_id=case_id, alone=True)
    history = (*(loaded.history if loaded else ()), *judged.step.events)
    if not history:
        return Chain(case_id=case_id, answers=(judged.step,))
    head, keys = (loaded.head, loaded.keys) if loaded else (GENESIS, ledger.vault.new_keys(case_id))
    if len(lane) == 1:
        return Chain(case_id=case_id, answers=(judged.step,), head=head, keys=keys)
    filed = history[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    first = Moment(recorded_at=history[0].recorded_at, effective_at=history[0].effective_at)
    world = World(
        in_force=await ledger.policies.pinned(connection, filed.policy),
        calendar=ledger.calendar,
        moment=loaded.moment if loaded else first,
    )
    steps, case = [judged.step], fold(history)
    for item in lane[1:STEPS_MAX]:
        if not dry_run and claimed_ahead(item.request.occurred_at, world.moment.effective_at):
            break  # the next round judges it first, and refuses it
        step = plan(history, item.request, world, case)
        if not dry_run and (step.opens or closes_what_it_filed(steps, step)):
            break
        steps.append(step)
        if step.events:
            history, case = (*history, *step.events), step.case
    return Chain(case_id=case_id, answers=tuple(steps), head=head, keys=keys)


async def _commit(ledger: Ledger, connection: Connection, chains: Sequence[Chain]) -> set[CaseId]:
    steps = [(step, chain.head, chain.keys) for chain in chains if (step := chain.step()) is not None]
    written = await commit(connection, steps, ledger.vault, ledger.recent)
    if written:
        ledger.waking.appended()
    return written


async def _unwritten(chains: Sequence[Chain]) -> set[CaseId]:
    return {chain.case_id for chain in chains}
