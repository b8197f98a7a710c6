"""A receiver of webhooks for tests: a real server on loopback that answers as it is told, and remembers what it got."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

HEAD_MAX, BODY_MAX = 16_384, 1_000_000
SOON_S = 30.0
HANGS = 0
"""The status of an answer that never comes."""


@dataclass(frozen=True)
class Delivery:
    """One request, as it came."""

    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def case(self) -> str:
        return str(self.body.get("subject"))

    @property
    def position(self) -> int:
        return int(self.body.get("position", 0))


Reply = tuple[int, dict[str, str]]
Answering = Callable[[Delivery], int | Reply]


@dataclass
class Receiver:
    """Answers by ``answer``; ``took`` is what it said 2xx to, each event once: it dedupes by id."""

    port: int = 0
    answer: Answering = lambda _: 204
    got: list[Delivery] = field(default_factory=list)
    took: list[Delivery] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    delay_s: float = 0.0
    _serving: set[asyncio.Task[Any]] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def until(self, true: Callable[[], bool], seconds: float = SOON_S) -> None:
        """Until it is so; looked at whenever something was taken."""
        async with asyncio.timeout(seconds):
            while not true():
                self._moved.clear()
                await self._moved.wait()

    def by_case(self) -> dict[str, list[int]]:
        """The positions it took, of each case in the order in which it took them first."""
        found = defaultdict(list)
        for one in self.took:
            found[one.case].append(one.position)
        return dict(found)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def end(self) -> None:
        """Whoever is still connected is no longer."""
        for task in (serving := tuple(self._serving)):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(min(BODY_MAX, int(headers["content-length"])))
        delivery = Delivery(headers, raw, msgspec.json.decode(raw))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.delay_s)
            said = self.answer(delivery)
        finally:
            self.under_way -= 1
        self._note(delivery, said)
        status, more = said if isinstance(said, tuple) else (said, {})
        if status == HANGS:
            await reader.read()  # until the other side has had enough
            return False
        lines = [f"HTTP/1.1 {status} Said", "content-length: 2", *(f"{name}: {value}" for name, value in more.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\nok").encode() if status != 204 else b"HTTP/1.1 204 Taken\r\n\r\n")
        await writer.drain()
        return True

    def _note(self, delivery: Delivery, said: int | Reply) -> None:
        self.got.append(delivery)
        status = said[0] if isinstance(said, tuple) else said
        if 200 <= status < 300 and delivery.id not in self._known:
            self._known.add(delivery.id)
            self.took.append(delivery)
        self._moved.set()


@asynccontextmanager
async def receiving(answer: Answering = lambda _: 204) -> AsyncIterator[Receiver]:
    """A receiver that listens until the block ends."""
    receiver = Receiver(answer=answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, limit=HEAD_MAX)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.end()
