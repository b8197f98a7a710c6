"""API keys: whose they are, what role and limits they have; only the hash of a secret is stored."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Literal

from case_events.core.values import IMPORT, Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.sealing import secret_hash

Role = Literal["storefront", "platform", "ops", "auditor", "admin"]
ROLES: tuple[Role, ...] = ("storefront", "platform", "ops", "auditor", "admin")
PREFIX = "ck_"
"""What every secret made here starts with, so that one that leaked is found by scanners."""
SECRET_BYTES = 32
LISTED_MAX = 1_000
MERCHANTS_MAX = 100
"""Merchants or marketplaces one key may name; more are a client that needs no limit."""
BOOTSTRAP_LOCK = 0x626F_6F74  # "boot": any number, as long as it is always this one

FIND = """
SELECT key_id, client, role, name, marketplaces, merchants FROM api_keys
WHERE secret_hash = $1 AND revoked_at IS NULL
"""
KEPT = "SELECT key_id FROM api_keys WHERE key_id = ANY($1::text[]) AND revoked_at IS NULL ORDER BY key_id"
LISTED = """
SELECT key_id, client, name, role, marketplaces, merchants, created_at, revoked_at FROM api_keys
ORDER BY created_at, key_id LIMIT $1
"""
ADD = """
INSERT INTO api_keys (key_id, client, name, role, secret_hash, marketplaces, merchants)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key_id) DO NOTHING
"""
REVOKE = "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE key_id = $1 AND revoked_at IS NULL RETURNING key_id"
ADMINS = "SELECT EXISTS (SELECT FROM api_keys WHERE role = 'admin' AND revoked_at IS NULL)"


class Caller(Value, frozen=True, kw_only=True):
    """Who calls: a key, the client it belongs to (idempotency keys are the client's), and its one role.

    ``marketplaces`` and ``merchants``: only their cases exist for this key; None is no limit.
    """

    key_id: str
    client: str
    role: Role
    name: str
    marketplaces: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None


class KeyRow(Value, frozen=True, kw_only=True):
    """A key as it is listed: everything that is kept of it but the hash of its secret."""

    key_id: str
    client: str
    name: str
    role: Role
    marketplaces: tuple[str, ...] | None
    merchants: tuple[str, ...] | None
    created_at: Instant
    revoked_at: Instant | None


async def create(
    connection: Connection,
    *,
    client: str,
    name: str,
    role: Role,
    marketplaces: Iterable[str] | None = None,
    merchants: Iterable[str] | None = None,
) -> tuple[Caller, str]:
    """A new key and its secret, which is told this once. Raises ValueError for a role or limit there cannot be."""
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    if client.startswith(IMPORT):
        raise ValueError(f"what begins with {IMPORT} was imported; no client is called so")
    caller = Caller(
        key_id=f"key_{uuid7().hex}",
        client=_word("client", client),
        name=_word("name", name),
        role=role,
        marketplaces=_limit("marketplaces", marketplaces),
        merchants=_limit("merchants", merchants),
    )
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    await add(connection, caller, secret)
    return caller, secret


async def listed(connection: Connection) -> tuple[KeyRow, ...]:
    """Every key, revoked ones too, the oldest first; at most ``LISTED_MAX``."""
    return tuple(KeyRow(**_known(row)) for row in await connection.fetch(LISTED, LISTED_MAX))


async def revoke(connection: Connection, key_id: str) -> bool:
    """Revoke a key; False if there is no valid one with this id."""
    return await connection.fetchval(REVOKE, key_id) is not None


async def bootstrap(connection: Connection, *, client: str, name: str) -> tuple[Caller, str] | None:
    """The first admin key and its secret; None where there is a valid admin key already."""
    async with connection.transaction():
        # Two operators who do this at once: the second waits, and then sees the key of the first.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", BOOTSTRAP_LOCK)
        if await connection.fetchval(ADMINS):
            return None
        return await create(connection, client=client, name=name, role="admin")


def _word(what: str, said: str) -> str:
    if not said or len(said) > 200 or not said.isprintable():
        raise ValueError(f"a {what} has 1 to 200 printable characters")
    return said


def _limit(what: str, said: Iterable[str] | None) -> tuple[str, ...] | None:
    if said is None:
        return None
    limit = tuple(dict.fromkeys(_word(what, one) for one in said))
    if not 1 <= len(limit) <= MERCHANTS_MAX:
        raise ValueError(f"a key is limited to 1 to {MERCHANTS_MAX} {what}, or not at all")
    return limit


def _known(row: Any) -> dict[str, Any]:
    said = dict(row)
    limits = {name: tuple(said[name]) for name in ("marketplaces", "merchants") if said[name] is not None}
    return {**said, **limits}


async def caller_of(ledger: Ledger, secret: str) -> Caller | None:
    """The caller behind a secret; None if no valid key has it."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(FIND, secret_hash(secret))
    return Caller(**_known(row)) if row else None


async def add(connection: Connection, caller: Caller, secret: str) -> None:
    """Keep a key; one of the same id stays as it is."""
    limits = [list(one) if one is not None else None for one in (caller.marketplaces, caller.merchants)]
    said = (caller.key_id, caller.client, caller.name, caller.role, secret_hash(secret), *limits)
    await connection.execute(ADD, *said)


def development_keys() -> tuple[tuple[Caller, str], ...]:
    """A key for each role whose secret is its name; only ever for an embedded database outside production."""
    return tuple(
        (Caller(key_id=f"dev-{role}", client="dev", name=f"dev-{role}", role=role), f"dev-{role}") for role in ROLES
    )


async def kept_development_keys(connection: Connection) -> tuple[str, ...]:
    """The ids of development keys that are valid in this database; there must be none in production."""
    ids = [caller.key_id for caller, _ in development_keys()]
    return tuple(row["key_id"] for row in await connection.fetch(KEPT, ids))
