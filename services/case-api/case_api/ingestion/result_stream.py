"""The answer to a stream of lines: a line for each, sent as soon as it is known, while more may still arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from case_api.answers import NDJSON
from case_api.callers.auth import caller_with
from case_api.ingestion import arriving
from case_api.ingestion.batching import Asked, Batch, refusal
from case_api.refusals.problems import Refused, invalid
from case_api.streams.rooms import Room
from case_api.streams.sending import begun, ended, taken
from case_events.core.values import Fault
from case_events.ledger.connection import UNAVAILABLE

PACE_S = 0.25
"""How often a stream that is too fast asks whether it may go on."""
CHECK_S = 5.0
"""How often a stream asks whether its key is still good."""
STREAMS_MAX = 200
STREAMS_PER_CLIENT_MAX = 20
"""Streams of lines under way in one process; more are told to come back."""


async def streamed(request: Request, asked: Asked, room: Room) -> Response:
    """The answer, once the first lines are judged: what is wrong with the whole is refused as ever."""
    client = asked.caller.client
    room.enter(client)
    first, results = None, _results(request, asked)
    try:
        first = await anext(results, None)
    finally:
        if first is None:
            room.leave(client)
    if first is None:
        raise Refused(invalid(Fault(pointer="", detail="at least one line")))
    return _ResultStream(first, results, brief=asked.brief, over=partial(room.leave, client))


async def _results(request: Request, asked: Asked) -> AsyncIterator[bytes]:
    """A group of results at a time. The last may be why the stream was not read any further."""
    now = asyncio.get_running_loop().time
    begun, checked_at, until = False, now(), now() + arriving.STREAM_S
    try:
        async for lines in arriving.groups(request):
            await _paced(asked, len(lines), until)
            batch = Batch(asked, lines)
            try:
                if now() - checked_at >= CHECK_S:
                    await _check(request, asked)
                    checked_at = now()
                await batch.judge()
            except UNAVAILABLE:
                if not begun:
                    raise
                batch.away()
            begun = True
            yield _lines(batch.results())
            if batch.cut:
                return  # what came next in a case must not be recorded before what could not be
    except arriving.Cut as cut:
        if not begun:
            raise Refused(cut.problem) from None
        yield _lines([refusal(asked, cut.problem)])


async def _check(request: Request, asked: Asked) -> None:
    """Cut where the key does not open any more what it opened: what follows would be recorded in its name."""
    try:
        same = await caller_with(request, asked.door.callers, "post") == asked.caller
    except Refused as refused:
        raise arriving.Cut(refused.problem.code, refused.problem.detail) from None
    if not same:
        raise arriving.Cut("unauthenticated", "This key is not what it was when the stream began.")


async def _paced(asked: Asked, lines: int, until: float) -> None:
    """Wait until the key may send more: a stream is slowed down to what it may, and not refused."""
    while True:
        try:
            await asked.door.owes(asked.caller, lines)
        except Refused as refused:
            if refused.problem.code != "rate_limited":
                raise
            if asyncio.get_running_loop().time() >= until:
                raise arriving.Cut("rate_limited", refused.problem.detail) from None
            await asyncio.sleep(PACE_S)
        else:
            return


def _lines(results: list[bytes]) -> bytes:
    return b"".join(one + b"\n" for one in results)


class _ResultStream(Response):
    def __init__(self, first: bytes, rest: AsyncIterator[bytes], *, brief: bool, over: Callable[[], None]) -> None:
        headers = {"X-Accel-Buffering": "no"} | ({"Preference-Applied": "return=minimal"} if brief else {})
        super().__init__(status_code=HTTPStatus.MULTI_STATUS, headers=headers, media_type=NDJSON)
        self._first = first
        self._rest = rest
        self._over = over

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        try:
            await self._send(send)
        finally:
            self._over()

    async def _send(self, send: Send) -> None:
        await begun(send, self)
        await taken(send, self._first)
        async for piece in self._rest:
            await taken(send, piece)
        await ended(send)
