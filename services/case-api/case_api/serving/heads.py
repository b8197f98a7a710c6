"""How a connection begins: its request's head comes in time and within bounds, or the connection ends.

uvicorn waits for a head for ever and keeps whatever comes of it: a few hundred callers who send a byte now and then,
or one who never ends a header, would take sockets and memory from everybody else.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_WAIT_S = 20.0
"""How long the head of a request may take, from the first byte or from when the connection was made."""
HEAD_MAX = 65_536
"""Bytes of a head that has not ended; eight times what servers before us usually let through."""


class Heads(HttpToolsProtocol):
    """uvicorn's protocol with a limit on the time and the bytes a head may take."""

    _waiting: asyncio.TimerHandle | None = None
    _begun = False
    """Of a head something came, and not its end."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._begun = True  # most heads come whole: a timer is made only for one that did not
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._begun = False
        self._came()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body or self._begun:
            self._wait()  # answered before its body came: what is left of it does not come for ever, nor the next head

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self.cycle.more_body = False
            self._came()

    def data_received(self, data: bytes) -> None:
        waited = self._waiting is not None and not self._busy(with_a_body=True)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._waiting is None and (self._begun or not self._busy()):
            self._wait()  # something came that is no request yet, and uvicorn waits for the rest without an end
        elif waited and self._waiting is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _busy(self, *, with_a_body: bool = False) -> bool:
        """Is a request being answered, or the rest of a body coming that nobody wants any more?"""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and (not cycle.response_complete or (with_a_body and cycle.more_body))

    def _wait(self) -> None:
        if self._waiting is None:
            self._head_bytes = 0
            self._waiting = self.loop.call_later(HEAD_WAIT_S, self._end, HTTPStatus.REQUEST_TIMEOUT)

    def _came(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _end(self, status: HTTPStatus) -> None:
        """Before there is a request nobody can be told in the contract's words: a bare status, and the end."""
        self._came()
        if not self.transport.is_closing():
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head.encode())
            self.transport.close()
