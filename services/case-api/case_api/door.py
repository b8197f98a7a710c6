"""What every route has at hand: the open ledger, who may call, and the rules a case was filed under."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request

from case_api.callers.auth import Callers, Right, caller_with
from case_api.callers.limiter import Limiter
from case_api.callers.tokens import Tokens
from case_api.evidence.store import EvidenceStore
from case_api.refusals.problems import Refused
from case_api.serving.watch import IN_FLIGHT_MAX, introduce
from case_api.streams.rooms import Room
from case_events.core.case import Case
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook, rulebook
from case_events.core.values import PolicyRef
from case_events.ledger.callers.keys import Caller
from case_events.ledger.database import Ledger

OF_ONE_CLIENT_MAX = IN_FLIGHT_MAX // 2
"""Requests of one client that are answered at once: who sends many bodies slowly shuts out nobody else."""


class Door:
    """Made once per process, when the ledger is open. ``sandbox``: test clocks exist, and development keys work.

    ``loopback``: webhooks may go to this very machine. ``tokens``: those of an OpenID provider, where one is trusted.
    ``rate_per_minute``: requests of a key without a limit of its own; 0: any number.
    """

    def __init__(
        self,
        ledger: Ledger,
        evidence: EvidenceStore,
        *,
        sandbox: bool,
        loopback: bool,
        tokens: Tokens | None,
        rate_per_minute: int,
    ) -> None:
        self.ledger = ledger
        self.evidence = evidence
        self.sandbox, self.loopback = sandbox, loopback
        self.tokens = tokens
        self.callers = Callers(ledger, sandbox=sandbox, tokens=tokens)
        self._limiter = Limiter(ledger, rate_per_minute)
        self._under_way = Room("requests", IN_FLIGHT_MAX, OF_ONE_CLIENT_MAX)
        self._rules: dict[PolicyRef, InForce] = {}
        self.was_ready = False
        """Whether ``/readyz`` has found the tables of this release here."""

    async def close(self) -> None:
        """Ask nobody any more who calls."""
        if self.tokens is not None:
            await self.tokens.close()

    async def caller(self, request: Request, right: Right) -> Caller:
        """Who sent ``request``. Refused without a known key (401), without the right (403), when the key has sent what
        it may, and when too many keys that were not seen here wait to be looked up (429)."""
        try:
            caller = await caller_with(request, self.callers, right)
        except Refused:
            known: Caller | None = request.scope.get("caller")
            if known is not None:
                await self.let_in(request, known)
            raise
        await self.let_in(request, caller)
        return caller

    async def owes(self, caller: Caller, items: int) -> None:
        """What came with one request counts as if it had come by itself. Refused: 429 while the key is in debt."""
        allowance = self._limiter.of(caller)
        if allowance is not None:
            await allowance.owe(items)

    async def let_in(self, request: Request, caller: Caller) -> None:
        """Let a known caller's request through, as theirs.

        Refused: 429 when the key has sent what it may, and while too many requests of its client are under way.
        """
        introduce(request.scope, caller)
        allowance = request.scope["allowance"] = self._limiter.of(caller)
        if "over" not in request.scope:
            self._under_way.enter(caller.client)
            request.scope["over"] = partial(self._under_way.leave, caller.client)
        if allowance is not None:
            await allowance.spend()

    async def book_of(self, case: Case) -> Rulebook:
        """The rules a case is judged by; a pinned policy never changes, so it is asked for once."""
        in_force = self._rules.get(case.policy)
        if in_force is None:
            async with self.ledger.connection() as connection:
                in_force = await self.ledger.policies.pinned(connection, case.policy)
            self._rules[case.policy] = in_force
        return rulebook(case, in_force, self.ledger.calendar)


def door_of(request: Request) -> Door:
    """The door this request came through."""
    door: Door = request.app.state.door
    return door
