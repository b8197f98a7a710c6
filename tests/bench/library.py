"""A whole step through the library, as an API process does it, against what Postgres and a peer can do at best.

Three ways: on a case that this process never saw, with all its texts opened for the answer; the same for who wants no
texts (``brief``); and on a case that the process had a moment ago (``warm``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import UUID

from rich.console import Console

from case_events.core.commands import SubmitEvidence
from case_events.ledger.database import Ledger
from case_events.ledger.recent import Recent
from case_events.ledger.steps import Asking, submit
from tests import examples
from tests.bench import corpus, limit, lives
from tests.bench.contest import Contender, Contest, Figures, contest
from tests.bench.house import MASTER_KEY, Database, House, Missing
from tests.bench.load import Run, each
from tests.bench.machine import Measured, Meter, collected_rarely
from tests.bench.peers import Recorder
from tests.bench.scale import Scale

SIZES = {1: (600, 4_000), 8: (2_500, 12_000), 32: (4_000, 16_000), 64: (4_000, 16_000)}
"""Tasks, or connections of pgbench, at once → steps, and rows by pgbench, in a run."""
PEER_AT_ONCE = 32
"""Where the peer is measured, and the other two ways."""
WARM = 2_000
"""Cases in a run that were written to a moment before: fewer than a process remembers."""
INSERTS = 2_000
"""By the peer, which is slower."""
OURS = "caselog, a whole step"
BRIEF = "caselog, texts left sealed"
AGAIN = "caselog, a case it had just now"
LIMIT = "pgbench, one INSERT of jsonb"
PEER = "eventsourcing, insert_events"
EVIDENCE = SubmitEvidence(evidence=(examples.proof(9),))


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Tasks of this process, connections of pgbench and threads of the peer, as many of each."""
    figures: Figures = {}
    async with house.database() as database, database.ledger() as ledger:
        counts = {at_once: scale.of(steps) for at_once, (steps, _) in SIZES.items()}
        warm, brief = scale.of(WARM), counts[PEER_AT_ONCE]
        planned, count = (lives.five_events(),), (sum(counts.values()) + brief + warm) * scale.runs
        todo = await corpus.write(database.owner, MASTER_KEY, planned, count, lives.under_another_order)
        script = await limit.prepare(house, database)
        await database.settle()
        meter = Meter(house.postgres_pid)
        with ExitStack() as stack:
            stack.enter_context(collected_rarely())
            others = _peer(stack, database, meter, scale.of(INSERTS), console)
            for name, way, each_run in ((BRIEF, _steps, brief), (AGAIN, _again, warm)):
                mine, todo = todo[: each_run * scale.runs], todo[each_run * scale.runs :]
                others[name] = way(ledger, meter, mine, each_run, PEER_AT_ONCE, brief=name == BRIEF)
            for at_once, (_, rows) in SIZES.items():
                mine, todo = todo[: counts[at_once] * scale.runs], todo[counts[at_once] * scale.runs :]
                contenders = {
                    LIMIT: _limit(house, database, meter, script, scale.of(rows, 2 * at_once), at_once),
                    OURS: _steps(ledger, meter, mine, counts[at_once], at_once),
                    **(others if at_once == PEER_AT_ONCE else {}),
                }
                measured = await contest(contenders, scale.repetitions)
                figures |= _told(console, measured, at_once)
    return figures


def _told(console: Console, measured: Contest, at_once: int) -> Figures:
    measured.tell(console, f"a step on a case of five events through the library, {at_once} at once", "events")
    told = f"{at_once} at once: {measured.rate_ratio(OURS, LIMIT):.2f} of pgbench's rate"
    figures = {
        f"library_step_vs_pgbench_c{at_once}": measured.rate_ratio(OURS, LIMIT),
        f"library_step_per_s_c{at_once}": measured.rate(OURS),
        f"library_step_cpu_us_c{at_once}": measured.cpu_us(OURS),
        f"pgbench_insert_per_s_c{at_once}": measured.rate(LIMIT),
        f"library_other_work_share_c{at_once}": measured.other_share,
    }
    if at_once == PEER_AT_ONCE:
        figures["library_step_vs_pgbench"] = figures.pop(f"library_step_vs_pgbench_c{at_once}")
        for name, way in ((BRIEF, "brief"), (AGAIN, "warm")):
            figures[f"library_step_{way}_vs_pgbench"] = measured.rate_ratio(name, LIMIT)
            figures[f"library_step_{way}_cpu_us"] = measured.cpu_us(name)
            told += f", {way} {measured.rate_ratio(name, LIMIT):.2f}"
    if PEER in measured.results:
        figures["library_step_vs_eventsourcing"] = measured.rate_ratio(OURS, PEER)
        told += f", {measured.rate_ratio(OURS, PEER):.1f} times the peer's"
    console.print(told + "\n")
    return figures


def _limit(house: House, database: Database, meter: Meter, script: Path, count: int, at_once: int) -> Contender:
    async def run(_: int) -> Measured:
        return await meter.measure(limit.insert(house, database, script, count, at_once))

    return run


def _steps(
    ledger: Ledger, meter: Meter, todo: Sequence[UUID], count: int, at_once: int, *, brief: bool = False
) -> Contender:
    async def run(number: int) -> Measured:
        return await meter.measure(steps(ledger, todo[number * count : (number + 1) * count], at_once, brief=brief))

    return run


def _again(
    ledger: Ledger, meter: Meter, todo: Sequence[UUID], count: int, at_once: int, *, brief: bool = False
) -> Contender:
    async def run(number: int) -> Measured:
        mine = todo[number * count : (number + 1) * count]
        ledger.recent = Recent()
        try:
            await steps(ledger, mine, at_once, key="the first")
            return await meter.measure(steps(ledger, mine, at_once, brief=brief))
        finally:
            ledger.recent = None

    return run


async def steps(
    ledger: Ledger, todo: Sequence[UUID], at_once: int, *, key: str = "one more", brief: bool = False
) -> Run:
    """Submit a piece of evidence to each case, with a key, as the API does."""

    async def post(case_id: UUID) -> None:
        asking = Asking(
            command=EVIDENCE,
            actor=examples.BUYER,
            client="bench",
            case_id=case_id,
            key=key,
            body=b"{}",
            brief=brief,
        )
        step = await submit(ledger, asking)
        assert step.problem is None, step.problem

    return await each(todo, at_once, post)


def _peer(stack: ExitStack, database: Database, meter: Meter, count: int, console: Console) -> dict[str, Contender]:
    """The peer where it is installed; else a line that says that it is not."""
    try:
        recorder = stack.enter_context(closing(Recorder(database, PEER_AT_ONCE)))
    except Missing as missing:
        console.print(f"[yellow]left out: {PEER}: {missing}[/yellow]")
        return {}

    async def run(_: int) -> Measured:
        return await meter.measure(recorder.insert(count))

    return {PEER: run}
