"""Streams as a process of its own serves them: both ways at once, many of them idle, and resumed when it is killed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.api.house import BUYER, complaint, happened
from tests.api.listening import number, sequencer
from tests.api.process import Served, api_process
from tests.api.test_batch import BATCH, about
from tests.conftest import Database

WITHIN_S = 20.0
IDLE = 40
"""Listeners; how few milliseconds and kilobytes each takes is measured by five hundred (docs/feed.md)."""
IDLE_S = 1.0
IDLE_CORE_SHARE = 0.15
IDLE_KB_EACH = 100
STOREFRONT = {"Authorization": "Bearer dev-storefront"}


class Line:
    """A connection, and what comes on it line by line; chunks are taken apart."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, said: bytes, *, chunk: bool = True) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(said), said) if chunk else said)
        await self._writer.drain()

    async def head(self) -> str:
        async with asyncio.timeout(WITHIN_S):
            return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def chunk(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            size = int(await self._reader.readline(), 16)
            said = await self._reader.readexactly(size + 2)
        return said[:-2]


@asynccontextmanager
async def line(served: Served, method: str, path: str, **headers: str) -> AsyncIterator[Line]:
    """A request whose body, if it has one, is yet to come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    opened = Line(reader, writer)
    said = {"host": "caselog", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    await opened.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode(), chunk=False)
    try:
        yield opened
    finally:
        writer.close()


async def filed(served: Served) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=served.url, headers=STOREFRONT, timeout=WITHIN_S) as client:
        answer = await client.post("/v1/cases", json=complaint())
        case: dict[str, Any] = answer.json()
        assert answer.status_code == 201, case
        return case


def cpu_s(served: Served) -> float:
    said = Path(f"/proc/{served.process.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


async def heard(listening: Line, until: int) -> list[int]:
    """The positions of the events that came, up to one."""
    positions = list[int]()
    async with asyncio.timeout(WITHIN_S):
        while until not in positions:
            for block in (await listening.chunk()).decode().split("\n\n"):
                if "\ndata: " in block:
                    positions.append(int(block.split("\n", 1)[0].removeprefix("id: ")))
    return positions


async def _lines_are_answered_while_they_are_sent(served: Served) -> None:
    case = await filed(served)
    items = [about(case, happened("messaged", BUYER, text=f"第{place}条")) for place in range(3)]
    media = "application/x-ndjson"
    sent = {"authorization": STOREFRONT["Authorization"], "content-type": media, "accept": media}
    async with line(served, "POST", BATCH, **sent, **{"transfer-encoding": "chunked"}) as both:
        for place, item in enumerate(items):
            await both.send(json.dumps(item).encode() + b"\n")
            if place == 0:
                assert (await both.head()).startswith("HTTP/1.1 207")
            assert json.loads(await both.chunk())["status"] == 201
        await both.send(json.dumps(items[0]).encode()[:50])  # and hangs up in the middle of a line
    async with line(served, "POST", BATCH, **sent, **{"transfer-encoding": "chunked"}) as again:
        await again.send("".join(json.dumps(item) + "\n" for item in items).encode())
        await again.send(b"")
        await again.head()
        results = (await again.chunk()).splitlines()
        assert [json.loads(one).get("replayed") for one in results] == [True] * 3
        assert await again.chunk() == b""


async def _many_that_are_idle_cost_little(served: Served) -> None:
    async with AsyncExitStack() as stack:
        kb = served.resident_kb()
        for _ in range(IDLE):
            path = "/v1/events/stream?after=now"
            opened = await stack.enter_async_context(line(served, "GET", path, authorization="Bearer dev-ops"))
            await opened.head()
            await opened.chunk()
        each_kb, began = (served.resident_kb() - kb) / IDLE, cpu_s(served)
        await asyncio.sleep(IDLE_S)
        assert (cpu_s(served) - began) / IDLE_S < IDLE_CORE_SHARE
        assert each_kb < IDLE_KB_EACH


async def test_streams_go_both_ways_cost_little_and_are_resumed_when_their_process_is_killed(
    prepared: Database, master_key_file: Path
) -> None:
    """In one test, because a process takes seconds to start."""
    headers = {"authorization": "Bearer dev-ops"}
    async with sequencer(prepared) as numbering:
        async with api_process(prepared, master_key_file) as served:
            await _lines_are_answered_while_they_are_sent(served)
            await _many_that_are_idle_cost_little(served)
            before = await number(numbering)
            async with line(served, "GET", f"/v1/events/stream?after={before}", **headers) as listening:
                await listening.head()
                await filed(served)
                first = await number(numbering)
                positions = await heard(listening, first)
                await filed(served)
                served.process.kill()
                await served.process.wait()
        last = await number(numbering)
        async with api_process(prepared, master_key_file) as again:
            resumed = {**headers, "last-event-id": str(positions[-1])}
            async with line(again, "GET", "/v1/events/stream", **resumed) as listening:
                await listening.head()
                positions += await heard(listening, last)
    assert positions == list(range(before + 1, last + 1))
    assert last == first + 1
