"""Lines while they arrive: a body is read a piece at a time, and what is whole of it is worked on before the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from case_api.requests import bodies
from case_api.requests.haste import in_time
from case_events.core.values import Problem

LINES_MAX = 100_000
"""Lines of one stream; what is longer is sent as several."""
GROUP = 200
"""Lines worked on together, as many as share a transaction; no more of a stream is in memory, beside one piece."""
LINE_WAIT_S = 30.0
"""A line comes at least this often, and whole; an empty one is none."""
STREAM_S = 900.0
"""A stream ends after this; who has more sends another."""
LINE_MAX = bodies.BODY_MAX


class Cut(Exception):
    """The stream is not read to its end, because of ``problem``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code=code, detail=f"{detail} This line and what follows it was not read.")


async def groups(request: Request) -> AsyncIterator[list[bytes]]:
    """The lines of the body, GROUP at most at once, each as soon as it is whole; empty ones are left out.

    Of a line that is longer than LINE_MAX only one byte more than that is kept. Raises Cut, and ClientDisconnect; a
    line that was cut off by that is none.
    """
    now = asyncio.get_running_loop().time
    ends = now() + STREAM_S
    pieces, left, line_due, count = request.stream(), bytearray(), now() + LINE_WAIT_S, 0
    while True:
        try:
            piece = await in_time(_next(pieces), max(0.0, min(line_due, ends) - now()))
        except TimeoutError:
            within = f"A stream lasts {STREAM_S:g} s." if now() >= ends else f"No line came within {LINE_WAIT_S:g} s."
            raise Cut("request_timeout", within) from None
        whole = _whole(left, b"\n" if piece is None else piece)
        for start in range(0, min(len(whole), LINES_MAX - count), GROUP):
            yield whole[start : min(start + GROUP, LINES_MAX - count)]
        count += len(whole)
        if count > LINES_MAX:
            raise Cut("too_large", f"A stream has at most {LINES_MAX} lines.")
        if piece is None:
            return
        if whole:  # what was worked on meanwhile is nobody's delay
            line_due = now() + LINE_WAIT_S


def _whole(left: bytearray, piece: bytes) -> list[bytes]:
    """The lines that are whole with this piece; what is ``left`` is kept, as far as it can be of use."""
    if b"\n" not in piece:
        left += piece[: LINE_MAX + 1 - len(left)]
        return []
    first, *others = piece.split(b"\n")
    lines = [bytes(left) + first, *others]
    left[:] = lines.pop()[: LINE_MAX + 1]
    return [line for line in lines if line.strip()]


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    """The next piece; None at the end."""
    return await anext(pieces, None)
