"""Caselog for code that waits: every method asks, tries again where that is safe, and answers a typed value."""

# ruff: noqa: A002 - type is the contract's word

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
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


class Caselog:
    """A Caselog at ``url``, called with ``key``. Any thread may use it.

    Every method raises ProblemError when the service refuses, Unreachable when no answer came within ``patience``, and
    Unreadable when what answered is no Caselog. ``http``: a client of yours to send with; it is not closed here.
    """

    def __init__(
        self, url: str, key: str, *, patience: Patience | None = None, http: httpx.Client | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": f"caselog-client/{asking.VERSION}"}
        self._patience = patience or Patience()
        self._ours = http is None
        self._http = http or httpx.Client()
        self._chance = SystemRandom()

    def __enter__(self) -> Caselog:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they are yours."""
        if self._ours:
            self._http.close()

    def file(self, complaint: Complaint | Mapping[str, Any], *, idempotency_key: str | None = None) -> Case:
        """File a complaint. The same key and complaint give the same case, for ever.

        Raises Invalid, NotEligible (too late, or not for such an order), AlreadyOpen, IdReused, Forbidden.
        """
        return self._ask(asking.file(complaint, idempotency_key))

    def post(
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
        return self._ask(asked)

    def batch(self, items: Sequence[Item], *, dry_run: bool = False) -> tuple[Result, ...]:
        """File and post up to 1,000 at once; what became of each, in order. One that is refused harms no other.

        Items of one case are judged in their order. Nothing is raised for an item: ``problem`` has what a single
        request would have raised. Raises ValueError (too many), Invalid, TooLarge, Forbidden.
        """
        return self._ask(asking.batch(items, dry_run=dry_run))

    def case(
        self, case_id: Id, *, version: int | None = None, at: datetime | None = None, explain: bool = False
    ) -> Case:
        """The case as it is, or as it was at a version or instant; ``explain`` adds ``blocked_events``.

        Raises NotFound, Invalid, Forbidden.
        """
        return self._ask(asking.case(case_id, version, at, explain))

    def events(self, case_id: Id) -> tuple[Event, ...]:
        """The case's whole history, the oldest first. Raises NotFound, Forbidden."""
        return tuple(self._pages(asking.events(case_id)))

    def timeline(self, case_id: Id) -> Timeline:
        """The case in words, Chinese and English. Raises NotFound, Forbidden."""
        return self._ask(asking.timeline(case_id))

    def dossier(self, case_id: Id, *, format: str = "json") -> bytes:
        """The whole case in one file, as it is sent: ``json`` for machines, ``html`` for people.

        Raises NotFound, Invalid (another format), Forbidden.
        """
        return self._ask(asking.dossier(case_id, format))

    def cases(self, **filters: object) -> Iterator[CaseItem]:
        """Every case that passes the filters of ``GET /v1/cases``, asked for page by page as they are consumed.

        ``limit`` is the size of a page. Raises Invalid (a filter the service does not know), Forbidden.
        """
        return self._pages(asking.cases(filters))

    def feed(self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100) -> Iterator[FeedEvent]:
        """Every event of every case that there is for this key, in the order of the feed, up to its end as it is now.

        Go on later with the ``position`` of the last one. ``types``: only these; ``limit``: the size of a page.
        Raises Invalid (a position that was never given: the service's database was set back), Forbidden.
        """
        while True:
            page = self._ask(asking.feed(after, types, limit))
            yield from page.items
            if page.next == after:
                return
            after = page.next

    def follow(self, *, after: int | None = 0, types: Sequence[str] = ()) -> Iterator[FeedEvent]:
        """The same, and then each event as it comes, without end; when the line is lost it goes on where it was.

        ``after``: None for only what is still to come. Raises as ``feed`` does; Unreachable when the service is away
        for longer than ``patience``. Each event comes once while this runs; keep ``position`` to go on another day.
        """
        following = Following(after, types)
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = None, None
            try:
                with self._stream(following, trying.timeout_s(time.monotonic())) as answer:
                    if not answer.is_success:
                        answer.read()
                    for piece in answer.iter_bytes():
                        if answer.is_success:
                            trying = Trying(self._patience, time.monotonic())
                            yield from following.took(piece)
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                raise
            except httpx.TransportError as fault:
                lost = fault
            refused = answer if answer is not None and not answer.is_success else None
            pause = trying.pause_s(refused, time.monotonic(), self._chance.random())
            if pause is None:
                raise problem_of(refused) if refused else Unreachable(f"no answer from {self._url}: {lost!r}", None)
            time.sleep(max(pause, AGAIN_S) if answer is not None else pause)

    def policies(self) -> tuple[PolicyItem, ...]:
        """Every policy that is kept. Raises Forbidden."""
        return tuple(self._pages(asking.policies()))

    def policy(self, name: str, version: str) -> Policy:
        """One version of a policy. Raises NotFound, Forbidden."""
        return self._ask(asking.policy(name, version))

    def create_clock(self, at: datetime) -> TestClock:
        """Make a test clock that stands at ``at``; outside production only. A lost answer leaves a spare one behind.

        Raises Forbidden, Invalid, NotFound (there are none in production).
        """
        return self._ask(asking.create_clock(at))

    def clock(self, clock_id: Id) -> TestClock:
        """A test clock. Raises NotFound."""
        return self._ask(asking.clock(clock_id))

    def advance(self, clock_id: Id, *, to: datetime | None = None, by: timedelta | None = None) -> TestClock:
        """Move a test clock forward, to an instant or by a while; the schedulers then fire what is due.

        ``by`` counts from where the clock stands now. Raises Invalid (backwards, too far), NotFound, Forbidden.
        """
        if (to is None) == (by is None):
            raise ValueError("advance to an instant or by a while: one of them")
        stands = self.clock(clock_id) if to is None else None
        return self._ask(asking.advance(clock_id, asking.destination(stands, to, by)))

    def wait_until_ready(self, clock_id: Id, *, within_s: float = 30.0) -> TestClock:
        """Wait until everything due at the clock's instant has fired. Raises StillAdvancing after ``within_s``."""
        ends = time.monotonic() + within_s
        while True:
            stands = self.clock(clock_id)
            if stands.status == "ready":
                return stands
            if time.monotonic() + POLL_S > ends:
                raise StillAdvancing(f"the test clock is not ready after {within_s:g} s: is a scheduler running?")
            time.sleep(POLL_S)

    def _stream(self, following: Following, timeout_s: float) -> AbstractContextManager[httpx.Response]:
        return self._http.stream(
            "GET",
            self._url + PATH,
            params=following.begin(),
            headers=self._headers,
            timeout=httpx.Timeout(timeout_s, read=SILENCE_S),
        )

    def _pages(self, pages: Pages[V]) -> Iterator[V]:
        while pages.asked is not None:
            yield from pages.took(self._ask(pages.asked))

    def _ask(self, asked: Asked[T]) -> T:
        trying = Trying(self._patience, time.monotonic())
        while True:
            answer, lost = self._try(asked, trying.timeout_s(time.monotonic()))
            pause = trying.pause_s(answer, time.monotonic(), self._chance.random())
            if pause is not None:
                time.sleep(pause)
            elif answer is not None:
                return asked.read(answer)
            else:
                raise Unreachable(f"no answer from {self._url}: {lost!r}", asked.key) from lost

    def _try(
        self, asked: Asked[T], timeout_s: float
    ) -> tuple[httpx.Response, None] | tuple[None, httpx.TransportError]:
        try:
            answer = self._http.request(
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
