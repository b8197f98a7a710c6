"""Statistics: how many cases, of which kinds, and how often the platform was called in (domain N7)."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.requests.parameters import Query
from case_events.ledger.lists.counts import Counted, count_cases


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/stats", get_stats, methods=["GET"], openapi_extra=operation(get_stats))


async def get_stats(request: Request) -> Response:
    """Count cases by status, type and outcome, and each merchant's interventions."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, *Counted.__struct_fields__)
    counted = Counted(
        merchant_id=query.text("merchant_id"),
        marketplace=query.word("marketplace"),
        type=query.word("type"),
        filed_from=query.instant("filed_from"),
        filed_before=query.instant("filed_before"),
    )
    query.check()
    return shown(await count_cases(door.ledger, counted, viewer=viewer))
