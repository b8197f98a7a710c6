"""The load: so many connections, each posting one request after another, in a process of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

REQUEST_S_MAX = 30


@dataclass(frozen=True)
class Run:
    """How many requests were answered, in which time, and the answers that were not 201."""

    requests: int
    seconds: float
    refused: int
    latencies_ms: tuple[float, ...]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def post_all(port: int, requests: Sequence[bytes], connections: int) -> Run:
    """Post each of the raw HTTP/1.1 requests once, over so many connections to this loopback port."""
    waiting = list(reversed(requests))
    latencies: list[float] = []
    refused = 0

    async def one() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            writer.write(request)
            async with asyncio.timeout(REQUEST_S_MAX):
                status = await _answer(reader)
            latencies.append((time.perf_counter() - began) * 1000)
            refused += status != 201
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return Run(len(latencies), time.perf_counter() - began, refused, tuple(latencies))


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
