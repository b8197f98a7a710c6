"""The batch endpoint: steps sent by the hundred, against the same steps sent one by one to the same server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from rich.console import Console

from tests.bench import corpus, lives
from tests.bench.contest import Figures, contest
from tests.bench.house import MASTER_KEY, House, served
from tests.bench.http import CASELOG, request
from tests.bench.load import Run, post_all
from tests.bench.machine import Measured, Meter
from tests.bench.scale import Scale

SINGLES = 2_000
CONNECTIONS = 32
ITEMS = 500
"""In one batch."""
BATCHES = 8
AT_ONCE = 2
BATCH, SINGLE = "batches", "one by one"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Two batches under way at once; 32 connections for the single steps."""
    singles, items = scale.of(SINGLES), scale.of(ITEMS)
    batched = items * BATCHES
    async with house.database() as database:
        planned, count = (lives.five_events(),), (singles + batched) * scale.runs
        cases = await corpus.write(database.owner, MASTER_KEY, planned, count, lives.under_another_order)
        await database.settle()
        by_one, together = cases[: singles * scale.runs], cases[singles * scale.runs :]
        with served(CASELOG, house.environment(database)) as (port, pid):
            meter = Meter(house.postgres_pid, pid)

            async def single(number: int) -> Measured:
                mine = by_one[number * singles : (number + 1) * singles]
                return await meter.measure(post_all(port, [request(one, "single") for one in mine], CONNECTIONS))

            async def batch(number: int) -> Measured:
                mine = together[number * batched : (number + 1) * batched]
                parts = [mine[start : start + items] for start in range(0, batched, items)]
                return await meter.measure(_posted(port, parts))

            measured = await contest({SINGLE: single, BATCH: batch}, scale.repetitions)
    measured.tell(console, f"steps in batches of {items}, and one by one over {CONNECTIONS} connections", "steps")
    console.print(f"a batch has {measured.rate_ratio(BATCH, SINGLE):.2f} times the rate of single steps\n")
    return {
        "batch_vs_single": measured.rate_ratio(BATCH, SINGLE),
        "batch_cpu_vs_single": measured.cpu_ratio(BATCH, SINGLE),
        "batch_per_s": measured.rate(BATCH),
        "batch_other_work_share": measured.other_share,
    }


async def _posted(port: int, parts: Sequence[Sequence[UUID]]) -> Run:
    """Post the batches; told as steps, and only if each was recorded."""

    def fine(status: int, body: bytes) -> bool:
        return status == 207 and body.count(b'"status":201') == len(parts[0])

    run = await post_all(port, [_batch(part) for part in parts], AT_ONCE, fine)
    return replace(run, count=sum(map(len, parts)))


def _batch(cases: Sequence[UUID]) -> bytes:
    body = b"\n".join(map(_item, cases))
    head = (
        "POST /v1/events:batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-storefront\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _item(case_id: UUID) -> bytes:
    said = {
        "case_id": str(case_id),
        "id": "bench-batch",
        "type": "evidence_submitted",
        "actor": {"role": "buyer", "id": "b-1"},
        "data": {"evidence": [{"kind": "photo", "uri": "https://files.example/9", "sha256": f"{9:064x}"}]},
    }
    return json.dumps(said).encode()
