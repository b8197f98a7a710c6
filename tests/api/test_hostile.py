"""What somebody sends who means ill: each is refused clearly or kept as the words it is, and nothing else happens.

One process of its own takes it all, one after the other, and afterwards answers as before, has recorded nothing that
was refused, has logged no fault of ours, and is no larger.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from case_api.serving import heads
from tests.api.house import complaint
from tests.api.process import Served, api_process
from tests.conftest import Database

RECORDED = ("events", "streams", "cases", "deadlines", "api_keys", "test_clocks", "holds", "webhook_endpoints")
GROWN_KB_MAX = 40_000
"""How much larger a process may be after everything here, which was 60 MB of bodies and heads."""
ALLOWED_S = 10.0
KEY = {"Authorization": "Bearer dev-storefront"}

INJECTIONS = (
    "'; DROP TABLE events; --",
    "' OR '1'='1",
    "1); SELECT pg_sleep(10); --",
    "$1",
    "%s %(x)s {0} {x} ${jndi:ldap://127.0.0.1/a}",
    "{{ 7 * 7 }} {% raw %} <%= 7 * 7 %>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "=HYPERLINK('http://127.0.0.1','x')",
    "line\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK",
    "\u202egnp.exe \ufeff \u200b \u0085 \u2028",
    "\U0001f600" * 20 + "e\u0301" * 20,
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "\\x00 \\u0000 %00",
    "__proto__ constructor.prototype",
    "-1e308 NaN Infinity 0x7fffffff",
)
PATHS = (
    "/v1/cases/../../etc/passwd",
    "/v1/cases/..%2f..%2fetc%2fpasswd",
    "/v1/cases/%2e%2e/%2e%2e/metrics",
    "/v1//cases",
    "//v1/cases",
    "/v1/cases/%00",
    "/v1/cases/%ff%fe",
    "/v1/cases/{case_id}",
    "/v1/cases/" + "a" * 8_000,
    "/v1/cases/;id=1",
    "/V1/CASES",
    "/v1/cases/'%20OR%20'1'='1",
    "/.env",
    "/.git/config",
    "/console/../v1/cases",
    "/problems/..%2f..%2fetc%2fpasswd",
    "/v1/policies/..%2f..%2ftaobao@2026.1",
)
HEADS = {
    "two lengths": b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": (
        b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunks of an odd size": (
        b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"
    ),
    "a name with a space": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX Y: 1\r\n\r\n",
    "a bare carriage return": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    "a NUL": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "a length that is no number": b"GET /v1/stats HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n",
    "a negative length": b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}
"""None of these is a request; who reads one differently from us could be made to take two for one."""
BODIES = {
    "deep": (b"[" * 100_000, 400),
    "deep objects": (b'{"a":' * 50_000, 400),
    "a number without end": (b'{"amount": ' + b"9" * 500_000 + b"}", 400),
    "half a surrogate": (b'{"description": "\\ud800"}', 400),
    "not UTF-8": (b'{"description": "\xff\xfe"}', 400),
    "UTF-16": ("{}".encode("utf-16"), 400),
    "a mark before it": (b"\xef\xbb\xbf{}", 400),
    "NaN": (b'{"amount": NaN}', 400),
    "a name twice": (b'{"type": "quality", "type": "quality"}', 422),
    "a hundred thousand names": (json.dumps({f"n{n}": n for n in range(60_000)}).encode(), 422),
    "two megabytes": (b'{"description": "' + b"a" * 2_000_000 + b'"}', 413),
    "nothing": (b"", 400),
}

TRICKS = ("X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-For", "Forwarded", "Host")


@pytest_asyncio.fixture(scope="module")
async def served(prepared: Database, master_key_file: Path) -> AsyncIterator[Served]:
    async with api_process(prepared, master_key_file) as served:
        yield served


async def recorded(database: Database) -> int:
    connection = await asyncpg.connect(database.superuser)
    try:
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in RECORDED)  # noqa: S608 - names of ours
        return int(await connection.fetchval(f"SELECT {counts}"))
    finally:
        await connection.close()


async def test_nothing_of_it_is_recorded_or_breaks_anything_and_memory_stays_flat(
    served: Served, prepared: Database
) -> None:
    before, kb = await recorded(prepared), served.resident_kb()
    async with httpx.AsyncClient(base_url=served.url, headers=KEY, trust_env=False, timeout=ALLOWED_S) as client:
        for name, (body, status) in BODIES.items():
            for _ in range(4):
                await client.post("/v1/cases", content=body, headers={"Content-Type": "application/json"})
            answer = await client.post("/v1/cases", content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), name
            assert len(answer.content) < 50_000, f"{name}: a refusal is no longer than it must be"
        for method in ("TRACE", "CONNECT", "PROPFIND", "PATCH", "OPTIONS", "GARBAGE"):
            asked = f"{method} /v1/cases HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            assert (await served.say(asked)).split(b" ")[1][:1] == b"4", method
    for path in PATHS:
        said = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY['Authorization']}\r\nConnection: close\r\n\r\n"
        assert (await served.say(said.encode())).split(b" ")[1][:1] == b"4", path
    for name, raw in HEADS.items():
        answer_bytes = await served.say(raw)
        assert answer_bytes == b"" or answer_bytes.split(b" ")[1][:1] == b"4", (name, answer_bytes[:200])
        assert answer_bytes.count(b"HTTP/1.1 ") <= 1, f"{name}: it was taken for more than one request"
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * heads.HEAD_MAX
    assert (await served.say(head)).startswith(b"HTTP/1.1 431"), "a head without end is not kept"
    assert await recorded(prepared) == before
    assert served.resident_kb() - kb < GROWN_KB_MAX


async def test_whatever_is_written_is_kept_as_the_words_it_is(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url, headers=KEY, trust_env=False, timeout=ALLOWED_S) as client:
        for text in INJECTIONS:
            body = complaint(description=text, external_ref="".join(c for c in text if c.isprintable())[:50])
            answer = await client.post("/v1/cases", json=body)
            assert answer.status_code == 201, (text, answer.text)
            case = answer.json()
            again = await client.get(f"/v1/cases/{case['case_id']}")
            assert again.json()["description"] == text
            page = await client.get(f"/v1/cases/{case['case_id']}/dossier?format=html")
            assert "<script>alert" not in page.text
            assert "<svg/onload" not in page.text
            for name in ("buyer_id", "order_id", "number", "assignee"):
                listed = await client.get("/v1/cases", params={name: text})
                assert listed.status_code in (200, 422), (name, text, listed.text)
                if listed.status_code == 200:
                    assert listed.json()["items"] == [], "a text is looked for as it is, and nothing is called so"


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-For", "X-Rewrite-URL", "Host"]
)
async def test_no_header_makes_another_request_of_it(served: Served, name: str) -> None:
    async with httpx.AsyncClient(base_url=served.url, headers=KEY, trust_env=False, timeout=ALLOWED_S) as client:
        plain = await client.get("/v1/cases", params={"limit": 1})
        tricked = await client.get("/v1/cases", params={"limit": 1}, headers={name: "/v1/keys"})
    assert (tricked.status_code, tricked.json().keys()) == (plain.status_code, plain.json().keys())


async def test_a_hundred_who_never_finish_their_heads_keep_nobody_waiting(served: Served) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET /v1/ca")
    async with httpx.AsyncClient(base_url=served.url, headers=KEY, trust_env=False, timeout=ALLOWED_S) as client:
        assert (await client.get("/v1/cases", params={"limit": 1})).status_code == 200
    for _, writer in slow:
        writer.close()


async def test_a_head_that_does_not_end_in_time_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_WAIT_S", 0.05)
    async with _bare_server() as port:
        for begun in (b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            answer = await asyncio.wait_for(reader.read(), ALLOWED_S)
            assert answer.startswith(b"HTTP/1.1 408"), begun
            writer.close()
        for idle in (b"\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nab"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"well"), ALLOWED_S)
            writer.write(idle)
            assert b"HTTP/1.1 408" in await asyncio.wait_for(reader.read(), ALLOWED_S), idle
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"well"), ALLOWED_S)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.1)  # longer than a head may take: between two requests that is no fault
        writer.close()


async def _well(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"well"})


@asynccontextmanager
async def _bare_server() -> AsyncIterator[int]:
    """The protocol alone, in this process, so that its limits can be short."""
    config = uvicorn.Config(_well, http=heads.Heads, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: heads.Heads(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
