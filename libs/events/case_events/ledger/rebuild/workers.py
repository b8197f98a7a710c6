"""Several processes that build slices of the shadow tables; one process builds them itself."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing

from case_events.ledger.connection import Connection
from case_events.ledger.rebuild.building import Built, Slice, build_slice, connect
from case_events.ledger.sealing import Vault

JOBS_MAX = 64


async def build_all(url: str, master_key: bytes, cuts: Sequence[Slice], jobs: int) -> AsyncGenerator[Built, None]:
    """What each slice came to, as they are done, in any order. ``jobs``: 1 to ``JOBS_MAX`` processes."""
    many = _by_processes(url, master_key, cuts, jobs) if jobs > 1 else _by_ourselves(url, master_key, cuts)
    async with aclosing(many) as slices:
        async for built in slices:
            yield built


async def _by_ourselves(url: str, master_key: bytes, cuts: Sequence[Slice]) -> AsyncGenerator[Built, None]:
    connection, vault = await connect(url), Vault(master_key)
    try:
        for cut in cuts:
            yield await build_slice(connection, vault, cut)
    finally:
        await connection.close()


async def _by_processes(url: str, master_key: bytes, cuts: Sequence[Slice], jobs: int) -> AsyncGenerator[Built, None]:
    # Spawned, not forked: a fork would share our connections.
    pool = ProcessPoolExecutor(
        min(jobs, JOBS_MAX), multiprocessing.get_context("spawn"), initializer=_begin, initargs=(url, master_key)
    )
    try:
        loop = asyncio.get_running_loop()
        for done in asyncio.as_completed([loop.run_in_executor(pool, _build, cut) for cut in cuts]):
            yield await done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_here: list[tuple[asyncio.AbstractEventLoop, Connection, Vault]] = []
"""A worker's own loop, connection and vault."""


def _begin(url: str, master_key: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, who ends us in order
    threading.Thread(target=_end_with_parent, daemon=True).start()
    loop = asyncio.new_event_loop()
    _here.append((loop, loop.run_until_complete(connect(url)), Vault(master_key)))
    # Values have no cycles: looking for some among the events of a slice would cost a tenth of the whole.
    gc.collect()
    gc.freeze()
    gc.disable()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is somebody's child"
    parent.join()
    os._exit(1)


def _build(cut: Slice) -> Built:
    loop, connection, vault = _here[0]
    try:
        return loop.run_until_complete(build_slice(connection, vault, cut))
    finally:
        gc.collect()
