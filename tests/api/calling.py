"""Whoever sends and takes lines at once: calls the app as a server would, piece by piece, and can hang up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

WITHIN_S = 20.0
"""The longest that anything here is waited for."""


class Caller:
    """Somebody who sends a body piece by piece and takes the answer meanwhile."""

    def __init__(self, app: Any, method: str, path: str, headers: dict[str, str], query: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.results: list[dict[str, Any]] = []
        self.ended = False
        self.takes = asyncio.Event()
        self.takes.set()
        self._messages = asyncio.Queue[MutableMapping[str, Any]]()
        self._told = asyncio.Condition()
        said = {"authorization": "Bearer dev-storefront", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
            "client": ("127.0.0.1", 1),
            "server": ("caselog", 80),
        }
        self._left = b""
        self.call = asyncio.create_task(app(scope, self._messages.get, self._take))

    def say(self, *lines: Any) -> None:
        """Send whole lines; a string as it is."""
        said = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        self._messages.put_nowait({"type": "http.request", "body": said.encode(), "more_body": True})

    def end(self) -> None:
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def hang_up(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def until(self, is_so: Callable[[Caller], bool]) -> None:
        try:
            async with asyncio.timeout(WITHIN_S), self._told:
                await self._told.wait_for(lambda: is_so(self))
        except TimeoutError:
            raise AssertionError(f"{self.status} {self.results[-3:]}") from None

    async def _take(self, message: MutableMapping[str, Any]) -> None:
        await self.takes.wait()
        async with self._told:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                *lines, self._left = (self._left + message.get("body", b"")).split(b"\n")
                self.results += (json.loads(line) for line in lines)
                self.ended = not message.get("more_body", False)
                if self.ended and self._left:
                    self.results.append(json.loads(self._left))
            self._told.notify_all()


@asynccontextmanager
async def caller_of(
    app: Any, method: str, path: str, headers: dict[str, str], query: str = ""
) -> AsyncIterator[Caller]:
    """Somebody who calls, until the block is left."""
    caller = Caller(app, method, path, headers, query)
    try:
        yield caller
    finally:
        caller.hang_up()
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
