"""The soak: random disputes for minutes; no watermark ever goes back, and nothing is recorded before one.

    python -m tests.faults.soak --minutes 10 --seed 6

The verdict is the events' own: each watermark is noted with a snapshot taken after it was told, and of no event that
the snapshot does not see may the instant lie before that watermark.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx

from case_api.cli.premises import settle
from case_events.core.values import Instant
from case_events.ledger.connection import teach
from tests.commands import typed
from tests.faults.disputing import ADMIN, Disputing
from tests.ledger.desk import swift_text
from tests.scenarios.operating import caselog_command
from tests.serving import Serving, serving

STOREFRONTS, LOOK_S, ASK_S = 6, 0.2, 60.0
SETTLE_S = 10.0
"""What falls due in real time is fired by then; the live policy gives two seconds."""
MARKETPLACE = "swift"
REPORT = Path(".caselog/soak.json")
LIVE = "live"
LOOK = "SELECT pg_current_snapshot()::text"
EVENTS = """
SELECT e.tx::text::bigint AS tx, e.case_id, e.version, e.who, e.effective_at, e.occurred_at,
    convert_from(f.payload, 'UTF8')::json ->> 'test_clock' AS clock
FROM events e JOIN events f ON f.case_id = e.case_id AND f.version = 1
"""


class Sample(NamedTuple):
    """A watermark that was told, and what was visible then at the latest."""

    watermark: Instant
    xmax: int
    under_way: frozenset[int]

    def sees(self, tx: int) -> bool:
        return tx < self.xmax and tx not in self.under_way


Samples = dict[str, list[Sample]]
"""By test clock; ``live`` is real time."""


async def soak(running: Serving, seconds: float, seed: int) -> dict[str, Any]:
    """Let everybody in for so long; the figures, with what must be zero among them."""
    keep_swift(running)
    connection = await asyncpg.connect(superuser_url(running))
    await teach(connection)
    async with httpx.AsyncClient(base_url=running.url, timeout=ASK_S) as http:
        disputing, samples = Disputing(http, seed), Samples()
        await disputing.opens()
        began, done = time.monotonic(), asyncio.Event()
        async with asyncio.TaskGroup() as watching:
            watching.create_task(watch(disputing, connection, samples, done))
            async with asyncio.TaskGroup() as everybody:
                for _ in range(STOREFRONTS):
                    everybody.create_task(disputing.storefront(MARKETPLACE))
                for number in range(len(disputing.clocks)):
                    everybody.create_task(disputing.tester(number))
                await asyncio.sleep(seconds)
                disputing.over.set()
            await disputing.settled()
            await asyncio.sleep(min(SETTLE_S, seconds))
            done.set()
        lasted = time.monotonic() - began
    events = await connection.fetch(EVENTS)
    await connection.close()
    rebuilt = caselog_command(running, "rebuild", "--dry-run")
    verified = caselog_command(running, "audit", "verify")
    return {
        "seed": seed,
        "seconds": round(lasted),
        "cases": len({row["case_id"] for row in events}),
        "events": len(events),
        "timeouts": sum(row["who"] == "scheduler" for row in events),
        "timeouts_live": sum(row["who"] == "scheduler" and row["clock"] is None for row in events),
        **{name: disputing.told[name] for name in ("posted", "refused", "again", "advanced", "froze", "deleted")},
        "samples": {
            name: sum(len(taken) for clock, taken in samples.items() if (clock == LIVE) == live)
            for name, live in (("clocks", False), (LIVE, True))
        },
        "watermarks_back": sum(went_back(taken) for taken in samples.values()),
        "breaches": breaches(samples, events),
        "audit_findings": len(verified["findings"]),
        "rows_that_differ": sum(one["rows"] for one in rebuilt["differences"]),
    }


async def watch(disputing: Disputing, connection: asyncpg.Connection, samples: Samples, done: asyncio.Event) -> None:
    """Read every watermark again and again."""
    while not done.is_set():
        for clock in tuple(disputing.clocks):
            answer = await disputing.http.get(f"/v1/test-clocks/{clock}", headers=ADMIN)
            if answer.is_success:
                await _note(connection, samples, clock, answer.json()["watermark"])
        told = await disputing.http.get("/v1/scheduler?forecast=false", headers=ADMIN)
        if told.is_success and told.json()["watermark"]["at"] is not None:
            await _note(connection, samples, LIVE, told.json()["watermark"]["at"])
        await asyncio.sleep(LOOK_S)


async def _note(connection: asyncpg.Connection, samples: Samples, clock: str, watermark: str) -> None:
    _, xmax, under_way = (await connection.fetchval(LOOK)).split(":")
    seen = Sample(Instant.parse(watermark), int(xmax), frozenset(int(one) for one in under_way.split(",") if one))
    samples.setdefault(clock, []).append(seen)


def went_back(samples: Sequence[Sample]) -> int:
    """How often a watermark was earlier than one that was told before."""
    return sum(later.watermark < sooner.watermark for sooner, later in pairwise(samples))


def breaches(samples: Samples, events: Sequence[Any]) -> int:
    """How many events were written after a watermark was told that is later than their instant.

    Under a test clock no event at all takes effect before it; in real time no timeout was due before it.
    """
    ceilings = {clock: running_max(taken) for clock, taken in samples.items()}
    found = 0
    for row in events:
        live = row["clock"] is None
        if live and row["who"] != "scheduler":
            continue
        taken = samples.get(LIVE if live else row["clock"], [])
        unseen = bisect_left(taken, True, key=lambda one, tx=row["tx"]: one.sees(tx))  # type: ignore[misc]
        at = row["occurred_at"] if live else row["effective_at"]
        if unseen and at < ceilings[LIVE if live else row["clock"]][unseen - 1]:
            found += 1
    return found


def running_max(samples: Sequence[Sample]) -> list[Instant]:
    """The latest watermark that was told up to each sample."""
    found: list[Instant] = []
    for one in samples:
        found.append(max(one.watermark, found[-1]) if found else one.watermark)
    return found


def keep_swift(running: Serving) -> None:
    """A marketplace where the respondent has two seconds, for what runs out in real time."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(swift_text())
        file.flush()
        done = typed("policies", "load", file.name, environment=running.environment(), within_s=ASK_S)
    assert done.code == 0, done.err


def superuser_url(running: Serving) -> str:
    """Where whoever owns the embedded server finds the database."""
    premises = settle(running.data)
    passwords = json.loads((premises.home / "passwords.json").read_text(encoding="utf-8"))
    port = (premises.pgdata / "postmaster.pid").read_text(encoding="utf-8").split("\n")[3]
    return f"postgresql://postgres:{passwords['postgres']}@127.0.0.1:{port}/caselog"


MUST_BE_ZERO = ("watermarks_back", "breaches", "audit_findings", "rows_that_differ")


def main() -> int:
    """0 when the verdict is clean."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--minutes", type=float, default=10)
    said.add_argument("--seed", type=int, default=int(time.time()))
    wanted = said.parse_args()
    with serving(workers=2, schedulers=2) as running:
        report = asyncio.run(soak(running, wanted.minutes * 60, wanted.seed))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(REPORT.read_text(encoding="utf-8"))
    return 1 if any(report[name] for name in MUST_BE_ZERO) else 0


if __name__ == "__main__":
    sys.exit(main())
