"""The answer that does not end by itself: server-sent events, until the caller hangs up or the stream is ended."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from case_api.streams.fanout import Fanout, Stream
from case_api.streams.sending import begun, ended, hung_up_on, taken


class EventStream(Response):
    """The answer that goes on until its caller hangs up or its stream ends."""

    def __init__(self, stream: Stream, fanout: Fanout) -> None:
        super().__init__(media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._stream = stream
        self._fanout = fanout

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        self._fanout.add(self._stream)
        try:
            await hung_up_on(receive, self._send(send))
        finally:
            self._fanout.remove(self._stream)

    async def _send(self, send: Send) -> None:
        await begun(send, self)
        async for piece in self._stream.pieces():
            await taken(send, piece)
        await ended(send)
