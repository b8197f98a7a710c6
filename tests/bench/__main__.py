"""`python -m tests.bench [ONLY]`: measures, prints a table, and writes .caselog/bench.json.

Every figure is a ratio to a floor measured in the same run, because machines are noisy; runs alternate, and the
medians of five are told. When other work took more than a fifth of the machine, it says so.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_events.ledger.database import open_ledger
from tests.bench import cases, floor
from tests.bench.load import Run, post_all
from tests.bench.machine import spent

REPETITIONS = 5
REQUESTS = 2_000
CONNECTIONS = 32
MASTER_KEY = b"b" * 32
BUSY_SHARE = 0.2
START_S = 30
RESULT = Path(".caselog/bench.json")


@dataclass(frozen=True)
class Measured:
    """One run: its rate, and the CPU of the service and of Postgres for each request."""

    run: Run
    service_us: float
    postgres_us: float
    other_share: float

    @property
    def cpu_us(self) -> float:
        return self.service_us + self.postgres_us


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="caselog-bench-") as folder:
        Path(folder).chmod(0o711)
        server = await postgres.start(Path(folder, "data"))
        try:
            await asyncio.to_thread(bring_to_head, server.url(postgres.OWNER))
            figures = await _http_step(server, Path(folder))
        finally:
            await server.stop()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")


async def _http_step(server: postgres.Server, folder: Path) -> dict[str, float]:
    """One step on a five-event case over HTTP, everything on, against FastAPI + select 5 + insert."""
    ours_todo, floor_todo = await _prepare(server)
    environment = os.environ | _settings(server, folder)
    with _serving([sys.executable, "-m", "case_api"], environment) as (ours_port, ours_pid):
        command = [sys.executable, "-m", "uvicorn", "tests.bench.floor:app", "--log-level", "error", "--no-access-log"]
        with _serving(command, environment) as (floor_port, floor_pid):
            results: dict[str, list[Measured]] = {"floor": [], "caselog": []}
            for number in range(REPETITIONS + 1):
                part = slice(number * REQUESTS, (number + 1) * REQUESTS)
                for name, port, pid, todo in (
                    ("floor", floor_port, floor_pid, floor_todo),
                    ("caselog", ours_port, ours_pid, ours_todo),
                ):
                    measured = await _measure(server.process.pid, pid, port, todo[part])
                    if number:  # the first run warms up
                        results[name].append(measured)
    return _told(results["floor"], results["caselog"])


async def _prepare(server: postgres.Server) -> tuple[list[bytes], list[bytes]]:
    count = REQUESTS * (REPETITIONS + 1)
    ledger = await open_ledger(server.url(postgres.APP), master_key=MASTER_KEY)
    ours = await cases.make(ledger, count)
    await ledger.close()
    streams = [uuid4() for _ in range(count)]
    admin = await asyncpg.connect(server.url(postgres.OWNER))
    await admin.execute(floor.TABLE)
    await admin.execute(floor.FILL, streams)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    return [_request(case, index) for index, case in enumerate(ours)], [_request(s, i) for i, s in enumerate(streams)]


def _request(case_id: UUID, number: int) -> bytes:
    body = json.dumps(
        {
            "type": "evidence_submitted",
            "actor": {"role": "buyer", "id": "b-1"},
            "data": {"evidence": [{"kind": "photo", "uri": "https://files.example/9", "sha256": f"{9:064x}"}]},
        }
    ).encode()
    head = (
        f"POST /v1/cases/{case_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-storefront\r\n"
        f"Idempotency-Key: bench-{number}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _settings(server: postgres.Server, folder: Path) -> dict[str, str]:
    key = folder / "master.key"
    key.write_text(base64.b64encode(MASTER_KEY).decode())
    return {
        "CASELOG_DATABASE_URL": server.url(postgres.APP),
        "CASELOG_MASTER_KEY_FILE": str(key),
        "FLOOR_URL": server.url(postgres.OWNER),
    }


@contextmanager
def _serving(command: list[str], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """A server on a free port, until the block ends; its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = ["--port", str(port)] if "uvicorn" in command else []
    process = subprocess.Popen([*command, *place], env=environment | {"CASELOG_PORT": str(port)})
    try:
        end = time.monotonic() + START_S
        while time.monotonic() < end and process.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(START_S)


async def _measure(postgres_pid: int, service_pid: int, port: int, todo: list[bytes]) -> Measured:
    pids = (service_pid, postgres_pid, os.getpid())
    before = [spent(pid) for pid in pids]
    run = await post_all(port, todo, CONNECTIONS)
    service, database, load = (spent(pid).since(was) for pid, was in zip(pids, before, strict=True))
    assert run.refused == 0, f"{run.refused} of {run.requests} requests were refused"
    other = max(0.0, service.machine_s - service.ours_s - database.ours_s - load.ours_s)
    share = other / (run.seconds * (os.cpu_count() or 1))
    return Measured(run, service.ours_s / run.requests * 1e6, database.ours_s / run.requests * 1e6, share)


def _told(base: list[Measured], ours: list[Measured]) -> dict[str, float]:
    table = Table(title=f"one step over HTTP on a case of five events, {CONNECTIONS} connections, medians")
    for head in ("", "requests/s", "p50 ms", "p99 ms", "service CPU µs", "Postgres CPU µs", "other work %"):
        table.add_column(head, justify="right" if head else "left")
    for name, runs in (("floor (FastAPI, select 5, insert)", base), ("caselog", ours)):
        rate, service, database, other = _medians(runs)
        p50, p99 = (statistics.median(one.run.percentile_ms(share) for one in runs) for share in (0.5, 0.99))
        row = (rate, p50, p99, service, database, other * 100)
        table.add_row(name, *(f"{figure:,.1f}" for figure in row))
    console = Console()
    console.print(table)
    rate = statistics.median(a.run.rate / b.run.rate for a, b in zip(ours, base, strict=True))
    cpu = statistics.median(a.cpu_us / b.cpu_us for a, b in zip(ours, base, strict=True))
    other = max(one.other_share for one in (*ours, *base))
    console.print(f"rate {rate:.2f} of the floor, total CPU {cpu:.2f} times the floor")
    if other > BUSY_SHARE:
        console.print(f"[yellow]other work took up to {other:.0%} of the machine: distrust these figures[/yellow]")
    return {
        "http_step_rate_vs_floor_c32": round(rate, 3),
        "http_step_cpu_vs_floor_c32": round(cpu, 3),
        "http_step_rate_per_s": round(statistics.median(one.run.rate for one in ours), 1),
        "floor_rate_per_s": round(statistics.median(one.run.rate for one in base), 1),
        "other_work_share_max": round(other, 3),
    }


def _medians(runs: list[Measured]) -> tuple[float, float, float, float]:
    return (
        statistics.median(one.run.rate for one in runs),
        statistics.median(one.service_us for one in runs),
        statistics.median(one.postgres_us for one in runs),
        max(one.other_share for one in runs),
    )


if __name__ == "__main__":
    asyncio.run(main())
