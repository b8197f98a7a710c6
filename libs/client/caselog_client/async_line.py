"""The line to a Caselog for asyncio: what ``line`` does, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from secrets import SystemRandom
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from caselog_client.asking import Asked, Pages, Reading, headers_of, told_as
from caselog_client.feed import FeedEvent
from caselog_client.following import AGAIN_S, SILENCE_S, Following
from caselog_client.patience import Patience, Trying
from caselog_client.problems import Unreachable, problem_of

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")


class AsyncLine:
    """Where a Caselog is, with which key it is called, and how patiently."""

    def __init__(self, url: str, key: str, patience: Patience | None, http: httpx.AsyncClient | None) -> None:
        self.url = url.rstrip("/")
        self._headers = headers_of(key)
        self._patience = patience or Patience()
        self._ours = http is None
        self._http = http or httpx.AsyncClient()
        self._chance = SystemRandom()

    async def close(self) -> None:
        if self._ours:
            await self._http.aclose()

    async def ask(self, asked: Asked[T]) -> T:
        """The answer, read. Raises what every method of a Caselog raises."""
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = await self._try(asked, trying.timeout_s(time.monotonic()))
            pause = trying.pause_s(answer, time.monotonic(), self._chance.random())
            if pause is not None and asked.may_be_sent_again(answer):
                await asyncio.sleep(pause)
            elif answer is not None:
                return asked.read(answer)
            else:
                raise Unreachable(f"no answer from {self.url}: {lost!r}", asked.key) from lost

    async def pages(self, pages: Pages[V]) -> AsyncIterator[V]:
        while pages.asked is not None:
            for one in pages.took(await self.ask(pages.asked)):
                yield one

    async def pieces(self, asked: Asked[bytes]) -> AsyncIterator[bytes]:
        """A long answer as it comes; it is not begun again when the line is lost in the middle: raises Unreachable."""
        try:
            async with self._http.stream(
                asked.method,
                self.url + asked.path,
                params=asked.params,
                headers={**self._headers, **asked.headers},
                timeout=httpx.Timeout(self._patience.answer_s, read=SILENCE_S),
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise problem_of(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx.TransportError as lost:
            raise Unreachable(f"the answer from {self.url} ended in the middle: {lost!r}", None) from lost

    async def listen(self, reading: Reading[V]) -> AsyncGenerator[V, None]:
        """What has no end, or takes long to come to it; a line that is lost is taken up where it was.

        Raises what every method raises, Unreachable where it cannot go on.
        """
        patience = self._patience.of_a_listener()
        trying = Trying(patience, time.monotonic())
        while True:
            answer, lost, heard = None, None, False
            try:
                async with self._streamed(reading, trying.timeout_s(time.monotonic())) as answer:
                    if not answer.is_success:
                        await answer.aread()
                    async for piece in answer.aiter_bytes():
                        if answer.is_success:
                            heard = True
                            for one in reading.took(piece):
                                yield one
                if answer.is_success and reading.is_whole():
                    return
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as fault:
                lost = fault
            refused = answer if answer is not None and not answer.is_success else None
            trying = trying.after(answer, lost, heard=heard, now=time.monotonic())
            pause = trying.pause_s(refused, time.monotonic(), self._chance.random())
            if pause is None or not reading.can_go_on:
                raise problem_of(refused) if refused else Unreachable(f"no answer from {self.url}: {lost!r}", None)
            await asyncio.sleep(max(pause, AGAIN_S) if answer is not None else pause)

    def _streamed(self, reading: Reading[V], timeout_s: float) -> AbstractAsyncContextManager[httpx.Response]:
        params, said = reading.begin()
        timeout = httpx.Timeout(timeout_s, read=SILENCE_S)
        headers = {**self._headers, **said}
        return self._http.stream("GET", self.url + reading.path, params=params, headers=headers, timeout=timeout)

    async def _try(
        self, asked: Asked[T], timeout_s: float
    ) -> tuple[httpx.Response, None] | tuple[None, httpx.TransportError]:
        try:
            answer = await self._http.request(
                asked.method,
                self.url + asked.path,
                params=asked.params,
                headers={**self._headers, **asked.headers},
                content=asked.body,
                timeout=timeout_s,
            )
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
            raise  # asked wrongly, by us or by the URL: it would fail the same way again
        except httpx.TransportError as lost:
            return None, lost
        return answer, None


class AsyncFollowed:
    """Events as they come. Leave its block, or close it, to hang up.

    ``position``: everything up to there has been given; keep it with what you did, and follow ``after`` it another day.
    It goes on where ``types`` leave much out, too. None until the service has said where now is.
    """

    def __init__(self, line: AsyncLine, following: Following) -> None:
        self._following = following
        self._events = line.listen(following)

    @property
    def position(self) -> int | None:
        return self._following.position

    def __aiter__(self) -> AsyncFollowed:
        return self

    async def __anext__(self) -> FeedEvent:
        return await anext(self._events)

    async def __aenter__(self) -> AsyncFollowed:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up."""
        await self._events.aclose()


class AsyncRoom:
    """Some of what can be asked, over the line that all rooms share."""

    def __init__(self, line: AsyncLine) -> None:
        self._line = line


def asks(build: Callable[P, Asked[T]]) -> Callable[Concatenate[AsyncRoom, P], Coroutine[Any, Any, T]]:
    """The method that asks what ``build`` builds; what it means and raises is said there."""

    @told_as(build)
    async def ask(self: AsyncRoom, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._line.ask(build(*args, **kwargs))

    return ask


def lists(build: Callable[P, Pages[V]]) -> Callable[Concatenate[AsyncRoom, P], AsyncIterator[V]]:
    """The same for a list: its pages are asked for as they are consumed."""

    @told_as(build)
    def pages(self: AsyncRoom, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[V]:
        return self._line.pages(build(*args, **kwargs))

    return pages


def gathers(build: Callable[P, Pages[V]]) -> Callable[Concatenate[AsyncRoom, P], Coroutine[Any, Any, tuple[V, ...]]]:
    """The same for a list that is short: all of it."""

    @told_as(build)
    async def gather(self: AsyncRoom, /, *args: P.args, **kwargs: P.kwargs) -> tuple[V, ...]:
        return tuple([one async for one in self._line.pages(build(*args, **kwargs))])

    return gather


def reads(build: Callable[P, Reading[V]]) -> Callable[Concatenate[AsyncRoom, P], AsyncIterator[V]]:
    """The same for what takes long to come to its end."""

    @told_as(build)
    def read(self: AsyncRoom, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[V]:
        return self._line.listen(build(*args, **kwargs))

    return read


def takes(build: Callable[P, Asked[bytes]]) -> Callable[Concatenate[AsyncRoom, P], AsyncIterator[bytes]]:
    """The same for a long answer: piece by piece."""

    @told_as(build)
    def pieces(self: AsyncRoom, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[bytes]:
        return self._line.pieces(build(*args, **kwargs))

    return pieces
