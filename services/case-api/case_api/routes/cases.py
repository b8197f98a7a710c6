"""Cases: filing, what happens next, and reading them as they are or were."""

from __future__ import annotations

from typing import get_args

from fastapi import FastAPI
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from case_api import bodies, problems
from case_api.answers import recorded, shown
from case_api.auth import acting, check_may_post
from case_api.door import Door, door_of
from case_api.headers import idempotency_key, if_match
from case_api.openapi import operation
from case_api.parameters import LIMIT_DEFAULT, LIMIT_MAX, Query, case_id_of, cursor
from case_api.problems import Refused
from case_api.views import CasePage, EventPage, StepView, case_item, case_view, event_view
from case_events.core.case import Status
from case_events.core.gates import allowed_events
from case_events.core.plan import Step
from case_events.core.timeline import timeline
from case_events.core.values import Fault, Party, Problem
from case_events.ledger.keys import Caller
from case_events.ledger.queries import Reading, list_cases, read_case
from case_events.ledger.steps import Asking, submit

JUDGING = ("ruled", "settled")
"""Events that judge what was read: they need If-Match (428 without)."""
EXPLAINED = ("not_allowed_now", "deadline_passed", "not_yet")
"""Refusals that say what could be posted instead."""
VERSION_MAX = 10**9


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/cases", file_case, methods=["POST"], openapi_extra=operation(file_case))
    app.add_api_route("/v1/cases", find_cases, methods=["GET"], openapi_extra=operation(find_cases))
    app.add_api_route("/v1/cases/{case_id}", get_case, methods=["GET"], openapi_extra=operation(get_case))
    events = "/v1/cases/{case_id}/events"
    app.add_api_route(events, post_event, methods=["POST"], openapi_extra=operation(post_event))
    app.add_api_route(events, get_events, methods=["GET"], openapi_extra=operation(get_events))
    words = "/v1/cases/{case_id}/timeline"
    app.add_api_route(words, get_timeline, methods=["GET"], openapi_extra=operation(get_timeline))


async def file_case(request: Request) -> Response:
    """File a complaint."""
    door = door_of(request)
    caller = await door.caller(request, "file")
    Query(request).check()
    key, read = idempotency_key(request), if_match(request)
    body = await bodies.read(request)
    command = bodies.filing(body)
    if command.test_clock is not None and not door.sandbox:
        fault = Fault(pointer="/test_clock", detail="there are no test clocks in production")
        raise Refused(problems.invalid(fault))
    by_platform = caller.role == "platform"
    asking = Asking(
        command=command,
        actor=Party(role="platform", id=caller.name) if by_platform else command.complainant,
        client=caller.client,
        key=key,
        body=body,
        agent=caller.name if by_platform else None,
        occurred_at=command.occurred_at,
        if_match=read,
    )
    step = await submit(door.ledger, asking)
    if step.problem is not None or step.case is None:
        return await _refused(request, door, step)
    view = case_view(step.case, await door.rules_of(step.case))
    return recorded(view, step.case_id, step.case.version, replayed=step.replayed)


async def post_event(request: Request) -> Response:
    """Post what happened next."""
    door = door_of(request)
    caller = await door.caller(request, "post")
    case_id = case_id_of(request)
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    key, read = idempotency_key(request), if_match(request)
    body = await bodies.read(request)
    happened = _happened(caller, body)
    actor, agent = acting(caller, happened.actor)
    if happened.name in JUDGING and read is None:
        detail = f"{happened.name} judges what was read: send If-Match with the ETag of the case."
        raise Refused(Problem(code="precondition_required", detail=detail))
    asking = Asking(
        command=happened.command,
        actor=actor,
        client=caller.client,
        case_id=case_id,
        key=key,
        body=body,
        agent=agent,
        occurred_at=happened.occurred_at,
        if_match=read,
    )
    step = await submit(door.ledger, asking, dry_run=dry_run)
    if step.problem is not None or step.case is None:
        return await _refused(request, door, step)
    case = case_view(step.case, await door.rules_of(step.case))
    view = StepView(events=tuple(event_view(one) for one in step.answer), case=case)
    if dry_run:
        return shown(view, step.case.version)
    return recorded(view, case_id, step.case.version, replayed=step.replayed)


async def get_case(request: Request) -> Response:
    """Read a case, as it is or as it was."""
    door = door_of(request)
    await door.caller(request, "read")
    query = Query(request, "version", "at", "explain")
    version, at = query.whole("version", 1, VERSION_MAX), query.instant("at")
    explain = query.flag("explain")
    if "version" in query and "at" in query:
        query.fault("at", "a version or an instant, not both")
    query.check()
    reading = _found(await read_case(door.ledger, case_id_of(request), version=version, at=at))
    return shown(case_view(reading.case, reading.rules, explain=explain), reading.case.version)


async def get_events(request: Request) -> Response:
    """Read a case's history, event by event."""
    door = door_of(request)
    await door.caller(request, "read")
    Query(request).check()
    reading = _found(await read_case(door.ledger, case_id_of(request)))
    items = tuple(
        event_view(one, written=one.version <= reading.written, hashes=reading.hashes.get(one.version))
        for one in reading.history
    )
    return shown(EventPage(items=items, next=None), reading.case.version)


async def get_timeline(request: Request) -> Response:
    """Read what happened in words, who is next and until when."""
    door = door_of(request)
    await door.caller(request, "read")
    Query(request).check()
    reading = _found(await read_case(door.ledger, case_id_of(request)))
    return shown(timeline(reading.history, reading.case, reading.rules), reading.case.version)


async def find_cases(request: Request) -> Response:
    """List cases, the newest first."""
    door = door_of(request)
    await door.caller(request, "read")
    query = Query(request, "status", "limit", "cursor")
    status = query.one_of("status", get_args(Status))
    limit = query.whole("limit", 1, LIMIT_MAX) or LIMIT_DEFAULT
    after = query.after("cursor")
    query.check()
    rows = await list_cases(door.ledger, status=status, limit=limit + 1, after=after)
    page, more = rows[:limit], len(rows) > limit
    ends_with = cursor(page[-1].filed_at, page[-1].case_id) if more else None
    return shown(CasePage(items=tuple(case_item(row) for row in page), next=ends_with))


def _happened(caller: Caller, body: bytes) -> bodies.Happened:
    return bodies.posting(body, lambda name: check_may_post(caller, name), needs_actor=caller.role != "platform")


def _found(reading: Reading | None) -> Reading:
    if reading is None:
        raise Refused(Problem(code="not_found", detail="There is no such case, or not at that version or instant."))
    return reading


async def _refused(request: Request, door: Door, step: Step) -> Response:
    problem = step.problem
    assert problem is not None, "a step without a problem has a case"
    if problem.code in EXPLAINED and step.case is not None:
        allowed = allowed_events(step.case, await door.rules_of(step.case))
        problem = replace(problem, allowed_events=allowed)
    return problems.answer(problem, request.scope)
