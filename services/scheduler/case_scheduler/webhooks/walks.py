"""A postman's walk: one endpoint's events, round after round, for as long as the endpoint is held.

A round reads, sends, and keeps what became of it in one transaction; nothing of Postgres is held while it sends.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from case_events.core.values import Value
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.feed.reader import BeyondFeed
from case_events.ledger.feed.subscriptions import NotHeld
from case_events.ledger.webhooks import circuits, waiting
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.collecting import Bag, Probes, collect
from case_events.ledger.webhooks.endpoints import Changed, Endpoint
from case_events.ledger.webhooks.secrets import signing
from case_events.ledger.webhooks.sorting import Round, settle
from case_events.ledger.webhooks.waiting import Backlog
from case_scheduler.webhooks.errands import TRIES_S, Errands
from case_scheduler.webhooks.line import Line, NoConnection
from case_scheduler.webhooks.rounds import Sending
from case_scheduler.webhooks.sending import Sender

LOOK_S = 300.0
"""How long it waits to be called; the postman calls when there is something."""
NOTHING_S = 0.5
"""How long it lets the feed go by when nothing of it was for the endpoint."""
AGAIN_S, AGAIN_S_MAX = 0.5, 30.0
"""How long after a round that failed the next one is: at first, and at most."""

log = structlog.get_logger("case_scheduler.postman")


class Retries(Value, frozen=True, kw_only=True):
    """When an event that failed is tried again: so long after each try, give or take ``jitter`` of it; then no more.

    In sum 75 hours and a half (Standard Webhooks, "Retry Schedule").
    """

    after_s: tuple[float, ...] = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
    jitter: float = 0.1
    errand_after_s: tuple[float, ...] = TRIES_S

    def in_s(self, tries: int) -> float | None:
        """After so many tries, in how many seconds the next is; None: there is none."""
        if tries > len(self.after_s):
            return None
        spread = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - it hides nothing
        return self.after_s[tries - 1] * spread


class Walk:
    """One endpoint's; whoever holds the endpoint has it."""

    def __init__(
        self,
        line: Line,
        endpoint: Endpoint,
        owner: str,
        sender: Sender,
        retries: Retries,
        heard: Callable[[str], None],
    ) -> None:
        """``heard``: is told each attempt's outcome."""
        self.endpoint = endpoint
        self.stop = asyncio.Event()
        self._line, self._owner, self._sender = line, owner, sender
        self._retries, self._heard = retries, heard
        self._errands = Errands(line, owner, sender, retries.errand_after_s, heard)
        self._called, self.called_at = asyncio.Event(), time.monotonic()
        self._asked, self._ended, self._leaving = True, False, False
        self._backlog: Backlog | None = None
        self._probes, self._reached = Probes(), -1

    def call(self, endpoint: Endpoint | None = None) -> None:
        """There is more in the feed; with the ``endpoint``: it was changed, or asked for something."""
        if endpoint is not None:
            self.endpoint, self._backlog, self._asked, self._ended = endpoint, None, True, False
        self.called_at = time.monotonic()
        self._called.set()

    def end(self) -> None:
        """Finish what is under way, and no more."""
        self.stop.set()
        self._called.set()

    def leave(self) -> None:
        """Finish the round, and begin no other: somebody else will. What is under way is not broken off."""
        self._leaving = True
        self._called.set()

    async def keep(self) -> None:
        """Round after round until it is ended or left, or not held any more; whatever goes wrong in one, the next
        comes."""
        again_s, known = AGAIN_S, str(self.endpoint.id)
        while not (self.stop.is_set() or self._leaving):
            self._called.clear()
            try:
                wait_s, again_s = await self.round(), AGAIN_S
                await _waited(self._called, wait_s)
                continue
            except NotHeld:
                log.info("webhook_not_held", endpoint=known)
                return
            except Changed as changed:
                self.call(changed.endpoint)
                continue
            except BeyondFeed as error:
                log.error("webhook_beyond_feed", endpoint=known, head=error.head)  # noqa: TRY400 - expected trouble
            except NoConnection:
                # What is known is still so; and that Postgres is away the postman says, once for all.
                again_s = await self._later(again_s)
                continue
            except UNAVAILABLE as error:
                log.warning("database_away", endpoint=known, error=type(error).__name__)
            except Exception as error:
                log.exception("webhook_round_failed", endpoint=known, error=type(error).__name__)
            self._backlog, self._asked = None, True
            again_s = await self._later(again_s)

    async def _later(self, again_s: float) -> float:
        """So long nothing is begun; how long the next time."""
        await _waited(self.stop, again_s)
        return min(2 * again_s, AGAIN_S_MAX)

    async def round(self) -> float:
        """What was asked for, and what is next; in how many seconds to look again unless somebody calls."""
        wait_s = LOOK_S
        if self._asked:
            self._asked = False  # somebody may ask for more while this is done
            again_s = await self._done_errands()
            self._backlog = None  # a test that is taken closes the circuit: what waits may be due by now
            self._asked = self._asked or again_s is not None
            wait_s = LOOK_S if again_s is None else again_s
        if self.endpoint.state != "active" or self._ended:
            return wait_s
        return min(wait_s, await self._round())

    async def _done_errands(self) -> float | None:
        """As ``Errands.do``; what it could not do is still asked for."""
        try:
            return await self._errands.do(self.endpoint, self.stop, partial(self._is_still, self.endpoint))
        except BaseException:
            self._asked = True
            raise

    def _is_still(self, endpoint: Endpoint) -> bool:
        """Nobody has called with another since."""
        return self.endpoint == endpoint

    async def _round(self) -> float:
        endpoint = self.endpoint  # as it is now: a call may bring another while this goes on
        async with self._line.connection() as connection:
            circuit = await circuits.circuit(connection, endpoint.id)
            if circuit.open_for_s > 0:
                return circuit.open_for_s
            # Kept in hand: while this round waits, a call may put it aside for the next one to read anew.
            backlog = self._backlog
            if backlog is None or backlog.events:
                backlog = self._backlog = await waiting.backlog(connection, endpoint.id)
            said = (self._line.vault, endpoint, self._owner, circuit, backlog, self._probes)
            bag = await collect(connection, *said)
            secrets = await signing(connection, self._line.vault, endpoint.id) if bag.chains else ()
        if not (bag.chains or bag.behind or bag.void or bag.unreadable):
            return await self._nothing(endpoint, bag, circuit)
        if circuit.probing and bag.chains:
            self._probes = self._probes.then(bag.chains[0][0])
        still = partial(self._is_still, endpoint)
        sending = Sending(self._sender, endpoint, secrets, circuit, self.stop, still, heard=self._heard)
        done = await sending.send(bag.chains)
        await self._settle(endpoint, bag, done)
        behind = bag.behind or bag.unreadable
        clean = backlog.events == 0 and not behind and len(done.tried) == sum(map(len, bag.chains))
        if not clean or not all(one.delivered for one in done.tried):
            self._backlog = None
            return 0.0
        return 0.0 if bag.more else LOOK_S

    async def _nothing(self, endpoint: Endpoint, bag: Bag, circuit: Circuit) -> float:
        """Nothing of what there was is for the endpoint now."""
        if bag.through > self._reached:
            await self._settle(endpoint, bag, Round(tried=(), attempts=(), circuit=circuit))
            if not bag.more:
                await _waited(self.stop, NOTHING_S)
        due_in_s = None if self._backlog is None else self._backlog.due_in_s
        if bag.more:
            return 0.0
        return LOOK_S if due_in_s is None else max(0.0, due_in_s)

    async def _settle(self, endpoint: Endpoint, bag: Bag, done: Round) -> None:
        async with self._line.connection() as connection, connection.transaction():
            settled = await settle(connection, endpoint, self._owner, bag, done, self._retries.in_s)
        self._reached, self._ended = settled.reached, settled.ended
        for event in bag.unreadable:
            log.error("webhook_unreadable", endpoint=str(endpoint.id), position=event.position, why=event.why)
        if settled.ended:
            log.warning("webhook_ended", endpoint=str(endpoint.id))


async def _waited(called: asyncio.Event, seconds: float) -> None:
    """Until somebody calls, and no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await called.wait()
