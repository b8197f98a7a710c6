"""How a key changes: it gets another secret, or is revoked for good; and when it was last used."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from case_events.core.values import Instant
from case_events.ledger.callers.keys import (
    OPERATOR,
    ROW,
    KeyRow,
    development_keys,
    lock_admins,
    new_secret,
    not_counted,
    row_of,
    secret_hash,
)
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection

OVERLAP_MAX = timedelta(days=7)
"""How long an old secret may go on working beside the new one."""
OVERLAP_DEFAULT = timedelta(hours=24)
LAST_OVERLAP_MIN = timedelta(minutes=5)
"""The overlap of the last admin key: if the answer with its new secret is lost, the old one can still rotate again."""
USED_MAX = 10_000
"""Keys whose use is noted in one go."""

LOCK = """
SELECT role, marketplaces, merchants, old_until FROM api_keys WHERE key_id = $1 AND revoked_at IS NULL FOR UPDATE
"""
STILL = "SELECT $1::timestamptz > clock_timestamp()"
OTHER_ADMIN = """
SELECT EXISTS (
    SELECT FROM api_keys WHERE role = 'admin' AND revoked_at IS NULL AND marketplaces IS NULL AND merchants IS NULL
    AND key_id <> $1 AND key_id <> ALL($2::text[])
)
"""
ROTATE = f"""
UPDATE api_keys SET
    old_secret_hash = CASE WHEN $3::interval > interval '0' THEN secret_hash END,
    old_until = CASE WHEN $3::interval > interval '0' THEN clock_timestamp() + $3::interval END,
    secret_hash = $2, rotated_at = clock_timestamp()
WHERE key_id = $1 RETURNING {ROW}
"""
REVOKE = f"""
UPDATE api_keys SET revoked_at = clock_timestamp(), old_secret_hash = NULL, old_until = NULL
WHERE key_id = $1 RETURNING {ROW}
"""
# Whoever notes the same key at this moment notes the same minute: nobody waits for him.
USED = """
WITH due AS (
    SELECT key_id FROM api_keys WHERE key_id = ANY($1::text[])
    AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', clock_timestamp()))
    ORDER BY key_id FOR UPDATE SKIP LOCKED
)
UPDATE api_keys SET last_used_at = date_trunc('minute', clock_timestamp()) FROM due WHERE api_keys.key_id = due.key_id
"""
DEVELOPMENT = frozenset(caller.key_id for caller, _ in development_keys())


class LastAdmin(Exception):
    """Without this key nobody could make another."""


class StillRotating(Exception):
    """The secret before the last rotation still works; a key has two at most. ``until``: as long as it does."""

    def __init__(self, until: Instant) -> None:
        super().__init__(str(until))
        self.until = until


class ForDevelopment(Exception):
    """The secret of a development key is its name: it can be revoked, and nothing else."""


async def rotate(
    connection: Connection, key_id: str, overlap: timedelta, *, who: str = OPERATOR, sandbox: bool = True
) -> tuple[KeyRow, str] | None:
    """The key with another secret, which is told this once; the one before works for ``overlap`` (0 to 7 days) more.

    None: there is no valid key of this id. With an overlap of 0 a rotation under way ends at once as well. Raises
    StillRotating, LastAdmin for less than ``LAST_OVERLAP_MIN`` on the last admin key, ForDevelopment, ValueError.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise ValueError(f"an old secret works 0 to {OVERLAP_MAX.days} days more")
    if key_id in DEVELOPMENT:
        raise ForDevelopment(key_id)
    async with connection.transaction():
        key = await _locked(connection, key_id)
        if key is None:
            return None
        if overlap < LAST_OVERLAP_MIN and await _is_last_admin(connection, key_id, key, sandbox=sandbox):
            raise LastAdmin(key_id)
        until = key["old_until"]
        if overlap and until is not None and await connection.fetchval(STILL, until):
            raise StillRotating(until)
        secret = new_secret()
        row = await connection.fetchrow(ROTATE, key_id, secret_hash(secret), overlap)
        await journal.write(connection, "key_rotated", who, key=key_id, overlap_s=overlap.total_seconds())
    return row_of(row), secret


async def revoke(connection: Connection, key_id: str, *, who: str = OPERATOR, sandbox: bool = True) -> KeyRow | None:
    """Revoke a key for good; None if there is no valid one of this id. Raises LastAdmin.

    ``sandbox``: a development admin key could still make others. Revoking one is never refused: everybody knows it.
    """
    async with connection.transaction():
        key = await _locked(connection, key_id)
        if key is None:
            return None
        if key_id not in DEVELOPMENT and await _is_last_admin(connection, key_id, key, sandbox=sandbox):
            raise LastAdmin(key_id)
        row = await connection.fetchrow(REVOKE, key_id)
        await journal.write(connection, "key_revoked", who, key=key_id)
    return row_of(row)


async def note_used(connection: Connection, key_ids: Collection[str]) -> None:
    """These keys were used within the last minute."""
    assert len(key_ids) <= USED_MAX
    await connection.execute(USED, list(key_ids))


async def _locked(connection: Connection, key_id: str) -> Any:
    await lock_admins(connection)
    return await connection.fetchrow(LOCK, key_id)


async def _is_last_admin(connection: Connection, key_id: str, key: Any, *, sandbox: bool) -> bool:
    if key["role"] != "admin" or key["marketplaces"] is not None or key["merchants"] is not None:
        return False
    return not await connection.fetchval(OTHER_ADMIN, key_id, not_counted(sandbox=sandbox))
