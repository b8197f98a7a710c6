"""What this release can read, and this master key opens: any other ledger is refused at start, not misread later.

A newer release that wrote nothing new may be rolled back: what counts is what is there, not who was there.
"""

from __future__ import annotations

from collections.abc import Iterable

from case_events.ledger.codec import WRITTEN
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.sealing import SubjectKey, Vault
from case_events.policies import load

LOOK_S = 600
"""How long the look through all events may take, where no sequencer has ever numbered any; else it takes no time."""
SAID_MAX = 300
"""Letters of what is wrong with one policy."""

KINDS = "SELECT type, schema FROM event_kinds"
STATE = "FROM feed_state ORDER BY head DESC LIMIT 1"
NUMBERED = f"""
SELECT snapshot IS NOT NULL AND cluster = (SELECT system_identifier FROM pg_control_system())
    AND pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) {STATE}
"""
SINCE = f"SELECT DISTINCT type, schema FROM events WHERE tx >= (SELECT pg_snapshot_xmin(snapshot) {STATE})"
ALL = "SELECT DISTINCT type, schema FROM events"
EXAMPLE = "SELECT case_id, version FROM events WHERE type = $1 AND schema = $2 LIMIT 1"
KEYS_LOOKED_AT = 50
"""At either end of the cases; most have their keys, and one that opens is enough."""
SOME_KEYS = " UNION ALL ".join(
    f"(SELECT key_id, case_id, side, wrapped FROM subject_keys ORDER BY case_id {order} LIMIT {KEYS_LOOKED_AT})"
    for order in ("ASC", "DESC")
)
POLICIES = "SELECT name, version, digest, text FROM policies ORDER BY name, effective_from, version"


class Unreadable(Exception):
    """The ledger holds what cannot be read here; the message names all of it, and what is needed."""


async def refuse_unreadable(connection: Connection) -> None:
    """Raises Unreadable when there is an event or a kept policy that this release would misread or fail on."""
    faults = [*await unreadable_events(connection), *await _unreadable_policies(connection)]
    if faults:
        raise Unreadable(told(faults))


async def refuse_other_key(connection: Connection, vault: Vault) -> None:
    """Raises Unreadable when nothing opens with this master key: what it sealed nobody else could read, and a
    complaint that is open would not be known again."""
    found = [SubjectKey(**row) for row in await connection.fetch(SOME_KEYS) if row["wrapped"] is not None]
    if found and not any(map(vault.unwraps, found)):
        told = f"as the {found[0].side}'s of case {found[0].case_id}"
        raise Unreadable(
            f"the master key is another than the one that the texts of this database are sealed with, {told}"
        )


async def refuse_unreadable_events(connection: Connection) -> None:
    """The same for who replays events and judges nothing."""
    faults = await unreadable_events(connection)
    if faults:
        raise Unreadable(told(faults))


def told(faults: Iterable[str]) -> str:
    """All of them, in words."""
    return f"the ledger is a newer release's: {'; '.join(faults)}. Start the release that wrote it, or a newer one"


async def unreadable_events(connection: Connection) -> tuple[str, ...]:
    """The kinds of events there are that this release cannot read: of those the sequencer has numbered, it keeps the
    kinds; of those that came after its last tick, or of all if it cannot know, the events themselves say it."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f"SET LOCAL statement_timeout = '{LOOK_S}s'; SET LOCAL enable_seqscan = on")
        known = await connection.fetch(KINDS)
        numbered = await connection.fetchval(NUMBERED)
        rest = await connection.fetch(SINCE if numbered else ALL, timeout=LOOK_S)
        newer = _not_read({(row["type"], row["schema"]) for row in (*known, *rest)})
        return tuple([await _why(connection, name, schema) for name, schema in newer])


async def holds_newer(ledger: Ledger) -> bool:
    """Whether a numbered event is of a kind this release cannot read: what a running process may ask any time."""
    async with ledger.connection() as connection:
        return bool(_not_read({(row["type"], row["schema"]) for row in await connection.fetch(KINDS)}))


def _not_read(kinds: set[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(name, schema) for name, schema in sorted(kinds) if not 1 <= schema <= WRITTEN.get(name, 0)]


async def _why(connection: Connection, name: str, schema: int) -> str:
    written = WRITTEN.get(name)
    reads = f"this one reads it up to version {written}" if written else "this one does not know it"
    one = await connection.fetchrow(EXAMPLE, name, schema, timeout=LOOK_S)
    where = f", as in case {one['case_id']} version {one['version']}" if one else ""
    return f"it has events {name} in schema version {schema}{where}, and {reads}"


async def _unreadable_policies(connection: Connection) -> list[str]:
    """Kept policies that this release cannot read, or reads with another digest than they are kept under."""
    faults = []
    for row in await connection.fetch(POLICIES):
        policy = f"policy {row['name']}@{row['version']}"
        try:
            found = load(row["text"]).ref.digest
        except ValueError as misshapen:
            faults.append(f"{policy} cannot be read ({str(misshapen)[:SAID_MAX]})")
            continue
        if found != row["digest"]:
            faults.append(f"{policy} was kept with digest {row['digest']}, and reads as {found}")
    return faults
