"""Reading cases: one as it is or was, its history, its story in words, and the lists; each as its caller may see it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals.problems import Refused
from case_api.requests import as_of
from case_api.requests.filters import ASKED, wanted_of
from case_api.requests.parameters import Query, case_id_of, cursor
from case_api.requests.queue_pages import next_of, start_of
from case_api.views.cases import EventPage, case_view
from case_api.views.lists import CasePage, case_item
from case_events.core.timeline import timeline
from case_events.core.values import Problem
from case_events.core.viewer import Viewer
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.lists.queues import list_queue
from case_events.ledger.queries import Reading, read_case
from case_events.outgoing.events import event_view

QUEUE = "queue"


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
    query = Query(request, *as_of.NAMES, "explain")
    when, explain = as_of.asked(query), query.flag("explain")
    query.check()
    reading = _found(await read_case(door.ledger, case_id_of(request), **when, viewer=viewer))
    view = case_view(reading.case, await door.book_of(reading.case), desk=viewer.desk, explain=explain)
    return shown(view, reading.case.version)


async def get_events(request: Request) -> Response:
    """Read a case's history, event by event."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, *as_of.NAMES)
    when = as_of.asked(query)
    query.check()
    reading = _found(await read_case(door.ledger, case_id_of(request), **when, viewer=viewer))
    items = tuple(
        event_view(one, written=one.version <= reading.written, hashes=reading.hashes.get(one.version))
        for one in reading.history
    )
    return shown(EventPage(items=items, next=None), reading.case.version)


async def get_timeline(request: Request) -> Response:
    """Read what happened in words, who is next and until when."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, *as_of.NAMES)
    when = as_of.asked(query)
    query.check()
    reading = _found(await read_case(door.ledger, case_id_of(request), **when, viewer=viewer))
    return shown(timeline(reading.history, reading.case, reading.rules), reading.case.version)


async def find_cases(request: Request) -> Response:
    """List cases, the newest first; with due_before, what is due next first; with sort=queue, a desk's open cases."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, *ASKED, "sort", "limit", "cursor")
    wanted = wanted_of(query)
    limit = query.limit()
    if query.one_of("sort", (QUEUE,)) == QUEUE:
        return await _queue(door, query, wanted, viewer, limit)
    after = query.after("cursor", wanted)
    query.check()
    page = await list_cases(door.ledger, wanted, viewer=viewer, limit=limit, after=after and after[:2])
    items = tuple(case_item(row, viewer) for row in page.rows)
    return shown(CasePage(items=items, next=page.after and cursor(wanted, *page.after)))


async def _queue(door: Door, query: Query, wanted: Wanted, viewer: Viewer, limit: int) -> Response:
    """What is urgent, then what is due, of one department or of somebody at the desk."""
    if wanted.department is None and wanted.assignee is None:
        query.fault("sort", "a queue is a department's or an assignee's: say which")
    if wanted.due_before is not None:
        query.fault("due_before", "a queue has its own order")
    after = start_of(query, wanted)
    query.check()
    page = await list_queue(door.ledger, wanted, viewer=viewer, limit=limit, after=after)
    items = tuple(case_item(row, viewer) for row in page.rows)
    return shown(CasePage(items=items, next=next_of(page, wanted)))


def _found(reading: Reading | None) -> Reading:
    if reading is None:
        raise Refused(Problem(code="not_found", detail="There is no such case, or not at that version or instant."))
    return reading
