"""Delivery through kill -9: a receiver that dedupes by id sees every event once, and each case's in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from case_events.ledger import policy_book
from case_events.ledger.database import open_ledger
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import Desk
from tests.scheduler.fleet import MASTER_KEY, scheduler
from tests.scheduler.hooks import attempts, disputed, made
from tests.scheduler.receiver import Delivery, receiving

CASES, EVIDENCE = 12, 19
EVENTS = CASES * (1 + EVIDENCE)
KILLED_AT = (20, 60, 140)
"""How many events were taken when one is killed; a round is of 200."""
FLAKY = (204, 204, 204, 500, 429)
SEED = 7
SOON_S = 60.0
OWNER = "SELECT owner FROM subscriptions WHERE name = $1 AND held_until > clock_timestamp()"


async def test_postmen_are_killed_under_load_and_the_receiver_sees_every_event_once_and_in_order(
    database: Database, tmp_path: Path
) -> None:
    chance, killed = random.Random(SEED), set[int]()

    def flaky(_: Delivery) -> int:
        """At first nothing fails, so that whoever is killed is in the middle of what was read and not yet kept."""
        return chance.choice(FLAKY) if len(killed) > 1 else 204

    async with AsyncExitStack() as stack:
        api = await open_ledger(database.app, master_key=MASTER_KEY, calendar=examples.calendar())
        stack.push_async_callback(api.close)
        async with api.connection() as connection:
            await policy_book.keep(connection, examples.taobao_text())
        numbering = await open_ledger(database.scheduler, master_key=MASTER_KEY)
        stack.push_async_callback(numbering.close)
        superuser = await asyncpg.connect(database.superuser)
        stack.push_async_callback(superuser.close)
        receiver = await stack.enter_async_context(receiving(flaky))
        steady = await stack.enter_async_context(receiving())
        receiver.delay_s = steady.delay_s = 0.005
        endpoint, _ = await made(api, receiver.url)
        beside, _ = await made(api, steady.url)
        await disputed(Desk(api), numbering, CASES, EVIDENCE)
        hurried = (sys.executable, "-m", "tests.scheduler.postman_in_a_hurry", str(len(KILLED_AT) + 1))
        fleet = await stack.enter_async_context(scheduler(database.scheduler, tmp_path, "fleet", hurried))
        for taken in KILLED_AT:
            await receiver.until(lambda taken=taken: len(receiver.took) >= taken, SOON_S)  # type: ignore[misc]
            killed.add(pid := await holder(superuser, endpoint.subscription, killed))
            os.kill(pid, signal.SIGKILL)
        for one in (receiver, steady):
            await one.until(lambda one=one: len(one.took) == EVENTS, SOON_S)  # type: ignore[misc]
        (survivor,) = {int(line["name"].split(":")[1]) for line in fleet.lines("started")} - killed
        os.kill(survivor, signal.SIGTERM)
        async with asyncio.timeout(SOON_S):
            assert await fleet.process.wait() == 0
        rows = await superuser.fetch("SELECT position, case_id FROM feed ORDER BY position")
        expected: dict[str, list[int]] = {}
        for row in rows:
            expected.setdefault(str(row["case_id"]), []).append(row["position"])
        assert receiver.by_case() == steady.by_case() == expected
        assert len(receiver.got) > EVENTS, "some were sent again"
        assert {row["outcome"] for row in await attempts(superuser, endpoint.id)} == {"delivered", "refused"}
        assert {row["outcome"] for row in await attempts(superuser, beside.id)} == {"delivered"}
        assert fleet.lines("webhook_round_failed") == []


async def holder(superuser: asyncpg.Connection, subscription: str, dead: set[int]) -> int:
    """The process that holds it now."""
    async with asyncio.timeout(SOON_S):
        while True:
            owner = await superuser.fetchval(OWNER, subscription)
            if owner is not None and (pid := int(owner.split(":")[1])) not in dead:
                return pid
            await asyncio.sleep(0.01)
