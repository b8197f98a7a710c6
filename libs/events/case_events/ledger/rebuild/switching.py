"""The switch: writers wait a moment, the last is caught up, and the shadow tables take the place of the old ones.

Writers stand still at ``streams``, the table that each of them locks before any other, so nothing can be waiting in
the wrong order behind us. Readers go on until the names change hands. What was caught up is committed before that, and
every transaction older than this is let go first: a page read on one snapshot must find its rows in the new table too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg

from case_events.core.values import Instant, Value
from case_events.ledger.clock.claims import BACK_OFF_S_MAX
from case_events.ledger.connection import Connection
from case_events.ledger.rebuild import shadows

ATTEMPTS_MAX = 40
"""How often the switch is tried before it is given up."""
PAUSE_S = 1.0
"""Between two attempts everybody goes on."""
WRITERS_MS = 300
"""How long the switch waits for the writers under way; new ones wait behind it."""
READERS_MS = 200
"""How long it waits for readers under way at the moment the names change hands."""
VACUUM_MS = 5_000
"""How long it waits for a vacuum, which holds nobody up; Postgres ends one after a second."""
OLDER_S = 0.3
"""How long it waits for transactions older than what was caught up."""
POLL_S = 0.005

QUIET = "LOCK TABLE streams, deadlines, cases IN SHARE UPDATE EXCLUSIVE MODE"
HOLD_WRITERS = "LOCK TABLE streams IN EXCLUSIVE MODE"
HOLD_READERS = "LOCK TABLE deadlines, cases IN ACCESS EXCLUSIVE MODE"
TRIED = f"""
UPDATE {shadows.SCHEMA}.deadlines n SET next_try_at = d.next_try_at, attempts = d.attempts FROM deadlines d
WHERE {{which}} AND NOT d.provisional AND d.attempts > 0
    AND (n.case_id, n.kind, n.party, n.set_by, n.due_at) = (d.case_id, d.kind, d.party, d.set_by, d.due_at)
    AND (n.next_try_at, n.attempts) <> (d.next_try_at, d.attempts)
"""
TRIED_LIVE = TRIED.format(
    which=f"d.test_clock IS NULL AND n.test_clock IS NULL AND d.next_try_at > $1"
    f" AND d.next_try_at < now() + interval '{2 * BACK_OFF_S_MAX} s'"
)
"""What was postponed since the build began: no postponement is longer than that, and few deadlines are due so soon."""
TRIED_CLOCKED = TRIED.format(which="d.test_clock IS NOT NULL AND d.test_clock = n.test_clock")
HIDE = tuple(
    f"DELETE FROM {shadows.SCHEMA}.{name} WHERE test_clock IN (SELECT id FROM test_clocks WHERE deleted_at IS NOT NULL)"
    for name in shadows.TABLES
)
"""What goes by a deleted test clock is built like all else, and listed nowhere."""
OLDER = """
SELECT l.virtualtransaction AS name, a.pid, a.usename AS login, a.application_name AS application
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'virtualxid' AND l.granted AND a.datname = current_database() AND a.usesysid IS NOT NULL
    AND l.pid <> ALL($1::integer[]) AND NOT EXISTS (SELECT FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted)
"""


class InTheWay(Exception):
    """Something held the tables through every attempt; the message says what, and nothing was changed."""


class Switched(Value, frozen=True, kw_only=True):
    """How long writers had to wait, in seconds, and how many attempts it took."""

    writers_waited_s: float
    attempts: int


class NotNow(Exception):
    """This attempt is given up, so that nobody waits for us; the next one may do better."""


CatchUp = Callable[[], Awaitable[None]]


async def switch(
    connection: Connection, other: Connection, since: Instant, *, catch_up: CatchUp, last: CatchUp
) -> Switched:
    """Switch when the tables can be had; each attempt holds writers for less than a second.

    ``catch_up`` brings the shadow tables, on ``other``, up to a few cases; ``last`` brings them up to the moment while
    no writer moves, and raises NotNow when that would take long, or anything else to stop. ``since``: when the build
    began. Raises InTheWay, or NotAlike.
    """
    reason = ""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            await catch_up()
            waited_s = await _attempt(connection, other, since, last)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            reason = "others are using cases or deadlines all the time, or in one long transaction"
        except NotNow as error:
            reason = str(error)
        else:
            return Switched(writers_waited_s=waited_s, attempts=attempt)
        await asyncio.sleep(PAUSE_S)
    raise InTheWay(f"the tables could not be switched in {ATTEMPTS_MAX} attempts: {reason}")


async def _attempt(connection: Connection, other: Connection, since: Instant, last: CatchUp) -> float:
    async with connection.transaction():
        await _lock(connection, QUIET, VACUUM_MS)  # from here on nobody changes what the tables are like, either
        await shadows.compare(connection)
        started = time.monotonic()
        await _lock(connection, HOLD_WRITERS, WRITERS_MS)
        await last()
        for hide in HIDE:
            await connection.execute(hide)
        await _let_older_go(connection, other)
        await _lock(connection, HOLD_READERS, READERS_MS)
        await connection.execute(TRIED_LIVE, since)
        await connection.execute(TRIED_CLOCKED)
        await shadows.swap(connection)
    return time.monotonic() - started


async def _lock(connection: Connection, statement: str, wait_ms: int) -> None:
    await connection.execute(f"SET LOCAL lock_timeout = {wait_ms}")
    await connection.execute(statement)


async def _let_older_go(connection: Connection, other: Connection) -> None:
    """Wait until every transaction has ended that was there before; those that wait for us see everything anyway."""
    ours = [connection.get_server_pid(), other.get_server_pid()]
    left: dict[str, asyncpg.Record] | None = None
    until = time.monotonic() + OLDER_S
    while True:
        found = {row["name"]: row for row in await connection.fetch(OLDER, ours)}
        left = found if left is None else {name: row for name, row in left.items() if name in found}
        if not left:
            return
        if time.monotonic() > until:
            one = next(iter(left.values()))
            said = f"{one['login']}, {one['application'] or 'no name'}, process {one['pid']}"
            raise NotNow(f"a transaction stays open ({said}, and {len(left) - 1} more)")
        await asyncio.sleep(POLL_S)
