"""Requests that come at the same time share a transaction, and each keeps its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from case_events.ledger import batches as module
from case_events.ledger.batches import ENOUGH, LANES, QUIET_TURNS, SHARE_MIN, SIZE_MAX, Batches, Full
from case_events.ledger.steps import submit
from tests import examples
from tests.ledger.desk import Desk, a_filing, asking


class Away(Exception):
    """Nothing can be worked off."""


class Counter:
    """Work that remembers what it was given together, and waits until it may go on."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.under_way = 0
        self.most_under_way = 0

    async def work(self, items: Sequence[str]) -> list[str]:
        self.given.append(list(items))
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        if "bad" in items:
            raise ValueError("bad")
        if "away" in items:
            raise Away
        return [item.upper() for item in items]


def batches() -> Batches[str, str]:
    return Batches("batch", lambda item: item.split("/")[0], (Away,))


async def test_whoever_comes_while_a_batch_is_under_way_shares_the_next() -> None:
    counter, queue = Counter(), batches()
    names = [str(number) for number in range(2 * LANES * SIZE_MAX)]
    answers = await asyncio.gather(*(queue.add(name, counter.work) for name in names))
    assert answers == [name.upper() for name in names]
    assert max(len(given) for given in counter.given) == SIZE_MAX
    assert len(counter.given) < len(names) / 10
    assert counter.most_under_way == LANES


async def test_nobody_waits_for_ever_where_counting_goes_wrong() -> None:
    counter, queue = Counter(), batches()

    def told(_: int) -> None:
        raise ValueError("full disk")

    queue.told = told
    asked = asyncio.create_task(queue.add("one", counter.work))
    await asyncio.wait([asked], timeout=5)
    assert asked.cancelled()
    queue.told = None
    async with asyncio.timeout(5):
        assert await queue.add("one", counter.work) == "ONE"


async def test_a_few_go_together_and_more_are_shared_among_the_lanes() -> None:
    for count, sizes in ((SHARE_MIN, [SHARE_MIN]), (LANES * 2 * SHARE_MIN, [2 * SHARE_MIN] * LANES)):
        counter, queue = Counter(), batches()
        await asyncio.gather(*(queue.add(str(number), counter.work) for number in range(count)))
        assert [len(given) for given in counter.given] == sizes


async def after(turns: int, queue: Batches[str, str], name: str, counter: Counter) -> str:
    """Ask when the loop has gone round so often."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await queue.add(name, counter.work)


async def test_who_comes_with_the_next_turn_goes_along_and_nobody_waits_longer() -> None:
    counter, queue = Counter(), batches()
    turns = {"a": 0, "b": 1, "c": 2, "much later": 20}
    await asyncio.gather(*(after(count, queue, name, counter) for name, count in turns.items()))
    assert counter.given == [["a", "b", "c"], ["much later"]]


async def test_beside_another_batch_a_few_turns_are_waited_for_whoever_is_being_read() -> None:
    counter, queue = Counter(), batches()
    first = asyncio.create_task(queue.add("first", counter.work))
    while not counter.given:
        await asyncio.sleep(0)
    turns = {"a": 0, "b": QUIET_TURNS - 1, "later": 3 * QUIET_TURNS}
    await asyncio.gather(first, *(after(count, queue, name, counter) for name, count in turns.items()))
    assert counter.given == [["first"], ["a", "b"], ["later"]]


async def test_enough_wait_for_nobody_more() -> None:
    counter, queue = Counter(), batches()
    names = [str(number) for number in range(ENOUGH)]
    asked = [after(0, queue, name, counter) for name in names] + [after(1, queue, "one more", counter)]
    await asyncio.gather(*asked)
    assert counter.given[0] == names[: ENOUGH // LANES]


async def test_who_asks_again_as_all_lanes_end_at_once_is_answered() -> None:
    queue, gate = batches(), asyncio.Event()

    async def work(items: Sequence[str]) -> list[str]:
        await gate.wait()
        return list(items)

    async def asks(name: str, times: int) -> None:
        for _ in range(times):
            await queue.add(name, work)

    asking = []
    for number in range(LANES):
        asking.append(asyncio.create_task(asks(str(number), 1 if number else 2)))
        await asyncio.sleep(0.01)  # each in a lane of its own
    gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*asking)


async def test_who_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    counter, queue = Counter(), batches()
    told = await asyncio.gather(*(queue.add(name, counter.work) for name in "abc"), return_exceptions=True)
    assert told[:2] == ["A", "B"]
    assert isinstance(told[2], Full)


async def test_one_key_is_in_one_batch_at_a_time_and_keeps_its_order() -> None:
    counter, queue = Counter(), batches()
    names = [f"a/{number}" for number in range(5)]
    await asyncio.gather(*(queue.add(name, counter.work) for name in names))
    assert counter.given == [[name] for name in names]


async def test_nobody_pays_for_a_neighbour_that_fails() -> None:
    counter, queue = Counter(), batches()
    tasks = [asyncio.create_task(queue.add(name, counter.work)) for name in ("x", "bad", "y", "z")]
    good = [await tasks[0], await tasks[2], await tasks[3]]
    assert good == ["X", "Y", "Z"]
    with pytest.raises(ValueError, match="bad"):
        await tasks[1]


async def test_what_is_hopeless_fails_all_at_once() -> None:
    counter, queue = Counter(), batches()
    names = ["first", "second", *(f"n{number}" for number in range(5)), "away"]
    told = await asyncio.gather(*(queue.add(name, counter.work) for name in names), return_exceptions=True)
    assert all(isinstance(one, Away) for one in told[2:])
    assert len([given for given in counter.given if "away" in given]) == 1


async def test_two_filings_of_one_complaint_in_one_batch_are_one_case_and_harm_no_other(desk: Desk) -> None:
    one, others = a_filing(), [a_filing() for _ in range(4)]
    filings = [asking(filing, key=f"batch-{number}") for number, filing in enumerate([one, one, *others])]
    filed = await asyncio.gather(*(submit(desk.ledger, filing) for filing in filings))
    codes = [step.problem.code if step.problem else None for step in filed]
    assert sorted(codes[:2], key=str) == [None, "already_open"]
    assert codes[2:] == [None] * 4


async def test_steps_of_many_cases_at_once_share_transactions(desk: Desk, superuser: asyncpg.Connection) -> None:
    cases = [await desk.filed(a_filing()) for _ in range(12)]
    await asyncio.gather(*(desk.post(case, examples.EVIDENCE, actor=examples.BUYER) for case in cases))
    counted = "SELECT count(DISTINCT tx) FROM events WHERE case_id = ANY($1) AND version = 2"
    assert await superuser.fetchval(counted, cases) < len(cases)
