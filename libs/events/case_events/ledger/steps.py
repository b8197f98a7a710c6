"""THE write path: what is asked is planned (pure) and committed (many cases, one statement). There is no second one.

``submit`` loads without a lock, judges, and appends only if nothing changed in between; a conflict is judged again.
The scheduler plans with the locks it already holds and commits through the same ``commit``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache, partial
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

from case_events import tracing
from case_events.core.canonical import id_text
from case_events.core.commands import POSTED_NAMES, File, Posted
from case_events.core.deriving import derived
from case_events.core.events import Filed
from case_events.core.plan import Request, Step
from case_events.core.values import CaseId, Instant, Party, Problem, Value
from case_events.ledger.append_statements import HOLD_CLOCK
from case_events.ledger.batches import Full
from case_events.ledger.codec import GENESIS, rows_of
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.erasing import erasures_in
from case_events.ledger.identifiers import uuid7
from case_events.ledger.judging import Judged, judge, refused
from case_events.ledger.marks import marks_of
from case_events.ledger.read_models import case_row, moved
from case_events.ledger.recent import Recent
from case_events.ledger.reserving import reservation
from case_events.ledger.sealing import KeyDestroyed, SubjectKey, Vault
from case_events.ledger.store import Contested, Writing, append

RACES_MAX = 4
"""How often a step is judged in company; whoever lost every time to somebody faster takes its turn."""
QUEUE_S, TURN_S = 5, 2
"""How long who has lost its races queues for a turn, and then waits for the case, before it is told to come back."""
TURN_LASTS = f"SELECT set_config('lock_timeout', '{TURN_S}s', true)"
TAKE_TURN = "SELECT FROM streams WHERE case_id = $1 FOR UPDATE"
WAKE_WITHIN = timedelta(seconds=5)
"""A clock due sooner than this wakes the schedulers; they look by themselves at least as often."""
CLIENTS = uuid5(NAMESPACE_URL, "caselog:clients")
"""Never changed: case and event ids of everything sent with a key derive from it."""


Committing = tuple[Step, bytes, tuple[SubjectKey, ...]]
"""A step, the head it was judged on, and its case's keys."""


class Asking(Value, frozen=True, kw_only=True):
    """Something asked by a client: ``case_id`` is None for a filing; ``body`` is the JSON as it was received.

    ``brief``: who asks shows no texts of the answer, nor of the case; they may still be sealed.
    """

    command: File | Posted
    actor: Party
    client: str
    case_id: CaseId | None = None
    key: str | None = None
    body: bytes = b""
    agent: str | None = None
    occurred_at: Instant | None = None
    if_match: int | None = None
    brief: bool = False


async def submit(ledger: Ledger, asking: Asking, *, dry_run: bool = False) -> Step:
    """Plan and, unless ``dry_run``, commit; the step with its answer, or with the problem why it was refused.

    Requests that come at the same time share a transaction. Raises one of database.UNAVAILABLE while Postgres is
    away; then nothing is known to be recorded.
    """
    request = request_of(asking, ledger.vault)
    with tracing.span("ledger.submit", command=type(asking.command).__name__, case_id=request.case_id):
        return await _submitted(ledger, request, dry_run=dry_run)


async def _submitted(ledger: Ledger, request: Request, *, dry_run: bool) -> Step:
    if dry_run:
        async with ledger.connection() as connection:
            (judged,) = await judge(ledger, connection, [request])
            return judged.step
    try:
        for _ in range(RACES_MAX):
            step = await ledger.steps.add(request, partial(_together, ledger))
            if step is not None:
                return step
        return await _in_turn(ledger, request) or refused(request.case_id, BUSY)
    except Full:
        return refused(request.case_id, BUSY)
    except KeyDestroyed:
        return refused(request.case_id, ERASED_SIDE)


async def _together(ledger: Ledger, requests: Sequence[Request]) -> list[Step | None]:
    """Judge and commit requests of different cases; None for one whose case moved on meanwhile, or is locked."""
    async with ledger.connection() as connection:
        return await _tried(ledger, connection, requests)


async def _in_turn(ledger: Ledger, request: Request) -> Step | None:
    """Who has lost its races queues for the case: its row is locked before anything is judged, and waited for.

    None when the row was not to be had in time, or a filing was again too late.
    """
    try:
        async with asyncio.timeout(QUEUE_S):
            await ledger.turns.acquire()
    except TimeoutError:
        return None
    try:
        async with ledger.connection() as connection, connection.transaction():
            await connection.execute(TURN_LASTS)
            await connection.execute(TAKE_TURN, request.case_id)
            clock = request.command.test_clock if isinstance(request.command, File) else None
            await connection.execute(HOLD_CLOCK, request.case_id, clock)
            (step,) = await _tried(ledger, connection, [request])
            return step
    except asyncpg.LockNotAvailableError:
        return None
    finally:
        ledger.turns.release()


async def _tried(ledger: Ledger, connection: Connection, requests: Sequence[Request]) -> list[Step | None]:
    with tracing.span("ledger.judge"):
        judged = await judge(ledger, connection, requests)
    with tracing.span("ledger.commit"):
        return await _committed(ledger, connection, judged)


async def _committed(ledger: Ledger, connection: Connection, judged: Sequence[Judged]) -> list[Step | None]:
    written = await _written(ledger, connection, [one for one in judged if one.step.events and not one.opened])
    for one in judged:
        if one.opened and await _written_whole(ledger, connection, one):
            written.add(one.request.case_id)
    if written:
        ledger.waking.appended()
    return [one.step if one.request.case_id in written or not one.step.events else None for one in judged]


async def _written(ledger: Ledger, connection: Connection, judged: Sequence[Judged]) -> set[CaseId]:
    """Commit what was judged; the cases that were written. The others had moved on and are judged again."""
    if not judged:
        return set()
    steps = [
        (one.step, one.loaded.head, one.loaded.keys)
        if one.loaded
        else (one.step, GENESIS, ledger.vault.new_keys(one.request.case_id))
        for one in judged
    ]
    try:
        return await commit(connection, steps, ledger.vault, ledger.recent)
    except Contested:
        # By somebody in this very batch, perhaps: singly the first of them is written, and the others, judged again,
        # see it.
        if len(judged) == 1:
            return set()
        return {case_id for one in judged for case_id in await _written(ledger, connection, [one])}


class _Undone(Exception):
    """Not all that belongs together was written: the transaction takes back what was."""


async def _written_whole(ledger: Ledger, connection: Connection, judged: Judged) -> bool:
    """Commit a step with the complaints it opens, both or neither; False: something moved on, judge again."""
    assert judged.loaded is not None, "only a step of a case opens another"
    steps = [(judged.step, judged.loaded.head, judged.loaded.keys)]
    steps += [(one, GENESIS, ledger.vault.new_keys(one.case_id)) for one in judged.opened]
    try:
        await _commit_all(connection, steps, ledger.vault)
    except (Contested, _Undone):
        return False
    return True


async def _commit_all(connection: Connection, steps: Sequence[Committing], vault: Vault) -> None:
    async with connection.transaction():
        if len(await commit(connection, steps, vault)) < len(steps):
            raise _Undone


ERASED_SIDE = Problem(code="not_allowed_now", detail="This side was erased: nothing more is recorded in its words.")
BUSY = Problem(code="busy", detail="The case is changing faster than this could be judged; send it again.")


async def commit(
    connection: Connection, steps: Sequence[Committing], vault: Vault, recent: Recent | None = None
) -> set[CaseId]:
    """Write the steps; the ids of the cases that were written, which are remembered where somebody may come back."""
    writings = [_writing(step, head, keys, vault) for step, head, keys in steps]
    wake_before = max(writing.rows[-1].recorded.recorded_at for writing in writings) + WAKE_WITHIN
    written = await append(connection, writings, wake_before=Instant.of(wake_before))
    if recent is not None:
        for (step, head, keys), writing in zip(steps, writings, strict=True):
            if writing.erasures:
                recent.forget(writing.case_id)
            elif writing.case_id in written:
                hashes = tuple((row.payload_hash, row.hash) for row in writing.rows)
                recent.add(step, head, keys, hashes, sum(len(row.payload) for row in writing.rows))
    return written


def _writing(step: Step, head: bytes, keys: tuple[SubjectKey, ...], vault: Vault) -> Writing:
    assert step.case is not None, "only a case is written"
    assert step.events, "only a step with events is written"
    stopped, started = moved(step.before, step.case)
    filed, last = step.events[0].event, step.events[-1]
    fired = last.who == "scheduler"
    fresh, closed = isinstance(filed, Filed), step.case.stage == "closed"
    return Writing(
        case_id=step.case_id,
        before=step.before.version if step.before else 0,
        rows=rows_of(step.events, head, keys, vault, step.case.posts),
        case=case_row(step.case),
        stopped=stopped,
        started=started,
        keys=keys if fresh else (),
        reserve=reservation(filed, vault) if isinstance(filed, Filed) and not closed else None,
        marks=marks_of(step.before, step.events, step.case, vault),
        erasures=erasures_in(step.events),
        # Timeouts take effect just after they were due, wherever the clock stands by now; a step, where it stood.
        stood_at=None if step.case.test_clock is None or fired else last.effective_at,
        fires=fired and step.problem is None,
    )


def request_of(asking: Asking, vault: Vault) -> Request:
    """What is asked, under ids derived from client and key, so that a retry finds the first; new ones without a key."""
    client = _namespace(asking.client)
    filing = isinstance(asking.command, File)
    assert filing == (asking.case_id is None), "a filing names no case, everything else does"
    case_id = asking.case_id or (derived(client, asking.key) if asking.key else uuid7())
    if not asking.key:
        event_id = uuid7()
    else:
        # A filing and a step of its case have different scopes: one key may stand for both.
        event_id = derived(case_id, asking.key) if filing else derived(client, id_text(case_id), asking.key)
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
        brief=asking.brief,
    )


@lru_cache(maxsize=1024)
def _namespace(client: str) -> UUID:
    return uuid5(CLIENTS, client)


def _said(asking: Asking) -> bytes:
    command = asking.command
    return (b"filed" if isinstance(command, File) else POSTED_NAMES[type(command)].encode()) + b"\n"
