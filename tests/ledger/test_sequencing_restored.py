"""The feed after a restore: transaction ids mean nothing in another cluster, and the feed goes on all the same."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from case_api.cli import postgres
from case_events.ledger.database import open_ledger
from case_events.ledger.feed import sequencing
from case_events.ledger.feed.sequencing import Ticked, tick
from tests.conftest import Database
from tests.ledger import recording
from tests.ledger.desk import MASTER_KEY
from tests.ledger.recording import IDS, NONE, burn, faults, feed, record

AHEAD = 3_000
"""Transaction ids by which the cluster that is dumped is the older one."""
RESTORE_S = 60
STAND_AT = "UPDATE feed_state SET snapshot = format('%s:%s:', $1::bigint, $1::bigint)::pg_snapshot"
"""As if the last tick had seen everything before this transaction id, and nothing else."""


@pytest_asyncio.fixture
async def younger(pg_bin: Path | None) -> AsyncIterator[postgres.Server]:
    """A cluster that was made just now."""
    with tempfile.TemporaryDirectory(prefix="caselog-younger-") as folder:
        Path(folder).chmod(0o711)  # as the server that all tests share
        server = await postgres.start(Path(folder, "data"), bin_dir=pg_bin)
        yield server
        await server.stop()


async def test_a_ledger_restored_into_a_younger_cluster_is_numbered_on_and_nothing_twice(
    database: Database, younger: postgres.Server, tmp_path: Path
) -> None:
    source = await asyncpg.connect(database.superuser)
    await burn(source, AHEAD)
    old = await open_ledger(database.scheduler, master_key=MASTER_KEY)
    numbered, not_yet = [(uuid4(), 1) for _ in range(30)], [(uuid4(), 1) for _ in range(5)]
    for key in numbered:
        await record(source, *key)
    assert (await tick(old)).head == len(numbered)
    for key in not_yet:
        await record(source, *key)
    await old.close()
    await source.close()
    await asyncio.to_thread(
        _restore, younger.premises.bin_dir, database.superuser, younger.url(postgres.SUPERUSER), tmp_path
    )

    target = await asyncpg.connect(younger.url(postgres.SUPERUSER))
    oldest = await target.fetchval("SELECT min(tx::text::bigint) FROM events")
    newest = await target.fetchval("SELECT max(tx::text::bigint) FROM events")
    assert await target.fetchval(IDS) < oldest, "its transaction ids went backwards"
    told = [*numbered, *not_yet]
    new = await open_ledger(younger.url(postgres.SCHEDULER), master_key=MASTER_KEY)
    told.append((uuid4(), 1))
    await record(target, *told[-1])
    assert not await target.fetch(f"WITH last AS ({sequencing.LAST}) {sequencing.WINDOW}"), "by its ids it never comes"
    assert await tick(new) == Ticked(numbered=6, head=36, resynced=True)
    # Its own ids pass those of the events it was given, in small steps and with events of its own between them.
    for _ in range(200):
        at = await target.fetchval(IDS)
        if at > newest + 5:
            break
        await burn(target, 3 if oldest - 10 < at else min(500, oldest - 10 - at + 1))
        told.append((uuid4(), 1))
        await record(target, *told[-1])
        assert await tick(new) == Ticked(numbered=1, head=len(told))
    else:
        raise AssertionError("its ids never passed")
    assert (await feed(target), await faults(target)) == (told, NONE)
    await new.close()
    await target.close()


def _restore(programs: Path, source: str, target: str, folder: Path) -> None:
    dump = folder / "caselog.sql"
    for command in (
        [str(programs / "pg_dump"), "--no-comments", f"--file={dump}", source],
        [str(programs / "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={dump}", target],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=RESTORE_S, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cluster", ["another", "this"])
async def test_in_another_cluster_everything_is_looked_at_once_though_its_ids_are_ahead(
    module_database: Database, superuser: asyncpg.Connection, cluster: str
) -> None:
    await recording.empty(superuser)
    ledger = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    await tick(ledger)
    # What came in a dump from a cluster with fewer transactions lies below everything the last tick saw.
    behind = (uuid4(), 1)
    await record(superuser, *behind)
    await burn(superuser, 1)
    xmax = await superuser.fetchval(IDS)
    await superuser.execute(STAND_AT, xmax)
    if cluster == "another":
        await superuser.execute("UPDATE feed_state SET cluster = 7")
        assert await tick(ledger) == Ticked(numbered=1, head=1, resynced=True)
        assert await feed(superuser) == [behind]
    else:
        assert await tick(ledger) == Ticked(numbered=0, head=0), "only the cluster's name told that it must be sought"
    await ledger.close()


async def test_where_ids_went_backwards_in_one_cluster_everything_is_looked_at_once(
    module_database: Database, superuser: asyncpg.Connection
) -> None:
    await recording.empty(superuser)
    ledger = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    await tick(ledger)
    ahead = await superuser.fetchval(IDS) + 10**6
    await superuser.execute(STAND_AT, ahead)
    keys = [(uuid4(), 1), (uuid4(), 1)]
    for key, resynced in zip(keys, (True, False), strict=True):
        await record(superuser, *key)
        ticked = await tick(ledger)
        assert (ticked.numbered, ticked.resynced) == (1, resynced)
    assert await feed(superuser) == keys
    await ledger.close()


async def test_a_ledger_that_never_had_a_feed_is_numbered_from_its_first_event(
    module_database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recording.empty(superuser)
    monkeypatch.setattr(sequencing, "BATCH", 4)
    keys = [(uuid4(), 1) for _ in range(10)]
    for key in keys:
        await record(superuser, *key)
    ledger = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    ticks = [await tick(ledger) for _ in range(4)]
    assert [(one.numbered, one.resynced) for one in ticks] == [(4, True), (4, True), (2, True), (0, False)]
    assert (await feed(superuser), await faults(superuser)) == (keys, NONE)
    await ledger.close()
