"""What the postman's connections may reach, what one request comes to, and how long it is waited after it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from case_events.core.values import Instant
from case_scheduler.webhooks import sending
from case_scheduler.webhooks.guard import ADDRESSES_MAX
from case_scheduler.webhooks.sending import Answer, Sender, answered, place_of, seconds_of
from case_scheduler.webhooks.walks import Retries
from tests.certificates import certificate
from tests.scheduler.receiver import HANGS, Delivery, Receiver, Reply, receiving

SECRET = "whsec_" + "a" * 44
NOW = Instant(2026, 11, 22, 12, tzinfo=UTC)
PUBLIC = "93.184.216.34"

Resolving = Callable[..., list[str]]


@pytest_asyncio.fixture
async def public() -> AsyncIterator[Sender]:
    sender = Sender(loopback=False)
    yield sender
    await sender.close()


@pytest_asyncio.fixture
async def at_home() -> AsyncIterator[Sender]:
    sender = Sender(loopback=True)
    yield sender
    await sender.close()


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Resolving:
    """Makes every name resolve to these addresses; gives the list of the names that were asked for."""

    def resolve(*addresses: str) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, _: object, **_more: object) -> list[tuple[object, ...]]:
            asked.append(host)
            kinds = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
            return [(kind, socket.SOCK_STREAM, 6, "", (one, 0)) for kind, one in kinds]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return resolve


async def sent(sender: Sender, url: str) -> Answer:
    return await sender.post("shop", url, uuid4(), b"{}", [SECRET])


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.1.1",
        "0.0.0.0",  # noqa: S104 - asked for, not listened on
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[fd00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "192.88.99.1",
        "[::ffff:10.0.0.1]",
        "[2002:a00:1::]",
        "[64:ff9b::a00:1]",
    ],
)
async def test_nothing_is_sent_to_an_address_that_is_not_public(public: Sender, host: str) -> None:
    answer = await sent(public, f"https://{host}/")
    assert (answer.outcome, answer.status) == ("blocked", None)


async def test_this_very_machine_is_reached_where_that_is_allowed_and_nobody_elses(
    public: Sender, at_home: Sender
) -> None:
    async with receiving() as receiver:
        assert (await sent(public, receiver.url)).outcome == "blocked"
        assert receiver.got == []
        assert (await sent(at_home, receiver.url)).outcome == "delivered"
        assert (await sent(at_home, "http://10.0.0.1/")).outcome == "blocked", "nor is any other of the house"


@pytest.mark.parametrize("addresses", [(PUBLIC, "10.0.0.1"), ("10.0.0.1", PUBLIC), (PUBLIC, "::ffff:169.254.169.254")])
async def test_a_name_that_leads_to_one_private_address_among_public_ones_is_not_connected_to(
    public: Sender, resolving: Resolving, addresses: tuple[str, ...]
) -> None:
    resolving(*addresses)
    assert (await sent(public, "https://both.example/")).outcome == "blocked"


async def test_a_name_is_resolved_once_and_the_connection_goes_to_the_address_that_was_looked_at(
    at_home: Sender, resolving: Resolving
) -> None:
    async with receiving() as receiver:
        asked = resolving("127.0.0.1")
        for _ in range(3):  # on one connection
            assert (await sent(at_home, f"http://hooks.example:{receiver.port}/")).outcome == "delivered"
        assert asked == ["hooks.example"]
        assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_of_the_addresses_of_a_name_a_few_are_tried_one_after_the_other(
    at_home: Sender, resolving: Resolving
) -> None:
    nobody = [f"127.0.0.{number + 2}" for number in range(ADDRESSES_MAX)]
    async with receiving() as receiver:
        resolving(*nobody[1:], "127.0.0.1")
        assert (await sent(at_home, f"http://few.example:{receiver.port}/")).outcome == "delivered"
        resolving(*nobody, "127.0.0.1")
        assert (await sent(at_home, f"http://many.example:{receiver.port}/")).outcome == "unreachable"


async def test_a_redirect_is_not_followed_wherever_it_leads(at_home: Sender) -> None:
    async with receiving() as elsewhere, receiving() as receiver:
        for target in (elsewhere.url, "http://169.254.169.254/latest/meta-data/"):
            receiver.answer = partial(_elsewhere, target)
            answer = await sent(at_home, receiver.url)
            assert (answer.outcome, answer.status) == ("redirected", 307)
        assert elsewhere.got == []


def _elsewhere(target: str, _: Delivery) -> Reply:
    return 307, {"Location": target}


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sender = Sender(loopback=True)
        assert (await sent(sender, receiver.url)).outcome == "delivered"
        await sender.close()
        assert (len(proxy.got), len(receiver.got)) == (0, 1)


async def test_the_certificate_is_that_of_the_name_though_the_connection_goes_to_an_address(
    at_home: Sender, resolving: Resolving, tmp_path: Path
) -> None:
    receiver, context = Receiver(), certificate(tmp_path, "hooks.example")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    resolving("127.0.0.1")
    believing = Sender(loopback=True, trusted=ssl.create_default_context(cafile=tmp_path / "cert.pem"))
    assert (await sent(believing, f"https://hooks.example:{port}/")).outcome == "delivered"
    for sender, name in ((believing, "other.example"), (at_home, "hooks.example")):
        answer = await sent(sender, f"https://{name}:{port}/")
        assert (answer.outcome, answer.detail) == ("unreachable", "its certificate is not valid")
    assert len(receiver.got) == 1
    await believing.close()
    server.close()
    await receiver.end()


@pytest.mark.parametrize(
    ("said", "asked", "host"),
    [
        ("http://127.0.0.1:{port}", "/", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}?shop=1", "/?shop=1", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/hooks;v=1?shop=1;2", "/hooks;v=1?shop=1;2", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/a;v=1/b;v=2", "/a;v=1/b;v=2", "127.0.0.1:{port}"),
        ("http://[::FFFF:127.0.0.1]:{port}//hooks?", "//hooks?", "[::ffff:127.0.0.1]:{port}"),
    ],
)
async def test_the_receiver_is_asked_for_all_that_the_url_says_and_by_its_host(
    at_home: Sender, said: str, asked: str, host: str
) -> None:
    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n"))
        writer.write(b"HTTP/1.1 204 Taken\r\n\r\n")
        writer.close()

    heads: list[list[str]] = []
    server = await asyncio.start_server(heard, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await sent(at_home, said.format(port=port))).outcome == "delivered"
    server.close()
    assert heads[0][0] == f"POST {asked} HTTP/1.1"
    hosts = [line.partition(": ")[2] for line in heads[0] if line.lower().startswith("host:")]
    assert hosts == [host.format(port=port)]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.example/hooks", b"shop.example"),
        ("https://shop.example:443/hooks", b"shop.example"),
        ("https://[2001:4860:4860::8888]/", b"[2001:4860:4860::8888]"),
        ("https://[2001:4860:4860::8888]:8443/", b"[2001:4860:4860::8888]:8443"),
    ],
)
def test_a_host_is_named_with_the_port_where_it_is_not_the_usual_one(url: str, host: bytes) -> None:
    assert place_of(url)[1] == host


async def test_of_an_answer_only_the_status_is_looked_at_and_no_more_than_a_little_is_read(at_home: Sender) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            cut.set()
        finally:
            writer.close()

    cut = asyncio.Event()
    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    answer = await sent(at_home, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (answer.outcome, answer.status, answer.detail) == ("delivered", 200, None)
    async with asyncio.timeout(5):
        await cut.wait()
    server.close()


async def test_what_is_no_http_and_who_is_not_there_is_told_in_our_words(
    at_home: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"220 smtp.secret.internal ready\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(strange, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await sent(at_home, f"http://127.0.0.1:{port}/")
    assert (answer.outcome, answer.detail) == ("unreachable", "what it answered is not HTTP")
    server.close()
    await server.wait_closed()
    answer = await sent(at_home, f"http://127.0.0.1:{port}/")
    assert (answer.outcome, answer.detail) == ("unreachable", "no connection")
    monkeypatch.setattr(sending, "WHOLE_S", 0.1)
    async with receiving(lambda _: HANGS) as receiver:
        began = time.monotonic()
        answer = await sent(at_home, receiver.url)
        assert (answer.outcome, answer.detail) == ("timed_out", "no answer in time")
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("999999999999", 86_400),
        ("Sun, 22 Nov 2099 12:00:00 GMT", 86_400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661\u0662", None),
        ("9" * 5_000, 86_400),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(said: str | None, seconds: float | None) -> None:
    assert seconds_of(said, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "outcome", "quiet"),
    [
        (200, "delivered", False),
        (299, "delivered", False),
        (302, "redirected", False),
        (404, "refused", False),
        (410, "gone", False),
        (429, "refused", True),
        (500, "refused", False),
        (503, "refused", True),
    ],
)
def test_only_2xx_is_success_and_429_and_503_ask_for_quiet(status: int, outcome: str, quiet: bool) -> None:
    answer = answered(NOW, 1, status, "60")
    assert (answer.outcome, answer.quiet) == (outcome, quiet)
    assert not answered(NOW, 1, status, None).quiet


def test_an_event_is_tried_for_three_days_ten_times_and_no_two_quite_alike() -> None:
    retries = Retries()
    waits = [retries.in_s(tries) for tries in range(1, 11)]
    assert waits[-1] is None
    assert None not in waits[:-1]
    assert 67 * 3600 < sum(wait for wait in waits if wait is not None) < 84 * 3600
    assert len({retries.in_s(9) for _ in range(20)}) > 1
