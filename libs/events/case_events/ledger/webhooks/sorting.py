"""Sorting: what becomes of what a postman took along for one endpoint, when the round is over.

A round sends outside of any transaction, and is settled in one: who dies in between leaves the same events to whoever
holds the endpoint next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from case_events.core.values import Value
from case_events.ledger.connection import Connection
from case_events.ledger.feed.reader import UnreadableEvent
from case_events.ledger.feed.subscriptions import advance, park, unpark
from case_events.ledger.webhooks import attempts, circuits, endpoints, waiting
from case_events.ledger.webhooks.attempts import Attempt
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.collecting import Bag, Letter
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.waiting import Delayed

READ_AGAIN_S = 300.0
"""How soon an event that could not be read is read again: it may have been mended, or a newer release may read it."""
TRIALS = """
SELECT DISTINCT r.endpoint FROM webhook_errands r JOIN webhook_endpoints e ON e.id = r.endpoint
WHERE r.ended_at IS NULL AND r.reason = 'test' AND e.deleted_at IS NULL AND e.state <> 'active' LIMIT 1000
"""


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


async def trials(connection: Connection) -> tuple[UUID, ...]:
    """Endpoints that are not sent to, of which somebody asked a test all the same."""
    return tuple(row["endpoint"] for row in await connection.fetch(TRIALS))


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
    await attempts.record(connection, done.attempts)
    if any(well):
        await circuits.close(connection, endpoint, done.circuit, failed=not all(well))
    elif well:
        await circuits.turn(connection, endpoint, done.circuit, succeeded=False, failed=True)
    if not any(one.gone for one in done.tried):
        return False
    return await endpoints.disable(connection, endpoint, "the receiver answered 410: it is gone")


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
