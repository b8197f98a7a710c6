"""Who is signed in to the console: the browser holds a secret, the table its hash, and a session ends with its key."""

from __future__ import annotations

from typing import Any

from case_events.core.values import Instant, Value
from case_events.ledger.callers.keys import Caller, secret_hash
from case_events.ledger.connection import Connection, touched
from case_events.ledger.database import Ledger

LASTS_S = 8 * 3600
"""From signing in: a working day."""
IDLE_S = 3600
"""Who asks for nothing for so long is signed out."""
STIRS_S = 60
"""A session is put off at most so often: not every page is a write."""
KEPT_DAYS = 30
"""How long a session that is over stays to be read, by an operator who asks who was there."""
FORGOTTEN_MAX = 10_000

COLUMNS = ("key_id", "client", "name", "role", "marketplaces", "merchants")
BEGIN = f"""
INSERT INTO console_sessions (secret_hash, began_with, {", ".join(COLUMNS)}, began_at, until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now() + interval '{IDLE_S} s')
"""
FIND = f"""
SELECT {", ".join(f"s.{name}" for name in COLUMNS)}, k.per_minute, s.began_at, s.until,
    least(s.began_at + interval '{LASTS_S} s', clock_timestamp() + interval '{IDLE_S} s')
        > s.until + interval '{STIRS_S} s' AS stirs
FROM console_sessions AS s LEFT JOIN api_keys AS k ON k.key_id = s.key_id
WHERE s.secret_hash = $1 AND s.ended_at IS NULL AND s.until > clock_timestamp() AND (
    s.began_with IS NULL OR k.revoked_at IS NULL AND (
        k.secret_hash = s.began_with OR k.old_secret_hash = s.began_with AND k.old_until > clock_timestamp()
    )
)
"""
STIR = f"""
UPDATE console_sessions
SET until = least(began_at + interval '{LASTS_S} s', clock_timestamp() + interval '{IDLE_S} s')
WHERE secret_hash = $1 AND ended_at IS NULL RETURNING until
"""
END = """
UPDATE console_sessions SET ended_at = clock_timestamp() WHERE secret_hash = $1 AND ended_at IS NULL
"""
FORGET = f"""
DELETE FROM console_sessions WHERE secret_hash IN (
    SELECT secret_hash FROM console_sessions WHERE until < now() - interval '{KEPT_DAYS} days'
    ORDER BY until LIMIT {FORGOTTEN_MAX}
)
"""


class Session(Value, frozen=True, kw_only=True):
    """Somebody who is signed in; ``until``: then it ends unless they ask for something before."""

    caller: Caller
    began_at: Instant
    until: Instant


async def begin(connection: Connection, caller: Caller, secret: str, *, key: str | None) -> None:
    """Sign ``caller`` in: ``secret`` is the session's own; ``key``: the key's, None where OpenID said who it is."""
    limits = [list(one) if one is not None else None for one in (caller.marketplaces, caller.merchants)]
    who = (caller.key_id, caller.client, caller.name, caller.role, *limits)
    await connection.execute(BEGIN, secret_hash(secret), key and secret_hash(key), *who)


async def find(ledger: Ledger, secret: str) -> Session | None:
    """Who has this session, which goes on by that; None if it is over, or the key it was begun with is."""
    digest = secret_hash(secret)
    async with ledger.connection() as connection:
        row = await connection.fetchrow(FIND, digest)
        if row is None:
            return None
        until = await connection.fetchval(STIR, digest) if row["stirs"] else None
    said: dict[str, Any] = {name: row[name] for name in (*COLUMNS, "per_minute")}
    said |= {name: tuple(said[name]) for name in ("marketplaces", "merchants") if said[name] is not None}
    return Session(caller=Caller(**said), began_at=row["began_at"], until=until or row["until"])


async def end(connection: Connection, secret: str) -> None:
    """Sign out; a session that is over stays as it is."""
    await connection.execute(END, secret_hash(secret))


async def forget(connection: Connection) -> int:
    """Remove what was over ``KEPT_DAYS`` ago, ``FORGOTTEN_MAX`` at most; how many."""
    return touched(await connection.execute(FORGET))
