"""How the clock is, for those who watch it: the watermark, what is overdue, how late we are, what is to come."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import check_sees_all
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.requests.parameters import Query
from case_api.views.scheduler import scheduler_view
from case_events.ledger.clock.forecast import DAYS_DEFAULT, DAYS_MAX, forecast
from case_events.ledger.clock.overview import overview

FORECAST = ("true", "false")


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/scheduler", get_scheduler, methods=["GET"], openapi_extra=operation(get_scheduler))


async def get_scheduler(request: Request) -> Response:
    """Say how far everything due is done, how late it was, who does it, and what is to come."""
    door = door_of(request)
    check_sees_all(await door.caller(request, "read_schedule"))
    query = Query(request, "forecast", "days", "marketplace", "merchant_id")
    wanted = query.one_of("forecast", FORECAST) != "false"
    days = query.whole("days", 1, DAYS_MAX) or DAYS_DEFAULT
    marketplace, merchant_id = query.word("marketplace"), query.text("merchant_id")
    query.check()
    seen = await overview(door.ledger)
    ahead = None
    if wanted:
        ahead = await forecast(door.ledger, days, marketplace=marketplace, merchant_id=merchant_id)
    return shown(scheduler_view(seen, ahead))
