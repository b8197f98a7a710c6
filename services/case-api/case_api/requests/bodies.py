"""Bodies on their way in: bytes become a command, or a refusal that names everything wrong with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.requests import Request

from case_api.refusals.problems import Refused, invalid
from case_api.requests.haste import in_time
from case_api.requests.headers import header
from case_events.core.commands import POSTED, Posted
from case_events.core.values import INTEGER_MAX, Fault, Instant, Party, Problem, Value, Word
from case_events.shape import FAULTS_MAX, Misshapen, convert, escaped, shape_of

BODY_MAX = 1_000_000
"""Bytes; a filing with fifty pieces of evidence and two hundred goods stays well below."""
BODY_WAIT_S = 30
NESTING_MAX = 64
NUL = "has a NUL character"
T = TypeVar("T")
ClockName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Posting(Value, frozen=True, kw_only=True):
    """What happened next, as it is posted: the event's name, who did it, what it says."""

    type: Word
    actor: Party | None = None
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    occurred_at: Instant | None = None


class Happened(Value, frozen=True, kw_only=True):
    """A posting understood: the command it asks for."""

    name: str
    command: Posted
    actor: Party | None
    occurred_at: Instant | None


class NewTestClock(Value, frozen=True, kw_only=True):
    """A test clock to be made, where it stands, and what people call it."""

    at: Instant
    name: ClockName | None = None


class ClockAdvance(Value, frozen=True, kw_only=True):
    """Where a test clock is to go: ``to`` an instant, or ``by`` a duration (ISO 8601, days and shorter)."""

    to: Instant | None = None
    by: timedelta | None = None


class _Head(Value, frozen=True, kw_only=True):
    """``Posting`` with the data left unread until its type is known."""

    type: Word
    actor: Party | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    occurred_at: Instant | None = None


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NUL = b"\\u0000"


async def read(request: Request, most: int = BODY_MAX, media: tuple[str, ...] = ("application/json",)) -> bytes:
    """The body as it came. Refused: not of ``media`` (415), more than ``most`` bytes (413), too slow (408)."""
    check_label(request, media)
    declared = header(request, b"content-length")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > most:
        raise _too_large(most)
    try:
        return await in_time(_whole(request, most), BODY_WAIT_S)
    except TimeoutError:
        detail = f"The body did not arrive within {BODY_WAIT_S} s."
        raise Refused(Problem(code="request_timeout", detail=detail)) from None


async def _whole(request: Request, most: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


def understood(body: bytes, wanted: type[T]) -> T:
    """``body`` as a ``wanted``, fast if it is right; if not, every fault is named."""
    if _NUL not in body:
        try:
            return shape_of(wanted).decode(body)
        except _UNREADABLE:
            pass
    value, faults = plain(body)
    found, misshapen = _converted(value, wanted, "")
    if found is None or faults:
        raise _refused(faults + misshapen)
    return found


def advance(body: bytes) -> ClockAdvance:
    """Where to move a test clock; exactly one of its two ways is said."""
    wanted = understood(body, ClockAdvance)
    if (wanted.to is None) == (wanted.by is None):
        detail = "say either to, an instant, or by, a duration like PT72H"
        raise _refused([Fault(pointer="/to", detail=detail), Fault(pointer="/by", detail=detail)])
    return wanted


def posting(body: bytes, may_post: Callable[[str], None], *, needs_actor: bool) -> Happened:
    """What ``body`` says happened. ``may_post`` raises for an event that is not the caller's to post."""
    try:
        head = shape_of(_Head).decode(body)
        may_post(head.type)
        if _NUL not in body and not (needs_actor and head.actor is None):
            command = shape_of(POSTED[head.type]).decode(head.data)
            return Happened(name=head.type, command=command, actor=head.actor, occurred_at=head.occurred_at)
    except (*_UNREADABLE, KeyError):
        pass  # something is wrong with it: it is read again, slowly, to name everything
    return _posting_slowly(body, may_post, needs_actor=needs_actor)


def _posting_slowly(body: bytes, may_post: Callable[[str], None], *, needs_actor: bool) -> Happened:
    value, faults = plain(body)
    name = value.get("type") if isinstance(value, dict) else None
    if isinstance(name, str):
        may_post(name)
    head, misshapen = _converted(value, Posting, "")
    faults += misshapen
    if needs_actor and isinstance(value, dict) and value.get("actor") is None:
        faults = [fault for fault in faults if fault.pointer != "/actor"] + [Fault(pointer="/actor", detail="missing")]
    command = None
    if isinstance(name, str) and name not in POSTED:
        faults.append(Fault(pointer="/type", detail=f"one of {', '.join(POSTED)}"))
    elif isinstance(name, str) and isinstance(value.get("data", {}), dict):
        command, misshapen = _converted(value.get("data", {}), POSTED[name], "/data")
        faults += misshapen
    if head is None or command is None or faults:
        raise _refused(faults)
    return Happened(name=head.type, command=command, actor=head.actor, occurred_at=head.occurred_at)


def plain(body: bytes) -> tuple[Any, list[Fault]]:
    """The JSON data in ``body``, and where it has NUL characters, which Postgres cannot keep."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError:
        raise _malformed("A number in the body is too large.") from None
    except RecursionError:
        raise _malformed(f"The body is nested deeper than {NESTING_MAX}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _malformed("The body is not JSON in UTF-8 (RFC 8259).") from None
    return value, _examined(value)


def _examined(value: Any) -> list[Fault]:
    """Faults that no shape can say. A trail is (outer trail, step), written out only where something is wrong."""
    faults: list[Fault] = []
    left: list[tuple[Any, Any, int]] = [(value, None, 0)]
    while left:
        one, trail, depth = left.pop()
        if isinstance(one, str):
            if "\0" in one and len(faults) < FAULTS_MAX:
                faults.append(Fault(pointer=_pointer(trail), detail=NUL))
        elif isinstance(one, int):
            if abs(one) > INTEGER_MAX:
                raise _malformed(f"The number at {_pointer(trail)} is larger than {INTEGER_MAX}.")
        elif isinstance(one, dict | list):
            if depth > NESTING_MAX:
                raise _malformed(f"The body is nested deeper than {NESTING_MAX}.")
            steps = one.items() if isinstance(one, dict) else enumerate(one)
            left.extend((inner, (trail, step), depth + 1) for step, inner in steps)
            if isinstance(one, dict):
                nul = (Fault(pointer=_pointer((trail, step)), detail=NUL) for step in one if "\0" in step)
                faults.extend(itertools.islice(nul, FAULTS_MAX - len(faults)))
    return faults


def _pointer(trail: Any) -> str:
    steps: list[str] = []
    while trail is not None:
        trail, step = trail
        steps.append(escaped(str(step)))
    return "".join(f"/{step}" for step in reversed(steps))


def _converted(value: Any, wanted: type[T], at: str) -> tuple[T | None, list[Fault]]:
    try:
        return convert(value, wanted, at), []
    except Misshapen as misshapen:
        return None, list(misshapen.faults)


def check_label(request: Request, known: tuple[str, ...]) -> None:
    """Refuse a body that is not of these media, compressed, or in another charset (415)."""
    media, _, parameters = header(request, b"content-type").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    plain = header(request, b"content-encoding", "identity").strip().lower() == "identity"
    if media.strip().lower() not in known or charset not in ("", "charset=utf-8") or not plain:
        detail = f"Send {' or '.join(known)} in UTF-8, not compressed."
        raise Refused(Problem(code="unsupported_media_type", detail=detail))


def _refused(faults: list[Fault]) -> Refused:
    return Refused(invalid(*faults))


def _malformed(detail: str) -> Refused:
    return Refused(Problem(code="malformed", detail=detail))


def _too_large(most: int) -> Refused:
    return Refused(Problem(code="too_large", detail=f"A body has at most {most} bytes."))
