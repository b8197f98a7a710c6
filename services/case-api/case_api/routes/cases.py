"""Cases: filing, and what happens next."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import recorded, shown
from case_api.asking import asking_to_file, asking_to_post, check_exists, files_erased, step_view, why_refused
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals import problems
from case_api.requests import bodies
from case_api.requests.headers import idempotency_key, if_match
from case_api.requests.parameters import Query, case_id_of
from case_events.ledger.steps import submit


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/cases", file_case, methods=["POST"], openapi_extra=operation(file_case))
    events = "/v1/cases/{case_id}/events"
    app.add_api_route(events, post_event, methods=["POST"], openapi_extra=operation(post_event))


async def file_case(request: Request) -> Response:
    """File a complaint."""
    door = door_of(request)
    caller = await door.caller(request, "file")
    Query(request).check()
    key, read = idempotency_key(request), if_match(request)
    body = await bodies.read(request)
    step = await submit(door.ledger, asking_to_file(door, caller, body, key, read))
    if step.problem is not None or step.case is None:
        return problems.answer(await why_refused(door, viewer_of(caller), step), request.scope)
    view = (await step_view(door, caller, step)).case
    return recorded(view, step.case_id, step.case.version, replayed=step.replayed)


async def post_event(request: Request) -> Response:
    """Post what happened next."""
    door = door_of(request)
    caller = await door.caller(request, "post")
    case_id = case_id_of(request)
    await check_exists(door, caller, case_id)
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    key, read = idempotency_key(request), if_match(request)
    body = await bodies.read(request)
    step = await submit(door.ledger, asking_to_post(caller, case_id, body, key, read), dry_run=dry_run)
    if not dry_run:
        await files_erased(door, step)
    if step.problem is not None or step.case is None:
        return problems.answer(await why_refused(door, viewer_of(caller), step), request.scope)
    view = await step_view(door, caller, step)
    if dry_run:
        return shown(view, step.case.version)
    return recorded(view, case_id, step.case.version, replayed=step.replayed)
