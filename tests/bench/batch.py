"""The batch endpoint: steps sent by the hundred, against the same steps sent one by one to the same server.

By two clients that send whole batches against 32 that send one step at a time; and by a client with one connection,
which is what a batch is made for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from rich.console import Console

from tests.bench import corpus, lives
from tests.bench.contest import Contender, Contest, Figures, contest
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
SINGLES_ALONE, BATCHES_ALONE = 300, 2
BATCH, SINGLE = "batches", "one by one"
BRIEF = "batches, minimal answers"
BATCH_ALONE, SINGLE_ALONE = "batches, one connection", "one by one, one connection"
MINIMAL = "Prefer: return=minimal\r\n"


async def measure(house: House, scale: Scale, console: Console) -> Figures:
    """Two batches under way at once, 32 connections for the single steps; and both by a client with one connection."""
    singles, alone, items = scale.of(SINGLES), scale.of(SINGLES_ALONE), scale.of(ITEMS)
    several, few = items * BATCHES, items * BATCHES_ALONE
    async with house.database() as database:
        planned, count = (lives.five_events(),), (singles + alone + 2 * several + few) * scale.runs
        cases = await corpus.write(database.owner, MASTER_KEY, planned, count, lives.under_another_order)
        await database.settle()
        with served(CASELOG, house.environment(database)) as (port, pid):
            meter = Meter(house.postgres_pid, pid)

            def single(count: int, connections: int) -> Contender:
                mine = [cases.pop() for _ in range(count * scale.runs)]

                async def run(number: int) -> Measured:
                    these = [request(one, "single") for one in mine[number * count : (number + 1) * count]]
                    return await meter.measure(post_all(port, these, connections))

                return run

            def batch(count: int, connections: int, headers: str = "") -> Contender:
                mine = [cases.pop() for _ in range(count * scale.runs)]

                async def run(number: int) -> Measured:
                    these = mine[number * count : (number + 1) * count]
                    parts = [these[start : start + items] for start in range(0, count, items)]
                    return await meter.measure(_posted(port, parts, connections, headers))

                return run

            together = {
                SINGLE: single(singles, CONNECTIONS),
                BATCH: batch(several, AT_ONCE),
                BRIEF: batch(several, AT_ONCE, MINIMAL),
            }
            measured = await contest(together, scale.repetitions)
            by_one = await contest({SINGLE_ALONE: single(alone, 1), BATCH_ALONE: batch(few, 1)}, scale.repetitions)
    return _told(console, items, measured, by_one)


def _told(console: Console, items: int, measured: Contest, by_one: Contest) -> Figures:
    measured.tell(console, f"steps in batches of {items}, and one by one over {CONNECTIONS} connections", "steps")
    by_one.tell(console, f"steps in batches of {items}, and one by one, by a client with one connection", "steps")
    console.print(
        f"a batch has {measured.rate_ratio(BATCH, SINGLE):.2f} times the rate of single steps, with minimal answers"
        f" {measured.rate_ratio(BRIEF, SINGLE):.2f}, over one connection"
        f" {by_one.rate_ratio(BATCH_ALONE, SINGLE_ALONE):.2f}\n"
    )
    return {
        "batch_vs_single": measured.rate_ratio(BATCH, SINGLE),
        "batch_minimal_vs_single": measured.rate_ratio(BRIEF, SINGLE),
        "batch_vs_single_c1": by_one.rate_ratio(BATCH_ALONE, SINGLE_ALONE),
        "batch_cpu_vs_single": measured.cpu_ratio(BATCH, SINGLE),
        "batch_per_s": measured.rate(BATCH),
        "batch_other_work_share": max(measured.other_share, by_one.other_share),
    }


async def _posted(port: int, parts: Sequence[Sequence[UUID]], connections: int, headers: str) -> Run:
    """Post the batches; told as steps, and only if each was recorded."""

    def fine(status: int, body: bytes) -> bool:
        return status == 207 and body.count(b'"status":201') == len(parts[0])

    run = await post_all(port, [_batch(part, headers) for part in parts], connections, fine)
    return replace(run, count=sum(map(len, parts)))


def _batch(cases: Sequence[UUID], headers: str) -> bytes:
    body = b"\n".join(map(_item, cases))
    head = (
        "POST /v1/events:batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-storefront\r\n"
        f"{headers}Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
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
