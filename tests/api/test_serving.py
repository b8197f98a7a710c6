"""A process of its own: on the socket its parent handed down, ending in good time, and deaf to garbage."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.api.house import complaint
from tests.api.process import Served, api_process
from tests.conftest import Database


@pytest_asyncio.fixture
async def served(prepared: Database, master_key_file: Path) -> AsyncIterator[Served]:
    """`python -m case_api` on a socket of ours."""
    async with api_process(prepared, master_key_file) as served:
        yield served


async def test_it_serves_and_ends_when_asked(served: Served) -> None:
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": "Bearer dev-storefront"}) as client:
        answer = await client.post(f"http://127.0.0.1:{served.port}/v1/cases", json=complaint())
        assert answer.status_code == 201
        assert "server" not in answer.headers
        started = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        _, told = await asyncio.wait_for(served.process.communicate(), 10)
    assert time.monotonic() - started < 5
    assert served.process.returncode in (0, -signal.SIGTERM)
    assert b"Traceback" not in told
    assert b"/v1/cases" not in told  # no access log unless somebody wants one


async def test_open_streams_do_not_keep_it_from_ending(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev-ops\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"retry: 2000\nid: 0\n\n"), 10)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: text/event-stream" in head
    started = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    said = await asyncio.wait_for(reader.read(), 10)
    assert b": this process is stopping; go on after " in said
    assert said.endswith(b"\r\n0\r\n\r\n")
    writer.close()
    _, told = await asyncio.wait_for(served.process.communicate(), 10)
    assert time.monotonic() - started < 5
    assert b"Traceback" not in told
    assert b'"level":"error"' not in told


async def test_who_hangs_up_leaves_no_stream_behind(served: Served) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{served.port}") as client:
        headers = {"Authorization": "Bearer dev-ops"}
        async with client.stream("GET", "/v1/events/stream", headers=headers) as answer:
            assert await anext(answer.aiter_lines()) == "retry: 2000"
            assert "caselog_streams 1.0" in (await client.get("/metrics")).text
        async with asyncio.timeout(5):
            while "caselog_streams 0.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.05)


GARBAGE = {
    "a path that is not ASCII": b"GET /v1/cases/\xe6\x88\x91 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a broken escape": b"GET /v1/cases/%zz%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a query that is not ASCII": b"GET /v1/cases?status=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a header that is not ASCII": (
        b"GET /v1/cases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
    ),
    "a length that is none": (
        b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\nConnection: close\r\n\r\n"
    ),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


async def test_garbage_is_the_sender_s_fault(served: Served) -> None:
    for name, raw in GARBAGE.items():
        answer = await served.say(raw)
        assert answer.split(b" ")[1][:1] == b"4", (name, answer)
    served.process.send_signal(signal.SIGTERM)
    _, told = await asyncio.wait_for(served.process.communicate(), 10)
    assert b"Traceback" not in told
    assert b'"level":"error"' not in told
