"""Giving a file to whoever may see the evidence that named it first, by the API and in the console alike."""

from __future__ import annotations

import base64
import mimetypes
import re
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from case_api.door import Door, door_of
from case_api.evidence.store import Altered, store_of
from case_api.refusals.problems import Refused
from case_events.core.events import History
from case_events.core.values import CaseId, Problem
from case_events.core.viewer import Viewer, files_open_to, seen
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case

log = structlog.get_logger("case_api.evidence")

_SHA256 = re.compile(r"[0-9a-f]{64}")


async def given(request: Request, case_id: CaseId, sha256: str, viewer: Viewer) -> Response:
    """The file with this digest, as it was sent. Raises Refused where there is none for the viewer."""
    history = await whole_history(door_of(request), case_id, viewer)
    if not _SHA256.fullmatch(sha256) or sha256 not in files_open_to(history, viewer):
        raise _not_found("No evidence in this case names such a file.")
    store = store_of(request)
    file = await store.find(case_id, sha256)
    if file is None:
        raise _not_found("The evidence lies elsewhere: its file was not uploaded here.")
    name = f"{sha256}{mimetypes.guess_extension(file.media_type) or ''}"
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{name}"',
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


async def whole_history(door: Door, case_id: CaseId, viewer: Viewer) -> History:
    """All of it, of a case that is there for the viewer. Raises Refused for any other."""
    reading = await read_case(door.ledger, case_id)
    if reading is None or not seen(reading.history, viewer):
        raise Refused(NO_SUCH_CASE)
    return reading.history


def _not_found(detail: str) -> Refused:
    return Refused(Problem(code="not_found", detail=detail))
