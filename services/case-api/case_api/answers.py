"""What leaves the door when nothing was refused: JSON bytes with the headers every answer of its kind has."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from case_events.core.canonical import id_text
from case_events.outgoing.form import JSON, encoded

NDJSON = "application/x-ndjson"
Header = tuple[bytes, bytes]
REPLAYED: Header = (b"idempotency-replayed", b"true")
LABEL: Header = (b"content-type", JSON.encode())


class _Json(Response):
    """JSON under headers as they are sent: Starlette's own looks each over and spells it out anew for every answer."""

    def __init__(self, value: object, status: HTTPStatus, *headers: Header) -> None:
        self.status_code, self.body, self.background = status, encoded(value), None
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(self.body)), LABEL]


def shown(value: object, version: int | None = None) -> Response:
    """What was asked for; with an ETag where it is a case at a version."""
    return _Json(value, HTTPStatus.OK, *(() if version is None else (_etag(version),)))


def created(value: object, location: str, *, replayed: bool = False) -> Response:
    """Something that exists from now on, or (``replayed``) since the same was asked before."""
    return _Json(value, HTTPStatus.CREATED, _at(location), *((REPLAYED,) if replayed else ()))


def accepted(value: object, location: str, *, replayed: bool = False) -> Response:
    """Something that was asked for and will be done, and where to see how far it is."""
    return _Json(value, HTTPStatus.ACCEPTED, _at(location), *((REPLAYED,) if replayed else ()))


def many(results: list[bytes], *, lines: bool, brief: bool) -> Response:
    """What became of each of many, in order: as a list, or as lines; ``brief`` where only that was preferred."""
    said = b"".join(one + b"\n" for one in results) if lines else b"[" + b",".join(results) + b"]"
    headers = {"Preference-Applied": "return=minimal"} if brief else None
    return Response(said, HTTPStatus.MULTI_STATUS, headers, media_type=NDJSON if lines else JSON)


def recorded(value: object, case_id: UUID, version: int, *, replayed: bool) -> Response:
    """A step that was recorded, now or (``replayed``) when the same was asked before."""
    of_case = _at(f"/v1/cases/{id_text(case_id)}"), _etag(version)
    return _Json(value, HTTPStatus.CREATED, *of_case, *((REPLAYED,) if replayed else ()))


def _at(location: str) -> Header:
    return b"location", location.encode()


def _etag(version: int) -> Header:
    return b"etag", b'"%d"' % version
