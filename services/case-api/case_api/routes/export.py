"""Export: every case a question is about, on lines, for whoever keeps them elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import NDJSON
from case_api.callers.auth import opens_still, viewer_of
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests.filters import ASKED, wanted_of
from case_api.requests.parameters import Query
from case_api.streams.exporting import EXPORTS_MAX, EXPORTS_PER_CLIENT_MAX, Exporting, Write, patiently
from case_api.streams.rooms import Room
from case_api.streams.tables import CSV, heads, rows_of
from case_api.views.cases import case_view
from case_api.views.lists import case_item
from case_events.core.values import CaseId, Fault
from case_events.core.viewer import Viewer
from case_events.ledger.callers.keys import Caller
from case_events.ledger.clock import journal
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.lists.export import Export, place_of
from case_events.ledger.lists.lists import Wanted
from case_events.ledger.queries import read_case
from case_events.ledger.read_models import CaseRow
from case_events.outgoing.form import encoded

AT_ONCE = 100
"""Lines written in one go."""
BEGAN, ENDED = "export_began", "export_ended"

log = structlog.get_logger("case_api.exporting")


def add_to(app: FastAPI) -> None:
    """The route of this module."""
    app.state.exports = Room("exports", EXPORTS_MAX, EXPORTS_PER_CLIENT_MAX)
    app.add_api_route("/v1/export/cases", export_cases, methods=["GET"], openapi_extra=operation(export_cases))


async def export_cases(request: Request) -> Response:
    """Take away every case that a list would have, as lines of JSON or as a table."""
    door = door_of(request)
    caller = await door.caller(request, "read")
    query = Query(request, "format", "full", "after", *ASKED)
    wanted, after = wanted_of(query), query.uuid("after")
    table, full = query.one_of("format", ("ndjson", "csv")) == "csv", query.flag("full")
    if table and full:
        query.fault("full", "a whole case is no row of a table: ask for ndjson")
    if after is not None and wanted.due_before is not None:
        query.fault("after", "what is listed by when it is due has moved since: such an export begins anew")
    query.check()
    room: Room = request.app.state.exports
    room.enter(caller.client)
    try:
        viewer = viewer_of(caller)
        write = _table(viewer) if table else _whole(door, viewer) if full else _lines(viewer)
        return await _begun(request, door, caller, wanted, after, write, table=table, full=full)
    except BaseException:
        room.leave(caller.client)
        raise


async def _begun(
    request: Request,
    door: Door,
    caller: Caller,
    wanted: Wanted,
    after: CaseId | None,
    write: Write,
    *,
    table: bool,
    full: bool,
) -> Response:
    """The answer, once its first page is read: while it can still be refused."""
    viewer = viewer_of(caller)
    place = None if after is None else await place_of(door.ledger, after, viewer)
    if after is not None and place is None:
        raise Refused(invalid(Fault(pointer="?after", detail="there is no such case")))
    export = Export(door.ledger, wanted, viewer, place)
    first = await export.page()
    await _note(door, caller, request, BEGAN, form="csv" if table else "ndjson", full=full, filters=_said(wanted))

    async def told(cases: int, whole: bool) -> None:
        request.app.state.exports.leave(caller.client)
        try:
            await _note(door, caller, request, ENDED, cases=cases, whole=whole)
        except UNAVAILABLE as error:
            log.warning("export_not_journalled", error=type(error).__name__, cases=cases, whole=whole)

    return Exporting(
        export,
        first,
        write,
        head=heads() if table else b"",
        media=f"{CSV}; charset=utf-8; header=present" if table else NDJSON,
        name=f"cases-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{'csv' if table else 'ndjson'}",
        allowed=partial(opens_still, request, door.callers, "read", caller),
        told=told,
    )


def _said(wanted: Wanted) -> list[str]:
    """The names of the filters; what they say may be a person's."""
    return [name for name in wanted.__struct_fields__ if getattr(wanted, name) is not None]


async def _note(door: Door, caller: Caller, request: Request, what: str, **data: object) -> None:
    async with door.ledger.connection() as connection:
        await journal.write(connection, what, caller.who, trace_id=request.scope["trace_id"], **data)


def _table(viewer: Viewer) -> Write:
    async def written(rows: tuple[CaseRow, ...]) -> AsyncIterator[bytes]:
        for start in range(0, len(rows), AT_ONCE):
            yield rows_of(case_item(row, viewer) for row in rows[start : start + AT_ONCE])
            await asyncio.sleep(0)

    return written


def _lines(viewer: Viewer) -> Write:
    async def written(rows: tuple[CaseRow, ...]) -> AsyncIterator[bytes]:
        for start in range(0, len(rows), AT_ONCE):
            yield b"".join(encoded(case_item(row, viewer)) + b"\n" for row in rows[start : start + AT_ONCE])
            await asyncio.sleep(0)

    return written


def _whole(door: Door, viewer: Viewer) -> Write:
    """Each case as it is read by itself; one that is gone since its page was read is left out."""

    async def line(row: CaseRow) -> bytes:
        reading = await read_case(door.ledger, row.case_id, viewer=viewer)
        if reading is None:
            return b""
        return encoded(case_view(reading.case, await door.book_of(reading.case), desk=viewer.desk)) + b"\n"

    async def written(rows: tuple[CaseRow, ...]) -> AsyncIterator[bytes]:
        for row in rows:
            yield await patiently(partial(line, row))

    return written
