"""Errands: what somebody asked the postman for beside the feed: a test event, or events once more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import structlog
from msgspec.structs import replace

from case_events import tracing
from case_events.ledger.feed.reader import UnreadableEvent
from case_events.ledger.feed.subscriptions import advance
from case_events.ledger.webhooks import circuits, errands
from case_events.ledger.webhooks.attempts import Attempt, record
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.collecting import Bag, collect_again
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.errands import Errand
from case_events.ledger.webhooks.secrets import signing
from case_events.ledger.webhooks.sorting import Round, settle_again
from case_events.outgoing.form import encoded
from case_events.outgoing.trials import TRIAL, trial
from case_scheduler.webhooks.line import Line
from case_scheduler.webhooks.rounds import Sending
from case_scheduler.webhooks.sending import Sender

TRIES_S = (1.0, 5.0, 15.0, 60.0)
"""How long after an event that failed a redelivery goes on with it; after the last of them it ends there."""
UNREADABLE = "unreadable"
"""How a redelivery ends at an event that cannot be read."""

log = structlog.get_logger("case_scheduler.postman")


class Errands:
    """Those of one endpoint; its walk does them before each round, as long as there are any."""

    def __init__(
        self, line: Line, owner: str, sender: Sender, tries_s: tuple[float, ...], heard: Callable[[str], None]
    ) -> None:
        self._line, self._owner, self._sender, self._heard = line, owner, sender, heard
        self._tries_s = tries_s
        self._stuck: tuple[UUID, int] | None = None
        self._tries, self._not_before = 0, 0.0

    async def do(self, endpoint: Endpoint, stop: asyncio.Event, still: Callable[[], bool]) -> float | None:
        """The first test, else a slice of the first redelivery; in how many seconds there is more to do (None: never).

        ``still``: whether the endpoint is what it was. Raises NotHeld.
        """
        async with self._line.connection() as connection:
            left = await errands.left(connection, endpoint.id)
            secrets = await signing(connection, self._line.vault, endpoint.id) if left else ()
        test = next((errand for errand in left if errand.reason == "test"), None)
        if test is not None:
            await self._test(endpoint, test, secrets)
            return 0.0  # the next of them after a round: as the endpoint is then, and nobody's events wait for all
        again = next((errand for errand in left if errand.reason == "redelivery"), None)
        if again is None or endpoint.state != "active":
            return None
        async with self._line.connection() as connection:
            circuit = await circuits.circuit(connection, endpoint.id)  # as the tests left it
        wait_s = max(self._not_before - time.monotonic(), circuit.open_for_s)
        if wait_s > 0:
            return wait_s
        await self._redeliver(endpoint, again, secrets, circuit, stop, still)
        return max(0.0, self._not_before - time.monotonic())

    async def _test(self, endpoint: Endpoint, errand: Errand, secrets: tuple[str, ...]) -> None:
        """Sent once. Whoever takes it is there: a circuit that was open closes; who does not take it is not blamed."""
        body = encoded(trial(errand.id, endpoint.id, errand.asked_at))
        async with self._sender.turn(endpoint.client, endpoint.url):
            with tracing.span("webhook", endpoint=endpoint.id):
                answer = await self._sender.post(endpoint.client, endpoint.url, errand.id, body, secrets)
        self._heard(answer.outcome)
        attempt = Attempt(
            endpoint=endpoint.id,
            position=None,
            event_id=errand.id,
            case_id=None,
            type=TRIAL,
            reason="test",
            number=1,
            at=answer.at,
            took_ms=answer.took_ms,
            outcome=answer.outcome,
            status=answer.status,
            detail=answer.detail,
        )
        async with self._line.connection() as connection, connection.transaction():
            await advance(connection, endpoint.subscription, self._owner, 0)
            await record(connection, [attempt])
            await errands.end(connection, errand.id, answer.outcome)
            # Read anew: it may have opened while this was under way, and the subscription's row is ours from here on.
            if answer.delivered and (await circuits.circuit(connection, endpoint.id)).failures:
                await circuits.close(connection, endpoint.id)

    async def _redeliver(
        self,
        endpoint: Endpoint,
        errand: Errand,
        secrets: tuple[str, ...],
        circuit: Circuit,
        stop: asyncio.Event,
        still: Callable[[], bool],
    ) -> None:
        assert errand.first is not None, "a redelivery is of positions"
        assert errand.last is not None, "a redelivery is of positions"
        after = errand.first - 1 if errand.reached is None else errand.reached
        async with self._line.connection() as connection:
            try:
                bag = await collect_again(connection, self._line.vault, endpoint, after, errand.last)
            except UnreadableEvent as event:
                log.error("webhook_unreadable", endpoint=str(endpoint.id), position=event.position, why=event.why)  # noqa: TRY400 - expected trouble
                async with connection.transaction():
                    await advance(connection, endpoint.subscription, self._owner, 0)
                    await errands.end(connection, errand.id, UNREADABLE)
                return
        if circuit.probing and bag.chains:
            first = min((chain[0] for chain in bag.chains), key=lambda letter: letter.position)
            bag = replace(bag, chains=((first,),), through=first.position, more=True)
        sending = Sending(self._sender, endpoint, secrets, circuit, stop, still, "redelivery", heard=self._heard)
        done = await sending.send(bag.chains)
        reached = _reached(bag, done)
        ended = reached == bag.through and not bag.more
        outcome = "delivered" if ended or reached >= errand.last else self._given_up(errand, done)
        async with self._line.connection() as connection, connection.transaction():
            await settle_again(connection, endpoint, self._owner, done)
            await errands.progress(connection, errand.id, reached)
            if outcome is not None:
                await errands.end(connection, errand.id, outcome)

    def _given_up(self, errand: Errand, done: Round) -> str | None:
        """What the first that failed came to, when it was tried often enough; else it says when to go on with it."""
        failed = {one.letter.position for one in done.tried if not one.delivered}
        if not failed:
            return None
        stuck = (errand.id, min(failed))
        self._tries = self._tries + 1 if stuck == self._stuck else 1
        self._stuck = stuck
        if self._tries > len(self._tries_s):
            return next(one.outcome for one in done.attempts if one.position == stuck[1])
        self._not_before = time.monotonic() + self._tries_s[self._tries - 1]
        return None


def _reached(bag: Bag, done: Round) -> int:
    """Everything up to here was taken."""
    taken = {one.letter.position for one in done.tried if one.delivered}
    left = [letter.position for chain in bag.chains for letter in chain if letter.position not in taken]
    return min(left) - 1 if left else bag.through
