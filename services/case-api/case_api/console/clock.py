"""How the clock is: the watermark, what is overdue, how late we were, the holds, and who runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from case_api.callers.auth import check_sees_all
from case_api.console import pages
from case_api.console.visitors import Visitor
from case_api.door import door_of
from case_events.ledger.clock.overview import overview


async def show(request: Request, visitor: Visitor) -> Response:
    """What GET /v1/scheduler says, without its forecast."""
    check_sees_all(visitor.caller)
    seen = await overview(door_of(request).ledger)
    return pages.page(request, "scheduler", visitor=visitor, seen=seen, reads=visitor.may("read"))
