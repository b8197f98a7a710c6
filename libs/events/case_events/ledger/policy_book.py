"""Policies as the ledger keeps them: text with a digest, loaded once, never changed; and the one in force."""

from __future__ import annotations

from case_events.core.policy import InForce
from case_events.core.values import Instant, PolicyRef
from case_events.ledger.connection import Connection
from case_events.policies import load

INSERT = """
INSERT INTO policies (name, version, marketplace, digest, text, effective_from)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name, version) DO NOTHING
"""
FIND = "SELECT digest, text FROM policies WHERE name = $1 AND version = $2"
ALL = "SELECT text FROM policies ORDER BY name, effective_from, version"
VERSIONS = "SELECT name, version FROM policies ORDER BY effective_from, name, version"
IN_FORCE = """
SELECT name, version, digest FROM policies
WHERE marketplace = $1 AND effective_from <= $2 ORDER BY effective_from DESC, loaded_at DESC LIMIT 1
"""


class PolicyChanged(Exception):
    """A policy of this name and version is already kept, with another digest: give the change a new version."""


class PolicyBook:
    """The policies a process has read; a kept policy never changes, so what was read once stays true."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], InForce] = {}

    async def pinned(self, connection: Connection, ref: PolicyRef) -> InForce:
        """The very policy a case was filed under. Raises PolicyChanged if what is kept has another digest."""
        known = await self.find(connection, ref.name, ref.version)
        if known is None or known.ref.digest != ref.digest:
            raise PolicyChanged(f"{ref.name}@{ref.version} is not kept with digest {ref.digest}")
        return known

    async def in_force(self, connection: Connection, marketplace: str, at: Instant) -> InForce | None:
        """The marketplace's newest policy effective at ``at``; None if it has none."""
        row = await connection.fetchrow(IN_FORCE, marketplace, at)
        return await self.find(connection, row["name"], row["version"]) if row else None

    async def find(self, connection: Connection, name: str, version: str) -> InForce | None:
        """The policy of this name and version; None if it is not kept."""
        known = self._read.get((name, version))
        if known is not None:
            return known
        row = await connection.fetchrow(FIND, name, version)
        if row is None:
            return None
        policy = load(row["text"])
        assert policy.ref.digest == row["digest"], f"{name}@{version}: its text and its digest differ"
        self._read[name, version] = policy
        return policy


async def written(connection: Connection, name: str, version: str) -> str | None:
    """The text of a kept policy, from whose data anybody can work out its digest; None if it is not kept."""
    row = await connection.fetchrow(FIND, name, version)
    return row["text"] if row else None


async def keep(connection: Connection, text: str) -> InForce:
    """Load a policy and keep it; keeping the same again changes nothing.

    Raises Misshapen for a bad policy, PolicyChanged for a known version with another digest.
    """
    policy = load(text)
    said, ref = policy.policy, policy.ref
    values = (said.name, said.version, said.marketplace, ref.digest, text, said.effective_from)
    await connection.execute(INSERT, *values)
    row = await connection.fetchrow(FIND, said.name, said.version)
    assert row is not None, "it was just inserted, and policies are never deleted"
    if row["digest"] != ref.digest:
        raise PolicyChanged(f"{said.name}@{said.version} is already kept with digest {row['digest']}")
    return policy


async def kept(connection: Connection) -> tuple[InForce, ...]:
    """Every policy that is kept, by name and then by when it takes effect."""
    return tuple(load(row["text"]) for row in await connection.fetch(ALL))


async def versions(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Name and version of every policy that is kept, the oldest first."""
    return tuple((row["name"], row["version"]) for row in await connection.fetch(VERSIONS))
