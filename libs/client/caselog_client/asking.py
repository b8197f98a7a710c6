"""What is asked, as values: each request built, and its answer read, by functions that do no I/O."""

# ruff: noqa: A002 - type is the contract's word

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import msgspec
from msgspec import Struct

from caselog_client.batching import BATCH, Item, Result, body_of
from caselog_client.problems import Unreadable, problem_of
from caselog_client.values import Complaint, Party
from caselog_client.views import (
    Case,
    CaseItem,
    Event,
    FeedPage,
    Page,
    Policy,
    PolicyItem,
    Step,
    TestClock,
    Timeline,
)

VERSION = "0.1.0"
FEED = "/v1/events"
CASES, CLOCKS, POLICIES = "/v1/cases", "/v1/test-clocks", "/v1/policies"
T = TypeVar("T")
V = TypeVar("V")
Id = UUID | str


class Asked(Struct, Generic[T], frozen=True, kw_only=True):
    """One request; sent again, it is byte for byte the same, its key included."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes | None = None

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


def file(complaint: Complaint | Mapping[str, Any], key: str | None) -> Asked[Case]:
    body = complaint if isinstance(complaint, Complaint) else dict(complaint)
    return _sent(CASES, body, _as(Case), _key(key))


def post(
    case_id: Id,
    type: str,
    data: Mapping[str, Any] | None,
    actor: Party | Mapping[str, str] | None,
    *,
    if_match: int | None,
    dry_run: bool,
    occurred_at: datetime | None,
    key: str | None,
) -> Asked[Step]:
    body: dict[str, Any] = {"type": type, "data": dict(data or {})}
    if actor is not None:
        body["actor"] = actor if isinstance(actor, Party) else dict(actor)
    if occurred_at is not None:
        body["occurred_at"] = occurred_at
    headers = _key(key)
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"'
    return _sent(f"{_case(case_id)}/events", body, _step, headers, {"dry_run": "true"} if dry_run else None)


def case(case_id: Id, version: int | None, at: datetime | None, explain: bool) -> Asked[Case]:
    return _got(_case(case_id), Case, {"version": version, "at": at, "explain": explain or None})


def batch(items: Sequence[Item], *, dry_run: bool) -> Asked[tuple[Result, ...]]:
    return _sent(BATCH, body_of(items), _as(tuple[Result, ...]), params={"dry_run": "true"} if dry_run else None)


def timeline(case_id: Id) -> Asked[Timeline]:
    return _got(f"{_case(case_id)}/timeline", Timeline)


def dossier(case_id: Id, format: str) -> Asked[bytes]:
    return Asked(method="GET", path=f"{_case(case_id)}/dossier", read=_bytes, params={"format": format})


def policy(name: str, version: str) -> Asked[Policy]:
    return _got(f"{POLICIES}/{quote(name, safe='')}@{quote(version, safe='')}", Policy)


def create_clock(at: datetime) -> Asked[TestClock]:
    return _sent(CLOCKS, {"at": at}, _as(TestClock))


def clock(clock_id: Id) -> Asked[TestClock]:
    return _got(_clock(clock_id), TestClock)


def advance(clock_id: Id, to: datetime) -> Asked[TestClock]:
    return _sent(f"{_clock(clock_id)}/advance", {"to": to}, _as(TestClock))


def destination(stands: TestClock | None, to: datetime | None, by: timedelta | None) -> datetime:
    """Where to advance: always an instant, so that sending it twice moves the clock once."""
    if to is not None:
        return to
    assert stands is not None, "a clock is read before it is moved by a while"
    assert by is not None, "to or by"
    return stands.at + by


class Pages(Generic[V]):
    """A list page by page: ``asked`` is the next page to ask for, None after the last."""

    def __init__(self, path: str, of: type[V], filters: Mapping[str, object]) -> None:
        self._path, self._items = path, msgspec.json.Decoder(of)
        self._params = _params(filters)
        self.asked: Asked[Page] | None = self._page()

    def took(self, page: Page) -> list[V]:
        """The items of a page that was answered."""
        if page.next is not None and page.next == self._params.get("cursor"):
            raise Unreadable(f"{self._path}: a page that is followed by itself")
        self._params = {**self._params, "cursor": page.next or ""}
        self.asked = self._page() if page.next else None
        try:
            return [self._items.decode(item) for item in page.items]
        except msgspec.DecodeError as fault:
            raise Unreadable(f"{self._path}: {fault}") from fault

    def _page(self) -> Asked[Page]:
        return Asked(method="GET", path=self._path, read=_as(Page), params=self._params)


def cases(filters: Mapping[str, object]) -> Pages[CaseItem]:
    return Pages(CASES, CaseItem, filters)


def events(case_id: Id) -> Pages[Event]:
    return Pages(f"{_case(case_id)}/events", Event, {})


def feed(after: int, types: Sequence[str], limit: int) -> Asked[FeedPage]:
    return _got(FEED, FeedPage, {"after": after, "types": ",".join(types) or None, "limit": limit})


def policies() -> Pages[PolicyItem]:
    return Pages(POLICIES, PolicyItem, {})


def _sent(
    path: str,
    body: object,
    read: Callable[[httpx.Response], T],
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
) -> Asked[T]:
    said = {**(headers or {}), "Content-Type": "application/json"}
    return Asked(
        method="POST",
        path=path,
        read=read,
        params=params or {},
        headers=said,
        body=msgspec.json.encode(body, enc_hook=_plain),
    )


def _got(path: str, of: type[T], said: Mapping[str, object] | None = None) -> Asked[T]:
    return Asked(method="GET", path=path, read=_as(of), params=_params(said or {}))


def _key(given: str | None) -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4()) if given is None else given}


def _case(case_id: Id) -> str:
    return f"{CASES}/{quote(str(case_id), safe='')}"


def _clock(clock_id: Id) -> str:
    return f"{CLOCKS}/{quote(str(clock_id), safe='')}"


def _params(said: Mapping[str, object]) -> dict[str, str]:
    return {name: _written(value) for name, value in said.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, datetime):  # a subclass of it, such as many libraries have
        return _written(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        # Without a zone it is sent as it is: the service refuses it in better words than we could.
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat().replace("+00:00", "Z")
    return str(value)


def _as(of: type[V]) -> Callable[[httpx.Response], V]:
    def read(answer: httpx.Response) -> V:
        if not answer.is_success:
            raise problem_of(answer)
        try:
            return msgspec.json.decode(answer.content, type=of)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Unreadable(f"{answer.status_code}, but not a {of.__name__}: {fault}") from fault

    return read


def _bytes(answer: httpx.Response) -> bytes:
    if not answer.is_success:
        raise problem_of(answer)
    return answer.content


def _step(answer: httpx.Response) -> Step:
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return msgspec.structs.replace(_as(Step)(answer), replayed=replayed)
