"""Many at once: filings and steps in one request, each judged and answered as if it had come by itself."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import NDJSON, many
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.ingestion.batching import PATH, Asked, Batch
from case_api.ingestion.cloudevents import BATCHED
from case_api.ingestion.result_stream import STREAMS_MAX, STREAMS_PER_CLIENT_MAX, streamed
from case_api.requests import bodies
from case_api.requests.headers import accepts, media_type, prefers_minimal
from case_api.requests.items import items_of
from case_api.requests.parameters import Query
from case_api.streams.rooms import Room
from case_events.outgoing.form import JSON

BODY_MAX = 16_000_000
"""Bytes of a whole batch; each item has at most what it could have by itself."""
BATCHES_MAX, BATCHES_PER_CLIENT_MAX = 64, 32
"""Whole batches under way in one process: what they hold in memory is bounded, and nobody has all of the room."""
MEDIA = (JSON, NDJSON, BATCHED)


def add_to(app: FastAPI) -> None:
    """The route of this module."""
    app.state.batches = Room("batches", BATCHES_MAX, BATCHES_PER_CLIENT_MAX)
    app.state.line_streams = Room("streams of lines", STREAMS_MAX, STREAMS_PER_CLIENT_MAX)
    app.add_api_route(PATH, post_batch, methods=["POST"], openapi_extra=operation(post_batch))


async def post_batch(request: Request) -> Response:
    """File and post many at once; one result each, in order, and one bad item spoils no other."""
    door = door_of(request)
    caller = await door.caller(request, "post")
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    bodies.check_label(request, MEDIA)
    media, in_lines = media_type(request), accepts(request, NDJSON)
    asked = Asked(
        door=door,
        caller=caller,
        trace_id=request.scope["trace_id"],
        brief=prefers_minimal(request),
        events=media == BATCHED,
        dry_run=dry_run,
    )
    if media == NDJSON and in_lines and not dry_run:
        return await streamed(request, asked, request.app.state.line_streams)
    room: Room = request.app.state.batches
    room.enter(caller.client)
    try:
        items = items_of(await bodies.read(request, BODY_MAX, MEDIA), lines=media == NDJSON)
        await door.owes(caller, len(items))
        batch = Batch(asked, items)
        await batch.judge()
        return many(batch.results(), lines=in_lines or media == NDJSON, brief=asked.brief)
    finally:
        room.leave(caller.client)
