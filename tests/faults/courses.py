"""What is done to a case and when: two who know nothing of each other act on it, mostly just around its due instants.

The same case has the same course every time it is begun: a writer that was killed goes through it again from the
start, under the same keys, and what was recorded is only acknowledged once more.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from case_events.core.commands import ExtendDeadline, File, Posted
from case_events.core.plan import Step
from case_events.core.values import Instant, Party
from tests import examples as ex

BUYERS, MERCHANTS = 2_000, 200
NEAR_S = 0.3
"""How near to a due instant things are mostly done, before or after it."""
RULED_S, AGAIN_S = (0.5, 2.8), (0.2, 1.5)
"""How long after the respondent's time a ruling comes, and the second one after an appeal."""

Role = Literal["own", "rival"]
Ask = Callable[[str, float, Posted, Party], Awaitable[Step]]
"""Asks something of the case at an instant (POSIX seconds), under the word that is its key within the course."""


def filing(number: int, at: datetime) -> File:
    """The complaint of this number; its parties have others like it."""
    yesterday = Instant.of(at - timedelta(days=1))
    return replace(
        ex.FILING,
        marketplace="rush",
        order=replace(ex.order_that_succeeded(yesterday), order_id=f"F{number}"),
        complainant=buyer(number),
        respondent=merchant(number),
    )


def buyer(number: int) -> Party:
    return Party(role="buyer", id=f"b-{number % BUYERS}")


def merchant(number: int) -> Party:
    return Party(role="merchant", id=f"m-{number % MERCHANTS}")


async def course(role: Role, number: int, seed: int, due: Instant, ask: Ask) -> None:
    """Everything that one of the two does to a case whose respondent has until ``due``."""
    chance = random.Random(f"{seed}/{number}/{role}")
    if role == "own":
        await _parties(number, chance, due, ask)
    else:
        await _somebody_else(number, chance, due, ask)
        if chance.random() < 0.3:
            await _platform(number, chance, due, ask)


async def _parties(number: int, chance: random.Random, due: Instant, ask: Ask) -> None:
    """Half of them say nothing; the others answer, give in, take it back or ask for less, in time or too late."""
    at, draw = due.timestamp() + chance.gauss(0, NEAR_S), chance.random()
    if draw < 0.2:
        await ask("refuse", at, ex.REFUSE, merchant(number))
    elif draw < 0.27:
        await ask("agree", at, ex.AGREE, merchant(number))
    elif draw < 0.32:
        await ask("offer", at, ex.OFFER, merchant(number))
    elif draw < 0.37:
        await ask("withdraw", at, ex.WITHDRAW, buyer(number))
    elif draw < 0.5:
        await ask("amend", at - chance.uniform(0, 1.5), ex.AMEND, buyer(number))


async def _somebody_else(number: int, chance: random.Random, due: Instant, ask: Ask) -> None:
    at, draw = due.timestamp() + chance.gauss(-NEAR_S / 3, NEAR_S), chance.random()
    later = Instant.of(due + timedelta(seconds=chance.uniform(0.3, 3.0)))
    if draw < 0.18:
        extended = ExtendDeadline(kind="response", party="respondent", due_at=later, reason="节假日物流停运。")
        await ask("extend", at, extended, ex.PLATFORM)
    elif draw < 0.3:
        await ask("refuse", at, ex.REFUSE, merchant(number))
    elif draw < 0.35:
        await ask("withdraw", at, ex.WITHDRAW, buyer(number))
    elif draw < 0.4:
        await ask("evidence", at, ex.EVIDENCE, buyer(number))


async def _platform(number: int, chance: random.Random, due: Instant, ask: Ask) -> None:
    """It rules, an appeal comes just around the end of its window, and it rules again."""
    ruling = ex.REJECT if chance.random() < 0.5 else ex.REFUND
    at, near, again = due.timestamp() + chance.uniform(*RULED_S), chance.gauss(0, NEAR_S), chance.uniform(*AGAIN_S)
    ruled = await ask("rule", at, ruling, ex.PLATFORM)
    window = _due(ruled, "appeal")
    if window is None or chance.random() < 0.3:
        return
    appealed = await ask("appeal", window.timestamp() + near, ex.APPEAL, buyer(number))
    if appealed.problem is None:
        await ask("again", appealed.answer[0].recorded_at.timestamp() + again, ruling, ex.PLATFORM)


def _due(step: Step, kind: str) -> Instant | None:
    """Until when the first clock of this kind runs that the step's events promise."""
    if step.problem is not None or step.case is None:
        return None
    return next((clock.due_at for clock in step.case.clocks if clock.kind == kind), None)
