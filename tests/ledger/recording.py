"""Events put down by hand, for tests of the order they are numbered in; and the readers that everybody writes first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from case_events.core.values import Instant
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.feed.sequencing import Ticked, number

RECORD = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, client,
    correlation, payload, payload_hash, hash)
SELECT $1, $2, gen_random_uuid(), 'noted', 1, t, t, t, 'platform', 'by hand', $1, '{}', sha256(''), sha256('')
FROM coalesce($3, clock_timestamp()) AS t
"""
OPEN = "INSERT INTO streams (case_id, version, head_hash, recorded_at) VALUES ($1, 1, sha256(''), clock_timestamp())"
LOCK = "SELECT version FROM streams WHERE case_id = $1 FOR UPDATE"
MOVE = "UPDATE streams SET version = $2 WHERE case_id = $1"
TAKE_ID = "SELECT pg_current_xact_id()"
IDS = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

SEQUENCE = "SELECT tx::text AS tx, seq, case_id, version FROM events WHERE seq > $1 ORDER BY seq"
"""The first reader: it goes on after the greatest number it has seen."""
HORIZON = """
SELECT tx::text AS tx, seq, case_id, version FROM events
WHERE (tx, seq) > ($1::text::xid8, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY tx, seq
"""
"""The second reader: it waits for whatever is open, and reads by transaction."""

MISSED = "SELECT count(*) FROM events e LEFT JOIN feed f USING (case_id, version) WHERE f.position IS NULL"
INVERTED = """
SELECT count(*) FROM (
    SELECT position < lag(position) OVER (PARTITION BY case_id ORDER BY version) AS back FROM feed
) AS pairs WHERE back
"""
GAPS = "SELECT coalesce(max(position), 0) - count(*) FROM feed"
HEAD = "SELECT max(head) - (SELECT count(*) FROM feed) FROM feed_state"

Key = tuple[UUID, int]


EMPTY = """
ALTER TABLE events DISABLE TRIGGER never_truncated;
ALTER TABLE feed DISABLE TRIGGER never_truncated;
TRUNCATE events, feed, streams, event_kinds;
ALTER TABLE events ENABLE ALWAYS TRIGGER never_truncated;
ALTER TABLE feed ENABLE ALWAYS TRIGGER never_truncated;
UPDATE feed_state SET head = 0, snapshot = NULL, cluster = NULL, ticked_at = NULL;
"""


async def empty(superuser: asyncpg.Connection) -> None:
    """As if nothing had been recorded or numbered; sooner than a fresh database for each test."""
    await superuser.execute(EMPTY)


async def record(connection: asyncpg.Connection, case_id: UUID, version: int, *, at: Instant | None = None) -> None:
    """Put an event down in the caller's transaction, without a stream."""
    await connection.execute(RECORD, case_id, version, at)


async def feed(connection: asyncpg.Connection) -> list[Key]:
    """The events in the feed's order."""
    rows = await connection.fetch("SELECT case_id, version FROM feed ORDER BY position")
    return [(row["case_id"], row["version"]) for row in rows]


async def faults(connection: asyncpg.Connection) -> dict[str, int]:
    """How many events have no position, come before an earlier one of their case; gaps; and how far off the head is."""
    queries = {"missed": MISSED, "inverted": INVERTED, "gaps": GAPS, "head": HEAD}
    return {name: int(await connection.fetchval(query)) for name, query in queries.items()}


NONE = {"missed": 0, "inverted": 0, "gaps": 0, "head": 0}


async def burn(connection: asyncpg.Connection, ids: int) -> None:
    """Use up transaction ids."""
    await connection.execute(
        f"DO $$ BEGIN FOR i IN 1..{ids} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    )


@dataclass
class Naive:
    """A reader that remembers how far it is, and reads on from there; what it saw, in its order."""

    query: str
    seen: list[Key] = field(default_factory=list)
    tx: str = "0"
    seq: int = 0

    async def read(self, connection: asyncpg.Connection) -> int:
        """Read on; how many events came."""
        after = (self.seq,) if self.query is SEQUENCE else (self.tx, self.seq)
        rows = await connection.fetch(self.query, *after)
        self.seen += [(row["case_id"], row["version"]) for row in rows]
        if rows:
            self.tx, self.seq = rows[-1]["tx"], rows[-1]["seq"]
        return len(rows)

    def inverted(self) -> int:
        """How many events came after a later one of their case."""
        last: dict[UUID, int] = {}
        count = 0
        for case_id, version in self.seen:
            count += version < last.get(case_id, 0)
            last[case_id] = max(version, last.get(case_id, 0))
        return count


async def write_steps(
    connection: asyncpg.Connection, cases: list[UUID], chance: random.Random, until: asyncio.Event
) -> None:
    """Steps of one to three events to any of ``cases``: one in ten is rolled back; half take their id long before."""
    while not until.is_set():
        transaction = connection.transaction()
        await transaction.start()
        if chance.random() < 0.5:
            await connection.execute(TAKE_ID)
            await asyncio.sleep(chance.uniform(0, 0.02))
        case_id = chance.choice(cases)
        version = await connection.fetchval(LOCK, case_id)
        events = chance.randint(1, 3)
        for number_ in range(1, events + 1):
            await record(connection, case_id, version + number_)
        await connection.execute(MOVE, case_id, version + events)
        await asyncio.sleep(chance.uniform(0, 0.01))
        await (transaction.rollback() if chance.random() < 0.1 else transaction.commit())


@asynccontextmanager
async def left_open(url: str) -> AsyncIterator[int]:
    """Somebody's transaction that has written, or means to, and stays open; its id."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        yield int(await connection.fetchval(f"{TAKE_ID}::text"))
    finally:
        await connection.close()


async def killed_in_mid_tick(url: str, superuser: asyncpg.Connection) -> Ticked | None:
    """A sequencer whose session ends when it has numbered and not committed; what it had done, None: not its turn."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        ticked = await number(connection)
        await superuser.execute("SELECT pg_terminate_backend($1, 5000)", connection.get_server_pid())
        try:
            await connection.execute("COMMIT")
        except UNAVAILABLE:
            return ticked
        raise AssertionError("it outlived its end")
    finally:
        await connection.close()
