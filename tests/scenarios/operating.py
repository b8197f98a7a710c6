"""What an operator does to a running Caselog meanwhile: commands at its side, and keys limited to a merchant."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.commands import typed
from tests.scenarios.perform import KeyOf
from tests.serving import Serving

COMMAND_S = 120


def caselog_command(running: Serving, *words: str) -> Any:
    """What a command of the operator's says, read from its JSON."""
    done = typed(*words, "--json", environment=running.environment(), within_s=COMMAND_S)
    assert done.code == 0, done.out + done.err
    return done.json()


def key_maker(running: Serving) -> KeyOf:
    """Makes keys limited to a merchant, as an operator does; the same merchant gets the same one."""
    made: dict[str, asyncio.Task[str]] = {}

    def make(merchant: str) -> str:
        words = ("keys", "create", "--role", "storefront", "--client", "shops", "--name", merchant)
        return str(caselog_command(running, *words, "--merchant", merchant)["secret"])

    async def key_of(merchant: str) -> str:
        made.setdefault(merchant, asyncio.create_task(asyncio.to_thread(make, merchant)))
        return await made[merchant]

    return key_of
