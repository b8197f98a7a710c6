"""Evidence files: put away under their case, and given to whoever may see the evidence that names them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.evidence.store import StoredEvidence, store_of, uri_of
from case_api.giving import given, whole_history
from case_api.refusals.problems import Refused
from case_api.requests import uploads
from case_api.requests.parameters import Query, case_id_of
from case_events.core.events import History, SubjectErased
from case_events.core.values import Evidence, Problem
from case_events.core.viewer import EVERYTHING, files_open_to


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    files = "/v1/cases/{case_id}/evidence"
    app.add_api_route(files, put_evidence, methods=["POST"], openapi_extra=operation(put_evidence))
    one = f"{files}/{{sha256}}"
    app.add_api_route(one, get_evidence, methods=["GET"], openapi_extra=operation(get_evidence))


async def put_evidence(request: Request) -> Response:
    """Put a file away, and get the reference that evidence names it by."""
    door = door_of(request)
    caller = await door.caller(request, "upload")
    Query(request).check()
    case_id = case_id_of(request)
    if _erased(await whole_history(door, case_id, viewer_of(caller))):
        raise _nothing_more()
    store = store_of(request)
    async with uploads.received(request, store.bytes_max, store.media_types) as upload:
        file = await store.keep(case_id, upload.file(), upload.content)
        # Who erased a side while it was on its way has looked for files before it was there.
        if _erased(history := await whole_history(door, case_id, viewer_of(caller))):
            await store.clear(case_id, files_open_to(history, EVERYTHING))
            raise _nothing_more()
        where = uri_of(case_id, file.sha256)
        evidence = Evidence(kind=upload.kind(), uri=where, sha256=file.sha256, visibility=upload.visibility())
    return created(StoredEvidence(evidence=evidence, size=file.size, media_type=file.media_type), where)


async def get_evidence(request: Request) -> Response:
    """Read a file that evidence in the case names, where the evidence that named it first is for the caller."""
    door = door_of(request)
    caller = await door.caller(request, "read")
    Query(request).check()
    case_id, sha256, viewer = case_id_of(request), str(request.path_params["sha256"]), viewer_of(caller)
    return await given(request, case_id, sha256, viewer)


def _erased(history: History) -> bool:
    return any(isinstance(one.event, SubjectErased) for one in history)


def _nothing_more() -> Refused:
    detail = "A side of this case was erased: no more files are put away under it."
    return Refused(Problem(code="not_allowed_now", detail=detail))
