"""How anything is asked: each request as a value, and its answer read, by functions that do no I/O."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import msgspec
from msgspec import Struct

from caselog_client.problems import Unreadable, problem_of
from caselog_client.views import Page

VERSION = "0.1.0"
TOO_MANY = 429
KEY_MAX = 255
_KEY = re.compile(r"[!#-~]([ -~]*[!-~])?")
"""What a header can carry bare: no space at its ends, no quote at its beginning."""
M = TypeVar("M", bound=Callable[..., Any])
T = TypeVar("T")
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
Id = UUID | str


class Asked(Struct, Generic[T], frozen=True, kw_only=True):
    """One request; sent again, it is byte for byte the same, its key included.

    ``once``: done twice it would be two things, and it has no key; it is sent again only where it was not let in.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes | None = None
    once: bool = False

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")

    def may_be_sent_again(self, answer: httpx.Response | None) -> bool:
        return not self.once or (answer is not None and answer.status_code == TOO_MANY)


class Pages(Generic[V]):
    """A list page by page: ``asked`` is the next page to ask for, None after the last."""

    def __init__(self, path: str, of: type[V], filters: Mapping[str, object]) -> None:
        self._path, self._items = path, msgspec.json.Decoder(of)
        self._params = params_of(filters)
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
        return Asked(method="GET", path=self._path, read=read_as(Page), params=self._params)


class Reading(Protocol[V_co]):
    """A long answer being read, from ``path``; it knows where to go on when the line is lost."""

    @property
    def path(self) -> str: ...

    @property
    def can_go_on(self) -> bool: ...

    def begin(self) -> tuple[dict[str, str], dict[str, str]]: ...

    def took(self, piece: bytes) -> Iterator[V_co]: ...

    def is_whole(self) -> bool: ...


def sent(
    path: str,
    body: object,
    read: Callable[[httpx.Response], T],
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    *,
    method: str = "POST",
    once: bool = False,
) -> Asked[T]:
    """A request with a JSON body; None is a request without one."""
    said = {**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})}
    written = None if body is None else msgspec.json.encode(body, enc_hook=_plain)
    return Asked(method=method, path=path, read=read, params=params or {}, headers=said, body=written, once=once)


def got(path: str, of: type[T], said: Mapping[str, object] | None = None) -> Asked[T]:
    """A reading of one thing."""
    return Asked(method="GET", path=path, read=read_as(of), params=params_of(said or {}))


def headers_of(key: str) -> dict[str, str]:
    """What every request says of who sends it."""
    return {"Authorization": f"Bearer {key}", "User-Agent": f"caselog-client/{VERSION}"}


def keyed(given: str | None) -> dict[str, str]:
    """The header that makes asking again safe; a key is made where none was given. Raises ValueError for no key."""
    if given is not None and (len(given) > KEY_MAX or not _KEY.fullmatch(given)):
        raise ValueError(f"{given!r}: an idempotency key is 1 to {KEY_MAX} printable ASCII characters, as in reply-1")
    return {"Idempotency-Key": str(uuid4()) if given is None else given}


def segment(said: object) -> str:
    """A name in its place in a path, which it cannot leave."""
    return quote(str(said), safe="")


def said_only(**members: object) -> dict[str, object]:
    """The members that were given."""
    return {name: value for name, value in members.items() if value is not None}


def duration(said: timedelta) -> str:
    """ISO 8601, in seconds: PT86400S."""
    return f"PT{int(said.total_seconds())}S"


def told_as(build: Callable[..., object]) -> Callable[[M], M]:
    """What makes a method read as what it asks: the same name, meaning and parameters."""

    def tell(method: M) -> M:
        asked = inspect.signature(build)
        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        parameters = (itself, *asked.parameters.values())
        signature = asked.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
        vars(method).update(__signature__=signature)
        method.__name__, method.__qualname__, method.__doc__ = build.__name__, build.__qualname__, build.__doc__
        return method

    return tell


def params_of(said: Mapping[str, object]) -> dict[str, str]:
    return {name: _written(value) for name, value in said.items() if value is not None}


def read_as(of: type[V]) -> Callable[[httpx.Response], V]:
    """What reads an answer as that; it raises the problem that a refusal tells."""

    def read(answer: httpx.Response) -> V:
        if not answer.is_success:
            raise problem_of(answer)
        try:
            return msgspec.json.decode(answer.content, type=of)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Unreadable(f"{answer.status_code}, but not a {of.__name__}: {fault}") from fault

    return read


def read_bytes(answer: httpx.Response) -> bytes:
    if not answer.is_success:
        raise problem_of(answer)
    return answer.content


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
