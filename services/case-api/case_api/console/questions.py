"""What a page is asked in its address, as a browser sends it: fields left empty, and times without a zone."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request

from case_events.core.values import CHINA


def filled_in(request: Request, *instants: str) -> Request:
    """The request without the fields of its form that were left empty, and without spaces around what was pasted.

    ``instants`` that say no zone are in China time.
    """
    said = [(name, value.strip()) for name, value in request.query_params.multi_items()]
    pairs = [(name, _in_china(value) if name in instants else value) for name, value in said if value]
    return Request({**request.scope, "query_string": urlencode(pairs).encode()})


def _in_china(said: str) -> str:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return said
    return said if at.tzinfo else at.replace(tzinfo=CHINA).isoformat()
