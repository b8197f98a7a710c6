"""API keys: whose they are and what role they have; only the hash of a secret is stored."""

from __future__ import annotations

from typing import Literal

from case_events.core.values import Value
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.sealing import secret_hash

Role = Literal["storefront", "platform", "ops", "auditor", "admin"]
ROLES: tuple[Role, ...] = ("storefront", "platform", "ops", "auditor", "admin")

FIND = "SELECT key_id, client, role, name FROM api_keys WHERE secret_hash = $1 AND revoked_at IS NULL"
KEPT = "SELECT key_id FROM api_keys WHERE key_id = ANY($1::text[]) AND revoked_at IS NULL ORDER BY key_id"
ADD = """
INSERT INTO api_keys (key_id, client, name, role, secret_hash) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (key_id) DO NOTHING
"""


class Caller(Value, frozen=True, kw_only=True):
    """Who calls: a key, the client it belongs to (idempotency keys are the client's), and its one role."""

    key_id: str
    client: str
    role: Role
    name: str


async def caller_of(ledger: Ledger, secret: str) -> Caller | None:
    """The caller behind a secret; None if no valid key has it."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(FIND, secret_hash(secret))
    return Caller(key_id=row["key_id"], client=row["client"], role=row["role"], name=row["name"]) if row else None


async def add(connection: Connection, caller: Caller, secret: str) -> None:
    """Keep a key; one of the same id stays as it is."""
    await connection.execute(ADD, caller.key_id, caller.client, caller.name, caller.role, secret_hash(secret))


def development_keys() -> tuple[tuple[Caller, str], ...]:
    """A key for each role whose secret is its name; only ever for an embedded database outside production."""
    return tuple(
        (Caller(key_id=f"dev-{role}", client="dev", name=f"dev-{role}", role=role), f"dev-{role}") for role in ROLES
    )


async def kept_development_keys(connection: Connection) -> tuple[str, ...]:
    """The ids of development keys that are valid in this database; there must be none in production."""
    ids = [caller.key_id for caller, _ in development_keys()]
    return tuple(row["key_id"] for row in await connection.fetch(KEPT, ids))
