"""Postgres's own limit: pgbench inserting one jsonb row in each transaction."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from tests.bench.house import Database, House
from tests.bench.load import Run

TABLE = """
CREATE TABLE pgbench_limit (
    stream uuid, version integer, type text NOT NULL, payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (stream, version)
)
"""
INSERT = """
INSERT INTO pgbench_limit (stream, version, type, payload)
VALUES (gen_random_uuid(), 1, 'evidence_submitted', 'PAYLOAD');
"""
PAYLOAD_BYTES = 500
THREADS = 2
SECONDS_MAX = 120


async def prepare(house: House, database: Database) -> Path:
    """Make the table; the script that fills it."""
    async with database.session() as admin:
        await admin.execute(TABLE)
    payload = json.dumps({"text": "x" * (PAYLOAD_BYTES - len('{"text": ""}'))})
    script = house.folder / "insert.sql"
    script.write_text(INSERT.replace("PAYLOAD", payload))
    return script


async def insert(house: House, database: Database, script: Path, count: int, clients: int) -> Run:
    """Insert so many rows over so many connections. Raises RuntimeError when pgbench does not."""
    command = [
        *(str(house.pgbench), "--no-vacuum", "--protocol", "prepared", "--file", str(script)),
        *(
            "--client",
            str(clients),
            "--jobs",
            str(min(THREADS, clients)),
            "--transactions",
            str(count // clients),
            database.superuser,
        ),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(SECONDS_MAX):
        said = (await process.communicate())[0].decode()
    done = re.search(r"transactions actually processed: (\d+)", said)
    rate = re.search(r"tps = ([\d.]+)", said)
    if process.returncode or not done or not rate:
        raise RuntimeError(f"pgbench: {said}")
    # Its own rate leaves out the connecting.
    return Run(int(done[1]), int(done[1]) / float(rate[1]))
