"""A line that breaks, a full door, a service that restarts: whoever follows the feed goes on where they were."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
import pytest

from caselog_client import (
    AsyncCaselog,
    Caselog,
    FeedEvent,
    Forbidden,
    Patience,
    TooManyRequests,
    Unreachable,
    Unreadable,
    async_line,
    line,
)
from caselog_client.following import Following
from tests.client.filings import complaint
from tests.client.test_receiving import EVENT
from tests.client.wire import Stranger, wire_to
from tests.serving import Serving

QUICK = Patience(tries=2, total_s=5.0, first_pause_s=0.01, longest_pause_s=0.05)
SOON_S = 30.0


def frame(position: int, **more: str) -> bytes:
    """An event as the stream sends it."""
    data = msgspec.json.encode({**EVENT, "id": str(UUID(int=position)), "position": position, **more})
    return b"id: %d\nevent: closed\ndata: %s\n\n" % (position, data)


def streamed(*frames: bytes) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(frames))


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=said, json={"code": code, "detail": "so it is", "status": status})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ended is asked for again at once."""
    monkeypatch.setattr(async_line, "AGAIN_S", 0.0)
    monkeypatch.setattr(line, "AGAIN_S", 0.0)


def meeting(stranger: Stranger, patience: Patience = QUICK) -> AsyncCaselog:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(stranger))
    return AsyncCaselog("http://caselog", "a-key", patience=patience, http=http)


async def heard(caselog: AsyncCaselog, count: int) -> list[int]:
    async with asyncio.timeout(SOON_S), caselog.follow() as events:
        return [(await anext(events)).position for _ in range(count)]


@pytest.mark.usefixtures("at_once")
async def test_a_stream_that_ends_is_taken_up_with_the_last_id_and_nothing_comes_twice() -> None:
    stranger = Stranger(
        streamed(b"id: 0\n\n", frame(1), frame(2), frame(3)[:40]),
        streamed(frame(2), frame(3)),
        streamed(b": nothing yet\n\n"),
        streamed(frame(4)),
    )
    assert await heard(meeting(stranger), 4) == [1, 2, 3, 4]
    assert [headers.get("last-event-id") for headers, _ in stranger.asked] == ["0", "2", "3", "3"]


@pytest.mark.usefixtures("at_once")
async def test_a_full_door_and_a_service_that_is_away_are_waited_for() -> None:
    stranger = Stranger(
        refusal(429, "too_many_requests", retry_after="0"),
        refusal(503, "unavailable", retry_after="0"),
        refusal(503, "unavailable"),
        refusal(503, "unavailable"),
        streamed(frame(7)),
    )
    assert await heard(meeting(stranger), 1) == [7], "more refusals than a single request would be tried"
    assert len(stranger.asked) == 5


@pytest.mark.usefixtures("at_once")
async def test_what_is_refused_for_good_or_too_long_is_raised() -> None:
    with pytest.raises(Forbidden):
        await heard(meeting(Stranger(refusal(403, "forbidden"))), 1)
    with pytest.raises(TooManyRequests):
        await heard(meeting(Stranger(refusal(429, "too_many_requests", retry_after="60"))), 1)
    with pytest.raises(Unreadable):
        await heard(meeting(Stranger(streamed(b"id: nine\ndata: {}\n\n"))), 1)


async def test_where_a_follower_stands_is_told_even_where_nothing_was_for_it() -> None:
    following = Following(None, ("ruled",), None)
    assert following.begin() == ({"after": "now", "types": "ruled"}, {})
    assert list(following.took(b"id: 12\n\n")) == []
    assert following.begin()[1] == {"Last-Event-ID": "12"}
    assert [one.position for one in following.took(frame(13) + b"id: 90\n")] == [13]
    assert following.position == 13, "what is not whole does not count"
    assert list(following.took(b"\n")) == []
    assert following.position == 90, "so much was looked at, and left out"


async def test_what_was_seen_last_goes_with_where_to_go_on() -> None:
    following = Following(5, (), "5.ab")
    assert following.begin() == ({"after": "5", "seen": "5.ab"}, {"Last-Event-ID": "5"})
    (event,) = following.took(frame(6, hash="cd" * 32) + b"id: 9\n\n")
    assert event.seen == "6." + "cd" * 32
    assert following.begin() == ({"after": "5", "seen": event.seen}, {"Last-Event-ID": "9"})


@pytest.mark.usefixtures("at_once")
async def test_leaving_the_block_hangs_up_and_the_position_stays() -> None:
    stranger = Stranger(streamed(frame(1), frame(2)))
    async with meeting(stranger).follow() as events:
        assert (await anext(events)).position == 1
    assert events.position == 1
    with pytest.raises(StopAsyncIteration):
        await anext(events)


SHORT = Patience(total_s=0.1, first_pause_s=0.001, longest_pause_s=0.002)
LONGER_S = 0.15


class Silent(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer that begins with these pieces and then says nothing for longer than is waited."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        time.sleep(LONGER_S)
        raise httpx.ReadTimeout("nothing came")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def wires() -> tuple[httpx.MockTransport, list[str | None]]:
    """A service whose streams fall silent, the second from the start on; and after what each was asked for."""
    asked: list[str | None] = []
    streams = [Silent(frame(1)), Silent(), Silent(frame(2)), Silent(frame(3))]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        return httpx.Response(200, stream=streams[len(asked) - 1])

    return httpx.MockTransport(answer), asked


@pytest.mark.usefixtures("at_once")
async def test_a_stream_that_falls_silent_for_longer_than_a_request_may_take_is_taken_up_again() -> None:
    wire, asked = wires()
    async with httpx.AsyncClient(transport=wire) as http:
        assert await heard(AsyncCaselog("http://caselog", "a-key", patience=SHORT, http=http), 3) == [1, 2, 3]
    assert asked == ["0", "1", "1", "2"]


@pytest.mark.usefixtures("at_once")
def test_who_waits_takes_it_up_again_the_same_way() -> None:
    wire, asked = wires()
    with (
        httpx.Client(transport=wire) as http,
        Caselog("http://caselog", "a-key", patience=SHORT, http=http).follow() as events,
    ):
        assert [next(events).position for _ in range(3)] == [1, 2, 3]
    assert asked == ["0", "1", "1", "2"]


@pytest.mark.usefixtures("at_once")
async def test_whoever_takes_long_over_an_event_loses_no_patience_by_it() -> None:
    stranger = Stranger(streamed(frame(1)), streamed(frame(2)))
    async with asyncio.timeout(SOON_S), meeting(stranger, SHORT).follow() as events:
        assert (await anext(events)).position == 1
        await asyncio.sleep(LONGER_S)
        assert (await anext(events)).position == 2


@pytest.mark.usefixtures("at_once")
async def test_streams_that_end_at_once_and_empty_are_not_asked_for_for_ever() -> None:
    with pytest.raises(Unreachable):
        await heard(meeting(Stranger(streamed()), SHORT), 1)


async def test_a_service_that_restarts_is_waited_for(caselog: Serving, async_storefront: AsyncCaselog) -> None:
    port = urlsplit(caselog.url).port
    assert port is not None
    async with wire_to(port) as wire:
        far = AsyncCaselog(f"http://127.0.0.1:{wire.port}", "dev-storefront", patience=QUICK)
        async with far, far.follow(after=None, types=("filed",)) as events, asyncio.timeout(SOON_S):
            coming = asyncio.create_task(events.__anext__())
            while events.position is None:
                await asyncio.sleep(0.01)
            await wire.cut()
            case = await async_storefront.file(complaint())
            await asyncio.sleep(0.5)  # many more tries than a single request has
            await wire.mend()
            assert (await coming).subject == case.case_id


def test_who_waits_follows_the_same_way(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    with storefront.follow(types=("filed",)) as events:
        giving_up = threading.Timer(SOON_S, events.close)
        giving_up.start()
        found = next(event for event in events if event.subject == case.case_id)
        giving_up.cancel()
    assert isinstance(found, FeedEvent)
    assert events.position == found.position
    nobody = Caselog("http://127.0.0.1:9", "a-key", patience=Patience(total_s=0.2, first_pause_s=0.01))
    with nobody, nobody.follow() as events, pytest.raises(Unreachable):
        next(events)


def test_another_thread_hangs_up_on_one_that_waits(storefront: Caselog) -> None:
    events, ended = storefront.follow(after=None), threading.Event()

    def listen() -> None:
        for _ in events:
            pass
        ended.set()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    while events.position is None:
        time.sleep(0.01)
    began = time.monotonic()
    events.close()
    assert ended.wait(SOON_S)
    assert time.monotonic() - began < 5, "it is not the next heartbeat that ends it"
    assert next(events, None) is None


def test_one_that_was_hung_up_before_it_heard_anything_hears_nothing() -> None:
    """The other thread was between the answer's beginning and its first byte."""

    class Wire:
        def get_extra_info(self, name: str) -> socket.socket | None:
            return ours if name == "socket" else None

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ear = line.Ear()
        ear.close()
        ear.hears(httpx.Response(200, extensions={"network_stream": Wire()}))
        theirs.settimeout(SOON_S)
        assert (ear.closed(), theirs.recv(1)) == (True, b"")
