"""The postmen that live: each holds a subscription of its own, by which nobody reads, for as long as it looks.

It is a lease like those of the endpoints, renewed in the same look and by the same clock: whoever is killed, stopped or
cut off is counted no longer than what it had stays held, so what it leaves behind is somebody's share at once.
"""

from __future__ import annotations

from case_events.ledger.connection import Connection

PREFIX = "postman:"
"""Before a postman's name, in the name of its subscription."""

# Whoever was not seen for long is forgotten by the way; one that comes back is simply there again.
COUNT = f"""
WITH gone AS (
    DELETE FROM subscriptions WHERE name IN (
        SELECT name FROM subscriptions WHERE starts_with(name, '{PREFIX}') AND held_until <= clock_timestamp()
            AND owner <> $1
        FOR UPDATE SKIP LOCKED
    )
), here AS (
    INSERT INTO subscriptions (name, position, owner, held_until)
    VALUES ('{PREFIX}' || $1, 0, $1, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until
)
SELECT count(*) FROM subscriptions
WHERE starts_with(name, '{PREFIX}') AND held_until > clock_timestamp() AND owner <> $1
"""
LEAVE = f"DELETE FROM subscriptions WHERE name = '{PREFIX}' || $1"


async def count(connection: Connection, name: str, for_s: float) -> int:
    """How many live, with the postman ``name``, who by this does so for ``for_s`` seconds more."""
    return 1 + int(await connection.fetchval(COUNT, name, for_s))


async def leave(connection: Connection, name: str) -> None:
    """This one has nothing to do with endpoints any more: what it had is for the others to share."""
    await connection.execute(LEAVE, name)
