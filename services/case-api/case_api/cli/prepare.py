"""What must be in a fresh database before the services start: the shipped policies and, in development, keys."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from case_api.cli.premises import CannotStart
from case_events.ledger import policy_book
from case_events.ledger.callers import keys
from case_events.ledger.connection import CONNECT_TIMEOUT_S, Connection, teach
from case_events.ledger.readable import Unreadable, refuse_other_key, refuse_unreadable
from case_events.ledger.sealing import Vault, read_master_key
from case_events.policies import shipped


async def prepare(url: str, *, development_keys: bool) -> tuple[str, ...]:
    """Keep the shipped policies and, if wanted, a key for each role; the secrets of those keys.

    ``url``: the API's login. Raises PolicyChanged when a shipped policy is kept with another digest, CannotStart
    when development keys are not wanted and the database has some, or it holds what this release cannot read.
    """
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        await teach(connection)
        await _refuse_newer(connection)
        for text in shipped():
            await policy_book.keep(connection, text)
        if not development_keys:
            await _refuse_development_keys(connection)
            return ()
        for caller, secret in keys.development_keys():
            await keys.add(connection, caller, secret)
        return tuple(secret for _, secret in keys.development_keys())
    finally:
        await connection.close()


async def check_key(url: str, key_file: Path) -> None:
    """Raises Unreadable where the texts of this database are sealed with another master key."""
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        await refuse_other_key(connection, Vault(read_master_key(key_file)))
    finally:
        await connection.close()


async def _refuse_newer(connection: Connection) -> None:
    """Here once for all the processes that `caselog up` starts."""
    try:
        await refuse_unreadable(connection)
    except Unreadable as newer:
        raise CannotStart(str(newer)) from None


async def _refuse_development_keys(connection: Connection) -> None:
    found = await keys.kept_development_keys(connection)
    if found:
        raise CannotStart(f"this database has development keys, which everybody knows: {', '.join(found)}; revoke them")
