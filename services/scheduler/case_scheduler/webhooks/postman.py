"""The postman: every scheduler has one, and each endpoint is walked by the one that holds its subscription now.

No leader: whoever comes first holds an endpoint, up to its share of all there are, and must hold it anew every few
seconds; what a dead one held is somebody else's soon. When another comes each lets go of what is more than its share.
The feed is the queue, so an endpoint that is not walked for a while has lost nothing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog

from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed.reader import listening
from case_events.ledger.feed.subscriptions import hold_free, hold_on, release
from case_events.ledger.webhooks import endpoints, errands, news, postmen
from case_events.ledger.webhooks.endpoints import WEBHOOKS_CHANNEL, Endpoint
from case_events.ledger.webhooks.sorting import trials
from case_scheduler.webhooks.line import Line
from case_scheduler.webhooks.rounds import FINISH_S
from case_scheduler.webhooks.sending import Sender
from case_scheduler.webhooks.walks import Retries, Walk

LEASE_S = 15.0
"""How long an endpoint is held; what a killed postman held is somebody else's after that."""
LOOK_S = LEASE_S / 3
"""How often holds are renewed, and endpoints looked for of which nobody told."""
LET_GO_MAX = 100
"""Endpoints let go of at one look: others come for them within ``LOOK_S``, and begin so many walks."""
CALLED_MAX = 100
"""Walks that are called at a time whether or not what is new is for them: all of them where there are no more, and at
each look so many of those that have something ahead, whoever was not called for the longest time first."""
RETRY_S = 0.5
END_S = FINISH_S + 2.0
"""How long all walks together may take to end."""

log = structlog.get_logger("case_scheduler.postman")


class Postman:
    """One process has one."""

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        sender: Sender,
        retries: Retries | None = None,
        heard: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        """``name``: nobody else's, and never used again; ``heard``: is told each attempt's outcome."""
        self._ledger, self._line, self._name, self._sender = ledger, Line(ledger), name, sender
        self._retries, self._heard = retries or Retries(), heard
        self._walks: dict[UUID, Walk] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._held_at: dict[UUID, float] = {}
        self._let_go_at = 0.0
        self._changed, self._more, self._told = asyncio.Event(), asyncio.Event(), True
        self._seen: int | None = None

    async def keep(self, stop: asyncio.Event) -> None:
        """Walk whatever endpoints there are until told to stop; whatever goes wrong in one look, the next comes."""
        try:
            while not stop.is_set():
                try:
                    await self._listen(stop)
                except UNAVAILABLE as error:
                    log.warning("database_away", error=type(error).__name__)
                except Exception as error:
                    log.exception("postman_failed", error=type(error).__name__)
                self._let_go_of_lapsed()
                await _waited((stop,), RETRY_S)
        except asyncio.CancelledError:
            for task in self._tasks.values():
                task.cancel()
            raise
        finally:
            await self._end()

    async def _listen(self, stop: asyncio.Event) -> None:
        async with self._listening() as connection:
            # Whatever was told while nobody listened.
            self._told, self._seen = True, None
            look_at = time.monotonic()
            while not stop.is_set():
                if connection.is_closed():
                    raise ConnectionError("the session that listens has ended")
                if self._changed.is_set() or time.monotonic() >= look_at:
                    self._changed.clear()
                    look_at = time.monotonic() + LOOK_S
                    await self.look()
                if self._more.is_set():
                    self._more.clear()
                    await self._call()
                await _waited((stop, self._changed, self._more), max(0.0, look_at - time.monotonic()))

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[Connection]:
        """A session on which the sequencer and the desk are heard."""

        def on_notice(*_: object) -> None:
            self._told = True
            self._changed.set()

        async with listening(self._ledger, self._more.set) as connection:
            await connection.add_listener(WEBHOOKS_CHANNEL, on_notice)
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await connection.remove_listener(WEBHOOKS_CHANNEL, on_notice)

    async def _call(self) -> None:
        """There is more in the feed: call those it may be for. The others walk past it in their time."""
        if len(self._walks) <= CALLED_MAX:
            self._seen, called = None, tuple(self._walks.values())
        else:
            async with self._ledger.connection() as connection:
                new = await news.behind(connection, self._seen)
            self._seen = new.through
            called = tuple(walk for walk in self._walks.values() if new.may_be_for(walk.endpoint))
        for walk in called:
            walk.call()

    async def look(self) -> None:
        """Hold what is to be walked, begin what is held, end what is not to be walked any more."""
        told, self._told = self._told, False
        async with self._ledger.connection() as connection:
            wanted = {one.id: one for one in await endpoints.live(connection)}
            for endpoint_id in await trials(connection):
                found = await endpoints.read(connection, endpoint_id)
                if found is not None and found.deleted_at is None:
                    wanted.setdefault(endpoint_id, found)
            asked = await errands.asked(connection) if told else frozenset[UUID]()
            names = {one.subscription: one for one in wanted.values()}
            held, free = await self._held(connection, names)
        for name in held:
            self._go_on(names[name], told=names[name].id in asked)
        self._call_behind([names[name].id for name, more in held.items() if more])
        for name in free:
            self._begin(names[name])
        for endpoint_id in self._walks.keys() - wanted.keys():
            self._walks[endpoint_id].end()
        self._let_go_of_lapsed()

    async def _held(
        self, connection: Connection, names: Mapping[str, Endpoint]
    ) -> tuple[dict[str, bool], dict[str, bool]]:
        """What it has, held longer; and of what nobody has as much as is left of its share; of each whether more is
        ahead. The shares of all who live are enough for all endpoints: none is left to nobody."""
        share = math.ceil(len(names) / await postmen.count(connection, self._name, LEASE_S))
        own = {name for name, endpoint in names.items() if endpoint.id in self._walks}
        held, free = await hold_on(connection, own, self._name, LEASE_S), dict[str, bool]()
        room = share - len(self._walks)
        if room > 0:
            free = await hold_free(connection, names.keys() - own, self._name, LEASE_S, room)
        self._let_go_of_more_than(share)
        return held, free

    def _let_go_of_more_than(self, share: int) -> None:
        """The last that it came by, each when its round is over."""
        now = time.monotonic()
        if len(self._walks) > share and now >= self._let_go_at:
            self._let_go_at = now + LOOK_S
            for walk in tuple(self._walks.values())[share:][:LET_GO_MAX]:
                walk.leave()

    def _begin(self, endpoint: Endpoint) -> None:
        walk = Walk(self._line, endpoint, self._name, self._sender, self._retries, self._heard)
        self._walks[endpoint.id], self._held_at[endpoint.id] = walk, time.monotonic()
        self._tasks[endpoint.id] = asyncio.create_task(self._walked(walk), name=f"walk {endpoint.id}")

    def _go_on(self, endpoint: Endpoint, *, told: bool) -> None:
        walk = self._walks.get(endpoint.id)
        if walk is None or self._tasks[endpoint.id].cancelling():
            return  # it is on its way out, or just was, and is begun anew when its hold is free
        self._held_at[endpoint.id] = time.monotonic()
        if told or walk.endpoint != endpoint:
            walk.call(endpoint)

    def _call_behind(self, among: Collection[UUID]) -> None:
        """Of these, which have more ahead, some: so that all come to the feed's end although nothing is for them."""
        walks = [walk for endpoint_id in among if (walk := self._walks.get(endpoint_id)) is not None]
        for walk in sorted(walks, key=lambda walk: walk.called_at)[:CALLED_MAX]:
            walk.call()

    async def _walked(self, walk: Walk) -> None:
        """One walk from beginning to end, and then nobody holds its endpoint."""
        endpoint = walk.endpoint
        try:
            await walk.keep()
        finally:
            try:
                with suppress(*UNAVAILABLE):
                    async with self._line.connection() as connection:
                        await release(connection, endpoint.subscription, self._name)
            finally:
                for kept in (self._walks, self._tasks, self._held_at):
                    kept.pop(endpoint.id, None)
                self._changed.set()

    def _let_go_of_lapsed(self) -> None:
        """A hold that could not be renewed may be somebody else's by now: whatever is under way is theirs to repeat."""
        now = time.monotonic()
        for endpoint_id, held_at in tuple(self._held_at.items()):
            if now - held_at > LEASE_S:
                del self._held_at[endpoint_id]
                self._tasks[endpoint_id].cancel()

    async def _end(self) -> None:
        """What is under way ends within ``END_S``; what does not is broken off, and sent again by the next."""
        for walk in self._walks.values():
            walk.end()
        tasks = {asyncio.create_task(self._leave(), name="leave"), *self._tasks.values()}
        _, left = await asyncio.wait(tasks, timeout=END_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _leave(self) -> None:
        with suppress(*UNAVAILABLE):
            async with self._ledger.connection() as connection:
                await postmen.leave(connection, self._name)


async def _waited(events: tuple[asyncio.Event, ...], seconds: float) -> None:
    """Until one of them is set, and no longer than so many seconds."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
