"""A round's sending: several cases at once, each in its order, until it is over or the receiver's circuit opens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from case_events import tracing
from case_events.ledger.webhooks.attempts import Attempt, Reason
from case_events.ledger.webhooks.circuits import Circuit
from case_events.ledger.webhooks.collecting import Letter
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.sorting import Round, Tried
from case_events.outgoing.cloudevents import cloud_event, type_of
from case_events.outgoing.form import encoded
from case_scheduler.webhooks.sending import Answer, Sender

ROUND_S = 20.0
"""After so long a round begins nothing more: what it has left waits for the next."""
FINISH_S = 5.0
"""How long what is under way may take once somebody asked to stop."""


class Sending:
    """What one round sends to one endpoint, and what came of it so far."""

    def __init__(
        self,
        sender: Sender,
        endpoint: Endpoint,
        secrets: Sequence[str],
        circuit: Circuit,
        stop: asyncio.Event,
        still: Callable[[], bool],
        reason: Reason = "event",
        *,
        heard: Callable[[str], None],
    ) -> None:
        """``still``: whether the endpoint is what it was when this began; ``heard``: is told each attempt's outcome."""
        self._sender, self._endpoint, self._secrets = sender, endpoint, secrets
        self._circuit, self._quiet_s = circuit, 0.0
        self._gone, self._shut, self._stop, self._until = False, False, stop, time.monotonic() + ROUND_S
        self._still, self._reason, self._heard = still, reason, heard
        self._tried, self._attempts = list[Tried](), list[Attempt]()

    async def send(self, chains: Sequence[Sequence[Letter]]) -> Round:
        """Send them; what is not among those tried was not sent, or nobody knows what came of it."""
        tasks = [asyncio.create_task(self._send(chain), name="chain") for chain in chains]
        ended = asyncio.create_task(_all(tasks), name="ended")
        stopped = asyncio.create_task(self._stop.wait(), name="stopped")
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({ended}, timeout=FINISH_S)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for one in (*tasks, ended, stopped):
                one.cancel()
            await asyncio.gather(*tasks, ended, stopped, return_exceptions=True)
        circuit = replace(self._circuit, open_for_s=max(self._circuit.open_for_s, self._quiet_s))
        return Round(tried=tuple(self._tried), attempts=tuple(self._attempts), circuit=circuit)

    async def _send(self, chain: Sequence[Letter]) -> None:
        for letter in chain:
            async with self._sender.turn(self._endpoint.client, self._endpoint.url):
                if self._over():
                    return
                body, recorded = encoded(cloud_event(letter.told)), letter.told.recorded
                with tracing.span("webhook", case_id=recorded.case_id, endpoint=self._endpoint.id):
                    to = self._endpoint
                    answer = await self._sender.post(to.client, to.url, recorded.event_id, body, self._secrets)
                self._note(letter, answer)
            if not answer.delivered:
                return

    def _over(self) -> bool:
        """Nothing more is begun: what is left is for the next round, told and signed as the endpoint is then."""
        return self._shut or self._stop.is_set() or time.monotonic() > self._until or not self._still()

    def _note(self, letter: Letter, answer: Answer) -> None:
        """The circuit goes by the order in which answers come; those under way when it opened open it no further."""
        if answer.delivered:
            self._circuit = self._circuit.succeeded()
        elif not self._shut:
            self._circuit = self._circuit.failed(None)
        if answer.quiet:
            self._quiet_s = max(self._quiet_s, answer.retry_after_s or 0.0)
        gone = answer.outcome == "gone"
        self._gone = self._gone or gone
        self._shut = self._gone or self._quiet_s > 0 or self._circuit.probing
        self._heard(answer.outcome)
        self._tried.append(
            Tried(letter=letter, delivered=answer.delivered, gone=gone, retry_after_s=answer.retry_after_s)
        )
        recorded = letter.told.recorded
        self._attempts.append(
            Attempt(
                endpoint=self._endpoint.id,
                position=letter.position,
                event_id=recorded.event_id,
                case_id=recorded.case_id,
                type=type_of(recorded.name),
                reason=self._reason,
                number=letter.tries + 1,
                at=answer.at,
                took_ms=answer.took_ms,
                outcome=answer.outcome,
                status=answer.status,
                detail=answer.detail,
            )
        )


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
