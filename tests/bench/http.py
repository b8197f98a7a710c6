"""One step over HTTP, everything on, against FastAPI with a body model, one select of five rows and one insert.

As it is run: `caselog up` with as many workers as it starts by itself, and the floor with as many; and once with one
worker each. The schedulers' work has benchmarks of its own, and the floor has none of it: there is none here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

from rich.console import Console

from case_api.settings import Settings
from tests.bench import corpus, floor, lives
from tests.bench.contest import Contender, Contest, Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, served
from tests.bench.load import post_all
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

SIZES = {1: 400, 8: 1_500, 32: 4_000, 64: 4_000}
"""Connections at once → requests in a run: of a second alone the neighbours on a machine make anything."""
SIZES_ALONE = {32: 4_000}
"""The same, for one worker each."""
GOALS = (32, 64)
"""Where figures have goals; there each runs twice as often: by five, 0.74 to 0.86 were seen of the same two servers."""
WORKERS: int = Settings.model_fields["api_workers"].default
OURS = "caselog"
FLOOR = "floor (FastAPI, select 5, insert)"
UP = [sys.executable, "-c", "from case_api.cli import main; main()", "up"]
CASELOG = [sys.executable, "-m", "case_api"]
"""One worker, and nothing beside it."""
FASTAPI = [
    *(sys.executable, "-m", "uvicorn", "tests.bench.floor:app", "--log-level", "error", "--no-access-log"),
    *("--port", "{port}"),
]
SEVERAL = [*FASTAPI, "--workers", str(WORKERS)]
ALONE = {"CASELOG_SCHEDULERS": "0"}
"""No scheduler beside the API."""


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Both servers in turn, at each number of connections; with the usual workers, then with one each."""
    figures: Figures = {}
    async with house.database() as database:
        counts = [{size: scale.of(count) for size, count in sizes.items()} for sizes in (SIZES, SIZES_ALONE)]
        ours, base = await _prepared(database, sum(_runs(scale, size) * some[size] for some in counts for size in some))
        environment = house.environment(database, FLOOR_URL=database.owner, **ALONE)
        for ups, floors, workers, some in ((UP, SEVERAL, WORKERS, counts[0]), (CASELOG, FASTAPI, 1, counts[1])):
            with served(ups, environment) as (ours_at, ours_pid), served(floors, environment) as (base_at, base_pid):
                meters = Meter(house.postgres_pid, ours_pid), Meter(house.postgres_pid, base_pid)
                for connections, count in some.items():
                    runs = _runs(scale, connections)
                    run = partial(_contender, count=count, connections=connections)
                    contenders = {FLOOR: run(meters[1], base_at, base), OURS: run(meters[0], ours_at, ours)}
                    measured = await contest(contenders, runs - 1)
                    figures |= _told(console, measured, connections, workers)
                    ours, base = ours[runs * count :], base[runs * count :]
    return figures


def _runs(scale: Scale, connections: int) -> int:
    """How often each contender runs, the one to warm up included."""
    return 2 * scale.repetitions + 1 if connections in GOALS else scale.runs


async def _prepared(database: Database, count: int) -> tuple[list[bytes], list[bytes]]:
    """The requests to Caselog and to the floor, each to a case or stream of its own."""
    ours, base = await filled(database, count)
    return [request(case, str(index)) for index, case in enumerate(ours)], [
        request(stream, str(index)) for index, stream in enumerate(base)
    ]


async def filled(database: Database, count: int) -> tuple[list[UUID], list[UUID]]:
    """So many cases, and as many streams of the floor; five events in each."""
    cases = await corpus.write(database.owner, MASTER_KEY, (lives.five_events(),), count, lives.under_another_order)
    streams = [uuid4() for _ in range(count)]
    async with database.session() as admin:
        await admin.execute(floor.TABLE)
        await admin.execute(floor.FILL, streams)
        await admin.execute("GRANT ALL ON floor TO PUBLIC")
    await database.settle()
    return cases, streams


def request(case_id: UUID, key: str) -> bytes:
    """A raw request that posts a piece of evidence to a case."""
    body = json.dumps(
        {
            "type": "evidence_submitted",
            "actor": {"role": "buyer", "id": "b-1"},
            "data": {"evidence": [{"kind": "photo", "uri": "https://files.example/9", "sha256": f"{9:064x}"}]},
        }
    ).encode()
    head = (
        f"POST /v1/cases/{case_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-storefront\r\n"
        f"Idempotency-Key: bench-{key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _contender(meter: Meter, port: int, requests: Sequence[bytes], *, count: int, connections: int) -> Contender:
    async def run(number: int) -> Measured:
        begin = number * count
        return await meter.measure(post_all(port, requests[begin : begin + count], connections))

    return run


def _told(console: Console, measured: Contest, connections: int, workers: int) -> Figures:
    rate, cpu = measured.rate_ratio(OURS, FLOOR), measured.cpu_ratio(OURS, FLOOR)
    each = f"{connections} connections, {workers} {'worker' if workers == 1 else 'workers'} each"
    measured.tell(console, f"one step over HTTP on a case of five events, {each}", "steps")
    console.print(f"{each}: {rate:.2f} of the floor's rate, {cpu:.2f} times its CPU\n")
    of = f"c{connections}" if workers == WORKERS else f"c{connections}_w{workers}"
    return {
        f"http_step_rate_vs_floor_{of}": rate,
        f"http_step_cpu_vs_floor_{of}": cpu,
        f"http_step_per_s_{of}": measured.rate(OURS),
        f"http_floor_per_s_{of}": measured.rate(FLOOR),
        f"http_other_work_share_{of}": measured.other_share,
    }
