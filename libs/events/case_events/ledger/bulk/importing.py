"""Bulk import: a history that happened elsewhere, judged by the rules and at the instants it happened at.

A line is asked at its ``occurred_at``: under the policy in force then, after what had run out by then has been recorded
as it would have been in time. Everything is written under the client ``import:SOURCE``, and the ids derive from it, so
that a line is recorded once however often a file is read. Until the import is over its deadlines are held: a case is
not to time out because its next line stands further down.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from uuid import uuid5

from msgspec.structs import replace

from case_events.core.case import Case
from case_events.core.commands import Correct, Dismiss, File, Posted, Rule
from case_events.core.events import History
from case_events.core.evolve import fold
from case_events.core.plan import Moment, Request, Step, World, plan
from case_events.core.values import IMPORT, CaseId, Instant, Party, Problem, Value
from case_events.ledger.bulk.held import hold
from case_events.ledger.bulk.together import (
    STEPS_MAX,
    Chain,
    Item,
    Lane,
    closes_what_it_filed,
    grouped,
    in_rounds,
    lanes_of,
)
from case_events.ledger.codec import GENESIS
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import refused, world_of
from case_events.ledger.marks import complainant_digest
from case_events.ledger.past import at_fault, filing_worlds, with_opened_then
from case_events.ledger.steps import CLIENTS, Asking, commit, request_of
from case_events.ledger.store import Loaded, load

CASES_MAX = 200
"""Cases in one transaction."""
ITEMS_MAX = 1_000
"""Lines in one transaction."""
CASCADES_MAX = 20
"""How often a line may meet more overdue clocks than one step records: some sixty years of daily re-arming."""
ATTEMPTS_MAX = 10
JUDGE_S_MAX = 1.0
"""How long lines are judged before they are written; what is older than append_statements.FRESH_S never is."""

DONE = """
SELECT e.event_id, e.asked FROM unnest($1::uuid[], $2::uuid[]) AS asked (case_id, event_id)
JOIN events e USING (case_id, event_id)
"""
NOW = "SELECT clock_timestamp()"


class Line(Value, frozen=True, kw_only=True):
    """One line of a file, understood. ``case_ref``: how the file calls the case; a filing's own key is that.

    ``key``: how the file calls the line; ``body``: the line as it stands, by which it is known again.
    """

    number: int
    case_ref: str
    key: str
    command: File | Posted
    actor: Party
    occurred_at: Instant
    body: bytes
    agent: str | None = None


class Told(Value, frozen=True, kw_only=True):
    """What became of a line: why it was refused, or how many events it recorded (timeouts before it included)."""

    problem: Problem | None = None
    events: int = 0
    replayed: bool = False


async def record(ledger: Ledger, connection: Connection, source: str, lines: Sequence[Line]) -> dict[int, Told]:
    """Record some lines of a file, in their order; what became of each, by its number.

    Writes in transactions of its own, which are part of the caller's where there is one. What was recorded before is
    found without judging it again. Raises one of UNAVAILABLE, and what ``load`` raises for a case it cannot read.
    """
    client = f"{IMPORT}{source}"
    items = [Item(place=line.number, request=_asked(line, client, ledger)) for line in lines]
    told, left = await _known(connection, items)
    for group in grouped(lanes_of(left), CASES_MAX, ITEMS_MAX):
        answers: dict[int, Step] = {}
        write = partial(_commit, ledger, connection)
        together, alone = (partial(_judged, ledger, connection, lone=lone) for lone in (False, True))
        stubborn = await in_rounds(group, answers, together, write)
        for lane in stubborn:
            rest = [lane]
            for _ in range(ATTEMPTS_MAX):
                rest = await in_rounds(rest, answers, alone, write)
                if not rest:
                    break
            # What could not be written even so leaves the rest of its case untold: none of it was recorded.
            answers |= {item.place: refused(item.request.case_id, NOT_WRITTEN) for one in rest for item in one}
        told |= {place: Told(problem=step.problem, events=len(step.events)) for place, step in answers.items()}
    return told


NOT_WRITTEN = Problem(
    code="not_allowed_now", detail="The case is changing at the same time, or this side of it was erased."
)


def _asked(line: Line, client: str, ledger: Ledger) -> Request:
    filing = isinstance(line.command, File)
    case_id = uuid5(uuid5(CLIENTS, client), line.case_ref)
    asking = Asking(
        command=line.command,
        actor=line.actor,
        client=client,
        case_id=None if filing else case_id,
        key=line.case_ref if filing else line.key,
        body=line.body,
        agent=line.agent,
        occurred_at=line.occurred_at,
    )
    return request_of(asking, ledger.vault)


async def _known(connection: Connection, items: Sequence[Item]) -> tuple[dict[int, Told], list[Item]]:
    """What is told of lines that were recorded before, or that come too late for that; and those to be judged."""
    ids = [[item.request.case_id for item in items], [item.request.event_id for item in items]]
    done = {row["event_id"]: row["asked"] for row in await connection.fetch(DONE, *ids)}
    later = {item.request.case_id: item.place for item in items if item.request.event_id in done}
    told, left = dict[int, Told](), list[Item]()
    for item in items:
        request = item.request
        if request.event_id in done:
            same = done[request.event_id] == request.asked
            told[item.place] = Told(replayed=True) if same else Told(problem=REUSED)
        elif later.get(request.case_id, 0) > item.place:
            told[item.place] = Told(problem=at_fault("/occurred_at", "a later line of this case is recorded already"))
        else:
            left.append(item)
    return told, left


NOT_FILED = Problem(code="not_found", detail="No line before this one filed this case.")
REUSED = Problem(code="id_reused", detail="A line of this source had this id before, and said something else.")


async def _judged(ledger: Ledger, connection: Connection, lanes: Sequence[Lane], *, lone: bool) -> list[Chain]:
    # The facts before the histories, as in judging: a case filed between the two is found, and not taken for another's.
    filings = [lane[0].request for lane in lanes if isinstance(lane[0].request.command, File)]
    worlds = await filing_worlds(ledger, connection, filings)
    loaded = await load(connection, [lane[0].request.case_id for lane in lanes], ledger.vault)
    now: Instant = await connection.fetchval(NOW)
    chains, marking, until = list[Chain](), set[bytes](), time.monotonic() + JUDGE_S_MAX
    for lane in lanes:
        case_id = lane[0].request.case_id
        found = loaded.get(case_id)
        world = worlds.get(case_id) if found is None else await world_of(ledger, connection, found)
        who = _complainant(ledger, lane, found)
        marked = who in marking and isinstance(world, World) and world.in_force.policy.credit is not None
        if (marked and found is None) or (chains and time.monotonic() > until):
            # What is before it in the file may mark its complainant; or what was judged would be too old to be written.
            chains.append(Chain(case_id=case_id))
        else:
            chains.append(await _chained(ledger, connection, lane, found, world, now, lone=lone))
        if any(isinstance(item.request.command, Dismiss | Rule | Correct) for item in lane):
            marking.add(who)
    return chains


def _complainant(ledger: Ledger, lane: Lane, loaded: Loaded | None) -> bytes:
    command = lane[0].request.command
    case = fold(loaded.history) if loaded else command if isinstance(command, File) else None
    return complainant_digest(case, ledger.vault) if case else b""


async def _chained(
    ledger: Ledger,
    connection: Connection,
    lane: Lane,
    loaded: Loaded | None,
    world: World | Problem | None,
    now: Instant,
    *,
    lone: bool,
) -> Chain:
    """As many lines of a case as can be written together, each judged at its own instant."""
    history = loaded.history if loaded else ()
    case, steps, opened = fold(history), list[Step](), tuple[Step, ...]()
    for item in lane[: 1 if lone else STEPS_MAX]:
        if steps and isinstance(item.request.command, File):
            break  # another try at filing: the next round looks up what it is judged by
        step = _planned(history, case, item.request, world, now)
        if step.opens and not lone:
            break  # it opens another case: it goes alone
        if closes_what_it_filed(steps, step):
            break  # the next round goes on from there
        if step.opens:
            step, opened = await with_opened_then(ledger, connection, item.request, step)
        steps.append(step)
        if step.events:
            history, case = (*history, *step.events), step.case
    case_id = lane[0].request.case_id
    return Chain(
        case_id=case_id,
        answers=tuple(steps),
        head=loaded.head if loaded else GENESIS,
        keys=loaded.keys if loaded else ledger.vault.new_keys(case_id),
        opened=opened,
        alone=not steps,
    )


def _planned(
    history: History, case: Case | None, request: Request, world: World | Problem | None, now: Instant
) -> Step:
    """A line judged at the instant it happened at; what had run out by then comes first, in its own time."""
    at = request.occurred_at
    assert at is not None, "a line says when it happened"
    if isinstance(world, Problem):
        return refused(request.case_id, world)
    if world is None or (case is None and not isinstance(request.command, File)):
        return refused(request.case_id, NOT_FILED)
    known = any(one.event_id == request.event_id for one in history)
    if at > now:
        return refused(request.case_id, at_fault("/occurred_at", "in the future"))
    if case is not None and at < case.updated_at and not known:
        said = f"before {case.updated_at.rfc3339()}, the last that is recorded of this case"
        return refused(request.case_id, at_fault("/occurred_at", said))
    moment = Moment(recorded_at=max(now, world.moment.recorded_at), effective_at=at)
    world = replace(world, moment=moment, imported_by=request.client)
    step = plan(history, request, world, case)
    for _ in range(CASCADES_MAX):
        if step.problem is None or step.problem.code != "busy":
            break
        more = plan((*history, *step.events), request, world)
        step = replace(more, before=step.before, events=(*step.events, *more.events))
    return step


class _Undone(Exception):
    """Not all that belongs together was written: the transaction takes back what was."""


async def _commit(ledger: Ledger, connection: Connection, chains: Sequence[Chain]) -> set[CaseId]:
    vault = ledger.vault
    steps = [(step, chain.head, chain.keys) for chain in chains if (step := chain.step()) is not None]
    opened = [(one, GENESIS, vault.new_keys(one.case_id)) for chain in chains for one in chain.opened]
    try:
        async with connection.transaction():
            written = await commit(connection, [*steps, *opened], vault)
            _check_whole(written, [step for step, _, _ in opened], steps[0][0])
            await hold(connection, written)
    except _Undone:
        return set()
    if written:
        ledger.waking.appended()
    return written


def _check_whole(written: set[CaseId], opened: Sequence[Step], opening: Step) -> None:
    """What opens a case is written with it or not at all; it goes alone, so the first step is the one."""
    if opened and not written >= {opening.case_id, *(one.case_id for one in opened)}:
        raise _Undone
