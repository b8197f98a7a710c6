"""What every route has at hand: the open ledger, who may call, and the rules a case was filed under."""

from __future__ import annotations

from starlette.requests import Request

from case_api.auth import Callers, Right, caller_with
from case_events.core.case import Case
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook
from case_events.core.values import PolicyRef
from case_events.ledger.callers.keys import Caller
from case_events.ledger.database import Ledger


class Door:
    """Made once per process, when the ledger is open. ``sandbox``: test clocks exist, and development keys work."""

    def __init__(self, ledger: Ledger, *, sandbox: bool) -> None:
        self.ledger = ledger
        self.sandbox = sandbox
        self._callers = Callers(ledger, sandbox=sandbox)
        self._rules: dict[PolicyRef, InForce] = {}

    async def caller(self, request: Request, right: Right) -> Caller:
        """Who sent ``request``. Refused without a known key (401) or without the right (403)."""
        return await caller_with(request, self._callers, right)

    async def book_of(self, case: Case) -> Rulebook:
        """The rules a case is judged by; a pinned policy never changes, so it is asked for once."""
        in_force = self._rules.get(case.policy)
        if in_force is None:
            async with self.ledger.connection() as connection:
                in_force = await self.ledger.policies.pinned(connection, case.policy)
            self._rules[case.policy] = in_force
        return Rulebook(
            rules=in_force.type_of(case.type, case.subtype),
            minimum_notice=in_force.policy.minimum_notice,
            calendar=self.ledger.calendar,
            policy=in_force.policy,
        )


def door_of(request: Request) -> Door:
    """The door this request came through."""
    door: Door = request.app.state.door
    return door
