"""After an outage: a scheduler works off all that became overdue meanwhile, beside an API that is as busy as before."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from uuid import UUID

import asyncpg
from rich.console import Console

from case_events.ledger.append_statements import DUE_CHANNEL
from tests.bench import corpus, due, lives
from tests.bench.contest import Contest, Figures
from tests.bench.house import MASTER_KEY, House, running, served
from tests.bench.http import CASELOG, request
from tests.bench.load import post_steadily
from tests.bench.machine import Meter
from tests.bench.scale import Scale

OVERDUE = 200_000
LIVE = 8_000
"""Cases whose windows are open; the API's callers post to them in turn."""
RATE = 100
"""Steps that are posted in a second, however many of those before were answered."""
QUIET = 3_000
"""Steps that are posted while nothing is due."""
CONNECTIONS = 64
LOOK_S = 1.0
WAIT_S_MAX = 1_800
BEFORE, DURING = "nothing overdue", "while it is worked off"
LEFT = "SELECT EXISTS (SELECT FROM deadlines WHERE kind = 'response' AND NOT provisional AND next_try_at < now())"
FIRED = "SELECT count(*) FROM events WHERE type = 'merchant_response_timed_out'"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """One scheduler and one API process with their defaults; latencies from when each step was due to be sent."""
    count, quiet = scale.of(OVERDUE), scale.of(QUIET)
    async with house.database() as database:
        live = await corpus.write(
            database.owner, MASTER_KEY, (lives.five_events(),), scale.of(LIVE), lives.under_another_order
        )
        overdue = await due.overdue_cases(database, count, lives.of_many_merchants)
        schedulers = house.environment(database, CASELOG_DATABASE_URL=database.scheduler)
        with served(CASELOG, house.environment(database)) as (port, pid), running(due.SCHEDULER, schedulers):
            await due.until_swept(database)
            await database.numbered()
            meter = Meter(house.postgres_pid, pid)
            todo = _requests(live)
            # The first connections, plans and pages are nobody's latency.
            await post_steadily(port, itertools.islice(todo, quiet // 4), RATE, CONNECTIONS)
            before = await meter.measure(post_steadily(port, itertools.islice(todo, quiet), RATE, CONNECTIONS))
            async with database.session() as session:
                await due.make_due(database, overdue)
                await session.execute(f"NOTIFY {DUE_CHANNEL}")
                worked_off = asyncio.create_task(_worked_off(session))
                posted = itertools.takewhile(lambda _: not worked_off.done(), todo)
                during = await meter.measure(post_steadily(port, posted, RATE, CONNECTIONS))
                took_s = await worked_off
                fired = await session.fetchval(FIRED)
                assert fired == count, f"{fired} of {count} fired"
    Contest({BEFORE: [before], DURING: [during]}).tell(console, f"{RATE} steps a second, {count:,} overdue", "steps")
    ratio = during.run.percentile_ms(0.99) / before.run.percentile_ms(0.99)
    console.print(
        f"worked off in {took_s:,.0f} s, {count / took_s:,.0f}/s; the API's p99 is {ratio:.1f} times as long\n"
    )
    return {
        "backlog_api_p99_ratio": ratio,
        "backlog_api_p99_ms": during.run.percentile_ms(0.99),
        "backlog_quiet_api_p99_ms": before.run.percentile_ms(0.99),
        "backlog_per_s": count / took_s,
        "backlog_other_work_share": max(before.other_share, during.other_share),
    }


def _requests(live: list[UUID]) -> Iterator[bytes]:
    """A step of one case after the other, without an end."""
    return (request(case_id, f"backlog-{number}") for number, case_id in enumerate(itertools.cycle(live)))


async def _worked_off(session: asyncpg.Connection) -> float:
    """Until nothing is overdue; after how many seconds."""
    began = time.perf_counter()
    async with asyncio.timeout(WAIT_S_MAX):
        while await session.fetchval(LEFT):
            await asyncio.sleep(LOOK_S)
    return time.perf_counter() - began
