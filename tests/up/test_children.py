"""When what died under `caselog up` is started again, and when no more; who hears that it ended."""

import asyncio
import sys

import pytest

from case_api.cli import children
from case_api.cli.children import Crew, GaveUp, Job


def test_who_dies_at_once_waits_longer_each_time_and_is_given_up_in_the_end() -> None:
    deaths = children._Deaths("api-1")
    pauses = [deaths.pause_s(0.0) for _ in range(children.QUICK_DEATHS - 1)]
    assert pauses == sorted(pauses)
    assert children.FIRST_PAUSE_S < pauses[0] < pauses[-1] <= children.LONGEST_PAUSE_S
    with pytest.raises(GaveUp, match="api-1 died 5 times in a row"):
        deaths.pause_s(0.0)


def test_who_lived_for_a_while_is_not_given_up_however_often_it_died() -> None:
    deaths = children._Deaths("api-1")
    for _ in range(3 * children.QUICK_DEATHS):
        for _ in range(children.QUICK_DEATHS - 1):
            deaths.pause_s(children.STEADY_S / 2)
        assert deaths.pause_s(children.STEADY_S) == children.FIRST_PAUSE_S


async def test_of_each_process_that_ended_is_told_whether_it_died_or_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.01)
    ended, said, hurry = list[int](), list[str](), asyncio.Event()
    command = (sys.executable, "-c", "import sys, time; time.sleep(60 if sys.argv[1:] else 0)")
    dying = Job("dying", command, {}, ended=ended.append)
    crew = Crew([dying], hurry, said.append)
    with pytest.raises(GaveUp):
        await asyncio.wait_for(asyncio.gather(*crew.watches), 30)
    assert (len(set(ended)), len(said)) == (children.QUICK_DEATHS, children.QUICK_DEATHS - 1)
    living = Crew([Job("living", (*command, "on"), {}, ended=ended.append)], hurry, said.append)
    await asyncio.sleep(0.1)
    await asyncio.wait_for(living.stop(), 30)
    assert len(set(ended)) == children.QUICK_DEATHS + 1
