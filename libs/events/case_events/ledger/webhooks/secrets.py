"""The secrets webhooks are signed with: kept sealed under the master key, told once, and rotated with an overlap."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from uuid import UUID

import asyncpg

from case_events.core.values import Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Vault

PREFIX = "whsec_"
"""What every secret starts with (Standard Webhooks, "Signature scheme"), so that one that leaked is found."""
SECRET_BYTES = 32
SIGNING_MAX = 5
"""Secrets that sign at once: each is one signature in a header. Of more the oldest no longer do."""
OVERLAP_MAX = timedelta(days=7)
OVERLAP = timedelta(hours=24)
"""How long the old secret signs too, where nobody says anything else."""

VALID = f"""
SELECT number, sealed FROM webhook_secrets WHERE endpoint = $1 AND (until IS NULL OR until > clock_timestamp())
ORDER BY number DESC LIMIT {SIGNING_MAX}
"""
ADD = "INSERT INTO webhook_secrets (endpoint, number, sealed) VALUES ($1, $2, $3)"
FIRST = """
SELECT number, sealed FROM webhook_secrets
WHERE endpoint = $1 AND number = 1 AND until IS NULL AND created_at > clock_timestamp() - $2::interval
"""
LAST = "SELECT coalesce(max(number), 0) FROM webhook_secrets WHERE endpoint = $1"
END = """
UPDATE webhook_secrets SET until = least(until, clock_timestamp() + $2::interval)
WHERE endpoint = $1 AND (until IS NULL OR until > clock_timestamp())
"""
KNOWN = f"""
SELECT number, created_at, until FROM webhook_secrets
WHERE endpoint = $1 AND (until IS NULL OR until > clock_timestamp()) ORDER BY number DESC LIMIT {SIGNING_MAX}
"""
DESTROY = "DELETE FROM webhook_secrets WHERE endpoint = $1"


class KnownSecret(Value, frozen=True, kw_only=True):
    """A secret that signs now, without itself. ``until``: null for the newest, which signs until the next rotation."""

    number: int
    created_at: Instant
    until: Instant | None


async def make(connection: Connection, vault: Vault, endpoint: UUID) -> str:
    """A new secret, which signs from now on beside those that do already; told this once.

    The caller's transaction holds the endpoint, so that no two are made at once.
    """
    raw = os.urandom(SECRET_BYTES)
    number = int(await connection.fetchval(LAST, endpoint)) + 1
    sealed = vault.enclose(raw, *_place(endpoint, number))
    await connection.execute(ADD, endpoint, number, sealed)
    return _written(raw)


async def rotate(connection: Connection, vault: Vault, endpoint: UUID, overlap: timedelta) -> str:
    """A new secret; those before it sign for ``overlap`` longer (0 to ``OVERLAP_MAX``), or as long as was said before.

    The caller's transaction holds the endpoint.
    """
    assert timedelta(0) <= overlap <= OVERLAP_MAX, "the door refuses any other"
    await connection.execute(END, endpoint, overlap)
    return await make(connection, vault, endpoint)


async def first(connection: Connection, vault: Vault, endpoint: UUID, within: timedelta) -> str | None:
    """The secret the endpoint was made with, once more, ``within`` so long of that; None after it, or a rotation."""
    row = await connection.fetchrow(FIRST, endpoint, within)
    return _opened(row, vault, endpoint) if row is not None else None


async def signing(connection: Connection, vault: Vault, endpoint: UUID) -> tuple[str, ...]:
    """The ``whsec_…`` secrets that sign now, the newest first. Raises BrokenSeal."""
    rows = await connection.fetch(VALID, endpoint)
    return tuple(_opened(row, vault, endpoint) for row in rows)


async def known(connection: Connection, endpoint: UUID) -> tuple[KnownSecret, ...]:
    """What can be told of the secrets that sign now, the newest first."""
    return tuple(KnownSecret(**row) for row in await connection.fetch(KNOWN, endpoint))


async def destroy(connection: Connection, endpoint: UUID) -> None:
    """Destroy every secret of an endpoint that is deleted: nothing is signed with them any more."""
    await connection.execute(DESTROY, endpoint)


def _opened(row: asyncpg.Record, vault: Vault, endpoint: UUID) -> str:
    return _written(vault.disclose(row["sealed"], *_place(endpoint, row["number"])))


def _place(endpoint: UUID, number: int) -> tuple[str, ...]:
    return ("webhook", str(endpoint), str(number))


def _written(raw: bytes) -> str:
    return PREFIX + base64.b64encode(raw).decode()
