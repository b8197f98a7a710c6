"""Collective complaints (domain C1): every few seconds what belongs together is linked, through the one write path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from case_events.core.collective import Link
from case_events.core.commands import Link as LinkCommand
from case_events.core.plan import OURSELVES, Step
from case_events.core.values import Party
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.collective import Seen, begin, look
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger
from case_events.ledger.policy_book import PolicyChanged
from case_events.ledger.sealing import BrokenSeal
from case_events.ledger.steps import Asking, submit
from case_scheduler.clock.bell import Bell

LOOKS_MAX = 20
"""Looks of one round; then the next round goes on."""
AT_ONCE = 32
"""Links that are written together."""
UNREADABLE = (UnknownEvent, BrokenSeal, PolicyChanged)
"""What a case that cannot be read raises; it is left alone, and keeps no others from being linked."""

log = structlog.get_logger("case_scheduler.collective")


async def keep_linking(ledger: Ledger, bell: Bell, stopping: Callable[[], bool], ended: Callable[[bool], None]) -> None:
    """A round whenever the bell says so, until told to stop; whatever goes wrong in one, the next comes.

    ``ended``: hears of every round, and whether it went well.
    """
    seen: Seen | None = None
    while not stopping():
        well = False
        try:
            seen = await link_round(ledger, await begin(ledger, seen), stopping)
            well = True
        except UNAVAILABLE as error:
            log.warning("database_away", error=f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("round_failed", error=type(error).__name__)
        ended(well)
        await bell.wait_for_round()


async def link_round(ledger: Ledger, seen: Seen, stopping: Callable[[], bool]) -> Seen:
    """Link everything that belongs together, ``LOOKS_MAX`` looks at most; how far that is.

    Raises one of UNAVAILABLE while Postgres is away: the round is then repeated from where it began.
    """
    for _ in range(LOOKS_MAX):
        found, so_far, more = await look(ledger, seen)
        for start in range(0, len(found), AT_ONCE):
            if stopping():
                return seen
            steps = await asyncio.gather(*(_link(ledger, one) for one in found[start : start + AT_ONCE]))
            if _refused(steps) & {"stale", "busy"}:
                return seen  # a case that moved on meanwhile is looked at again
        seen = so_far
        if not more:
            break
    return seen


async def _link(ledger: Ledger, link: Link) -> Step | None:
    """The key makes it once, however many schedulers ask; a case that has moved on, perhaps closed, stays as it is.

    None for one that cannot be read.
    """
    asking = Asking(
        command=LinkCommand(group=link.group, by=link.by),
        actor=Party(role="platform", id=OURSELVES),
        client=OURSELVES,
        case_id=link.case_id,
        key=f"{link.group}:{link.case_id}",
        if_match=link.version,
    )
    try:
        return await submit(ledger, asking)
    except UNREADABLE as fault:
        log.warning("not_linked", case_id=str(link.case_id), error=f"{type(fault).__name__}: {fault}")
        return None


def _refused(asked: list[Step | None]) -> set[str]:
    steps = [step for step in asked if step is not None]
    refused = [step.problem.code for step in steps if step.problem is not None]
    linked = [step for step in steps if step.problem is None and not step.replayed]
    log.info("linked", cases=len(linked), again=len(steps) - len(linked) - len(refused), refused=sorted(set(refused)))
    return set(refused)
