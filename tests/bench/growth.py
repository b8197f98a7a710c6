"""Growth: what an append and a reading of a case cost in a ledger of many events, against one that was empty."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from rich.console import Console

from case_events.ledger.database import Ledger
from case_events.ledger.queries import read_case
from case_events.ledger.recent import Recent
from tests.bench import corpus, lives
from tests.bench.contest import Contender, Figures, contest
from tests.bench.house import MASTER_KEY, Database, House
from tests.bench.library import steps
from tests.bench.load import Run, each
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

AT_ONCE = 32
STEPS = 1_500
READS = 1_500
STRETCHES = 10
"""The measured cases are written in so many parts with the bulk between them, so that they lie all over the tables."""
EMPTY, GROWN = "empty", "grown"

COPIED = ("streams", "events", "cases", "deadlines", "subject_keys")
"""What a case has rows in; its reservation is its own, and it has no mark."""


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """The same steps and readings in two databases of one server, in turn."""
    appends, reads = scale.of(STEPS), scale.of(READS)
    async with (
        house.database() as empty,
        house.database() as grown,
        empty.ledger() as empty_ledger,
        grown.ledger() as grown_ledger,
    ):
        count = appends * scale.runs
        todo = {EMPTY: await _filled(empty, count, 0), GROWN: await _filled(grown, count, scale.of(scale.growth))}
        ledgers, meter = {EMPTY: empty_ledger, GROWN: grown_ledger}, Meter(house.postgres_pid)
        contenders = {
            name: _contender(meter, partial(steps, ledger, at_once=AT_ONCE), todo[name], appends)
            for name, ledger in ledgers.items()
        }
        appended = await contest(contenders, scale.repetitions)
        for ledger in ledgers.values():
            ledger.recent = Recent()  # what was just written to is read as if by another process
        contenders = {
            name: _contender(meter, partial(read, ledger), todo[name][:: max(1, appends // reads)], reads)
            for name, ledger in ledgers.items()
        }
        looked = await contest(contenders, scale.repetitions)
    events = f"{scale.of(scale.growth):,} events"
    appended.tell(console, f"a step, in an empty ledger and in one of {events}", "steps")
    looked.tell(console, f"reading a case, in an empty ledger and in one of {events}", "readings")
    figures = {
        "growth_append_cpu_ratio": appended.cpu_ratio(GROWN, EMPTY),
        "growth_read_cpu_ratio": looked.cpu_ratio(GROWN, EMPTY),
    }
    for name, figure in figures.items():
        console.print(f"{name}: {figure:.2f}")
    other = max(appended.other_share, looked.other_share)
    return figures | {"growth_events": scale.of(scale.growth), "growth_other_work_share": other}


def _contender(
    meter: Meter, work: Callable[[Sequence[UUID]], Awaitable[Run]], todo: Sequence[UUID], count: int
) -> Contender:
    async def run(number: int) -> Measured:
        return await meter.measure(work(todo[number * count : (number + 1) * count]))

    return run


async def read(ledger: Ledger, todo: Sequence[UUID]) -> Run:
    """Rebuild each case by replay, as a GET does."""

    async def one(case_id: UUID) -> None:
        assert await read_case(ledger, case_id) is not None, "it was filed"

    return await each(todo, AT_ONCE, one)


async def _filled(database: Database, count: int, bulk: int) -> list[UUID]:
    """So many cases to measure on, between so many events that are only there."""
    made: list[UUID] = []
    planned = (lives.five_events(),)
    for stretch in range(STRETCHES):
        part = count * (stretch + 1) // STRETCHES - len(made)
        made += await corpus.write(
            database.owner, MASTER_KEY, planned, part, lives.under_another_order, first=len(made)
        )
        if bulk:
            await _copied(database, made[-1], bulk // STRETCHES // lives.FIVE)
    await database.settle()
    async with database.session() as session:
        for table in COPIED:
            await session.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    made.sort()  # in an order that says nothing of where their rows lie: the ids are random
    return made


async def _copied(database: Database, case_id: UUID, count: int) -> None:
    """The rows of one case so many times more, under fresh ids: bulk that is never read."""
    async with database.session() as session:
        await session.execute(
            "CREATE TEMP TABLE fresh AS SELECT gen_random_uuid() AS id FROM generate_series(1, $1::integer)", count
        )
        for table in COPIED:
            names = await session.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
                table,
            )
            columns = [row["attname"] for row in names if row["attname"] not in ("case_id", "tx", "seq")]
            said = ", ".join(columns)
            copy = f"SELECT fresh.id, {said} FROM fresh, {table} WHERE case_id = $1 ORDER BY fresh.id"  # noqa: S608 - our own names
            await session.execute(f"INSERT INTO {table} (case_id, {said}) {copy}", case_id)
        await session.execute("DROP TABLE fresh")
