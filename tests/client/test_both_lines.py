"""What is promised to code that waits is promised to code that awaits: each of these is tried over both lines."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from caselog_client import (
    AsyncCaselog,
    Caselog,
    Forbidden,
    Patience,
    ProblemError,
    TooManyRequests,
    Unavailable,
    Unreachable,
    async_line,
    line,
)
from tests.client.test_following import frame, refusal, streamed

QUICK = Patience(tries=3, total_s=5.0, answer_s=2.0, first_pause_s=0.001, longest_pause_s=0.002)
ITEM = {
    "number": "1",
    "type": "not_received",
    "stage": "negotiation",
    "reason": "not_received",
    "department": "customer_service",
    "channel": "web",
    "status": "closed",
    "marketplace": "taobao",
    "policy": {"name": "taobao", "version": "2026.6", "digest": "0" * 64},
    "complainant": {"role": "buyer", "id": "b-1"},
    "respondent": {"role": "merchant", "id": "m-1"},
    "filed_at": "2026-03-02T02:00:00Z",
    "updated_at": "2026-03-02T02:00:00Z",
    "version": 1,
}
Answer = httpx.Response | Exception
Do = Callable[[Any], Any]


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer whose line is lost after these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.RemoteProtocolError("the line was lost")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Far:
    """A service that gives these answers, or has these faults, one after the other, the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = answers
        self.asked: list[httpx.Request] = []
        self.asked_at: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(request)
        self.asked_at.append(time.monotonic())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def waiting(self, do: Do, patience: Patience) -> Any:
        def work() -> Any:
            with (
                httpx.Client(transport=httpx.MockTransport(self)) as http,
                Caselog("http://caselog/", "a-key", patience=patience, http=http) as caselog,
            ):
                done = do(caselog)
                return list(done) if isinstance(done, Iterator) else done

        return await asyncio.to_thread(work)

    async def awaiting(self, do: Do, patience: Patience) -> Any:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(self)) as http,
            AsyncCaselog("http://caselog/", "a-key", patience=patience, http=http) as caselog,
        ):
            done = do(caselog)
            return await done if inspect.isawaitable(done) else [one async for one in done]


@pytest.fixture(params=["waiting", "awaiting"])
def over(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Does something over one of the two lines."""
    name: str = request.param

    async def run(far: Far, do: Do, patience: Patience = QUICK) -> Any:
        return await getattr(far, name)(do, patience)

    return run


def create_key(caselog: Any) -> Any:
    return caselog.keys.create(client="shop", name="till", role="storefront")


@pytest.mark.parametrize(
    ("first", "raised", "asked"),
    [
        (lambda: httpx.ReadError("lost"), Unreachable, 1),
        (lambda: refusal(503, "unavailable", retry_after="0"), Unavailable, 1),
        (lambda: refusal(429, "rate_limited", retry_after="0"), Unreachable, 2),
    ],
    ids=["lost", "away", "full"],
)
async def test_what_would_be_two_things_is_sent_again_only_where_it_was_not_let_in(
    over: Callable[..., Any], first: Callable[[], Answer], raised: type[Exception], asked: int
) -> None:
    far = Far(first(), httpx.ReadError("lost"))
    with pytest.raises(raised):
        await over(far, create_key)
    assert len(far.asked) == asked


@pytest.mark.parametrize("fault", [httpx.LocalProtocolError("a header"), httpx.UnsupportedProtocol("ftp://")])
@pytest.mark.parametrize("do", [lambda it: it.readiness(), lambda it: it.case(uuid4()), lambda it: it.export()])
async def test_what_nobody_could_have_sent_is_not_tried_again(
    over: Callable[..., Any], fault: Exception, do: Do
) -> None:
    far = Far(fault)
    with pytest.raises(type(fault)):
        await over(far, do)
    assert len(far.asked) == 1


async def test_no_wait_for_an_answer_is_longer_than_all_of_it_may_take(over: Callable[..., Any]) -> None:
    far = Far(refusal(404, "not_found"))
    for patience, longest in ((QUICK, 2.0), (Patience(total_s=0.5, answer_s=2.0), 0.5)):
        with pytest.raises(ProblemError):
            await over(far, lambda it: it.case(uuid4()), patience)
        waits = far.asked.pop().extensions["timeout"]
        assert all(0 < waits[what] <= longest for what in ("connect", "read", "write", "pool")), waits


async def test_who_asks_whether_it_is_ready_asks_once(over: Callable[..., Any]) -> None:
    far = Far(httpx.Response(503, json={"ready": False, "missing": ["scheduler"]}))
    assert (await over(far, lambda it: it.readiness())).missing == ("scheduler",)
    assert len(far.asked) == 1


@pytest.mark.parametrize(("status", "raised"), [(429, TooManyRequests), (503, Unavailable), (418, ProblemError)])
async def test_a_refusal_whose_code_is_new_is_known_by_its_status(
    over: Callable[..., Any], status: int, raised: type[ProblemError]
) -> None:
    with pytest.raises(ProblemError) as refused:
        await over(Far(refusal(status, "a_new_one")), lambda it: it.case(uuid4()), Patience(tries=1))
    assert type(refused.value) is raised


async def test_a_slash_at_the_end_of_the_address_is_none_of_the_path(over: Callable[..., Any]) -> None:
    far = Far(httpx.Response(200, json={"ready": True}))
    assert (await over(far, lambda it: it.readiness())).ready
    assert far.asked[0].url.path == "/readyz"


async def test_a_name_cannot_leave_its_place_in_a_path(over: Callable[..., Any]) -> None:
    far = Far(refusal(404, "not_found"))
    with pytest.raises(ProblemError):
        await over(far, lambda it: it.case("../keys?a#b"))
    assert far.asked[0].url.raw_path == b"/v1/cases/..%2Fkeys%3Fa%23b"


async def test_a_table_that_is_refused_or_cut_off_is_not_taken_for_whole(over: Callable[..., Any]) -> None:
    with pytest.raises(Forbidden):
        await over(Far(refusal(403, "forbidden")), lambda it: it.export_csv())
    far = Far(httpx.Response(200, stream=Pieces(b"case_id,number\r\n")))
    with pytest.raises(Unreachable, match="ended in the middle"):
        await over(far, lambda it: it.export_csv())
    assert len(far.asked) == 1


async def test_an_export_that_is_cut_off_goes_on_after_the_last_whole_case_where_it_can(
    over: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (line, async_line):
        monkeypatch.setattr(each, "AGAIN_S", 0.0)
    first, second = (
        httpx.Response(200, json={**ITEM, "case_id": str(UUID(int=number))}).content + b"\n" for number in (1, 2)
    )
    far = Far(httpx.Response(200, stream=Pieces(first + second[:40])), httpx.Response(200, content=second))
    assert [one.case_id.int for one in await over(far, lambda it: it.export(status="closed"))] == [1, 2]
    assert far.asked[1].url.params == far.asked[0].url.params.set("after", str(UUID(int=1)))
    far = Far(httpx.Response(200, stream=Pieces(first)))
    with pytest.raises(Unreachable):
        await over(far, lambda it: it.export(due_before="2026-03-02T02:00:00Z"))
    assert len(far.asked) == 1, "what is listed by when it is due has moved since"


async def test_who_follows_asks_a_stream_that_ended_again_after_a_moment(
    over: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (line, async_line):
        monkeypatch.setattr(each, "AGAIN_S", 0.2)
    far = Far(streamed(frame(1)), refusal(403, "forbidden"))
    with pytest.raises(Forbidden):
        await over(far, lambda it: it.follow())
    assert far.asked_at[1] - far.asked_at[0] >= 0.2


async def test_what_was_given_to_speak_over_is_left_open_and_what_was_not_is_closed() -> None:
    http, async_http = httpx.Client(), httpx.AsyncClient()
    with Caselog("http://caselog", "a-key", http=http), Caselog("http://caselog", "a-key") as own:
        pass
    async with (
        AsyncCaselog("http://caselog", "a-key", http=async_http),
        AsyncCaselog("http://caselog", "a-key") as async_own,
    ):
        pass
    assert (http.is_closed, async_http.is_closed) == (False, False)
    assert (own._line._http.is_closed, async_own._line._http.is_closed) == (True, True)
    await asyncio.to_thread(http.close)
    await async_http.aclose()
