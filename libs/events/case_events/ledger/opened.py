"""What a step opens: complaints that the platform files at the same time, written with it or not at all (domain B1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid5

from case_events.core.plan import OURSELVES, Request, Step, World, not_opened, plan
from case_events.core.values import Instant, Party, Problem
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Vault
from case_events.ledger.store import load

OPENED = "insurance"
"""What the id of a complaint that opened by itself derives from, beside its case; never changed."""

JudgedBy = Callable[[Request], Awaitable[World | Problem]]
"""What a filing is judged by, or why there is nothing to judge it by."""


async def with_opened(
    connection: Connection,
    vault: Vault,
    step: Step,
    judged_by: JudgedBy,
    *,
    client: str = OURSELVES,
    occurred_at: Instant | None = None,
) -> tuple[Step, tuple[Step, ...]]:
    """The step, in which a refused opening is noted, and the filings of what it opens, planned beside it.

    A complaint that this very case opened before stays the only one. ``client``, ``occurred_at``: the envelope's, of
    the filings.
    """
    opened = list[Step]()
    for opening in step.opens:
        case_id = uuid5(step.case_id, OPENED)
        request = Request(
            case_id=case_id,
            command=opening,
            actor=Party(role="platform", id=OURSELVES),
            client=client,
            event_id=uuid5(case_id, "filed"),
            occurred_at=occurred_at,
        )
        if await load(connection, [case_id], vault):
            continue
        world = await judged_by(request)
        filing = world if isinstance(world, Problem) else plan((), request, world)
        problem = filing if isinstance(filing, Problem) else filing.problem
        if problem is not None:
            step = not_opened(step, opening, problem)
        elif isinstance(filing, Step):
            opened.append(filing)
    return step, tuple(opened)
