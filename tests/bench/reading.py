"""Reading one case over HTTP, rebuilt by replay, against FastAPI with one select of five rows that are told as JSON.

Both as they are run, as for the steps (http.py); each case is read once, so that nobody remembers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from rich.console import Console

from tests.bench.contest import Contender, Contest, Figures, contest
from tests.bench.house import House, served
from tests.bench.http import ALONE, OURS, SEVERAL, UP, WORKERS, filled
from tests.bench.load import post_all
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

SIZES = {1: 400, 8: 1_500, 32: 4_000}
"""Connections at once → readings in a run."""
FLOOR = "floor (FastAPI, select 5)"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Both servers in turn, at each number of connections."""
    figures: Figures = {}
    sizes = {connections: scale.of(count) for connections, count in SIZES.items()}
    async with house.database() as database:
        cases, streams = await filled(database, scale.runs * sum(sizes.values()))
        environment = house.environment(database, FLOOR_URL=database.owner, **ALONE)
        with served(UP, environment) as (ours_at, ours_pid), served(SEVERAL, environment) as (base_at, base_pid):
            ours, base = Meter(house.postgres_pid, ours_pid), Meter(house.postgres_pid, base_pid)
            for connections, count in sizes.items():
                run = partial(_contender, count=count, connections=connections)
                contenders = {FLOOR: run(base, base_at, streams), OURS: run(ours, ours_at, cases)}
                measured = await contest(contenders, scale.repetitions)
                figures |= _told(console, measured, connections)
                cases, streams = cases[scale.runs * count :], streams[scale.runs * count :]
    return figures


def request(case_id: UUID) -> bytes:
    """A raw request that reads a case."""
    head = f"GET /v1/cases/{case_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-storefront\r\n\r\n"
    return head.encode()


def found(status: int, _: bytes) -> bool:
    """Whether the answer says that it is there."""
    return status == 200


def _contender(meter: Meter, port: int, cases: Sequence[UUID], *, count: int, connections: int) -> Contender:
    async def run(number: int) -> Measured:
        requests = [request(case_id) for case_id in cases[number * count : (number + 1) * count]]
        return await meter.measure(post_all(port, requests, connections, found))

    return run


def _told(console: Console, measured: Contest, connections: int) -> Figures:
    rate, cpu = measured.rate_ratio(OURS, FLOOR), measured.cpu_ratio(OURS, FLOOR)
    each = f"{connections} connections, {WORKERS} workers each"
    measured.tell(console, f"reading a case of five events over HTTP, {each}", "readings")
    console.print(f"{each}: {rate:.2f} of the floor's rate, {cpu:.2f} times its CPU\n")
    return {
        f"http_read_rate_vs_floor_c{connections}": rate,
        f"http_read_cpu_vs_floor_c{connections}": cpu,
        f"http_read_per_s_c{connections}": measured.rate(OURS),
        f"http_read_other_work_share_c{connections}": measured.other_share,
    }
