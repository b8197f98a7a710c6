"""Firing: due deadlines by the scheduler's own sweep, against a bare loop by asyncpg, and against job queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

import msgspec
from rich.console import Console

from case_events.core.canonical import decode_hook
from case_events.core.events import EVENTS, Event
from case_events.ledger.connection import Connection
from case_events.ledger.database import open_ledger
from case_scheduler.clock.pace import LARGEST
from tests.bench import due, lives
from tests.bench.contest import Contender, Contest, Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, Missing
from tests.bench.jobs import Pgqueuer, Procrastinate
from tests.bench.load import Run
from tests.bench.machine import Measured, Meter, collected_rarely
from tests.bench.scale import Scale

DUE = 20_000
JOBS = 5_000
"""Of the peers, which are slower."""
POOL = 4
OURS = "caselog, the real sweep"
FLOOR = "floor (asyncpg: load 5, decode, insert, delete)"
PROCRASTINATE, PGQUEUER = "procrastinate, 10 at once", "pgqueuer, draining"
PEERS: dict[str, Callable[[Database], Procrastinate | Pgqueuer]] = {PROCRASTINATE: Procrastinate, PGQUEUER: Pgqueuer}

TABLES = """
CREATE TABLE floor_events (case_id uuid, version integer, type text, payload bytea, PRIMARY KEY (case_id, version));
CREATE TABLE floor_due (case_id uuid PRIMARY KEY, due_at timestamptz NOT NULL);
CREATE INDEX floor_due_at ON floor_due (due_at);
"""
FILL = "INSERT INTO floor_events SELECT case_id, version, type, payload FROM events WHERE case_id = ANY($1)"
FILL_DUE = "INSERT INTO floor_due SELECT case_id, now() - interval '1 hour' FROM unnest($1::uuid[]) AS case_id"
EMPTY = "TRUNCATE floor_events, floor_due"
CLAIM = "SELECT case_id FROM floor_due WHERE due_at < now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED"
LOAD = "SELECT case_id, version, type, payload FROM floor_events WHERE case_id = ANY($1) ORDER BY case_id, version"
INSERT = "INSERT INTO floor_events SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::bytea[])"
DELETE = "DELETE FROM floor_due WHERE case_id = ANY($1)"
TIMED_OUT = b'{"kind":"response","party":"respondent"}'


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """As many due cases of five events for us and for the floor, in equal batches, each in one process."""
    count = scale.of(DUE)
    async with house.database() as database:
        cases = await due.overdue_cases(database, count * scale.runs)
        async with database.session() as session:
            await session.execute(TABLES)
        meter = Meter(house.postgres_pid)
        contenders: dict[str, Contender] = {
            FLOOR: partial(_floor, database, meter, cases, count),
            OURS: partial(_ours, database, meter, cases, count),
            **_peers(database, meter, scale.of(JOBS), console),
        }
        measured = await contest(contenders, scale.repetitions)
    measured.tell(console, f"{count:,} due deadlines of cases of {lives.FIVE} events", "deadlines")
    return _told(console, measured)


def _told(console: Console, measured: Contest) -> Figures:
    figures = {
        "fire_vs_floor": measured.rate_ratio(OURS, FLOOR),
        "fire_cpu_vs_floor": measured.cpu_ratio(OURS, FLOOR),
        "fire_per_s": measured.rate(OURS),
        "fire_cpu_us": measured.cpu_us(OURS),
        "fire_floor_per_s": measured.rate(FLOOR),
        "fire_other_work_share": measured.other_share,
    }
    said = [f"{figures['fire_vs_floor']:.2f} of the floor's rate"]
    for name, figure in ((PROCRASTINATE, "fire_vs_procrastinate"), (PGQUEUER, "fire_vs_pgqueuer")):
        if name in measured.results:
            figures[figure] = measured.rate_ratio(OURS, name)
            said.append(f"{figures[figure]:.1f} times {name}")
    console.print(f"firing: {', '.join(said)}\n")
    return figures


async def _ours(database: Database, meter: Meter, cases: Sequence[UUID], count: int, number: int) -> Measured:
    await due.make_due(database, cases[number * count : (number + 1) * count])
    ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY, pool_size=POOL)

    async def fire() -> Run:
        began = time.perf_counter()
        fired = await due.swept(ledger)
        assert fired == count, f"{fired} of {count} cases fired"
        return Run(count, time.perf_counter() - began)

    try:
        with collected_rarely():
            return await meter.measure(fire())
    finally:
        await ledger.close()


async def _floor(database: Database, meter: Meter, cases: Sequence[UUID], count: int, number: int) -> Measured:
    mine = cases[number * count : (number + 1) * count]
    async with database.session() as session:
        await session.execute(EMPTY)
        await session.execute(FILL, mine)
        await session.execute(FILL_DUE, mine)
        await database.settle()
        return await meter.measure(_fired_barely(session, count))


async def _fired_barely(session: Connection, count: int) -> Run:
    decoders = {name: msgspec.json.Decoder(kind, dec_hook=decode_hook) for name, kind in EVENTS.items()}
    began, fired = time.perf_counter(), 0
    while claimed := await _batch(session, decoders):
        fired += claimed
    assert fired == count, f"{fired} of {count}"
    return Run(count, time.perf_counter() - began)


async def _batch(session: Connection, decoders: Mapping[str, msgspec.json.Decoder[Event]]) -> int:
    """Claim, load, decode with types, decide what is always the same, write one event a case and take the row away."""
    async with session.transaction():
        cases = [row[0] for row in await session.fetch(CLAIM, LARGEST)]
        if not cases:
            return 0
        versions: dict[UUID, int] = {}
        for case_id, version, name, payload in await session.fetch(LOAD, cases):
            decoders[name].decode(payload)
            versions[case_id] = version + 1
        count = len(versions)
        names, said = ["merchant_response_timed_out"] * count, [TIMED_OUT] * count
        await session.execute(INSERT, list(versions), list(versions.values()), names, said)
        await session.execute(DELETE, cases)
        return len(cases)


def _peers(database: Database, meter: Meter, count: int, console: Console) -> dict[str, Contender]:
    """Each peer that is installed; of the others a line that says that they are not."""
    found: dict[str, Contender] = {}
    for name, kind in PEERS.items():
        try:
            found[name] = _peer(kind(database), meter, count)
        except Missing as missing:
            console.print(f"[yellow]left out: {name}: {missing}[/yellow]")
    return found


def _peer(peer: Procrastinate | Pgqueuer, meter: Meter, count: int) -> Contender:
    async def run(_: int) -> Measured:
        await peer.fill(count)
        return await meter.measure(peer.work_off(count))

    return run
