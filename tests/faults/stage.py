"""The stage of the fault suite: a Postgres of its own that dies and comes back; a market where all passes in seconds.

What Postgres promises about crashes is on: fsync, synchronous commits and full pages are as it ships them.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_events.ledger import policy_book
from case_events.ledger.database import Ledger, open_ledger
from tests import clusters
from tests.examples import first_type, taobao_text
from tests.faults.cutting import Cutter, cutting
from tests.scheduler.fleet import MASTER_KEY

DEAD_S = 20
LOG_ERRORS = f"ALTER DATABASE {postgres.DATABASE} SET log_min_messages = 'error'"
"""A deadlock is an error of a session; the statistics that count them are lost when the server dies."""
DEADLOCK = "deadlock detected"

WINDOWS = {
    'name = "taobao"': 'name = "rush"',
    'marketplace = "taobao"': 'marketplace = "rush"',
    "minimum_notice = { hours = 24 }": "minimum_notice = { seconds = 1 }",
    "open_period = { hours = 48 }": "open_period = { seconds = 3 }",
    "final_period = { hours = 24 }": "final_period = { seconds = 1 }",
    "stalls_after = { days = 9 }": "stalls_after = { seconds = 6 }",
    "lapses_after = { days = 7 }": "lapses_after = { seconds = 2 }",
    "within = { working_days = 2 }": "within = { seconds = 3 }",
    "window = { days = 7 }": "window = { seconds = 2 }",
    "ruling_within = { working_days = 3 }": "ruling_within = { seconds = 3 }",
    "within = { days = 3 }": "within = { seconds = 3 }",
    # What runs again and again does so when everybody has gone home, so that every case comes to rest.
    "again_after = { working_days = 1 }": "again_after = { hours = 6 }",
    "again_after = { days = 1 }": "again_after = { hours = 6 }",
}


def rush_text() -> str:
    """Taobao's rules of goods that were not received, on a marketplace of their own where days are seconds."""
    text, _ = first_type(taobao_text())
    for old, new in WINDOWS.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@dataclass
class Stage:
    """A Postgres that can be killed, reached directly or through the cutter."""

    server: postgres.Server
    folder: Path
    cutter: Cutter
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def url(self, login: str, *, cut: bool = False) -> str:
        """How a login reaches the ledger; ``cut``: on connections that may be cut after a commit."""
        url = self.server.url(login)
        return url.replace(f":{self.server.port}/", f":{self.cutter.port}/") + "?sslmode=disable" if cut else url

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """A session of the owner of the server."""
        connection = await asyncpg.connect(self.url(postgres.SUPERUSER))
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """The ledger as the API opens it."""
        opened = await open_ledger(self.url(postgres.APP), master_key=MASTER_KEY)
        try:
            yield opened
        finally:
            await opened.close()

    async def crash(self, number: signal.Signals) -> None:
        """End the server by SIGKILL, or by SIGQUIT as ``pg_ctl stop -m immediate`` does, and start it again."""
        async with self.starting:
            self.server.process.send_signal(number)
            await asyncio.to_thread(self.server.process.wait, DEAD_S)
            self.server = await postgres.start_again(self.server)

    def deadlocks_logged(self) -> int:
        """How many deadlocks the server's log tells of, over all its lives."""
        logs = (self.server.premises.log, self.server.premises.log.with_suffix(".log.1"))
        return sum(log.read_text(errors="replace").count(DEADLOCK) for log in logs if log.exists())


@asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    """A fresh Postgres with the ledger and the rush policy in it, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="caselog-faults-") as made:
        folder = Path(made)
        folder.chmod(0o711)  # run by root, Postgres is somebody else and must pass through
        await asyncio.to_thread(clusters.furnish, folder / "data", durable=True)
        server = await postgres.start(folder / "data")
        stage: Stage | None = None
        try:
            await asyncio.to_thread(bring_to_head, server.url(postgres.OWNER))
            async with cutting(server.port) as cutter:
                stage = Stage(server, folder, cutter)
                await _furnish(stage)
                yield stage
        finally:
            last = server if stage is None else stage.server
            last.process.send_signal(signal.SIGQUIT)  # nothing in it is wanted any more: it need not be tidied up
            await last.stop()


async def _furnish(stage: Stage) -> None:
    async with stage.session() as session:
        await session.execute(LOG_ERRORS)
    async with stage.ledger() as ledger, ledger.connection() as connection:
        await policy_book.keep(connection, rush_text())
