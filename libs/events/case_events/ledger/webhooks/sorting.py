"""Sorting: what a postman takes along for one endpoint, and what becomes of it when the round is over.

The feed is the queue and the subscription the place in it. A round takes what is next, sends it outside of any
transaction, and is settled in one: who dies in between leaves the same events to whoever holds the endpoint next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from case_events.core.values import CaseId, Value
from case_events.ledger.connection import Connection
from case_events.ledger.feed.reader import Sought, Told, UnreadableEvent, read, read_at
from case_events.ledger.feed.subscriptions import advance, next_batch, park, unpark
from case_events.ledger.sealing import Vault
from case_events.ledger.webhooks import attempts, circuits, endpoints, waiting
from case_events.ledger.webhooks.attempts import Attempt
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.waiting import WAITING_MAX, Backlog, Delayed, Waiting

WINDOW = 200
"""Events that are read on in one round."""
READ_AGAIN_S = 300.0
"""How soon an event that could not be read is read again: it may have been mended, or a newer release may read it."""
TRIALS = """
SELECT DISTINCT r.endpoint FROM webhook_errands r JOIN webhook_endpoints e ON e.id = r.endpoint
WHERE r.ended_at IS NULL AND r.reason = 'test' AND e.deleted_at IS NULL AND e.state <> 'active' LIMIT 1000
"""


class Letter(Value, frozen=True, kw_only=True):
    """An event to be sent. ``tries``: those before, in its turn; ``waits``: it has waited; ``due``: its turn is now."""

    told: Told
    tries: int = 0
    waits: bool = False
    due: bool = True

    @property
    def position(self) -> int:
        return self.told.position

    @property
    def case_id(self) -> CaseId:
        return self.told.recorded.case_id


class Bag(Value, frozen=True, kw_only=True):
    """What is taken along: one chain for each case, to be sent in its order, and no further when one of it fails.

    ``behind``: new, but of cases that wait; ``void``: positions that waited and are not for the endpoint any more;
    ``unreadable``: what is parked, and what is later in its case waits behind it; ``through``: how far the feed was
    read (0: no further); ``more``: there is more behind it.
    """

    chains: tuple[tuple[Letter, ...], ...] = ()
    behind: tuple[Letter, ...] = ()
    void: tuple[int, ...] = ()
    unreadable: tuple[UnreadableEvent, ...] = ()
    through: int = 0
    more: bool = False


class Tried(Value, frozen=True, kw_only=True):
    """A letter that was sent, and what it came to; ``retry_after_s``: so long the receiver asked to wait."""

    letter: Letter
    delivered: bool
    gone: bool = False
    retry_after_s: float | None = None


class Round(Value, frozen=True, kw_only=True):
    """How a round ended: each letter tried, each attempt made at one, and the circuit after them."""

    tried: tuple[Tried, ...]
    attempts: tuple[Attempt, ...]
    circuit: Circuit


async def collect(
    connection: Connection,
    vault: Vault,
    endpoint: Endpoint,
    owner: str,
    circuit: Circuit,
    backlog: Backlog,
    probed: int,
) -> Bag:
    """What the endpoint is sent next: what waits and is due, and what is new. ``probed``: the last position probed.

    While its circuit is probing it is one event and no more. Raises NotHeld, BeyondFeed.
    """
    waits = await _waits(connection, endpoint, circuit, backlog, probed)
    room = min(WINDOW, WAITING_MAX - backlog.events)
    limit = room if not circuit.probing else 0 if waits else 1
    old, void, unreadable = await _again(connection, vault, endpoint, waits)
    if limit <= 0:
        return Bag(chains=_chains(old), void=void, unreadable=unreadable)
    sought = {"viewer": endpoint.viewer, "types": endpoint.types, "merchants": endpoint.merchants}
    try:
        page = await next_batch(connection, vault, endpoint.subscription, owner, **sought, limit=limit)  # type: ignore[arg-type]
    except UnreadableEvent as next_one:
        there = (*unreadable, next_one)
        return Bag(chains=_chains(old), void=void, unreadable=there, through=next_one.position, more=True)
    stuck = await waiting.cases(connection, endpoint.id, {one.recorded.case_id for one in page.told})
    new = [Letter(told=one) for one in page.told]
    return Bag(
        chains=_chains([*old, *(one for one in new if one.case_id not in stuck)]),
        behind=tuple(one for one in new if one.case_id in stuck),
        void=void,
        unreadable=unreadable,
        through=page.next,
        more=page.next < page.head,
    )


async def trials(connection: Connection) -> tuple[UUID, ...]:
    """Endpoints that are not sent to, of which somebody asked a test all the same."""
    return tuple(row["endpoint"] for row in await connection.fetch(TRIALS))


async def collect_again(connection: Connection, vault: Vault, endpoint: Endpoint, after: int, last: int) -> Bag:
    """What of the positions behind ``after`` and up to ``last`` is sent once more: not what waits to be sent at all.

    Raises UnreadableEvent when the next of them cannot be read.
    """
    sought = {"viewer": endpoint.viewer, "types": endpoint.types, "merchants": endpoint.merchants}
    try:
        page = await read(connection, vault, after, **sought, limit=WINDOW)  # type: ignore[arg-type]
    except UnreadableEvent as event:
        if event.position <= last and not await waiting.held_back(connection, endpoint.id, [event.position]):
            raise
        return Bag(through=min(event.position, last), more=event.position < last)
    wanted = [one for one in page.told if one.position <= last]
    held = await waiting.held_back(connection, endpoint.id, [one.position for one in wanted])
    chains = _chains([Letter(told=one) for one in wanted if one.position not in held])
    through = min(page.next, last)
    return Bag(chains=chains, through=through, more=through < min(last, page.head))


class Settled(Value, frozen=True, kw_only=True):
    """How far the endpoint has read, and whether it goes on no further: it was paused, or disabled."""

    reached: int
    ended: bool


async def settle(
    connection: Connection,
    endpoint: Endpoint,
    owner: str,
    bag: Bag,
    done: Round,
    retry_in_s: Callable[[int], float | None],
) -> Settled:
    """Keep what became of a round, all of it or nothing. Raises NotHeld, and Changed.

    ``retry_in_s``: after so many tries, in how many seconds the next; None: there is none, and the endpoint is paused.
    """
    reached = await advance(connection, endpoint.subscription, owner, bag.through)
    await endpoints.check_unchanged(connection, endpoint)
    for event in bag.unreadable:
        await park(connection, endpoint.subscription, owner, event.position, event.why)
    ended = await _kept(connection, endpoint.id, done)
    tried = {one.letter.position: one for one in done.tried}
    gone_out = [one.letter.position for one in done.tried if one.delivered and one.letter.waits]
    await waiting.done(connection, endpoint.id, (*bag.void, *gone_out))
    read_again = [one.letter.position for one in done.tried if one.letter.waits]
    await unpark(connection, endpoint.subscription, owner, (*bag.void, *read_again))
    letters = [letter for chain in bag.chains for letter in chain]
    delayed = [one for letter in letters if (one := _delayed(letter, tried.get(letter.position), retry_in_s))]
    parked = [_parked(event) for event in bag.unreadable]
    await waiting.put(connection, endpoint.id, (*delayed, *map(_put_behind, bag.behind), *parked))
    last = None if ended else _last(done.tried, retry_in_s)
    if last is not None:
        why = f"the event at position {last.position} was tried {last.tries + 1} times in vain"
        await endpoints.pause(connection, endpoint.id, why)
    return Settled(reached=reached, ended=ended or last is not None)


async def settle_again(connection: Connection, endpoint: Endpoint, owner: str, done: Round) -> bool:
    """Keep what became of events sent once more; whether the endpoint was disabled for it. Raises as ``settle``."""
    await advance(connection, endpoint.subscription, owner, 0)
    await endpoints.check_unchanged(connection, endpoint)
    await unpark(connection, endpoint.subscription, owner, [one.letter.position for one in done.tried])
    return await _kept(connection, endpoint.id, done)


async def _kept(connection: Connection, endpoint: UUID, done: Round) -> bool:
    """Keep the attempts, and what they say of the receiver; whether it is gone for good."""
    well = [one.delivered for one in done.tried]
    if any(well):
        await _closed(connection, endpoint)
    await attempts.record(connection, done.attempts)
    if well:
        await circuits.turn(connection, endpoint, done.circuit, succeeded=any(well), failed=not all(well))
    if not any(one.gone for one in done.tried):
        return False
    return await endpoints.disable(connection, endpoint, "the receiver answered 410: it is gone")


async def _closed(connection: Connection, endpoint: UUID) -> None:
    """Who takes events again takes at once what waited for a later try."""
    if (await circuits.circuit(connection, endpoint)).probing:
        await waiting.try_sooner(connection, endpoint)


def _last(tried: Iterable[Tried], retry_in_s: Callable[[int], float | None]) -> Letter | None:
    """A letter whose tries have ended, if there is one."""
    failed = (one.letter for one in tried if not one.delivered and one.letter.due)
    return next((letter for letter in failed if retry_in_s(letter.tries + 1) is None), None)


def _delayed(letter: Letter, tried: Tried | None, retry_in_s: Callable[[int], float | None]) -> Delayed | None:
    """How a letter waits from now on; None: it need not, or waits on as it did."""
    if tried is None:
        return None if letter.waits else _put_behind(letter)
    if tried.delivered or not letter.due:
        return None
    in_s = max(retry_in_s(letter.tries + 1) or 0.0, tried.retry_after_s or 0.0)
    return Delayed(position=letter.position, case_id=letter.case_id, attempts=letter.tries + 1, in_s=in_s)


def _put_behind(letter: Letter) -> Delayed:
    return Delayed(position=letter.position, case_id=letter.case_id, attempts=0, in_s=0.0)


def _parked(event: UnreadableEvent) -> Delayed:
    """It waits like any other, and costs none of its tries: whatever is later in its case comes after it."""
    return Delayed(position=event.position, case_id=event.case_id, attempts=0, in_s=READ_AGAIN_S)


def _chains(letters: Iterable[Letter]) -> tuple[tuple[Letter, ...], ...]:
    """One for each case, in the order of the feed, which is that of each case."""
    by_case: dict[CaseId, list[Letter]] = {}
    for letter in letters:
        by_case.setdefault(letter.case_id, []).append(letter)
    return tuple(tuple(chain) for chain in by_case.values())


async def _waits(
    connection: Connection, endpoint: Endpoint, circuit: Circuit, backlog: Backlog, probed: int
) -> tuple[Waiting, ...]:
    if circuit.probing:
        one = await waiting.probe(connection, endpoint.id, probed)
        return () if one is None else (one,)
    if backlog.due_in_s is None or backlog.due_in_s > 0:
        return ()
    return await waiting.due(connection, endpoint.id)


async def _again(
    connection: Connection, vault: Vault, endpoint: Endpoint, waits: Sequence[Waiting]
) -> tuple[list[Letter], tuple[int, ...], tuple[UnreadableEvent, ...]]:
    """What waited and is sent now, what is not for the endpoint any more, and what cannot be read, one of each case."""
    if not waits:
        return [], (), ()
    sought = Sought(types=endpoint.types, merchants=endpoint.merchants)
    positions = [one.position for one in waits]
    told, unreadable = await read_at(connection, vault, positions, viewer=endpoint.viewer, sought=sought)
    first = {event.case_id: event for event in reversed(unreadable)}
    by_position, there = {one.position: one for one in told}, {event.position for event in unreadable}
    letters = [
        Letter(told=by_position[one.position], tries=one.attempts, waits=True, due=one.due)
        for one in waits
        if one.position in by_position and (one.case_id not in first or one.position < first[one.case_id].position)
    ]
    void = tuple(position for position in positions if position not in by_position and position not in there)
    return letters, void, tuple(first.values())
