"""One run of the fault suite: a stage, a company that plays, what goes wrong meanwhile, and the verdict in the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from case_api.cli import postgres
from case_events.core.values import Value
from tests.faults.company import Company, a_company
from tests.faults.diary import Progress, Reader, Told, diary_of
from tests.faults.mishaps import Deck, Kind, happen
from tests.faults.stage import Stage, a_stage
from tests.faults.verdict import Verdict, judge
from tests.faults.watching import watching
from tests.faults.writer import Part
from tests.scheduler.fleet import SCHEDULER

REST_S = 90
"""How long the schedulers may take, after the last writer, to fire what is left."""
LOOK_S = 0.25
LEFT = "SELECT count(*) FROM deadlines WHERE due_at < clock_timestamp() + interval '1 minute' AND NOT provisional"
"""When everything has come to rest nothing is due that soon: what runs again does so after hours."""
NUMBERED = "SELECT (SELECT max(head) FROM feed_state) = (SELECT count(*) FROM events)"


class Script(Value, frozen=True, kw_only=True):
    """A run: how many cases in how many seconds, who plays, what goes wrong. The seed decides the rest."""

    cases: int
    spread_s: float
    writers: int
    deck: Deck
    seed: int
    schedulers: tuple[tuple[str, ...], ...] = (SCHEDULER,) * 3
    rest_s: float = REST_S
    audited: bool = True
    """Whether the verdict is also the audit's; what a mutant writes beside the events is of no interest."""


class Outcome(Value, frozen=True, kw_only=True):
    """What came of a run. ``replayed``: how often somebody was told what had been done before and nobody heard."""

    verdict: Verdict
    happened: dict[Kind, int]
    kills: int
    cuts: int
    replayed: int
    refused: int
    left: int
    seconds: float


async def play(script: Script, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """Play a script and ``tell`` how far it is.

    Raises Failed when a process ends that nobody killed, TimeoutError when it never ends.
    """
    began = time.monotonic()

    def stands(what: str) -> None:
        tell(f"{time.monotonic() - began:5.1f} s  {what}")

    async with a_stage() as stage:
        async with watching(stage.url(postgres.SUPERUSER)) as watched, a_company(stage) as company:
            stands("the stage is set")
            await company.engage(script.schedulers, _parts(script, stage.folder))
            progress = Progress(stage.folder, script.writers, 2 * script.cases)
            going_wrong = asyncio.create_task(happen(script.deck, stage, company, script.seed, progress))
            try:
                await company.until_written()
                stands("everything is written")
                happened = await going_wrong
            finally:
                going_wrong.cancel()
            left = await _rest(stage, company, script.rest_s)
            stands("everything has come to rest")
        told = [one for writer in range(script.writers) for one in Reader(diary_of(stage.folder, writer)).all()]
        verdict = await judge(stage, told, watched, audited=script.audited)
        stands("judged")
        return _outcome(verdict, told, happened, stage.cutter.cuts, left, time.monotonic() - began)


def _parts(script: Script, folder: Path) -> list[Part]:
    return [
        Part(
            writer=writer,
            writers=script.writers,
            cases=script.cases,
            seed=script.seed,
            began=time.time(),
            spread_s=script.spread_s,
            folder=str(folder),
        )
        for writer in range(script.writers)
    ]


async def _rest(stage: Stage, company: Company, within_s: float) -> int:
    """Wait until nothing is left to fire and to number, and end the schedulers; how many deadlines were left."""
    end = time.monotonic() + within_s
    async with stage.session() as session:
        while (left := await session.fetchval(LEFT)) or not await session.fetchval(NUMBERED):
            if time.monotonic() > end:
                break
            await asyncio.sleep(LOOK_S)
    codes = await company.dismiss()
    assert set(codes) == {0}, f"schedulers that were asked to end ended with {codes}"
    return int(left)


def _outcome(
    verdict: Verdict, told: Sequence[Told], happened: Counter[Kind], cuts: int, left: int, seconds: float
) -> Outcome:
    return Outcome(
        verdict=verdict,
        happened=dict(happened),
        kills=sum(count for kind, count in happened.items() if "kill" in kind or kind == "shut_down_postgres"),
        cuts=cuts,
        replayed=sum(one.replayed for one in told),
        refused=sum(one.problem is not None for one in told),
        left=left,
        seconds=seconds,
    )
