"""The line: walks wait here for a connection, however many there are, so that whoever renews their holds finds one.

A pool's own queue has a limit in time, which is meant for a Postgres that does not answer: thousands of walks that are
called at once would run into it, begin anew with more questions, and keep the postman itself out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.sealing import Vault

KEPT = 2
"""Connections of the pool that no walk has: the session that listens, and the look that renews the holds."""


class NoConnection(ConnectionError):
    """There is none to be had, so nothing was asked, and nothing has changed."""


class Line:
    """One postman has one: its walks' connections, each for as long as its block lasts, in the order of asking."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turns = asyncio.Semaphore(max(1, ledger.pool.get_max_size() - KEPT))

    @property
    def vault(self) -> Vault:
        return self._ledger.vault

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection, when it is this one's turn. Raises NoConnection while Postgres is away."""
        async with self._turns, AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._ledger.connection())
            except UNAVAILABLE as fault:
                raise NoConnection(type(fault).__name__) from fault
            yield connection
