"""Refusals as application/problem+json (RFC 9457): the one place where a code becomes an HTTP status (kinds.py)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import Scope

from case_api.refusals.kinds import KINDS
from case_events.core.values import AllowedEvent, Fault, Instant, Problem, Text
from case_events.outgoing.form import encoded
from case_events.shape import FAULTS_MAX

PROBLEM_JSON = "application/problem+json"
IN_A_PATH = "/:@!$&'()*+,;="
"""What stands in a path as it is (RFC 3986, section 3.3); ``instance`` is a reference, not what was decoded."""
RETRY_AFTER_S = 2
"""When to come back where waiting helps, unless whoever refuses knows better and says so in the headers."""


class Refused(Exception):
    """Raised anywhere on a request's way to answer it with a problem. ``headers``: what its code does not say."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.headers = headers


class ProblemView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal as it is sent; members that do not apply are absent."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    trace_id: str | None = None
    rule: str | None = None
    clause: Text | None = None
    due_at: Instant | None = None
    opens_at: Instant | None = None
    closed_at: Instant | None = None
    current_version: int | None = None
    location: str | None = None
    allowed_events: tuple[AllowedEvent, ...] | None = None
    errors: tuple[Fault, ...] = ()
    missed: tuple[dict[str, Any], ...] | None = None


def view(problem: Problem, instance: str | None = None, trace_id: str | None = None) -> ProblemView:
    """The problem with what its code says about it."""
    kind = KINDS[problem.code]
    return ProblemView(
        type=f"/problems/{problem.code}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        code=problem.code,
        instance=instance,
        trace_id=trace_id,
        rule=problem.rule,
        clause=problem.clause,
        due_at=problem.due_at,
        opens_at=problem.opens_at,
        closed_at=problem.closed_at,
        current_version=problem.current_version,
        location=problem.location,
        allowed_events=problem.allowed_events,
        errors=problem.errors,
        missed=problem.missed,
    )


def answer(problem: Problem, scope: Scope, headers: dict[str, str] | None = None) -> Response:
    """The refusal as a response, with the headers its code asks for."""
    body = view(problem, quote(scope["path"], safe=IN_A_PATH), scope["trace_id"])
    said = dict(headers or {})
    scope["problem"] = problem.code
    if KINDS[problem.code].waiting_helps:
        said.setdefault("Retry-After", str(RETRY_AFTER_S))
    match problem.code:
        case "unauthenticated":
            said["WWW-Authenticate"] = 'Bearer realm="caselog"'
        case "already_open" if problem.location is not None:
            said["Location"] = problem.location
        case "stale" if problem.current_version is not None:
            said["ETag"] = f'"{problem.current_version}"'
        case _:
            pass
    return Response(encoded(body), body.status, said, PROBLEM_JSON)


def invalid(*faults: Fault) -> Problem:
    """What was asked has these faults, all of them named, or the first of very many."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Problem(code="invalid", detail=f"{count} in what was sent.", errors=faults[:FAULTS_MAX])


def for_status(status: int) -> Problem:
    """The problem of an HTTP fault that the framework finds by itself."""
    match status:
        case HTTPStatus.NOT_FOUND:
            return Problem(code="not_found", detail="There is nothing here.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return Problem(code="method_not_allowed", detail="This cannot be done with what is here.")
        case _:
            return Problem(code="malformed", detail="The request could not be read.")
