"""An open ledger: the pool, and the handful of things every call of it needs beside a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from operator import attrgetter

import asyncpg

from case_events.core.calendar import Calendar
from case_events.core.plan import Request, Step, World
from case_events.core.values import CaseId, Instant
from case_events.ledger.batches import Batches, unlike
from case_events.ledger.clock.host import TOLERANCE_S, HostClock, host_clock, later
from case_events.ledger.clock.outage_book import OutageBook
from case_events.ledger.connection import (
    CONNECT_TIMEOUT_S,
    READ_COMMITTED,
    UNAVAILABLE,
    Connection,
    check_address,
    teach,
)
from case_events.ledger.policy_book import PolicyBook
from case_events.ledger.presence import Presence
from case_events.ledger.recent import Recent
from case_events.ledger.sealing import Vault
from case_events.ledger.store import Loaded
from case_events.ledger.waking import Waking
from case_events.policies.working_days import published

ACQUIRE_TIMEOUT_S = 5
COMMAND_TIMEOUT_S = 30
TURNS_MAX = 3
"""Who queues for a case that others hold keeps a connection; so many at most, and the rest are there for others."""

PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""Every statement here finds its rows by key: planned once, and never by reading a whole table because it was small
or not yet analysed when the plan was made."""

IDLE_S, LOCK_S, STATEMENT_S = 5, 10, COMMAND_TIMEOUT_S + 5
"""How long a session may do nothing in a transaction, wait for a lock, and work on one statement."""
GONE_AFTER_S = 20
"""Who acknowledges nothing for so long is cut off."""
LIMITS = {
    "idle_in_transaction_session_timeout": f"{IDLE_S}s",
    "lock_timeout": f"{LOCK_S}s",
    "statement_timeout": f"{STATEMENT_S}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": f"{GONE_AFTER_S}s",
}
"""A process that is stopped, or cut off from the network, in the middle of a transaction holds its rows no longer."""


class Ledger:
    """An open ledger: the pool, the vault, the calendar, the policies read so far, and what is asked of it now."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault, calendar: Calendar, presence: Presence) -> None:
        self.pool = pool
        self.presence = presence
        self.vault = vault
        self.calendar = calendar
        self.policies = PolicyBook()
        self.recent: Recent | None = None
        """What is remembered of the last cases, where somebody comes back to them: the API sets it (decision 4)."""
        self.outages = OutageBook()
        self.steps: Batches[Request, Step | None] = Batches("ledger.batch", attrgetter("case_id"), UNAVAILABLE)
        self.readings: Batches[CaseId, tuple[Loaded, World] | None] = Batches("ledger.read", unlike, UNAVAILABLE)
        self.turns = asyncio.Semaphore(TURNS_MAX)
        self.waking = Waking(pool)
        self.host_clock: HostClock = host_clock
        self.clock_tolerance_s = TOLERANCE_S

    @asynccontextmanager
    async def connection(self, *, held: bool = False) -> AsyncIterator[Connection]:
        """A connection of the pool, waited for no longer than ``ACQUIRE_TIMEOUT_S``. Raises one of UNAVAILABLE.

        ``held``: somebody listens on it, and asks little. While Postgres hangs it is refused at once, and whoever asks
        something is told within seconds (presence.py).
        """
        presence = self.presence
        presence.check()
        async with asyncio.timeout(ACQUIRE_TIMEOUT_S) as limit:
            presence.waits(limit)
            try:
                connection = await self.pool.acquire()
            finally:
                presence.waited(limit)
        presence.uses(connection, held=held)
        answered = True
        try:
            yield connection
        except (asyncio.CancelledError, TimeoutError):
            answered = False
            raise
        except asyncpg.ReadOnlySQLTransactionError:
            # The next session may be one of a server that takes writers.
            connection.terminate()
            raise
        finally:
            if _began_read_only(connection):
                connection.terminate()
            presence.done(connection, answered=answered)
            await self.pool.release(connection, timeout=ACQUIRE_TIMEOUT_S)

    def believed_until(self) -> Instant:
        """The latest instant of the database's clock that this host believes: what says it is later is not judged."""
        return later(self.host_clock(), self.clock_tolerance_s)

    async def close(self) -> None:
        await self.waking.close()
        await self.presence.close()
        await self.pool.close()


def _began_read_only(connection: Connection) -> bool:
    """A session keeps what it began with, also when the database has long been open to writers again."""
    with suppress(asyncpg.InterfaceError):  # one that was lost has left its pool, and cannot even say so
        if not connection.is_closed():
            return getattr(connection.get_settings(), "default_transaction_read_only", None) == "on"
    return False


async def open_ledger(
    url: str, *, master_key: bytes, pool_size: int = 10, application: str = "caselog", calendar: Calendar | None = None
) -> Ledger:
    """The ledger behind ``url``. ``master_key``: 32 bytes. Raises one of UNAVAILABLE, or ValueError for the key."""
    check_address(url)
    vault = Vault(master_key)
    pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=pool_size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={"application_name": application, **READ_COMMITTED, **PLANS, **LIMITS},
        init=teach,
        reset=_nothing_to_reset,
    )
    return Ledger(pool, vault, calendar or published(), Presence(partial(_ask, url, application)))


async def _ask(url: str, application: str) -> None:
    """Ask the server anything, on a connection of its own. Raises what connecting and asking raise.

    It is given up long before these limits, by whoever knows for how long this process itself stood still.
    """
    aside = await asyncpg.connect(
        url,
        timeout=COMMAND_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={"application_name": f"{application}-probe"},
    )
    try:
        await aside.execute("SELECT")
    finally:
        aside.terminate()


async def _nothing_to_reset(_: Connection) -> None:
    """No session state is ever set on a pooled connection, so that returning one costs no round trip."""
