"""The feed: every event of every case in one order, by pages or as it comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import partial

from fastapi import FastAPI
from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import opens_still, viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests.parameters import FEED_LIMIT_DEFAULT, FEED_LIMIT_MAX, POSITION_MAX, Query
from case_api.streams.answer import EventStream
from case_api.streams.fanout import Fanout, Stream
from case_api.streams.frames import AT_ONCE
from case_events.core.events import EVENTS
from case_events.core.values import Fault, Problem
from case_events.ledger.connection import Connection
from case_events.ledger.feed import reader
from case_events.ledger.feed.reader import BeyondFeed, Told
from case_events.outgoing.cloudevents import cloud_event
from case_events.outgoing.form import encoded

NOW = "now"
_POSITION = re.compile(r"[0-9]{1,15}")
_SEEN = re.compile(r"([0-9]{1,15})\.([0-9a-f]{64})")


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/events", read_feed, methods=["GET"], openapi_extra=operation(read_feed))
    app.add_api_route("/v1/events/stream", stream_feed, methods=["GET"], openapi_extra=operation(stream_feed))


async def read_feed(request: Request) -> Response:
    """Read every event in the order of the feed, from the beginning of time."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, "after", "types", "seen", "limit")
    after, types, seen = _after(query), query.words("types", EVENTS), _seen(query)
    limit = query.limit(FEED_LIMIT_MAX, FEED_LIMIT_DEFAULT)
    query.check()
    async with door.ledger.connection() as connection:
        await _check(connection, seen)
        start = await reader.head(connection) if after is None else after
        try:
            page = await reader.read(connection, door.ledger.vault, start, viewer=viewer, types=types, limit=limit)
        except BeyondFeed as beyond:
            raise _beyond("?after", beyond.head) from None
    return shown({"items": await _encoded(page.told), "next": page.next})


async def stream_feed(request: Request) -> Response:
    """Read the same as server-sent events, as they come; Last-Event-ID resumes."""
    door = door_of(request)
    fanout: Fanout = request.app.state.fanout
    caller = await door.caller(request, "read")
    query = Query(request, "after", "types", "seen")
    after, types, seen = _after(query), query.words("types", EVENTS), _seen(query)
    query.check()
    resumed = _last_event_id(request)
    async with door.ledger.connection() as connection:
        await _check(connection, seen)
        head = await reader.head(connection)
        start = resumed if resumed is not None else head if after is None else after
        if start > head:
            raise _beyond("?after" if resumed is None else "Last-Event-ID", head)
        if start < head:  # whoever was led to an event that cannot be read is refused, not led there again
            await reader.read(connection, door.ledger.vault, start, viewer=viewer_of(caller), types=types, limit=1)
    full = fanout.full(caller.client)
    if full is not None:
        raise Refused(Problem(code="too_many_requests", detail=full))

    allowed = partial(opens_still, request, door.callers, "read", caller)
    stream = Stream(fanout, viewer_of(caller), types, start, client=caller.client, allowed=allowed)
    return EventStream(stream, fanout)


async def _encoded(told: Iterable[Told]) -> list[Raw]:
    """The items of a ``FeedPage``; now and then others have their turn."""
    items = list[Raw]()
    for one in told:
        items.append(Raw(encoded(cloud_event(one))))
        if not len(items) % AT_ONCE:
            await asyncio.sleep(0)
    return items


def _after(query: Query) -> int | None:
    """The position to go on after; None for now."""
    if query.says("after", NOW):
        return None
    return query.whole("after", 0, POSITION_MAX) or 0


def _seen(query: Query) -> tuple[int, bytes] | None:
    """An event that was read before: its position and its hash."""
    said = query.text("seen")
    if said is None:
        return None
    parts = _SEEN.fullmatch(said)
    if parts is None:
        query.fault("seen", "an event's position and its hash, with a dot between them")
        return None
    return int(parts[1]), bytes.fromhex(parts[2])


async def _check(connection: Connection, seen: tuple[int, bytes] | None) -> None:
    """Refused: the event that was seen is not there any more."""
    if seen is not None and not await reader.stands(connection, *seen):
        detail = f"this event is not at {seen[0]} any more: the database was set back to an earlier time and went on"
        raise Refused(invalid(Fault(pointer="?seen", detail=detail)))


def _last_event_id(request: Request) -> int | None:
    said = request.headers.get("last-event-id", "").strip()
    if not said:
        return None
    if not _POSITION.fullmatch(said):
        detail = "Last-Event-ID is the id of an event that was received from here: its position."
        raise Refused(Problem(code="malformed", detail=detail))
    return int(said)


def _beyond(pointer: str, head: int) -> Refused:
    """Whoever has read further than there is must know: what follows is not what they think it is."""
    detail = f"the feed ends at {head}: this position was not given, or the database was set back to an earlier time"
    return Refused(invalid(Fault(pointer=pointer, detail=detail)))
