"""The load: so many at once, each doing one thing after another until all is done; each thing is timed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

REQUEST_S_MAX = 30
SHOWN = 500

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """How many things were done, in which time, and how long each took its asker (nothing where nobody asked)."""

    count: int
    seconds: float
    latencies_ms: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Done in a second."""
        return self.count / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The latency that this share was not slower than; 0 where nobody asked."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def each(todo: Sequence[T], at_once: int, do: Callable[[T], Awaitable[object]]) -> Run:
    """Do it with each item, so many at once."""
    waiting = list(reversed(todo))
    latencies: list[float] = []

    async def one() -> None:
        while waiting:
            item = waiting.pop()
            began = time.perf_counter()
            await do(item)
            latencies.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return Run(len(latencies), time.perf_counter() - began, tuple(latencies))


def created(status: int, _: bytes) -> bool:
    """Whether the answer says that something was recorded."""
    return status == 201


async def post_all(
    port: int, requests: Sequence[bytes], connections: int, fine: Callable[[int, bytes], bool] = created
) -> Run:
    """Post each of the raw HTTP/1.1 requests once, over so many connections to this loopback port.

    Raises AssertionError when an answer's status and body are not fine.
    """
    async with _posting(port, connections, fine) as post:
        return await each(requests, connections, post)


async def post_steadily(port: int, requests: Iterable[bytes], per_s: float, connections: int) -> Run:
    """Post the raw requests at this pace, whether or not those before were answered.

    A latency counts from the instant a request was due to be sent: who waits for a connection waits. Raises an
    ExceptionGroup of AssertionErrors when an answer does not say that something was recorded.
    """
    latencies: list[float] = []
    async with _posting(port, connections, created) as post:

        async def posted(request: bytes, due: float) -> None:
            await post(request)
            latencies.append((time.perf_counter() - due) * 1000)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for number, request in enumerate(requests):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                under_way.create_task(posted(request, due))
    return Run(len(latencies), time.perf_counter() - began, tuple(latencies))


@asynccontextmanager
async def _posting(
    port: int, connections: int, fine: Callable[[int, bytes], bool]
) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """What posts a raw request over the next free one of so many connections, and sees that its answer is fine."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(connections)
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def post(request: bytes) -> None:
        async with asyncio.timeout(REQUEST_S_MAX):
            reader, writer = await free.get()
            writer.write(request)
            status, body = await _answer(reader)
        assert fine(status, body), f"a request was answered with {status}: {body[:SHOWN]!r}"
        free.put_nowait((reader, writer))

    try:
        yield post
    finally:
        while not free.empty():
            free.get_nowait()[1].close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
