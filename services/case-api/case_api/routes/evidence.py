"""Evidence files: put away under their case, and given to whoever may see the evidence that names them."""

from __future__ import annotations

import base64
import re
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from case_api.answers import created
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.evidence.store import Altered, StoredEvidence, store_of, uri_of
from case_api.refusals.problems import Refused
from case_api.requests import uploads
from case_api.requests.parameters import Query, case_id_of
from case_events.core.events import History, SubjectErased
from case_events.core.values import CaseId, Evidence, Problem
from case_events.core.viewer import EVERYTHING, Viewer, files_open_to, seen
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case

log = structlog.get_logger("case_api.evidence")

_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    if _erased(await _history(door, case_id, viewer_of(caller))):
        raise _nothing_more()
    store = store_of(request)
    async with uploads.received(request, store.bytes_max, store.media_types) as upload:
        file = await store.keep(case_id, upload.file(), upload.content)
        # Who erased a side while it was on its way has looked for files before it was there.
        if _erased(history := await _history(door, case_id, viewer_of(caller))):
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
    history = await _history(door, case_id, viewer)
    if not _SHA256.fullmatch(sha256) or sha256 not in files_open_to(history, viewer):
        raise _not_found("No evidence in this case names such a file.")
    store = store_of(request)
    file = await store.find(case_id, sha256)
    if file is None:
        raise _not_found("The evidence lies elsewhere: its file was not uploaded here.")
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{sha256}"',
        # What a party sent is shown by no browser as a page of ours.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "ETag": f'"{sha256}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
    }
    try:
        content = await store.content(case_id, file)
    except Altered as fault:
        log.exception("evidence_file_altered", file=str(fault))
        raise Refused(Problem(code="file_altered", detail="The file is not the one that was brought.")) from None
    answer = StreamingResponse(content, HTTPStatus.OK, headers)
    answer.headers["Content-Type"] = file.media_type  # as it is: no charset is added to what was sent
    return answer


async def _history(door: Door, case_id: CaseId, viewer: Viewer) -> History:
    """All of it, of a case that is there for the viewer."""
    reading = await read_case(door.ledger, case_id)
    if reading is None or not seen(reading.history, viewer):
        raise Refused(NO_SUCH_CASE)
    return reading.history


def _erased(history: History) -> bool:
    return any(isinstance(one.event, SubjectErased) for one in history)


def _nothing_more() -> Refused:
    detail = "A side of this case was erased: no more files are put away under it."
    return Refused(Problem(code="not_allowed_now", detail=detail))


def _not_found(detail: str) -> Refused:
    return Refused(Problem(code="not_found", detail=detail))
