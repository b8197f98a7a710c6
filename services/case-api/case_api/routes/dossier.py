"""The dossier of a case, for people (HTML) and machines (JSON), to be handed to somebody outside (domain P5)."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.dossier.taking import FORMATS, taken
from case_api.requests.parameters import Query, case_id_of


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
    return await taken(door, case_id_of(request), viewer, form)
