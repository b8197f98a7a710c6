"""Taobao's rules as they first landed, in force in a test's database: what the suites of the first release run under.

Of two policies of a marketplace with one ``effective_from`` the one kept last is in force.
"""

from __future__ import annotations

import asyncpg

from case_events.ledger import policy_book
from case_events.ledger.connection import teach
from tests.commands import typed
from tests.examples import LANDED, taobao_text
from tests.serving import Serving

LOAD_S = 60


async def keep_landed(url: str) -> None:
    """Keep taobao@2026.1 in the database behind ``url`` (the API's login), after whatever is kept there."""
    connection = await asyncpg.connect(url)
    try:
        await teach(connection)
        await policy_book.keep(connection, taobao_text())
    finally:
        await connection.close()


def load_landed(running: Serving) -> None:
    """The same on a running Caselog, as an operator would: ``caselog policies load FILE``."""
    done = typed("policies", "load", str(LANDED), environment=running.environment(), within_s=LOAD_S)
    assert done.code == 0, done.err
