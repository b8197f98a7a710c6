"""The jobs of upkeep: the record verified slice by slice, the days that are published, and what is old forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from case_events.ledger.audit.chosen import BEFORE_ALL
from case_events.ledger.audit.rotating import verify_slice
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.callers import sessions
from case_events.ledger.clock import calendars, heartbeat, journal, lateness, provisional, upkeep
from case_events.ledger.clock.upkeep import CameTo
from case_events.ledger.database import Ledger
from case_events.ledger.proving import checkpoints
from case_events.ledger.webhooks import attempts, errands
from case_scheduler.upkeep import Job, Stopping

CHECKPOINTS_S, HOUR_S, DAY_S = 300, 3_600, 86_400
VERIFIED_MAX = 5_000
"""Cases of one slice, in an hour; the whole record is `caselog audit verify`'s."""
BREATH_S = 0.05
"""Between a few cases that are verified and the next: firing goes on meanwhile."""
ATTEMPTS_KEPT = timedelta(days=30)
"""How long attempts at webhooks are listed, and errands that have ended."""
TOLD_MAX = 20
"""Findings that are told one by one."""

log = structlog.get_logger("case_scheduler.upkeep")


async def verify(ledger: Ledger, stopping: Stopping, go_on_at: str | None) -> CameTo:
    """Verify the next slice of the cases, from where the last one ended; what is found is logged and journalled."""
    after, cases, found = UUID(go_on_at) if go_on_at else BEFORE_ALL, 0, list[Finding]()
    async with ledger.connection() as connection:
        async for piece in verify_slice(connection, ledger.vault, after, VERIFIED_MAX):
            after = piece.upto
            cases += piece.verdict.cases
            found += piece.verdict.findings
            if stopping():
                break
            await asyncio.sleep(BREATH_S)
    if found:
        await _tell(ledger, found)
    return CameTo(outcome=f"{cases} cases verified, {len(found)} findings", go_on_at=str(after))


async def _tell(ledger: Ledger, found: list[Finding]) -> None:
    told = [
        {"case_id": one.case_id and str(one.case_id), "version": one.version, "what": one.what}
        for one in found[:TOLD_MAX]
    ]
    for one in told:
        log.error("record_not_sound", **one)
    async with ledger.connection() as connection:
        await journal.write(connection, "verification_found", "upkeep", findings=len(found), first=told)


async def take_checkpoints(ledger: Ledger, stopping: Stopping, _: str | None) -> CameTo:
    """Sign what the feed has by now, so that nobody can say later that it was something else."""
    taken = None
    while not stopping():
        async with ledger.connection() as connection:
            further = await checkpoints.take(connection, ledger.vault)
        if further is None:
            break
        taken = further
        await asyncio.sleep(BREATH_S)
    return CameTo(outcome=f"a checkpoint of {taken.size} positions" if taken else "nothing was added")


async def look_at_coverage(ledger: Ledger, _: Stopping, __: str | None) -> CameTo:
    """Warn while few days are published ahead."""
    covered = await calendars.coverage(ledger)
    told = f"days are published until {covered.last_day}, {covered.days_left} from today"
    if covered.days_left < calendars.COVERED_DAYS_MIN:
        log.warning("few_days_published", until=str(covered.last_day), days_left=covered.days_left)
    return CameTo(outcome=f"{told}; {covered.provisional} deadlines are provisional")


async def correct(ledger: Ledger, stopping: Stopping, _: str | None) -> CameTo:
    """Confirm the provisional deadlines whose days are published by now."""
    done = await provisional.correct(ledger, stopping=stopping)
    told = f"{done.later} later, {done.same} as promised, {done.earlier} not made earlier, {done.look} need a look"
    return CameTo(outcome=told)


async def forget(ledger: Ledger, _: Stopping, __: str | None) -> CameTo:
    """Remove what nobody asks for any more: old counts, turns of upkeep, schedulers that are gone, sign-ins."""
    counts, turns = await lateness.prune(ledger), await upkeep.prune(ledger)
    gone = await heartbeat.forget(ledger)
    async with ledger.connection() as connection:
        over = await sessions.forget(connection)
    return CameTo(outcome=f"{counts} counts, {turns} turns, {gone} schedulers and {over} sessions forgotten")


async def forget_attempts(ledger: Ledger, stopping: Stopping, _: str | None) -> CameTo:
    """Remove attempts at webhooks that are older than ``ATTEMPTS_KEPT``, a piece at a time."""
    sent = 0
    while not stopping():
        async with ledger.connection() as connection:
            gone = await attempts.forget(connection, ATTEMPTS_KEPT)
        sent += gone
        if gone < attempts.FORGOTTEN_AT_ONCE:
            break
        await asyncio.sleep(BREATH_S)
    async with ledger.connection() as connection:
        asked = await errands.forget(connection, ATTEMPTS_KEPT)
    return CameTo(outcome=f"{sent} attempts and {asked} errands forgotten")


JOBS = (
    Job("checkpoints", CHECKPOINTS_S, take_checkpoints),
    Job("verify", HOUR_S, verify),
    Job("correct", HOUR_S, correct),
    Job("coverage", DAY_S, look_at_coverage),
    Job("forget", DAY_S, forget),
    Job("webhooks", HOUR_S, forget_attempts),
)
"""What is done, and how often."""
