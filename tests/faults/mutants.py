"""Schedulers that must not pass: the designs everybody writes first, which the verdict has to find out.

Each is a whole scheduler, ``python -m tests.faults.mutants NAME``, that claims in its own way and writes the timeout
it has claimed without asking the rules again, under an id drawn at random, so that no unique key stands in its way.
One of them claims with care: with it the verdict finds nothing, so that what it finds of the others is the claim's.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from case_events.core import timeouts
from case_events.core.events import Event, InterventionRequested, Recorded
from case_events.core.values import Instant
from case_events.ledger.codec import rows_of
from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.sealing import Vault, read_master_key
from tests.faults.mishaps import Deck

REST_S = 45.0
ACTING_S = 0.5
"""How long it takes until what was taken is done: a scheduler that is killed is mostly in the middle of it."""
SMALL, MANY = 5, 10
"""Cases at a time: few, so that schedulers meet often; or many, so that much is under way when one is killed."""
LOOK_S = 0.02

COLUMNS = "d.case_id, d.kind, d.party, d.set_by, d.due_at"
LIVE = "d.test_clock IS NULL AND NOT d.provisional"
DUE = f"{LIVE} AND d.next_try_at < now()"
AHEAD = f"{LIVE} AND d.next_try_at < now() + interval '3 seconds'"
SLOWLY = "(SELECT pg_sleep(0.02)) IS NOT NULL"
"""Between a claim's snapshot and its locks: time for others to fire."""
OLDEST = "ORDER BY d.next_try_at LIMIT $1"
FIRST = """
NOT EXISTS (SELECT FROM deadlines e WHERE e.case_id = d.case_id
    AND (e.next_try_at, e.kind, e.party) < (d.next_try_at, d.kind, d.party))
"""
POLL = f"SELECT {COLUMNS} FROM deadlines d WHERE {{due}} AND {FIRST} {OLDEST}"  # noqa: S608
CLAIM = f"{POLL} FOR UPDATE OF d SKIP LOCKED"
JOINED = f"""
SELECT {COLUMNS} FROM deadlines d JOIN streams s USING (case_id) WHERE {DUE} AND {FIRST} AND {SLOWLY} {OLDEST}
FOR UPDATE OF s SKIP LOCKED
"""  # noqa: S608
TAKE = f"""
DELETE FROM deadlines t USING (
    SELECT {COLUMNS} FROM deadlines d WHERE {DUE} AND {FIRST} {OLDEST} FOR UPDATE OF d SKIP LOCKED
) AS d WHERE (t.case_id, t.kind, t.party, t.set_by) = (d.case_id, d.kind, d.party, d.set_by) RETURNING {COLUMNS}
"""  # noqa: S608
STREAM = "SELECT version, head_hash, greatest(recorded_at, clock_timestamp()) AS now FROM streams WHERE case_id = $1"
STILL = "SELECT FROM deadlines WHERE (case_id, kind, party, set_by, due_at) = ($1, $2, $3, $4, $5)"
WRITE = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, client,
    correlation, payload, payload_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 'scheduler', 'caselog', $8, $9, $10, $11)
"""
MOVE = "UPDATE streams SET version = $2, head_hash = $3, recorded_at = $4 WHERE case_id = $1"
STOP = "DELETE FROM deadlines WHERE (case_id, kind, party, set_by) = ($1, $2, $3, $4)"

STOP_TALKS = "DELETE FROM deadlines WHERE case_id = $1 AND kind IN ('negotiation', 'intervention')"
"""Where the platform steps in nobody waits for the talks any more."""

STEPS_IN = InterventionRequested(ground="response_timed_out", by="platform", department="customer_service")
NAMES: dict[str, type[timeouts.Timeout]] = {
    "response": timeouts.MerchantResponseTimedOut,
    "negotiation": timeouts.NegotiationStalled,
    "intervention": timeouts.InterventionWindowExpired,
    "ruling": timeouts.RulingTimedOut,
    "appeal": timeouts.AppealWindowExpired,
    "remedy": timeouts.RemedyTimedOut,
}
RAISED = ("ruling", "remedy")
"""Whose timeouts raise the case's priority."""

Claimed = Sequence[asyncpg.Record]
Pass = Callable[[Connection, Vault], Awaitable[None]]


async def careful(connection: Connection, vault: Vault, due: str = DUE) -> None:
    """One transaction: claim, lock the streams without waiting, look again under the locks, write."""
    async with connection.transaction():
        for row in await connection.fetch(CLAIM.format(due=due), SMALL):
            if await connection.fetchrow(f"{STREAM} FOR UPDATE SKIP LOCKED", row["case_id"]) is None:
                continue
            if await connection.fetchrow(STILL, *row) is not None:
                await _write(connection, row, vault)


async def poll_then_act(connection: Connection, vault: Vault) -> None:
    """Look in one transaction and act in another, on what was seen."""
    for row in await connection.fetch(POLL.format(due=DUE), SMALL):
        async with connection.transaction():
            await _write(connection, row, vault)


async def joined_claim(connection: Connection, vault: Vault) -> None:
    """Lock the stream in the claim and trust the deadline joined to it, which READ COMMITTED does not read again."""
    async with connection.transaction():
        for row in await connection.fetch(JOINED, SMALL):
            await _write(connection, row, vault)


async def host_clock(connection: Connection, vault: Vault) -> None:
    """Careful, but going by the clock of a machine that is three seconds ahead."""
    await careful(connection, vault, AHEAD)


async def take_then_act(connection: Connection, vault: Vault) -> None:
    """Take what is due out of the table, so that nobody else finds it, and do it then."""
    rows = await connection.fetch(TAKE, MANY)
    if rows:
        await asyncio.sleep(ACTING_S)
    for row in rows:
        async with connection.transaction():
            await _write(connection, row, vault)


async def waiting_locks(connection: Connection, vault: Vault) -> None:
    """Lock the streams as they come, waiting for whoever has one."""
    async with connection.transaction():
        rows = await connection.fetch(POLL.format(due=DUE), SMALL)
        random.shuffle(rows)
        for row in rows:
            await connection.fetchrow(f"{STREAM} FOR UPDATE", row["case_id"])
            await asyncio.sleep(LOOK_S / 2)
            if await connection.fetchrow(STILL, *row) is not None:
                await _write(connection, row, vault)


async def _write(connection: Connection, row: asyncpg.Record, vault: Vault) -> None:
    """The timeout that was claimed, whatever has happened since, and the platform's stepping in where it follows."""
    stream = await connection.fetchrow(f"{STREAM} FOR UPDATE", row["case_id"])
    assert stream is not None, "a deadline has its case"
    first, now = uuid4(), stream["now"]
    written = [
        Recorded(
            case_id=row["case_id"],
            version=stream["version"] + number,
            event_id=first if number == 1 else uuid4(),
            event=event,
            occurred_at=row["due_at"],
            effective_at=now,
            recorded_at=now,
            who="scheduler",
            client="caselog",
            correlation=first,
        )
        for number, event in enumerate(_events(row, now), start=1)
    ]
    rows = rows_of(written, stream["head_hash"], (), vault)
    for recorded, new in zip(written, rows, strict=True):
        identity = (recorded.case_id, recorded.version, recorded.event_id)
        said = (new.type, new.schema, row["due_at"], now, first, new.payload, new.payload_hash, new.hash)
        await connection.execute(WRITE, *identity, *said)
    await connection.execute(MOVE, row["case_id"], written[-1].version, rows[-1].hash, now)
    await connection.execute(STOP, row["case_id"], row["kind"], row["party"], row["set_by"])
    if row["kind"] == "response":
        await connection.execute(STOP_TALKS, row["case_id"])


def _events(row: asyncpg.Record, now: Instant) -> list[Event]:
    more: dict[str, Any] = {"priority": 1} if row["kind"] in RAISED else {}
    late_s = max(0, int((now - row["due_at"]).total_seconds()))
    promise = {name: row[name] for name in ("kind", "party", "due_at", "set_by")}
    timed_out = NAMES[row["kind"]](**promise, late_s=late_s, **more)
    return [timed_out, STEPS_IN] if row["kind"] == "response" else [timed_out]


@dataclass(frozen=True)
class Mutant:
    """A scheduler, what goes wrong around it, and under which word the verdict must find it out."""

    look: Pass
    found_as: str
    rest_s: float = 0.5
    """How long to wait for what is left; what is lost can only be told when all else has come to rest."""
    deck: Deck = Deck(cards={})  # noqa: RUF009 - frozen


MUTANTS = {
    "poll_then_act": Mutant(poll_then_act, "duplicates"),
    "joined_claim": Mutant(joined_claim, "duplicates"),
    "host_clock": Mutant(host_clock, "early"),
    "take_then_act": Mutant(take_then_act, "lost", REST_S, Deck(cards={"kill_scheduler": 9})),
    "waiting_locks": Mutant(waiting_locks, "deadlocks"),
}
CONTROL = "careful"


def command(name: str) -> tuple[str, ...]:
    """How the scheduler of this name is started."""
    return (sys.executable, "-m", "tests.faults.mutants", name)


TROUBLE: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.DeadlockDetectedError)


async def _main(look: Pass) -> None:
    key = read_master_key(Path(os.environ["CASELOG_MASTER_KEY_FILE"]))
    ledger = await open_ledger(os.environ["CASELOG_DATABASE_URL"], master_key=key, pool_size=2)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        try:
            await _look(ledger, look)
        except TROUBLE:
            await asyncio.sleep(LOOK_S)


async def _look(ledger: Ledger, look: Pass) -> None:
    async with ledger.connection() as connection:
        await look(connection, ledger.vault)
    await tick(ledger)
    await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    asyncio.run(_main(careful if sys.argv[1] == CONTROL else MUTANTS[sys.argv[1]].look))
