"""The dossier of a case, for people (HTML) and machines (JSON), to be handed to somebody outside (domain P5)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.dossier.making import dossier
from case_api.dossier.page import page
from case_api.refusals.problems import Refused
from case_api.requests.parameters import Query, case_id_of
from case_events.ledger.audit.chain import links_of
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case
from case_events.outgoing.form import JSON, encoded

FORMATS = {"json": JSON, "html": "text/html; charset=utf-8"}


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    one = "/v1/cases/{case_id}/dossier"
    app.add_api_route(one, get_dossier, methods=["GET"], openapi_extra=operation(get_dossier))


async def get_dossier(request: Request) -> Response:
    """Take a case away as one file: history, evidence list, rulings, and the chain that proves them."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, "format")
    form = query.one_of("format", tuple(FORMATS)) or "json"
    query.check()
    reading = await read_case(door.ledger, case_id_of(request), viewer=viewer)
    if reading is None:
        raise Refused(NO_SUCH_CASE)
    made = dossier(reading, await links_of(door.ledger, reading.case.case_id, reading.written), viewer)
    body = page(made) if form == "html" else encoded(made)
    headers = {
        "ETag": f'"{made.version}"',
        "Content-Disposition": f'attachment; filename="caselog-{made.case_id}.{form}"',
        # What a party wrote stands in it: no browser runs or fetches anything for it.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(body, HTTPStatus.OK, headers, FORMATS[form])
