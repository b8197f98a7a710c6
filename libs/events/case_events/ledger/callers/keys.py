"""API keys: whose they are, what role and limits they have; only the hash of a secret is stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Any, Literal

from case_events.core.values import IMPORT, Instant, Value
from case_events.ledger import locks
from case_events.ledger.clock import journal
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7

Role = Literal["storefront", "platform", "ops", "auditor", "admin"]
ROLES: tuple[Role, ...] = ("storefront", "platform", "ops", "auditor", "admin")
PREFIX = "ck_"
"""What every secret made here starts with, so that one that leaked is found by scanners."""
SECRET_BYTES = 32
LISTED_MAX = 1_000
MERCHANTS_MAX = 100
"""Merchants or marketplaces one key may name; more are a client that needs no limit."""
PER_MINUTE_MAX = 1_000_000
"""Requests a minute a key may be allowed; more are no limit."""
OPERATOR = "caselog keys"
"""Who did it, in the journal, where it was done by command and not through the API."""

# Both hashes are unique, so each half is one look into an index; an OR would not be.
FIND = """
SELECT key_id, client, role, name, marketplaces, merchants, per_minute, secret_hash AS found FROM api_keys
WHERE secret_hash = $1 AND revoked_at IS NULL
UNION ALL
SELECT key_id, client, role, name, marketplaces, merchants, per_minute, old_secret_hash FROM api_keys
WHERE old_secret_hash = $1 AND old_until > clock_timestamp() AND revoked_at IS NULL
"""
KEPT = "SELECT key_id FROM api_keys WHERE key_id = ANY($1::text[]) AND revoked_at IS NULL ORDER BY key_id"
ROW = """
key_id, client, name, role, marketplaces, merchants, per_minute, created_at, rotated_at,
CASE WHEN old_until > clock_timestamp() AND revoked_at IS NULL THEN old_until END AS old_until,
last_used_at, revoked_at
"""
LISTED = f"SELECT {ROW} FROM api_keys ORDER BY created_at, key_id LIMIT $1"
LISTED_AFTER = f"""
SELECT {ROW} FROM api_keys WHERE (created_at, key_id) > ($2, $3) ORDER BY created_at, key_id LIMIT $1
"""
ONE = f"SELECT {ROW} FROM api_keys WHERE key_id = $1"
ADD = """
INSERT INTO api_keys (key_id, client, name, role, secret_hash, marketplaces, merchants, per_minute)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key_id) DO NOTHING
"""
# One that is limited steers no keys, and where development keys open no door they are no admin either.
ADMINS = """
SELECT EXISTS (
    SELECT FROM api_keys WHERE role = 'admin' AND revoked_at IS NULL AND marketplaces IS NULL AND merchants IS NULL
    AND key_id <> ALL($1::text[])
)
"""


class Caller(Value, frozen=True, kw_only=True):
    """Who calls: a key, the client it belongs to (idempotency keys are the client's), and its one role.

    ``marketplaces`` and ``merchants``: only their cases exist for this key; None is no limit. ``per_minute``: requests
    it may make in a minute; None is what the settings say.
    """

    key_id: str
    client: str
    role: Role
    name: str
    marketplaces: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None
    per_minute: int | None = None

    @property
    def who(self) -> str:
        """Who it was, for the journal."""
        return f"{self.client}/{self.name}"


class KeyRow(Value, frozen=True, kw_only=True):
    """A key as it is listed: everything that is kept of it but the hashes of its secrets.

    ``old_until``: the secret before the last rotation works until then; null once it does not. ``last_used_at``: to
    the minute.
    """

    key_id: str
    client: str
    name: str
    role: Role
    marketplaces: tuple[str, ...] | None
    merchants: tuple[str, ...] | None
    per_minute: int | None
    created_at: Instant
    rotated_at: Instant | None
    old_until: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


async def create(
    connection: Connection,
    *,
    client: str,
    name: str,
    role: Role,
    marketplaces: Iterable[str] | None = None,
    merchants: Iterable[str] | None = None,
    per_minute: int | None = None,
    who: str = OPERATOR,
) -> tuple[Caller, str]:
    """A new key and its secret, which is told this once; on record in the journal as made by ``who``.

    Raises ValueError for a role or limit there cannot be.
    """
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    if client.startswith(IMPORT):
        raise ValueError(f"what begins with {IMPORT} was imported; no client is called so")
    if per_minute is not None and not 1 <= per_minute <= PER_MINUTE_MAX:
        raise ValueError(f"a key makes 1 to {PER_MINUTE_MAX} requests a minute, or what the settings say")
    caller = Caller(
        key_id=f"key_{uuid7().hex}",
        client=_word("client", client),
        name=_word("name", name),
        role=role,
        marketplaces=_limit("marketplaces", marketplaces),
        merchants=_limit("merchants", merchants),
        per_minute=per_minute,
    )
    secret = new_secret()
    async with connection.transaction():
        await add(connection, caller, secret)
        await journal.write(connection, "key_created", who, key=caller.key_id, client=client, role=role)
    return caller, secret


def new_secret() -> str:
    """256 random bits, behind the prefix."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


async def listed(
    connection: Connection, *, after: tuple[Instant, str] | None = None, limit: int = LISTED_MAX
) -> tuple[KeyRow, ...]:
    """Every key, revoked ones too, the oldest first; ``after``: from where a page ended."""
    assert 1 <= limit <= LISTED_MAX
    rows = await (connection.fetch(LISTED_AFTER, limit, *after) if after else connection.fetch(LISTED, limit))
    return tuple(row_of(row) for row in rows)


async def find(connection: Connection, key_id: str) -> KeyRow | None:
    """The key of this id, revoked or not."""
    row = await connection.fetchrow(ONE, key_id)
    return row_of(row) if row else None


async def bootstrap(
    connection: Connection, *, client: str, name: str, sandbox: bool = True
) -> tuple[Caller, str] | None:
    """The first admin key and its secret; None where there is a valid admin key already.

    ``sandbox``: a development key is one. In production it opens no door, so the first real key can be made.
    """
    async with connection.transaction():
        await lock_admins(connection)
        if await connection.fetchval(ADMINS, not_counted(sandbox=sandbox)):
            return None
        return await create(connection, client=client, name=name, role="admin")


async def lock_admins(connection: Connection) -> None:
    """One at a time decides how many admin keys there are: the second waits, and then sees what the first did."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", locks.ADMIN_KEYS)


def not_counted(*, sandbox: bool) -> list[str]:
    """The ids of keys that are no admin's: in production, those of development."""
    return [] if sandbox else [caller.key_id for caller, _ in development_keys()]


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


def row_of(row: Any) -> KeyRow:
    """A row of ``ROW``."""
    return KeyRow(**_known(row))


def _known(row: Any) -> dict[str, Any]:
    said = dict(row)
    limits = {name: tuple(said[name]) for name in ("marketplaces", "merchants") if said[name] is not None}
    return {**said, **limits}


async def caller_of(ledger: Ledger, secret: str) -> Caller | None:
    """The caller behind a secret, or behind the one before while that still works; None if no valid key has it."""
    asked = secret_hash(secret)
    async with ledger.connection() as connection:
        row = await connection.fetchrow(FIND, asked)
    if row is None:
        return None
    known = _known(row)
    # The index finds by digest, where a guess that shares a beginning with a secret shares nothing; what it found is
    # compared in constant time all the same.
    return Caller(**known) if hmac.compare_digest(known.pop("found"), asked) else None


async def add(connection: Connection, caller: Caller, secret: str) -> None:
    """Keep a key; one of the same id stays as it is."""
    limits = [list(one) if one is not None else None for one in (caller.marketplaces, caller.merchants)]
    said = (caller.key_id, caller.client, caller.name, caller.role, secret_hash(secret), *limits, caller.per_minute)
    await connection.execute(ADD, *said)


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret: it is long and random, so that a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).digest()


def development_keys() -> tuple[tuple[Caller, str], ...]:
    """A key for each role whose secret is its name; only ever for an embedded database outside production."""
    return tuple(
        (Caller(key_id=f"dev-{role}", client="dev", name=f"dev-{role}", role=role), f"dev-{role}") for role in ROLES
    )


async def kept_development_keys(connection: Connection) -> tuple[str, ...]:
    """The ids of development keys that are valid in this database; there must be none in production."""
    ids = [caller.key_id for caller, _ in development_keys()]
    return tuple(row["key_id"] for row in await connection.fetch(KEPT, ids))
