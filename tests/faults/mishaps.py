"""What goes wrong, in an order drawn from a seed: so many of each kind, spread evenly over what is done."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from case_api.cli import postgres
from case_events.core.values import Value
from tests.faults.company import Actor, Company
from tests.faults.diary import Progress
from tests.faults.stage import Stage

Kind = Literal[
    "kill_scheduler",
    "kill_writer",
    "kill_postgres",
    "shut_down_postgres",
    "stop_scheduler",
    "stop_writer",
    "end_sessions",
    "cut",
]
KILLS: tuple[Kind, ...] = ("kill_scheduler", "kill_writer", "kill_postgres", "shut_down_postgres")
"""What counts as a kill: a process, or all of Postgres, ends without a word."""
SOMEBODY_S, LOOK_S = 20.0, 0.05
STOPPED_S = (1.0, 14.0)
SESSIONS, CUTS = 4, 2
"""How many sessions are ended, and connections cut, at a time."""
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY ($1::text[]) ORDER BY random() LIMIT $2
"""


class Deck(Value, frozen=True, kw_only=True):
    """How often each thing happens, and how long a process that is stopped stays so."""

    cards: Mapping[Kind, int]
    stopped_s: tuple[float, float] = STOPPED_S

    @property
    def kills(self) -> int:
        return sum(self.cards.get(kind, 0) for kind in KILLS)


async def happen(deck: Deck, stage: Stage, company: Company, seed: int, progress: Progress) -> Counter[Kind]:
    """Let everything in the deck happen, evenly over all that is done; what did."""
    chance = random.Random(f"{seed}/mishaps")
    cards = [kind for kind, count in sorted(deck.cards.items()) for _ in range(count)]
    chance.shuffle(cards)
    mishaps = _Mishaps(deck, stage, company, chance)
    for number, kind in enumerate(cards, start=1):
        while progress.share() < number / (len(cards) + 1):
            await asyncio.sleep(LOOK_S)
        await mishaps.let(kind)
    await mishaps.over()
    return mishaps.happened


class _Mishaps:
    def __init__(self, deck: Deck, stage: Stage, company: Company, chance: random.Random) -> None:
        self._deck, self._stage, self._company, self._chance = deck, stage, company, chance
        self._waking: list[asyncio.Task[None]] = []
        self.happened: Counter[Kind] = Counter()

    async def let(self, kind: Kind) -> None:
        match kind:
            case "kill_scheduler" | "kill_writer":
                (await self._somebody(kind)).kill()
            case "stop_scheduler" | "stop_writer":
                await self._stop(kind)
            case "kill_postgres":
                await self._stage.crash(signal.SIGKILL)
            case "shut_down_postgres":
                await self._stage.crash(signal.SIGQUIT)
            case "end_sessions":
                await self._end_sessions()
            case "cut":
                self._stage.cutter.arm(CUTS)
        self.happened[kind] += 1

    async def over(self) -> None:
        """Whoever was stopped goes on."""
        await asyncio.gather(*self._waking)

    async def _somebody(self, kind: Kind) -> Actor:
        of = self._company.writers if kind.endswith("writer") else self._company.schedulers
        async with asyncio.timeout(SOMEBODY_S):
            while (found := self._company.somebody(of, self._chance)) is None:
                await asyncio.sleep(LOOK_S)
        return found

    async def _stop(self, kind: Kind) -> None:
        actor, seconds = await self._somebody(kind), self._chance.uniform(*self._deck.stopped_s)
        actor.stop()

        async def wake() -> None:
            await asyncio.sleep(seconds)
            actor.go_on()

        self._waking.append(asyncio.create_task(wake()))

    async def _end_sessions(self) -> None:
        async with self._stage.session() as session:
            await session.fetch(END_SESSIONS, [postgres.APP, postgres.SCHEDULER], SESSIONS)
