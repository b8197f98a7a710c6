"""Sending an answer that takes its time: to somebody who takes it, and has not hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Send

SEND_S = 120.0
"""A caller who takes nothing for this long is gone."""


async def begun(send: Send, answer: Response) -> None:
    """Send the head of an answer whose length nobody knows yet."""
    headers = [(name, value) for name, value in answer.raw_headers if name != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})


async def ended(send: Send) -> None:
    """Say that this was all of the body."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def taken(send: Send, piece: bytes) -> None:
    """Send a piece of the body. Raises ClientDisconnect if nobody takes it."""
    try:
        async with asyncio.timeout(SEND_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        raise ClientDisconnect from None


async def hung_up_on(receive: Receive, sending: Coroutine[Any, Any, None]) -> None:
    """Do the ``sending`` until it is done or its caller hangs up."""
    work = asyncio.create_task(sending)
    hanging_up = asyncio.create_task(_hung_up(receive))
    try:
        await asyncio.wait((work, hanging_up), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()
        hanging_up.cancel()
        await asyncio.gather(work, hanging_up, return_exceptions=True)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what a GET has for a body
