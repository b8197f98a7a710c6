"""Collecting: what a postman takes along for one endpoint: what waits and has its turn, and what is next in the feed.

The feed is the queue and the subscription the place in it. While the endpoint's circuit is open one event is taken
along and no more, and it is not always one that was refused before: what a receiver refuses for good says nothing of
whether it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from case_events.core.values import CaseId, Value
from case_events.ledger.connection import Connection
from case_events.ledger.feed.reader import Sought, Told, UnreadableEvent, read, read_at
from case_events.ledger.feed.subscriptions import next_batch
from case_events.ledger.sealing import Vault
from case_events.ledger.webhooks import waiting
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.waiting import WAITING_MAX, Backlog, Waiting

WINDOW = 200
"""Events that are read on in one round."""
PROBE_WINDOW = 20
"""Events that are looked at for one whose case does not wait, while the circuit is open."""


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


class Probes(Value, frozen=True, kw_only=True):
    """Which probe is next while a circuit is open: an event that was never tried, or one that was refused, by turns.

    ``untried``: the former; ``after``: the position of the refused one that was tried the last time.
    """

    untried: bool = True
    after: int = 0

    def then(self, probe: Letter) -> Probes:
        """After this probe: one of the other kind."""
        return Probes(untried=True, after=probe.position) if probe.tries else replace(self, untried=False)


async def collect(
    connection: Connection,
    vault: Vault,
    endpoint: Endpoint,
    owner: str,
    circuit: Circuit,
    backlog: Backlog,
    probes: Probes,
) -> Bag:
    """What the endpoint is sent next: what waits and is due, and what is new; what was refused before goes last.

    While its circuit is probing it is one event and no more. Raises NotHeld, BeyondFeed.
    """
    room = WAITING_MAX - backlog.events
    if circuit.probing:
        return await _probe(connection, vault, endpoint, owner, min(PROBE_WINDOW, room), probes)
    waits = () if backlog.due_in_s is None or backlog.due_in_s > 0 else await waiting.due(connection, endpoint.id)
    old = await _again(connection, vault, endpoint, waits)
    return _both(old, await _ahead(connection, vault, endpoint, owner, min(WINDOW, room)))


async def collect_again(connection: Connection, vault: Vault, endpoint: Endpoint, after: int, last: int) -> Bag:
    """What of the positions behind ``after`` and up to ``last`` is sent once more: not what waits to be sent at all.

    Raises UnreadableEvent when the next of them cannot be read.
    """
    viewer, types, merchants = endpoint.viewer, endpoint.types, endpoint.merchants
    try:
        page = await read(connection, vault, after, viewer=viewer, types=types, merchants=merchants, limit=WINDOW)
    except UnreadableEvent as event:
        if event.position <= last and not await waiting.held_back(connection, endpoint.id, [event.position]):
            raise
        return Bag(through=min(event.position, last), more=event.position < last)
    wanted = [one for one in page.told if one.position <= last]
    held = await waiting.held_back(connection, endpoint.id, [one.position for one in wanted])
    chains = _chains([Letter(told=one) for one in wanted if one.position not in held])
    through = min(page.next, last)
    return Bag(chains=chains, through=through, more=through < min(last, page.head))


async def _probe(
    connection: Connection, vault: Vault, endpoint: Endpoint, owner: str, limit: int, probes: Probes
) -> Bag:
    """One that was never tried where there is one, one that was refused the next time, and the other if there is none.

    If only what was refused were tried, a few cases that a receiver will never take would keep it from all others; if
    only what is new, theirs would never come to the end of their tries.
    """
    refused = await waiting.refused(connection, endpoint.id, probes.after)
    if refused is not None and not probes.untried:
        return await _again(connection, vault, endpoint, (refused,))
    untried = await waiting.untried(connection, endpoint.id)
    if untried is not None:
        return await _again(connection, vault, endpoint, (untried,))
    new = _first_of(await _ahead(connection, vault, endpoint, owner, limit))
    if new.chains or new.more or refused is None:
        return new
    return _both(await _again(connection, vault, endpoint, (refused,)), new)


async def _ahead(connection: Connection, vault: Vault, endpoint: Endpoint, owner: str, limit: int) -> Bag:
    """What is next in the feed; of cases of which something waits it only says so. Raises NotHeld, BeyondFeed."""
    if limit <= 0:
        return Bag()
    try:
        page = await next_batch(
            connection,
            vault,
            endpoint.subscription,
            owner,
            viewer=endpoint.viewer,
            types=endpoint.types,
            merchants=endpoint.merchants,
            limit=limit,
        )
    except UnreadableEvent as next_one:
        return Bag(unreadable=(next_one,), through=next_one.position, more=True)
    stuck = await waiting.cases(connection, endpoint.id, {one.recorded.case_id for one in page.told})
    new = [Letter(told=one) for one in page.told]
    return Bag(
        chains=_chains(one for one in new if one.case_id not in stuck),
        behind=tuple(one for one in new if one.case_id in stuck),
        through=page.next,
        more=page.next < page.head,
    )


def _first_of(new: Bag) -> Bag:
    """No more of it than up to the first event that can be sent."""
    if not new.chains:
        return new
    first = new.chains[0][0]
    behind = tuple(one for one in new.behind if one.position < first.position)
    more = new.more or new.through > first.position
    return Bag(chains=((first,),), behind=behind, through=first.position, more=more)


def _both(old: Bag, new: Bag) -> Bag:
    """Together in one round. No case is in both: of one that waits nothing new is sent."""
    # Behind the rest, so that what is refused for good does not open the circuit before others had their turn.
    chains = sorted((*old.chains, *new.chains), key=lambda chain: chain[0].tries > 0)
    return replace(new, chains=tuple(chains), void=old.void, unreadable=(*old.unreadable, *new.unreadable))


async def _again(connection: Connection, vault: Vault, endpoint: Endpoint, waits: Sequence[Waiting]) -> Bag:
    """What waited and is sent now, what is not for the endpoint any more, and what cannot be read, one of each case."""
    if not waits:
        return Bag()
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
    return Bag(chains=_chains(letters), void=void, unreadable=tuple(first.values()))


def _chains(letters: Iterable[Letter]) -> tuple[tuple[Letter, ...], ...]:
    """One for each case, in the order of the feed, which is that of each case."""
    by_case: dict[CaseId, list[Letter]] = {}
    for letter in letters:
        by_case.setdefault(letter.case_id, []).append(letter)
    return tuple(tuple(chain) for chain in by_case.values())
