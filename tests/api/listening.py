"""Whoever listens to an event stream: calls the app as a server would, takes what it sends, and can be slow at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import FastAPI

from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.feed.sequencing import tick
from tests.conftest import Database

WITHIN_S = 20.0
"""The longest that anything here is waited for; a whole day's work of this machine goes on beside it."""
Message = MutableMapping[str, Any]


class Sent(NamedTuple):
    """One server-sent event."""

    id: int
    name: str
    item: dict[str, Any]


class Listener:
    """A caller of the stream. While ``takes`` is clear nothing is taken from the line."""

    def __init__(self, app: FastAPI, key: str, headers: dict[str, str], query: dict[str, str]) -> None:
        self.sent: list[Sent] = []
        self.comments: list[str] = []
        self.last_id: int | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.takes = asyncio.Event()
        self.takes.set()
        self._told = asyncio.Condition()
        self._hung_up = asyncio.Event()
        self._left = b""
        said = {"authorization": f"Bearer {key}", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/events/stream",
            "raw_path": b"/v1/events/stream",
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
            "client": ("127.0.0.1", 1),
            "server": ("caselog", 80),
        }
        self._call = asyncio.create_task(app(scope, self._receive, self._take))

    @property
    def positions(self) -> list[int]:
        return [one.id for one in self.sent]

    async def until(self, is_so: Callable[[Listener], bool], within_s: float = WITHIN_S) -> None:
        """Until it is so; fails with what was heard until then."""
        try:
            async with asyncio.timeout(within_s), self._told:
                await self._told.wait_for(lambda: is_so(self))
        except TimeoutError:
            heard = f"{self.status} {self.positions[-20:]} {self.comments[-5:]} {self.body[-500:]!r}"
            raise AssertionError(f"not within {within_s} s: {heard}") from None

    async def heard(self, position: int) -> None:
        await self.until(lambda self: bool(self.sent) and self.sent[-1].id >= position)

    async def end(self) -> None:
        """Until the stream has ended by itself."""
        await self.until(lambda self: self.ended)
        await asyncio.wait_for(self._call, WITHIN_S)

    async def hang_up(self) -> None:
        """Hang up; the call ends at once."""
        self._hung_up.set()
        self.takes.set()
        await asyncio.wait_for(self._call, WITHIN_S)

    async def _receive(self) -> Message:
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def _take(self, message: Message) -> None:
        await self.takes.wait()
        async with self._told:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self._read(message.get("body", b""))
                self.ended = not message.get("more_body", False)
            self._told.notify_all()

    def _read(self, piece: bytes) -> None:
        if self.status != 200:
            self.body += piece
            return
        *blocks, self._left = (self._left + piece).split(b"\n\n")
        for block in blocks:
            fields = dict[str, str]()
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            if "" in fields:
                self.comments.append(fields[""])
            if "id" in fields:
                self.last_id = int(fields["id"])
            if "data" in fields:
                self.sent.append(Sent(int(fields["id"]), fields["event"], json.loads(fields["data"])))


@asynccontextmanager
async def listener(
    app: FastAPI, role: str = "ops", *, key: str | None = None, last_id: int | None = None, **query: str
) -> AsyncIterator[Listener]:
    """Somebody who listens, until the block is left."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    opened = Listener(app, key or f"dev-{role}", headers, query)
    try:
        await opened.until(lambda self: self.status != 0)
        yield opened
    finally:
        await opened.hang_up()


@asynccontextmanager
async def sequencer(database: Database) -> AsyncIterator[Ledger]:
    """The ledger as the scheduler has it; ``number`` ticks it."""
    opened = await open_ledger(database.scheduler, master_key=bytes(range(32)), pool_size=2)
    try:
        yield opened
    finally:
        await opened.close()


async def number(ledger: Ledger) -> int:
    """Give positions to all that is waiting; the last one given."""
    ticked = await tick(ledger)
    while ticked.more:
        ticked = await tick(ledger)
    return ticked.head
