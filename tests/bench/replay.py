"""Replay: from the rows in Postgres to folded cases in one process, and the fold alone, on whole lives."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console

from case_events.core.canonical import decode_hook
from case_events.core.events import EVENTS, History
from case_events.core.evolve import fold
from case_events.core.values import CaseId
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.replaying import replay
from case_events.ledger.store import load
from tests.bench import corpus, lives
from tests.bench.contest import Contest, Figures, contest
from tests.bench.house import MASTER_KEY, House
from tests.bench.load import Run, each
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

LIVES = 200
BATCH = 400
"""Cases that are read together."""
AT_ONCE = 2
ROWS = "SELECT case_id, version, type, payload FROM events WHERE case_id = ANY($1) ORDER BY case_id, version"
CASES = "SELECT case_id FROM streams ORDER BY case_id"
BARE = "floor: bytea and typed msgspec, bare"
REPLAY = "caselog: rows to folded cases"
FOLD = "caselog: the fold alone"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """The same cases read three ways: bare, to folded cases, and folded again from memory."""
    planned = lives.mixed(max(2, math.ceil(LIVES * min(1, scale.size))))
    events_each = sum(map(len, planned)) / len(planned)
    count = max(len(planned), math.ceil(scale.of(scale.replay) / events_each))
    async with house.database() as database, database.ledger(AT_ONCE) as ledger:
        await corpus.write(database.owner, MASTER_KEY, planned, count, lives.of_other_parties)
        await database.settle()
        meter = Meter(house.postgres_pid)
        histories: list[History] = []

        async def bare(_: int) -> Measured:
            return await meter.measure(_bare(ledger))

        async def replayed(_: int) -> Measured:
            return await meter.measure(_replayed(ledger))

        async def folded(_: int) -> Measured:
            return await meter.measure(_folded(histories))

        with _out_of_the_collectors_sight():
            read = await contest({BARE: bare, REPLAY: replayed}, scale.repetitions)
        histories += await _histories(ledger)
        with _out_of_the_collectors_sight():
            alone = await contest({FOLD: folded}, scale.repetitions)
    measured = Contest({**read.results, **alone.results})
    measured.tell(console, f"replay of {sum(map(len, histories)):,} events, {events_each:.1f} in a case", "events")
    console.print(f"replay: {measured.rate_ratio(REPLAY, BARE):.2f} of reading and decoding alone\n")
    return {
        "replay_events_per_s": measured.rate(REPLAY),
        "replay_cpu_us": measured.cpu_us(REPLAY),
        "replay_vs_bare": measured.rate_ratio(REPLAY, BARE),
        "fold_events_per_s": measured.rate(FOLD),
        "replay_other_work_share": measured.other_share,
    }


@contextmanager
def _out_of_the_collectors_sight() -> Iterator[None]:
    """What is in memory is not looked through again and again, as in the workers of a rebuild and an audit."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _bare(ledger: Ledger) -> Run:
    """Rows and typed payloads, with nothing opened, checked, put in an envelope or folded."""
    decoders = {name: msgspec.json.Decoder(kind, dec_hook=decode_hook) for name, kind in EVENTS.items()}

    async def read(connection: Connection, batch: Sequence[CaseId]) -> int:
        rows = await connection.fetch(ROWS, batch)
        for _, _, name, payload in rows:
            decoders[name].decode(payload)
        return len(rows)

    return await _read(ledger, read)


async def _replayed(ledger: Ledger) -> Run:
    async def read(connection: Connection, batch: Sequence[CaseId]) -> int:
        cases = await replay(connection, batch, ledger.vault)
        return sum(case.version for case in cases.values())

    return await _read(ledger, read)


async def _read(ledger: Ledger, read: Callable[[Connection, Sequence[CaseId]], Awaitable[int]]) -> Run:
    """Every case, in batches, by this one process; Postgres reads one batch while another is looked at here."""
    counts: list[int] = []

    async def one(batch: Sequence[CaseId]) -> None:
        async with ledger.connection() as connection:
            counts.append(await read(connection, batch))

    began = time.perf_counter()
    await each(await _batches(ledger), AT_ONCE, one)
    return Run(sum(counts), time.perf_counter() - began)


async def _folded(histories: Iterable[History]) -> Run:
    count, began = 0, time.perf_counter()
    for history in histories:
        case = fold(history)
        assert case is not None, "a case has events"
        count += case.version
    return Run(count, time.perf_counter() - began)


async def _histories(ledger: Ledger) -> list[History]:
    found: list[History] = []
    async with ledger.connection() as connection:
        for batch in await _batches(ledger):
            found += [loaded.history for loaded in (await load(connection, batch, ledger.vault)).values()]
    return found


async def _batches(ledger: Ledger) -> list[Sequence[CaseId]]:
    async with ledger.connection() as connection:
        ids = [row["case_id"] for row in await connection.fetch(CASES)]
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
