"""The line to a Caselog, for code that waits: asks, tries again where that is safe, and reads what has no end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, suppress
from secrets import SystemRandom
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import httpx

from caselog_client.asking import Asked, Pages, Reading, headers_of, told_as
from caselog_client.feed import FeedEvent
from caselog_client.following import AGAIN_S, SILENCE_S, Following
from caselog_client.patience import Patience, Trying
from caselog_client.problems import Unreachable, problem_of

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")


class Line:
    """Where a Caselog is, with which key it is called, and how patiently."""

    def __init__(self, url: str, key: str, patience: Patience | None, http: httpx.Client | None) -> None:
        self.url = url.rstrip("/")
        self._headers = headers_of(key)
        self._patience = patience or Patience()
        self._ours = http is None
        self._http = http or httpx.Client()
        self._chance = SystemRandom()

    def close(self) -> None:
        if self._ours:
            self._http.close()

    def ask(self, asked: Asked[T]) -> T:
        """The answer, read. Raises what every method of a Caselog raises."""
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = self._try(asked, trying.timeout_s(time.monotonic()))
            pause = trying.pause_s(answer, time.monotonic(), self._chance.random())
            if pause is not None and asked.may_be_sent_again(answer):
                time.sleep(pause)
            elif answer is not None:
                return asked.read(answer)
            else:
                raise Unreachable(f"no answer from {self.url}: {lost!r}", asked.key) from lost

    def pages(self, pages: Pages[V]) -> Iterator[V]:
        while pages.asked is not None:
            yield from pages.took(self.ask(pages.asked))

    def pieces(self, asked: Asked[bytes]) -> Iterator[bytes]:
        """A long answer as it comes; it is not begun again when the line is lost in the middle: raises Unreachable."""
        try:
            with self._http.stream(
                asked.method,
                self.url + asked.path,
                params=asked.params,
                headers={**self._headers, **asked.headers},
                timeout=httpx.Timeout(self._patience.answer_s, read=SILENCE_S),
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise problem_of(answer)
                yield from answer.iter_bytes()
        except httpx.TransportError as lost:
            raise Unreachable(f"the answer from {self.url} ended in the middle: {lost!r}", None) from lost

    def listen(self, reading: Reading[V], ear: Ear | None = None) -> Generator[V, None, None]:
        """What has no end, or takes long to come to it; a line that is lost is taken up where it was.

        It ends when the ``ear`` is closed. Raises what every method raises, Unreachable where it cannot go on.
        """
        ear = ear or Ear()
        patience = self._patience.of_a_listener()
        trying = Trying(patience, time.monotonic())
        while not ear.closed():
            answer, lost, heard = None, None, False
            try:
                with self._streamed(reading, trying.timeout_s(time.monotonic())) as answer:
                    ear.hears(answer)
                    if not answer.is_success:
                        answer.read()
                    for piece in answer.iter_bytes():
                        if answer.is_success:
                            heard = True
                            yield from reading.took(piece)
                if answer.is_success and reading.is_whole():
                    return
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as fault:
                lost = fault
            if ear.closed():
                return
            refused = answer if answer is not None and not answer.is_success else None
            trying = trying.after(answer, lost, heard=heard, now=time.monotonic())
            pause = trying.pause_s(refused, time.monotonic(), self._chance.random())
            if pause is None or not reading.can_go_on:
                raise problem_of(refused) if refused else Unreachable(f"no answer from {self.url}: {lost!r}", None)
            time.sleep(max(pause, AGAIN_S) if answer is not None else pause)

    def _streamed(self, reading: Reading[V], timeout_s: float) -> AbstractContextManager[httpx.Response]:
        params, said = reading.begin()
        timeout = httpx.Timeout(timeout_s, read=SILENCE_S)
        headers = {**self._headers, **said}
        return self._http.stream("GET", self.url + reading.path, params=params, headers=headers, timeout=timeout)

    def _try(
        self, asked: Asked[T], timeout_s: float
    ) -> tuple[httpx.Response, None] | tuple[None, httpx.TransportError]:
        try:
            answer = self._http.request(
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


class Ear:
    """What listens: it can be closed while another thread waits for what comes next."""

    def __init__(self) -> None:
        self._closed = False
        self._answer: httpx.Response | None = None

    def hears(self, answer: httpx.Response) -> None:
        """From here on it listens to this; one that was closed meanwhile hears nothing."""
        self._answer = answer
        if self._closed:
            self.close()

    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Hang up; who waits for a byte wakes up, and who waits to try again ends then."""
        self._closed = True
        wire = self._answer.extensions.get("network_stream") if self._answer is not None else None
        line = wire.get_extra_info("socket") if wire is not None else None
        if line is not None:
            with suppress(OSError):  # it was closed already
                line.shutdown(socket.SHUT_RDWR)


class Followed:
    """Events as they come. Leave its block, or close it, to hang up.

    ``position``: everything up to there has been given; keep it with what you did, and follow ``after`` it another day.
    It goes on where ``types`` leave much out, too. None until the service has said where now is.
    """

    def __init__(self, line: Line, following: Following) -> None:
        self._following = following
        self._ear = Ear()
        self._events = line.listen(following, self._ear)

    @property
    def position(self) -> int | None:
        return self._following.position

    def __iter__(self) -> Followed:
        return self

    def __next__(self) -> FeedEvent:
        return next(self._events)

    def __enter__(self) -> Followed:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Any thread may: one that waits for the next event has come to the end."""
        self._ear.close()
        with suppress(ValueError):  # another thread is in it, and is woken
            self._events.close()


class Room:
    """Some of what can be asked, over the line that all rooms share."""

    def __init__(self, line: Line) -> None:
        self._line = line


def asks(build: Callable[P, Asked[T]]) -> Callable[Concatenate[Room, P], T]:
    """The method that asks what ``build`` builds; what it means and raises is said there."""

    @told_as(build)
    def ask(self: Room, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._line.ask(build(*args, **kwargs))

    return ask


def lists(build: Callable[P, Pages[V]]) -> Callable[Concatenate[Room, P], Iterator[V]]:
    """The same for a list: its pages are asked for as they are consumed."""

    @told_as(build)
    def pages(self: Room, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[V]:
        return self._line.pages(build(*args, **kwargs))

    return pages


def gathers(build: Callable[P, Pages[V]]) -> Callable[Concatenate[Room, P], tuple[V, ...]]:
    """The same for a list that is short: all of it."""

    @told_as(build)
    def gather(self: Room, /, *args: P.args, **kwargs: P.kwargs) -> tuple[V, ...]:
        return tuple(self._line.pages(build(*args, **kwargs)))

    return gather


def reads(build: Callable[P, Reading[V]]) -> Callable[Concatenate[Room, P], Iterator[V]]:
    """The same for what takes long to come to its end."""

    @told_as(build)
    def read(self: Room, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[V]:
        return self._line.listen(build(*args, **kwargs))

    return read


def takes(build: Callable[P, Asked[bytes]]) -> Callable[Concatenate[Room, P], Iterator[bytes]]:
    """The same for a long answer: piece by piece."""

    @told_as(build)
    def pieces(self: Room, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[bytes]:
        return self._line.pieces(build(*args, **kwargs))

    return pieces
