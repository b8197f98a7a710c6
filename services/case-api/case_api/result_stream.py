"""The answer to a stream of lines: a line for each, sent as soon as it is known, while more may still arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from case_api import arriving
from case_api.answers import NDJSON
from case_api.batching import Asked, Batch, refusal
from case_api.problems import Refused, invalid
from case_api.sending import taken
from case_events.core.values import Fault
from case_events.ledger.connection import UNAVAILABLE

PACE_S = 0.25
"""How often a stream that is too fast asks whether it may go on."""


async def streamed(request: Request, asked: Asked) -> Response:
    """The answer, once the first lines are judged: what is wrong with the whole is refused as ever."""
    results = _results(request, asked)
    first = await anext(results, None)
    if first is None:
        raise Refused(invalid(Fault(pointer="", detail="at least one line")))
    return _ResultStream(first, results, brief=asked.brief)


async def _results(request: Request, asked: Asked) -> AsyncIterator[bytes]:
    """A group of results at a time. The last may be why the stream was not read any further."""
    begun, until = False, asyncio.get_running_loop().time() + arriving.STREAM_S
    try:
        async for lines in arriving.groups(request):
            if begun:
                await _paced(request, asked, until)
            batch = Batch(asked, lines)
            try:
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


async def _paced(request: Request, asked: Asked, until: float) -> None:
    """Wait until the key may send more: a stream is slowed down to what it may, and not refused."""
    while True:
        try:
            await asked.door.let_in(request, asked.caller)
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
    def __init__(self, first: bytes, rest: AsyncIterator[bytes], *, brief: bool) -> None:
        headers = {"X-Accel-Buffering": "no"} | ({"Preference-Applied": "return=minimal"} if brief else {})
        super().__init__(status_code=HTTPStatus.MULTI_STATUS, headers=headers, media_type=NDJSON)
        self._first = first
        self._rest = rest

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await taken(send, self._first)
        async for piece in self._rest:
            await taken(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
