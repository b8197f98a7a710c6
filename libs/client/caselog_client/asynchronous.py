"""Caselog for asyncio: the methods of ``synchronous``, awaited; what they raise is said there too."""

# ruff: noqa: A002 - type is the contract's word

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from secrets import SystemRandom
from types import TracebackType
from typing import Any, TypeVar

import httpx

from caselog_client import asking
from caselog_client.asking import Asked, Id, Pages
from caselog_client.batching import Item, Result
from caselog_client.following import AGAIN_S, PATH, SILENCE_S, Following
from caselog_client.patience import Patience, Trying
from caselog_client.problems import StillAdvancing, Unreachable, problem_of
from caselog_client.values import Complaint, Party
from caselog_client.views import (
    Case,
    CaseItem,
    Event,
    FeedEvent,
    Policy,
    PolicyItem,
    Step,
    TestClock,
    Timeline,
)

POLL_S = 0.05
T = TypeVar("T")
V = TypeVar("V")


class AsyncCaselog:
    """A Caselog at ``url``, called with ``key``. Tasks of one event loop may share it.

    Every method raises ProblemError when the service refuses, Unreachable when no answer came within ``patience``, and
    Unreadable when what answered is no Caselog. ``http``: a client of yours to send with; it is not closed here.
    """

    def __init__(
        self, url: str, key: str, *, patience: Patience | None = None, http: httpx.AsyncClient | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": f"caselog-client/{asking.VERSION}"}
        self._patience = patience or Patience()
        self._ours = http is None
        self._http = http or httpx.AsyncClient()
        self._chance = SystemRandom()

    async def __aenter__(self) -> AsyncCaselog:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are yours."""
        if self._ours:
            await self._http.aclose()

    async def file(self, complaint: Complaint | Mapping[str, Any], *, idempotency_key: str | None = None) -> Case:
        """File a complaint. The same key and complaint give the same case, for ever.

        Raises Invalid, NotEligible (too late, or not for such an order), AlreadyOpen, IdReused, Forbidden.
        """
        return await self._ask(asking.file(complaint, idempotency_key))

    async def post(
        self,
        case_id: Id,
        type: str,
        data: Mapping[str, Any] | None = None,
        actor: Party | Mapping[str, str] | None = None,
        *,
        if_match: int | None = None,
        dry_run: bool = False,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Step:
        """Post what happened next. ``if_match``: the version that was judged; ``dry_run``: record nothing.

        Raises NotAllowedNow, NotYet, DeadlinePassed, Stale, PreconditionRequired, Invalid, IdReused, Forbidden,
        NotFound.
        """
        asked = asking.post(
            case_id,
            type,
            data,
            actor,
            if_match=if_match,
            dry_run=dry_run,
            occurred_at=occurred_at,
            key=idempotency_key,
        )
        return await self._ask(asked)

    async def batch(self, items: Sequence[Item], *, dry_run: bool = False) -> tuple[Result, ...]:
        """File and post up to 1,000 at once; what became of each, in order. One that is refused harms no other.

        Items of one case are judged in their order. Nothing is raised for an item: ``problem`` has what a single
        request would have raised. Raises ValueError (too many), Invalid, TooLarge, Forbidden.
        """
        return await self._ask(asking.batch(items, dry_run=dry_run))

    async def case(
        self, case_id: Id, *, version: int | None = None, at: datetime | None = None, explain: bool = False
    ) -> Case:
        """The case as it is, or as it was at a version or instant; ``explain`` adds ``blocked_events``.

        Raises NotFound, Invalid, Forbidden.
        """
        return await self._ask(asking.case(case_id, version, at, explain))

    async def events(self, case_id: Id) -> tuple[Event, ...]:
        """The case's whole history, the oldest first. Raises NotFound, Forbidden."""
        return tuple([one async for one in self._pages(asking.events(case_id))])

    async def timeline(self, case_id: Id) -> Timeline:
        """The case in words, Chinese and English. Raises NotFound, Forbidden."""
        return await self._ask(asking.timeline(case_id))

    async def dossier(self, case_id: Id, *, format: str = "json") -> bytes:
        """The whole case in one file, as it is sent: ``json`` for machines, ``html`` for people.

        Raises NotFound, Invalid (another format), Forbidden.
        """
        return await self._ask(asking.dossier(case_id, format))

    def cases(self, **filters: object) -> AsyncIterator[CaseItem]:
        """Every case that passes the filters of ``GET /v1/cases``, asked for page by page as they are consumed.

        ``limit`` is the size of a page. Raises Invalid (a filter the service does not know), Forbidden.
        """
        return self._pages(asking.cases(filters))

    async def feed(self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100) -> AsyncIterator[FeedEvent]:
        """Every event of every case that there is for this key, in the order of the feed, up to its end as it is now.

        Go on later with the ``position`` of the last one. ``types``: only these; ``limit``: the size of a page.
        Raises Invalid (a position that was never given: the service's database was set back), Forbidden.
        """
        while True:
            page = await self._ask(asking.feed(after, types, limit))
            for event in page.items:
                yield event
            if page.next == after:
                return
            after = page.next

    async def follow(self, *, after: int | None = 0, types: Sequence[str] = ()) -> AsyncIterator[FeedEvent]:
        """The same, and then each event as it comes, without end; when the line is lost it goes on where it was.

        ``after``: None for only what is still to come. Raises as ``feed`` does; Unreachable when the service is away
        for longer than ``patience``. Each event comes once while this runs; keep ``position`` to go on another day.
        """
        following = Following(after, types)
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = None, None
            try:
                async with self._stream(following, trying.timeout_s(time.monotonic())) as answer:
                    if not answer.is_success:
                        await answer.aread()
                    async for piece in answer.aiter_bytes():
                        if answer.is_success:
                            trying = Trying(self._patience, time.monotonic())
                            for event in following.took(piece):
                                yield event
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as fault:
                lost = fault
            refused = answer if answer is not None and not answer.is_success else None
            pause = trying.pause_s(refused, time.monotonic(), self._chance.random())
            if pause is None:
                raise problem_of(refused) if refused else Unreachable(f"no answer from {self._url}: {lost!r}", None)
            await asyncio.sleep(max(pause, AGAIN_S) if answer is not None else pause)

    async def policies(self) -> tuple[PolicyItem, ...]:
        """Every policy that is kept. Raises Forbidden."""
        return tuple([one async for one in self._pages(asking.policies())])

    async def policy(self, name: str, version: str) -> Policy:
        """One version of a policy. Raises NotFound, Forbidden."""
        return await self._ask(asking.policy(name, version))

    async def create_clock(self, at: datetime) -> TestClock:
        """Make a test clock that stands at ``at``; outside production only. A lost answer leaves a spare one behind.

        Raises Forbidden, Invalid, NotFound (there are none in production).
        """
        return await self._ask(asking.create_clock(at))

    async def clock(self, clock_id: Id) -> TestClock:
        """A test clock. Raises NotFound."""
        return await self._ask(asking.clock(clock_id))

    async def advance(self, clock_id: Id, *, to: datetime | None = None, by: timedelta | None = None) -> TestClock:
        """Move a test clock forward, to an instant or by a while; the schedulers then fire what is due.

        ``by`` counts from where the clock stands now. Raises Invalid (backwards, too far), NotFound, Forbidden.
        """
        if (to is None) == (by is None):
            raise ValueError("advance to an instant or by a while: one of them")
        stands = await self.clock(clock_id) if to is None else None
        return await self._ask(asking.advance(clock_id, asking.destination(stands, to, by)))

    async def wait_until_ready(self, clock_id: Id, *, within_s: float = 30.0) -> TestClock:
        """Wait until everything due at the clock's instant has fired. Raises StillAdvancing after ``within_s``."""
        ends = time.monotonic() + within_s
        while True:
            stands = await self.clock(clock_id)
            if stands.status == "ready":
                return stands
            if time.monotonic() + POLL_S > ends:
                raise StillAdvancing(f"the test clock is not ready after {within_s:g} s: is a scheduler running?")
            await asyncio.sleep(POLL_S)

    def _stream(self, following: Following, timeout_s: float) -> AbstractAsyncContextManager[httpx.Response]:
        return self._http.stream(
            "GET",
            self._url + PATH,
            params=following.begin(),
            headers=self._headers,
            timeout=httpx.Timeout(timeout_s, read=SILENCE_S),
        )

    async def _pages(self, pages: Pages[V]) -> AsyncIterator[V]:
        while pages.asked is not None:
            for one in pages.took(await self._ask(pages.asked)):
                yield one

    async def _ask(self, asked: Asked[T]) -> T:
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = await self._try(asked, trying.timeout_s(time.monotonic()))
            pause = trying.pause_s(answer, time.monotonic(), self._chance.random())
            if pause is not None:
                await asyncio.sleep(pause)
            elif answer is not None:
                return asked.read(answer)
            else:
                raise Unreachable(f"no answer from {self._url}: {lost!r}", asked.key) from lost

    async def _try(
        self, asked: Asked[T], timeout_s: float
    ) -> tuple[httpx.Response, None] | tuple[None, httpx.TransportError]:
        try:
            answer = await self._http.request(
                asked.method,
                self._url + asked.path,
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
