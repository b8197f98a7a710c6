"""The answer that does not end by itself: server-sent events, until the caller hangs up or the stream is ended."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from case_api.streaming import Fanout, Stream

SEND_S = 120.0
"""A caller who takes nothing for this long is gone."""


class EventStream(Response):
    """The answer that goes on until its caller hangs up or its stream ends."""

    def __init__(self, stream: Stream, fanout: Fanout) -> None:
        super().__init__(media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._stream = stream
        self._fanout = fanout

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._fanout.add(self._stream)
        sending = asyncio.create_task(self._send(headers, send))
        hanging_up = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait((sending, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            self._fanout.remove(self._stream)
            sending.cancel()
            hanging_up.cancel()
            await asyncio.gather(sending, hanging_up, return_exceptions=True)

    async def _send(self, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        try:
            async for piece in self._stream.pieces():
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            raise ClientDisconnect from None
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what a GET has for a body
