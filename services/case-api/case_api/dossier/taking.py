"""Taking a dossier away, by the API and in the console alike: a file that is its reader's, and that no browser runs."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from case_api.door import Door
from case_api.dossier.making import dossier
from case_api.dossier.page import page
from case_api.refusals.problems import Refused
from case_events.core.values import CaseId
from case_events.core.viewer import Viewer
from case_events.ledger.audit.chain import chain_of
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case
from case_events.outgoing.form import JSON, encoded
from case_events.proof.note import spelled

FORMATS = {"json": JSON, "html": "text/html; charset=utf-8"}


async def taken(door: Door, case_id: CaseId, viewer: Viewer, form: str, size: int | None = None) -> Response:
    """The case as one file in one of ``FORMATS``, proved from the checkpoint of this ``size``, or the newest.

    Raises Refused where there is none for the viewer.
    """
    reading = await read_case(door.ledger, case_id, viewer=viewer)
    if reading is None:
        raise Refused(NO_SUCH_CASE)
    chain = await chain_of(door.ledger, reading.case.case_id, reading.written, size)
    made = dossier(reading, chain, viewer, spelled(door.ledger.vault.verifying))
    body = page(made) if form == "html" else encoded(made)
    headers = {
        "ETag": f'"{made.version}"',
        "Content-Disposition": f'attachment; filename="caselog-{made.case_id}.{form}"',
        # What a party wrote stands in it: no browser runs or fetches anything for it.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(body, HTTPStatus.OK, headers, FORMATS[form])
