"""What can be said about an endpoint in the OpenAPI document: its parameters, its answers, its refusals."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from case_api.requests.parameters import LIMIT_DEFAULT, LIMIT_MAX
from case_events.core.values import Value
from case_events.outgoing.form import JSON


class Parameter(Value, frozen=True, kw_only=True):
    """A query parameter or a request header."""

    name: str
    place: Literal["query", "header"]
    means: str
    schema: dict[str, Any]


class Answer(Value, frozen=True, kw_only=True):
    """What is answered when nothing is refused."""

    means: str
    schema: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    media: str = JSON
    other_media: tuple[str, ...] = ()


class Operation(Value, frozen=True, kw_only=True):
    """One endpoint: what it takes, answers and refuses. ``other_bodies``: more media of a body, with their schemas."""

    tag: str
    answers: dict[int, Answer]
    refusals: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    body_media: str = JSON
    other_body_media: tuple[str, ...] = ()
    other_bodies: dict[str, str] = msgspec.field(default_factory=dict)
    public: bool = False


def query(name: str, means: str, **schema: Any) -> Parameter:
    """A query parameter with this schema."""
    return Parameter(name=name, place="query", means=means, schema=schema)


LIMIT = query("limit", "How many a page has.", type="integer", minimum=1, maximum=LIMIT_MAX, default=LIMIT_DEFAULT)
CURSOR = query("cursor", "Where the last page ended: its next.", type="string")

CALLED = ("unauthenticated", "forbidden", "issuer_unavailable", "unavailable", "too_many_requests", "rate_limited")
WRITTEN = (*CALLED, "malformed", "request_timeout", "too_large", "unsupported_media_type", "invalid")
READ = (*CALLED, "invalid")
"""What any call, one with a body, and one with parameters may be refused for."""
