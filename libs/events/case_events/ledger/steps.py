"""THE write path: what is asked is planned (pure) and committed (many cases, one statement). There is no second one.

``submit`` loads without a lock, judges, and appends only if nothing changed in between; a conflict is judged again.
The scheduler plans with the locks it already holds and commits through the same ``commit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import asyncpg

from case_events.core.commands import POSTED_NAMES, File, Posted
from case_events.core.decide import Facts
from case_events.core.events import Filed
from case_events.core.plan import Moment, Request, Step, World, claimed_ahead, plan
from case_events.core.values import CaseId, Fault, Instant, Party, Problem, Value
from case_events.ledger.codec import GENESIS, rows_of
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.read_models import case_row, moved
from case_events.ledger.sealing import KeyDestroyed, SubjectKey, Vault
from case_events.ledger.store import Loaded, Writing, append, load

ATTEMPTS_MAX = 20
"""How often a step that lost its race is judged again before the asker is told to come back."""
WAKE_WITHIN = timedelta(seconds=5)
"""A clock due sooner than this wakes the schedulers; they look by themselves at least as often."""
CLIENTS = uuid5(NAMESPACE_URL, "caselog:clients")
"""Never changed: case and event ids of everything sent with a key derive from it."""

FACTS = """
SELECT nextval('complaint_number') AS number, clock_timestamp() AS now,
    (SELECT at FROM test_clocks WHERE id = $1) AS clock_at,
    (SELECT case_id FROM open_complaints WHERE reservation = $2) AS open_complaint
"""


class Asking(Value, frozen=True, kw_only=True):
    """Something asked by a client: ``case_id`` is None for a filing; ``body`` is the JSON as it was received."""

    command: File | Posted
    actor: Party
    client: str
    case_id: CaseId | None = None
    key: str | None = None
    body: bytes = b""
    agent: str | None = None
    occurred_at: Instant | None = None
    if_match: int | None = None


async def submit(ledger: Ledger, asking: Asking, *, dry_run: bool = False) -> Step:
    """Plan and, unless ``dry_run``, commit; the step with its answer, or with the problem why it was refused.

    Raises one of database.UNAVAILABLE while Postgres is away; then nothing is known to be recorded.
    """
    request = _request(asking, ledger.vault)
    async with ledger.connection() as connection:
        for _ in range(ATTEMPTS_MAX):
            loaded, step = await _judged(ledger, connection, request)
            if dry_run or not step.events:
                return step
            try:
                keys = loaded.keys if loaded else ledger.vault.new_keys(request.case_id)
                if await commit(connection, [(step, loaded.head if loaded else GENESIS, keys)], ledger.vault):
                    return step
            except asyncpg.UniqueViolationError:
                # The complaint was opened, or the key used, by somebody faster: judged again, we see it.
                continue
            except KeyDestroyed:
                return Step(case_id=request.case_id, before=None, case=None, problem=ERASED_SIDE)
    return Step(case_id=request.case_id, before=None, case=None, problem=BUSY)


ERASED_SIDE = Problem(code="not_allowed_now", detail="This side was erased: nothing more is recorded in its words.")
BUSY = Problem(code="busy", detail="The case is changing faster than this could be judged; send it again.")


async def commit(
    connection: Connection, steps: Sequence[tuple[Step, bytes, tuple[SubjectKey, ...]]], vault: Vault
) -> set[CaseId]:
    """Write the steps, each with the head it was judged on and its case's keys; the ids of those that were written."""
    writings = [_writing(step, head, keys, vault) for step, head, keys in steps]
    wake_before = max(writing.rows[-1].recorded.recorded_at for writing in writings) + WAKE_WITHIN
    return await append(connection, writings, wake_before=Instant.of(wake_before))


def _writing(step: Step, head: bytes, keys: tuple[SubjectKey, ...], vault: Vault) -> Writing:
    assert step.case is not None, "only a case is written"
    assert step.events, "only a step with events is written"
    stopped, started = moved(step.before, step.case)
    filed = step.events[0].event
    fresh = isinstance(filed, Filed)
    return Writing(
        case_id=step.case_id,
        before=step.before.version if step.before else 0,
        rows=rows_of(step.events, head, keys, vault),
        case=case_row(step.case),
        stopped=stopped,
        started=started,
        keys=keys if fresh else (),
        reserve=reservation(filed, vault) if isinstance(filed, Filed) else None,
        release=step.case.stage == "closed",
    )


def reservation(complaint: File | Filed, vault: Vault) -> bytes:
    """What holds one open complaint per order, type and complainant, without saying who that is."""
    who = complaint.complainant
    return vault.reserved(complaint.marketplace, complaint.order.order_id, complaint.type, who.role, who.id)


async def _judged(ledger: Ledger, connection: Connection, request: Request) -> tuple[Loaded | None, Step]:
    world: World | Problem = Problem(code="not_found", detail="There is no such case.")
    if isinstance(request.command, File):
        # The facts before the history: a case opened between the two by this very key is found and replayed. The
        # other way round its own reservation would look like somebody else's.
        world = await _filing_world(ledger, connection, request.command)
    loaded = (await load(connection, [request.case_id], ledger.vault)).get(request.case_id)
    if loaded is not None:
        filed = loaded.history[0].event
        assert isinstance(filed, Filed), "a history starts with its filing"
        in_force = await ledger.policies.pinned(connection, filed.policy)
        world = World(in_force=in_force, calendar=ledger.calendar, moment=loaded.moment)
    if isinstance(world, Problem):
        return loaded, Step(case_id=request.case_id, before=None, case=None, problem=world)
    if claimed_ahead(request.occurred_at, world.moment.effective_at):
        return loaded, Step(case_id=request.case_id, before=None, case=None, problem=_ahead(world.moment))
    return loaded, plan(loaded.history if loaded else (), request, world)


async def _filing_world(ledger: Ledger, connection: Connection, command: File) -> World | Problem:
    row = await connection.fetchrow(FACTS, command.test_clock, reservation(command, ledger.vault))
    assert row is not None, "the query has no FROM"
    if command.test_clock is not None and row["clock_at"] is None:
        return _invalid("/test_clock", "no such test clock")
    moment = Moment(recorded_at=row["now"], effective_at=row["clock_at"] or row["now"])
    in_force = await ledger.policies.in_force(connection, command.marketplace, moment.effective_at)
    if in_force is None:
        return _invalid("/marketplace", "no policy is in force for it")
    facts = Facts(number=str(row["number"]), open_complaint=row["open_complaint"])
    return World(in_force=in_force, calendar=ledger.calendar, moment=moment, facts=facts)


def _request(asking: Asking, vault: Vault) -> Request:
    """The ids of a step: derived from client and key, so that a retry finds the first; new without a key."""
    client = uuid5(CLIENTS, asking.client)
    filing = isinstance(asking.command, File)
    assert filing == (asking.case_id is None), "a filing names no case, everything else does"
    case_id = asking.case_id or (uuid5(client, asking.key) if asking.key else uuid7())
    # A filing and a step of its case have different scopes: one key may stand for both.
    scope = case_id if filing else uuid5(client, str(case_id))
    event_id = uuid5(scope, asking.key) if asking.key else uuid7()
    return Request(
        case_id=case_id,
        command=asking.command,
        actor=asking.actor,
        client=asking.client,
        event_id=event_id,
        agent=asking.agent,
        asked=vault.asked(_said(asking) + asking.body) if asking.key else None,
        occurred_at=asking.occurred_at,
        if_match=asking.if_match,
    )


def _said(asking: Asking) -> bytes:
    command = asking.command
    return (b"filed" if isinstance(command, File) else POSTED_NAMES[type(command)].encode()) + b"\n"


def _ahead(moment: Moment) -> Problem:
    return _invalid("/occurred_at", f"more than five minutes ahead of {moment.effective_at.rfc3339()}")


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(code="invalid", detail="1 fault in what was asked.", errors=(Fault(pointer=pointer, detail=detail),))
