"""Scenarios lived through over HTTP on a whole Caselog, its schedulers firing; then the record is verified.

They are played at the same time, as disputes are: each under a test clock of its own, with ids of its own. ``make
test`` plays the whole disputes and every fourth of those about one row of the domain, ``make scenarios`` all of them;
all are rehearsed without a database each time (test_rehearsed.py).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.scenarios.operating import caselog_command, key_maker
from tests.scenarios.perform import Performance, perform
from tests.scenarios.script import row_scenarios, scenarios
from tests.serving import Serving

ASK_S = 60.0
AT_ONCE = 12
"""Scenarios that are played at the same time."""
ROWS = row_scenarios()
EVERY = 1 if os.environ.get("CASELOG_SCENARIOS") == "all" else 4
ALL = scenarios() | {name: ROWS[name] for name in sorted(ROWS)[::EVERY]}
Played = dict[str, asyncio.Task[Performance]]


@pytest_asyncio.fixture(scope="module")
async def played(request: pytest.FixtureRequest, caselog_shipped: Serving) -> AsyncIterator[Played]:
    """Every scenario that is asked for, under way."""
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    wanted = {spec.params.get("name") for spec in specs if spec is not None}
    limits = httpx.Limits(max_connections=AT_ONCE)
    room, key_of = asyncio.Semaphore(AT_ONCE), key_maker(caselog_shipped)
    async with httpx.AsyncClient(base_url=caselog_shipped.url, timeout=ASK_S, limits=limits) as http:

        async def play(name: str) -> Performance:
            async with room:
                return await perform(ALL[name], http, key_of=key_of)

        tasks = {name: asyncio.create_task(play(name)) for name in ALL if name in wanted}
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", ALL)
async def test_the_dispute_goes_as_it_is_told(name: str, played: Played) -> None:
    told = await played[name]
    assert told.case_id or ALL[name].refused
    assert told.timeline.get("entries") or ALL[name].refused


async def test_afterwards_the_record_is_verified_from_the_command_line(
    played: Played, caselog_shipped: Serving
) -> None:
    await asyncio.wait(played.values())
    verdict = await asyncio.to_thread(caselog_command, caselog_shipped, "audit", "verify")
    assert verdict["findings"] == []
    assert verdict["cases"] >= sum(1 for one in ALL.values() if one.filed)
