"""Peers, where they are installed (the extra `bench`): job queues on Postgres whose jobs are due and do nothing."""

from __future__ import annotations

import importlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.bench.house import Database, Missing
from tests.bench.load import Run

AT_ONCE = 10
DUE_AGO = timedelta(hours=1)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        raise Missing(f"{missing}; `make bench PEERS=yes` installs it") from None


class Procrastinate:
    """Its worker with ``AT_ONCE`` jobs at a time."""

    def __init__(self, database: Database) -> None:
        """Raises Missing when the library is not installed."""
        library = _library("procrastinate")
        self._app = library.App(connector=library.PsycopgConnector(conninfo=database.superuser))

        async def nothing() -> None:
            """The job: what would be done is left out."""

        self._task = self._app.task(name="nothing")(nothing)
        self._prepared = False

    async def fill(self, count: int) -> None:
        """So many jobs that are due."""
        async with self._app.open_async():
            if not self._prepared:
                await self._app.schema_manager.apply_schema_async()
                self._prepared = True
            due = self._task.configure(schedule_at=datetime.now(UTC) - DUE_AGO)
            await due.batch_defer_async(*({} for _ in range(count)))

    async def work_off(self, count: int) -> Run:
        """The time in which its worker does them all."""
        async with self._app.open_async():
            began = time.perf_counter()
            await self._app.run_worker_async(
                concurrency=AT_ONCE, wait=False, install_signal_handlers=False, listen_notify=False
            )
            return Run(count, time.perf_counter() - began)


class Pgqueuer:
    """Its queue manager, told to drain; batches of ``AT_ONCE``, as it comes."""

    def __init__(self, database: Database) -> None:
        """Raises Missing when the library is not installed."""
        self._library = _library("pgqueuer")
        self._queries: Any = _library("pgqueuer.queries")
        self._driver: Any = _library("pgqueuer.db").AsyncpgDriver
        self._drain: Any = _library("pgqueuer.types").QueueExecutionMode.drain
        self._url = database.superuser
        self._prepared = False

    async def fill(self, count: int) -> None:
        """So many jobs that are due."""
        connection = await asyncpg.connect(self._url)
        try:
            queries = self._queries.Queries(self._driver(connection))
            if not self._prepared:
                await queries.install()
                self._prepared = True
            await queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
        finally:
            await connection.close()

    async def work_off(self, count: int) -> Run:
        """The time in which its worker does them all."""
        connection = await asyncpg.connect(self._url)
        try:
            worker = self._library.PgQueuer(self._driver(connection))

            async def nothing(_: object) -> None:
                """The job: what would be done is left out."""

            worker.entrypoint("nothing")(nothing)
            began = time.perf_counter()
            await worker.qm.run(batch_size=AT_ONCE, mode=self._drain)
            return Run(count, time.perf_counter() - began)
        finally:
            await connection.close()
