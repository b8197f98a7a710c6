"""The sequencer's tick: what became visible since the last one gets the next positions of the feed (decision 0012).

A sequence skips what is still in flight, and transaction ids put a case's own events in the wrong order. A tick asks
what its snapshot sees and the last tick's did not: every committed event is in exactly one such difference, whatever
else is open. Within a tick events go by ``seq``: a case's next event draws it after the one before has committed.
"""

from __future__ import annotations

import asyncpg

from case_events.core.values import Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

FEED_CHANNEL = "caselog_feed"
"""Where readers of the feed listen; one notification for each tick that gave positions, its payload the head."""
LOOK = 2_000
"""Events that an ordinary tick looks at; where there are so many, a thorough one is due."""
BATCH = 500_000
"""Events that a thorough tick numbers in its one transaction; what is left is the next one's."""
THOROUGH_S_MAX = 600
"""How long a thorough tick may take: the first one on a ledger that is old already, or restored, reads every event."""

LAST = """
SELECT head, snapshot, ticked_at, snapshot IS NULL
    OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())
    OR cluster IS DISTINCT FROM (SELECT system_identifier FROM pg_control_system()) AS lost
FROM feed_state ORDER BY head DESC LIMIT 1
"""
WINDOW = """
SELECT case_id, version, type, schema, seq, recorded_at FROM events
WHERE tx >= (SELECT pg_snapshot_xmax(snapshot) FROM last) AND tx < pg_snapshot_xmax(pg_current_snapshot())
UNION ALL
SELECT case_id, version, type, schema, seq, recorded_at FROM events
WHERE tx = ANY (ARRAY (SELECT pg_snapshot_xip(snapshot) FROM last))
"""
"""What is visible now and was not then, and, after a restore, old events whose transaction ids come up once more."""
NUMBERED = "EXISTS (SELECT FROM feed f WHERE f.case_id = e.case_id AND f.version = e.version OFFSET 0)"
"""By the feed's own key, event by event: OFFSET 0 keeps the planner from reading the whole feed instead."""

STATE = f"""
WITH last AS MATERIALIZED ({LAST}),
waiting AS MATERIALIZED (
    SELECT count(*) AS seen, min(recorded_at) FILTER (WHERE NOT numbered) AS since
    FROM (SELECT recorded_at, {NUMBERED} AS numbered FROM ({WINDOW}) AS e LIMIT $1) AS looked
)
SELECT head, ticked_at, since, clock_timestamp() AS now, lost,
    lost AND EXISTS (SELECT FROM events) OR since IS NOT NULL OR seen = $1 AS waiting
FROM last, waiting
"""
# One statement and its one snapshot: the row is locked only if it still is as that snapshot sees it, so that no other
# tick has come in between; and only if there is something to number, so that a tick over nothing writes nothing.
TICK = """
WITH last AS MATERIALIZED ({last}),
seen AS MATERIALIZED ({seen}),
fresh AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY seq) AS n, case_id, version, type, schema FROM {whence} AS e
    WHERE NOT {numbered} {unless} ORDER BY seq LIMIT $1
),
turn AS MATERIALIZED (
    SELECT head FROM feed_state WHERE head = (SELECT head FROM last) {worth} FOR UPDATE SKIP LOCKED
),
given AS (
    INSERT INTO feed (position, case_id, version) SELECT head + n, case_id, version FROM turn, fresh ORDER BY n
),
kinds AS (
    INSERT INTO event_kinds (type, schema) SELECT DISTINCT type, schema FROM turn, fresh ON CONFLICT DO NOTHING
),
counted AS MATERIALIZED (SELECT count(*) AS n FROM fresh),
moved AS (
    UPDATE feed_state s SET head = s.head + counted.n, ticked_at = clock_timestamp(), snapshot = {reached},
        cluster = (SELECT system_identifier FROM pg_control_system())
    FROM turn, counted WHERE s.head = turn.head
    RETURNING s.head, CASE WHEN counted.n > 0 THEN pg_notify('{channel}', s.head::text) END
)
SELECT last.head, moved.head AS moved, counted.n, lost OR (SELECT count(*) FROM seen) = $1 AS much
FROM counted, last LEFT JOIN moved ON true
"""
ORDINARY = TICK.format(
    last=LAST,
    seen=f"SELECT * FROM ({WINDOW}) AS e WHERE NOT (SELECT lost FROM last) LIMIT $1",
    whence="seen",
    numbered=NUMBERED,
    unless="AND (SELECT count(*) FROM seen) < $1",
    worth="AND EXISTS (SELECT FROM fresh)",
    reached="pg_current_snapshot()",
    channel=FEED_CHANNEL,
)
THOROUGH = {
    "last": LAST,
    "seen": "SELECT",
    "unless": "",
    "worth": "",
    "channel": FEED_CHANNEL,
}
NEW = TICK.format(
    **THOROUGH,
    whence=f"({WINDOW})",
    numbered=NUMBERED,
    reached="CASE WHEN counted.n < $1 THEN pg_current_snapshot() ELSE s.snapshot END",
)
"""After a full batch the next tick looks from the same snapshot again, past what is numbered by then."""
EVERYTHING = TICK.format(
    **THOROUGH,
    whence="events",
    numbered=NUMBERED.replace(" OFFSET 0", ""),
    reached="CASE WHEN counted.n < $1 THEN pg_current_snapshot() END",
)
"""Every event that has no position: the first tick there is, or the first whose transaction ids mean nothing here."""
TAKE_TURN = f"""
SELECT set_config('statement_timeout', '{THOROUGH_S_MAX}s', true)
FROM feed_state ORDER BY head DESC LIMIT 1 FOR UPDATE SKIP LOCKED
"""
IS_LOST = f"SELECT lost FROM ({LAST}) AS last"
READ_ALL = "SELECT set_config('enable_seqscan', 'on', true), set_config('plan_cache_mode', 'auto', true)"


class Ticked(Value, frozen=True, kw_only=True):
    """What a tick did: how many events it numbered, the last position it knows of, and whether more are waiting.

    ``busy``: another sequencer was at it. ``resynced``: it looked at every event, because it is the first tick, or
    because the last one's transaction ids mean nothing here.
    """

    numbered: int
    head: int
    more: bool = False
    busy: bool = False
    resynced: bool = False


class FeedState(Value, frozen=True, kw_only=True):
    """How the feed is: the last position, when a tick last wrote, whether events wait and since when at most.

    ``lost``: the next tick has to look at every event. ``waiting_since`` is None while nothing waits, or when so much
    does that it was not looked at.
    """

    head: int
    ticked_at: Instant | None
    waiting: bool
    waiting_since: Instant | None
    lost: bool
    now: Instant


async def tick(ledger: Ledger) -> Ticked:
    """Number what became visible since the last tick; nothing is written if nothing did.

    Any number of sequencers may tick: while another one is at it this one leaves it to that. Raises one of
    UNAVAILABLE while Postgres is away; then the tick has happened wholly or not at all, and the next one knows.
    """
    async with ledger.connection() as connection:
        ticked = await number(connection)
        if not ticked.more:
            return ticked
        async with connection.transaction():
            return await number_much(connection)


async def number(connection: Connection) -> Ticked:
    """The ordinary tick, one statement (READ COMMITTED); ``more``: a thorough one is due, and nothing was done."""
    row = await connection.fetchrow(ORDINARY, LOOK)
    assert row is not None, "the migration made the row"
    return _ticked(row, more=row["much"])


async def number_much(connection: Connection) -> Ticked:
    """The thorough tick, in the caller's transaction; ``BATCH`` events at most."""
    if await connection.fetchrow(TAKE_TURN) is None:
        return Ticked(numbered=0, head=0, busy=True)
    # Statements of their own, so that their snapshots are taken after the lock: they see all that the last tick saw.
    lost = await connection.fetchval(IS_LOST)
    if lost:
        await connection.execute(READ_ALL)
    row = await connection.fetchrow(EVERYTHING if lost else NEW, BATCH, timeout=THOROUGH_S_MAX)
    assert row is not None, "the row is locked by us"
    return _ticked(row, more=row["n"] == BATCH, resynced=lost)


def _ticked(row: asyncpg.Record, *, more: bool, resynced: bool = False) -> Ticked:
    if row["moved"] is None:
        return Ticked(numbered=0, head=row["head"], more=more, busy=row["n"] > 0)
    return Ticked(numbered=row["n"], head=row["moved"], more=more, resynced=resynced)


async def state(connection: Connection) -> FeedState:
    """How the feed is, without writing; it costs what looking at ``LOOK`` events by key costs, at most."""
    row = await connection.fetchrow(STATE, LOOK)
    assert row is not None, "the migration made the row"
    return FeedState(
        head=row["head"],
        ticked_at=row["ticked_at"],
        waiting=row["waiting"],
        waiting_since=row["since"],
        lost=row["lost"],
        now=row["now"],
    )
