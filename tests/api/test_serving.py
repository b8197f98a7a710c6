"""A process of its own: on the socket its parent handed down, ending in good time, and deaf to garbage."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.api.house import complaint
from tests.conftest import Database

START_S = 20.0


class Served:
    """A running process and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port

    async def say(self, raw: bytes) -> bytes:
        """Send bytes as they are; what comes back until the other side hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        return answer


@pytest_asyncio.fixture
async def served(prepared: Database, master_key_file: Path) -> AsyncIterator[Served]:
    """`python -m case_api` on a socket of ours."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        env = {
            **os.environ,
            "CASELOG_LISTEN_FD": str(listening.fileno()),
            "CASELOG_DATABASE_URL": prepared.app,
            "CASELOG_MASTER_KEY_FILE": str(master_key_file),
            "CASELOG_LOG": "json",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "case_api",
            env=env,
            pass_fds=(listening.fileno(),),
            stderr=asyncio.subprocess.PIPE,
        )
        served = Served(process, listening.getsockname()[1])
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=START_S) as client:
                assert (await client.get(f"http://127.0.0.1:{served.port}/healthz")).status_code == 200
            yield served
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


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
    assert b'"level": "error"' not in told


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
    assert b'"level": "error"' not in told
