"""Cloud events: a filing or a step from somebody who speaks CloudEvents, one at a time; many come as a batch."""

from __future__ import annotations

from fastapi import FastAPI
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import recorded, shown
from case_api.asking import files_erased, step_view, why_refused
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.ingestion.cloudevents import STRUCTURED, Said, asking_of, binary, structured
from case_api.refusals import problems
from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_api.requests.headers import idempotency_key, if_match, media_type
from case_api.requests.parameters import Query
from case_events.core.values import Problem
from case_events.ledger.steps import submit
from case_events.outgoing.form import JSON


def add_to(app: FastAPI) -> None:
    """The route of this module."""
    app.add_api_route("/v1/events", post_cloud_event, methods=["POST"], openapi_extra=operation(post_cloud_event))


async def post_cloud_event(request: Request) -> Response:
    """File a complaint, or post what happened next, as a CloudEvent."""
    door = door_of(request)
    caller = await door.caller(request, "post")
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    said = await _said(request)
    step = await submit(door.ledger, await asking_of(door, caller, said), dry_run=dry_run)
    if not dry_run:
        await files_erased(door, step)
    if step.problem is not None or step.case is None:
        return problems.answer(await why_refused(door, viewer_of(caller), step), request.scope)
    view = await step_view(door, caller, step)
    answer = view.case if said.filing else view
    if dry_run:
        return shown(answer, step.case.version)
    return recorded(answer, step.case_id, step.case.version, replayed=step.replayed)


async def _said(request: Request) -> Said:
    """The event, in either mode. Its own attributes say what a plain POST says in headers."""
    read = if_match(request)
    if idempotency_key(request) is not None:
        detail = "The key of a CloudEvent is its source and its id: send no Idempotency-Key."
        raise Refused(Problem(code="malformed", detail=detail))
    body = await bodies.read(request, media=(STRUCTURED, JSON))
    said = structured(body) if media_type(request) == STRUCTURED else binary(request.scope["headers"], body)
    if read is None:
        return said
    if said.read not in (None, read):
        raise Refused(Problem(code="malformed", detail="If-Match and ifmatch name different versions."))
    return replace(said, read=read)
