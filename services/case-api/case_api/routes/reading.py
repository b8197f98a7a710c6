"""Reading cases: one as it is or was, its history, its story in words, and the lists; each as its caller may see it."""

from __future__ import annotations

from typing import get_args

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.auth import viewer_of
from case_api.door import door_of
from case_api.list_views import CasePage, case_item
from case_api.openapi import operation
from case_api.parameters import LIMIT_DEFAULT, LIMIT_MAX, PRIORITY_MAX, Query, case_id_of, cursor
from case_api.problems import Refused
from case_api.views import EventPage, case_view, event_view
from case_events.core.case import Stage, Status
from case_events.core.timeline import timeline
from case_events.core.values import Problem
from case_events.ledger.lists import Wanted, list_cases
from case_events.ledger.queries import Reading, read_case

VERSION_MAX = 10**9


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/cases", find_cases, methods=["GET"], openapi_extra=operation(find_cases))
    app.add_api_route("/v1/cases/{case_id}", get_case, methods=["GET"], openapi_extra=operation(get_case))
    events = "/v1/cases/{case_id}/events"
    app.add_api_route(events, get_events, methods=["GET"], openapi_extra=operation(get_events))
    words = "/v1/cases/{case_id}/timeline"
    app.add_api_route(words, get_timeline, methods=["GET"], openapi_extra=operation(get_timeline))


async def get_case(request: Request) -> Response:
    """Read a case, as it is or as it was."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, "version", "at", "explain")
    version, at = query.whole("version", 1, VERSION_MAX), query.instant("at")
    explain = query.flag("explain")
    if "version" in query and "at" in query:
        query.fault("at", "a version or an instant, not both")
    query.check()
    reading = _found(await read_case(door.ledger, case_id_of(request), version=version, at=at, viewer=viewer))
    return shown(case_view(reading.case, reading.rules, explain=explain), reading.case.version)


async def get_events(request: Request) -> Response:
    """Read a case's history, event by event."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    Query(request).check()
    reading = _found(await read_case(door.ledger, case_id_of(request), viewer=viewer))
    items = tuple(
        event_view(one, written=one.version <= reading.written, hashes=reading.hashes.get(one.version))
        for one in reading.history
    )
    return shown(EventPage(items=items, next=None), reading.case.version)


async def get_timeline(request: Request) -> Response:
    """Read what happened in words, who is next and until when."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    Query(request).check()
    reading = _found(await read_case(door.ledger, case_id_of(request), viewer=viewer))
    return shown(timeline(reading.history, reading.case, reading.rules), reading.case.version)


async def find_cases(request: Request) -> Response:
    """List cases, the newest first; with due_before, what is due next first."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, *Wanted.__struct_fields__, "limit", "cursor")
    wanted = Wanted(
        status=query.one_of("status", get_args(Status)),
        stage=query.one_of("stage", get_args(Stage)),
        type=query.word("type"),
        marketplace=query.word("marketplace"),
        merchant_id=query.text("merchant_id"),
        buyer_id=query.text("buyer_id"),
        order_id=query.text("order_id"),
        department=query.word("department"),
        assignee=query.text("assignee"),
        priority=query.whole("priority", 0, PRIORITY_MAX),
        due_before=query.instant("due_before"),
        updated_after=query.instant("updated_after"),
        number=query.text("number"),
    )
    limit = query.whole("limit", 1, LIMIT_MAX) or LIMIT_DEFAULT
    after = query.after("cursor", wanted)
    query.check()
    page = await list_cases(door.ledger, wanted, viewer=viewer, limit=limit, after=after and after[:2])
    items = tuple(case_item(row, viewer) for row in page.rows)
    return shown(CasePage(items=items, next=page.after and cursor(wanted, *page.after)))


def _found(reading: Reading | None) -> Reading:
    if reading is None:
        raise Refused(Problem(code="not_found", detail="There is no such case, or not at that version or instant."))
    return reading
