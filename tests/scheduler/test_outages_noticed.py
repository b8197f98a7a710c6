"""Schedulers that come back after all of them were away put that on record, once, before they fire anything."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg

from case_events.ledger.clock.heartbeat import Vitals, beat
from case_events.ledger.database import open_ledger
from tests.conftest import Database
from tests.scheduler.fleet import MASTER_KEY, scheduler

WITHIN_S = 30
SWEPT = "SELECT count(*) FROM schedulers WHERE swept_at > clock_timestamp() - interval '1 minute'"


async def test_two_that_come_back_at_once_record_one_outage(database: Database, tmp_path: Path) -> None:
    away = await open_ledger(database.scheduler, master_key=MASTER_KEY, pool_size=1)
    await beat(away, "gone", Vitals())
    await away.close()
    superuser = await asyncpg.connect(database.superuser)
    try:
        await superuser.execute(
            "UPDATE schedulers SET swept_at = swept_at - $1::interval, seen_at = swept_at - $1::interval",
            timedelta(hours=2),
        )
        last_sweep = await superuser.fetchval("SELECT swept_at FROM schedulers")
        async with scheduler(database.scheduler, tmp_path, "one"), scheduler(database.scheduler, tmp_path, "two"):
            async with asyncio.timeout(WITHIN_S):
                while await superuser.fetchval(SWEPT) < 2:
                    await asyncio.sleep(0.1)
        (outage,) = await superuser.fetch("SELECT * FROM outages")
        assert (outage["source"], outage["began_at"]) == ("measured", last_sweep)
        first_sweep = await superuser.fetchval("SELECT min(swept_at) FROM schedulers WHERE name <> 'gone'")
        assert last_sweep < outage["ended_at"] < first_sweep
        (entry,) = await superuser.fetch("SELECT what, who FROM journal WHERE what = 'outage_noticed'")
        assert entry["who"] == outage["recorded_by"] != "gone"
    finally:
        await superuser.close()
