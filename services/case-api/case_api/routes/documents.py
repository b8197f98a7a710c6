"""The documents of the API itself, as they are also kept in docs/: OpenAPI and AsyncAPI."""

from __future__ import annotations

import asyncio
from functools import cache

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from case_api.documents import asyncapi
from case_events.outgoing.form import JSON, encoded

MAX_AGE_S = 300
"""How long a reader may keep one; it changes with the release."""
HEADERS = {"Cache-Control": f"public, max-age={MAX_AGE_S}"}


def add_to(app: FastAPI) -> None:
    """The routes of this module. They stand before FastAPI's own, which would write half a megabyte each time.

    Whoever asks first waits for one to be made; what else goes on in the process does not.
    """

    @cache
    def opened() -> bytes:
        return encoded(app.openapi())

    @cache
    def streamed() -> bytes:
        return encoded(asyncapi.document())

    async def read_openapi(_: Request) -> Response:
        """Read the OpenAPI 3.1 document."""
        return Response(await asyncio.to_thread(opened), headers=HEADERS, media_type=JSON)

    async def read_asyncapi(_: Request) -> Response:
        """Read the AsyncAPI 3.0 document."""
        return Response(await asyncio.to_thread(streamed), headers=HEADERS, media_type=JSON)

    app.router.routes[:0] = [Route("/openapi.json", read_openapi), Route("/asyncapi.json", read_asyncapi)]
