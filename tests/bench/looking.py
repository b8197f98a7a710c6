"""Finding what is due among a million deadlines that are pending: the scheduler's own claim, in its own transaction."""

from __future__ import annotations

import time

from rich.console import Console

from case_events.ledger.clock.claims import CLAIM_LIVE, IN_TURN, OLDEST_FIRST
from case_events.ledger.clock.firing import FOR_EVER
from case_events.ledger.connection import POSTGRES_EPOCH
from case_events.ledger.database import Ledger, open_ledger
from tests.bench.contest import Figures, contest
from tests.bench.house import MASTER_KEY, House
from tests.bench.load import Run
from tests.bench.machine import Measured, Meter
from tests.bench.scale import MILLION, Scale

DUE = 100
LOOKS = 50
"""In a run: each finds the same, because none of it is kept."""
CLAIM = "the claim: 100 due, a million pending"
# Two clocks of each case, as filings have them: the reminder and the reply.
PENDING = """
INSERT INTO deadlines (case_id, kind, party, set_by, due_at, next_try_at, provisional, minimum_notice)
SELECT case_id, kind, 'respondent', 1, at, at, false, false
FROM (
    SELECT gen_random_uuid() AS case_id, CASE WHEN n <= $1 THEN now() - n * interval '1 s'
        ELSE now() + interval '1 h' + random() * interval '30 days' END AS due_at FROM generate_series(1, $2) n
) AS cases, LATERAL (
    VALUES ('response_reminder', due_at), ('response', due_at + interval '1 h')
) AS clocks (kind, at)
"""


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Rows as filings write them; of streams and events the claim reads nothing."""
    pending = scale.of(MILLION)
    async with house.database() as database:
        async with database.session() as session:
            await session.execute(PENDING, DUE, pending // 2)
        await database.settle()
        ledger = await open_ledger(database.scheduler, master_key=MASTER_KEY, pool_size=1)
        meter = Meter(house.postgres_pid)

        async def run(_: int) -> Measured:
            return await meter.measure(_looked(ledger))

        try:
            measured = await contest({CLAIM: run}, scale.repetitions)
        finally:
            await ledger.close()
    measured.tell(console, f"what is due among {pending:,} deadlines", "looks")
    return {
        "due_lookup_1m_ms": measured.median(CLAIM, lambda one: one.run.percentile_ms(0.5)),
        "due_lookup_1m_p99_ms": measured.median(CLAIM, lambda one: one.run.percentile_ms(0.99)),
        "due_lookup_other_work_share": measured.other_share,
    }


async def _looked(ledger: Ledger) -> Run:
    latencies: list[float] = []
    began = time.perf_counter()
    for _ in range(LOOKS):
        async with ledger.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(f"{IN_TURN}; {OLDEST_FIRST}")
            asked = time.perf_counter()
            rows = await connection.fetch(CLAIM_LIVE, 2 * DUE, None, FOR_EVER, POSTGRES_EPOCH)
            latencies.append((time.perf_counter() - asked) * 1000)
            await transaction.rollback()
        assert len(rows) == DUE, f"{len(rows)} found"
    return Run(LOOKS, time.perf_counter() - began, tuple(latencies))
