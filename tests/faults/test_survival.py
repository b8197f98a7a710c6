"""Kill -9 of Postgres, of a worker and of a scheduler under load: what was acknowledged is there, once, in order."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.storefronts import Follower, Operator, Storefronts
from tests.scenarios.operating import caselog_command
from tests.serving import Serving, serving

WRITERS, STEPS = 6, 40
SILENT, ADVANCES = 3, 4
BETWEEN_S = 0.7
FEED_S = 20.0


@pytest.fixture
def mortal() -> Iterator[Serving]:
    """A Caselog of its own, to be hurt."""
    with serving(workers=2, schedulers=2) as running:
        yield running


async def test_what_was_acknowledged_survives_kill_9_of_postgres_of_a_worker_and_of_a_scheduler(
    mortal: Serving,
) -> None:
    async with httpx.AsyncClient(base_url=mortal.url, timeout=10) as http:
        storefronts, done = Storefronts(http), asyncio.Event()
        follower = Follower(storefronts)
        following = asyncio.create_task(follower.follow(done))
        operator = Operator(storefronts)
        hold = await operator.hold()
        watching = asyncio.create_task(operator.watch(done))
        writing = [asyncio.create_task(storefronts.writes(number, STEPS)) for number in range(WRITERS)]
        waiting = [asyncio.create_task(storefronts.waits(number, ADVANCES)) for number in range(SILENT)]
        for victim in ("case_scheduler", "postgres", "case_api", "case_scheduler", "postgres"):
            await asyncio.sleep(BETWEEN_S)
            os.kill(_pid(mortal, victim), signal.SIGKILL)
        await asyncio.gather(*writing)
        silent = [*await asyncio.gather(*waiting), await storefronts.waits(SILENT, ADVANCES)]
        histories = {case: await storefronts.history(case) for case in (*storefronts.acknowledged, *silent)}
        await _until_told(follower, sum(map(len, histories.values())))
        done.set()
        await asyncio.gather(following, watching)
        assert await operator.held() == [hold], "what an operator ordered is still so"

    for case, acknowledged in storefronts.acknowledged.items():
        assert acknowledged == {version: said[0] for version, said in histories[case].items() if version > 1}
    peaceful = [name for _, name in histories[silent[-1]].values()]
    assert "merchant_response_timed_out" in peaceful
    for case in silent:
        assert [name for _, name in histories[case].values()] == peaceful, "as if nothing had died"
    assert operator.seen[0] < operator.seen[-1], "it goes on"
    assert operator.seen == sorted(operator.seen), "nobody was told less than before"
    assert caselog_command(mortal, "audit", "verify")["findings"] == []
    assert len(set(follower.seen)) == len(follower.seen), "nobody was told anything twice"
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for case, version, event_id in follower.seen:
        told[case].append((version, event_id))
    assert told == {
        case: [(version, said[0]) for version, said in history.items()] for case, history in histories.items()
    }


async def _until_told(follower: Follower, events: int) -> None:
    """Until whoever follows the feed was told of so many events."""
    end = time.monotonic() + FEED_S
    while len(follower.seen) < events:
        assert time.monotonic() < end, "the feed stands still"
        await asyncio.sleep(0.05)


def _pid(running: Serving, wanted: str) -> int:
    """The postmaster, or one process of a service: a child of ``caselog up``, once it is there again."""
    end = time.monotonic() + FEED_S
    while time.monotonic() < end:
        found = _postmaster(running.data) if wanted == "postgres" else _child(running.process.pid, wanted)
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {wanted} is left")


def _postmaster(data: Path) -> int:
    try:
        return int((data / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _child(parent: int, module: str) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and module in (entry / "cmdline").read_text().split("\0"):
                return int(entry.name)
        except OSError:
            continue
    return 0
