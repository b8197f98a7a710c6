"""The request's headers: any of them, and those that steer a step: Idempotency-Key, If-Match, the trace it is of."""

from __future__ import annotations

import random
import re
from uuid import UUID, uuid5

from starlette.requests import Request

from case_api.refusals.problems import Refused
from case_events.core.values import Problem
from case_events.ledger.identifiers import uuid7
from case_events.ledger.steps import CLIENTS

KEY_MAX = 255
REUSED = Problem(code="id_reused", detail="This key was used before, with another body.")
VERSION_DIGITS_MAX = 15
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE = re.compile(r"[\x21\x23-\x7e][\x20-\x7e]*")
_ETAG = re.compile(rf'"(0|[1-9][0-9]{{0,{VERSION_DIGITS_MAX - 1}}})"')
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def header(request: Request, name: bytes, absent: str = "") -> str:
    """What the first header of this name (in lower case) says; without one, ``absent``."""
    for one, value in request.scope["headers"]:
        if one == name:
            return str(value, "latin-1")
    return absent


def idempotency_key(request: Request) -> str | None:
    """The key, bare or as a quoted string of RFC 8941; both ways of writing it are the same key."""
    said = _only(request, b"idempotency-key")
    if said is None:
        return None
    key = None
    if quoted := _QUOTED.fullmatch(said):
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif _BARE.fullmatch(said):
        key = said
    if not key or len(key) > KEY_MAX:
        detail = f"Idempotency-Key is 1 to {KEY_MAX} printable ASCII characters, bare or in double quotes."
        raise Refused(Problem(code="malformed", detail=detail))
    return key


def id_by_key(client: str, what: str, key: str | None) -> UUID:
    """The key is the client's, and good for one kind of thing; without one every request makes another."""
    return uuid7() if key is None else uuid5(uuid5(CLIENTS, client), f"{what}/{key}")


def if_match(request: Request) -> int | None:
    """The version the caller has read, from a strong ETag of ours; not ``*``, not weak, not a list."""
    said = _only(request, b"if-match")
    if said is None:
        return None
    tag = _ETAG.fullmatch(said)
    if tag is None:
        detail = 'If-Match is the ETag of the case that was read, as in "7"; not *, not weak, not a list.'
        raise Refused(Problem(code="malformed", detail=detail))
    return int(tag[1])


def media_type(request: Request) -> str:
    """What the body is said to be, without parameters."""
    return header(request, b"content-type").partition(";")[0].strip().lower()


def accepts(request: Request, media: str) -> bool:
    """Does ``Accept`` ask for this very media type?"""
    said = ",".join(request.headers.getlist("accept"))
    return any(one.partition(";")[0].strip().lower() == media for one in said.split(","))


def prefers_minimal(request: Request) -> bool:
    """Does ``Prefer: return=minimal`` (RFC 7240) ask for no more than what became of it?"""
    said = ",".join(request.headers.getlist("prefer"))
    return any(one.replace(" ", "").lower() == "return=minimal" for one in said.split(","))


def trace_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The trace id of a valid ``traceparent`` (W3C Trace Context), else a random one."""
    for name, value in headers:
        if name == b"traceparent":
            parent = _TRACEPARENT.fullmatch(value.decode("latin-1"))
            if parent is not None:
                return parent[1]
    return f"{random.getrandbits(128):032x}"  # nobody has to be unable to guess it


def _only(request: Request, name: bytes) -> str | None:
    said = [value for one, value in request.scope["headers"] if one == name]
    if len(said) > 1:
        raise Refused(Problem(code="malformed", detail=f"{name.decode()} was sent {len(said)} times."))
    return str(said[0], "latin-1").strip() if said else None
