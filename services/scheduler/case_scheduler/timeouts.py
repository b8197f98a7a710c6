"""The clock: everything due is fired in bounded passes; one case that cannot fire never starves the rest."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from case_events.core.values import CaseId
from case_events.ledger.clock import firing
from case_events.ledger.clock.firing import Fired
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.database import Ledger

PASSES_MAX = 1_000
"""The most passes of one sweep; then the heartbeat has its turn, and the next sweep goes on."""
CLAIMS = {"live": firing.CLAIM_LIVE, "clocked": firing.CLAIM_CLOCKED}

log = structlog.get_logger("case_scheduler.timeouts")


async def sweep(ledger: Ledger, stopping: Callable[[], bool]) -> bool:
    """Fire everything that is due, live cases first; whether something may be left (stopped, busy, or the bound).

    Raises one of UNAVAILABLE while Postgres is away: nothing is lost, the next sweep finds the same due.
    """
    left = False
    for kind, claim in CLAIMS.items():
        for _ in range(PASSES_MAX):
            if stopping():
                return True
            fired = await _pass(ledger, kind, claim)
            if fired.events:
                ledger.waking.appended()
            left = left or fired.busy > 0
            if len(fired.claimed) < firing.BATCH:
                break
        else:
            left = True
    return left


async def _pass(ledger: Ledger, kind: str, claim: str) -> Fired:
    try:
        fired = await firing.fire(ledger, claim, limit=firing.BATCH)
    except UNAVAILABLE:
        raise
    except Exception as error:
        # Nothing of the batch was written. Which case it was is found by firing them one by one.
        log.exception("pass_failed", claim=kind, error=type(error).__name__)
        return await _one_by_one(ledger, kind, claim)
    if fired.claimed:
        _tell(kind, fired)
    return fired


async def _one_by_one(ledger: Ledger, kind: str, claim: str) -> Fired:
    cases = await firing.due(ledger, claim)
    for case_id in cases:
        await _alone(ledger, kind, claim, case_id)
    return Fired(claimed=cases)


async def _alone(ledger: Ledger, kind: str, claim: str, case_id: CaseId) -> None:
    try:
        _tell(kind, await firing.fire(ledger, claim, only=case_id))
    except UNAVAILABLE:
        raise
    except Exception as error:
        log.exception("case_failed", claim=kind, case_id=str(case_id), error=type(error).__name__)
        await firing.postpone(ledger, case_id)


def _tell(kind: str, fired: Fired) -> None:
    log.info(
        "fired",
        claim=kind,
        claimed=len(fired.claimed),
        cases=fired.written,
        events=fired.events,
        busy=fired.busy,
        stale=fired.stale,
        conflicts=fired.conflicts,
        late_s_max=round(max(fired.lateness_s, default=0.0), 3),
    )
