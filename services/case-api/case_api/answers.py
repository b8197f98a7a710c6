"""What leaves the door when nothing was refused: JSON bytes with the headers every answer of its kind has."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from case_events.core.canonical import id_text
from case_events.outgoing.form import JSON, encoded

NDJSON = "application/x-ndjson"


def shown(value: object, version: int | None = None) -> Response:
    """What was asked for; with an ETag where it is a case at a version."""
    headers = None if version is None else {"ETag": f'"{version}"'}
    return Response(encoded(value), HTTPStatus.OK, headers, JSON)


def created(value: object, location: str, *, replayed: bool = False) -> Response:
    """Something that exists from now on, or (``replayed``) since the same was asked before."""
    headers = {"Location": location} | ({"Idempotency-Replayed": "true"} if replayed else {})
    return Response(encoded(value), HTTPStatus.CREATED, headers, JSON)


def accepted(value: object, location: str, *, replayed: bool = False) -> Response:
    """Something that was asked for and will be done, and where to see how far it is."""
    headers = {"Location": location} | ({"Idempotency-Replayed": "true"} if replayed else {})
    return Response(encoded(value), HTTPStatus.ACCEPTED, headers, JSON)


def many(results: list[bytes], *, lines: bool, brief: bool) -> Response:
    """What became of each of many, in order: as a list, or as lines; ``brief`` where only that was preferred."""
    said = b"".join(one + b"\n" for one in results) if lines else b"[" + b",".join(results) + b"]"
    headers = {"Preference-Applied": "return=minimal"} if brief else None
    return Response(said, HTTPStatus.MULTI_STATUS, headers, media_type=NDJSON if lines else JSON)


def recorded(value: object, case_id: UUID, version: int, *, replayed: bool) -> Response:
    """A step that was recorded, now or (``replayed``) when the same was asked before."""
    headers = {"Location": f"/v1/cases/{id_text(case_id)}", "ETag": f'"{version}"'}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(encoded(value), HTTPStatus.CREATED, headers, JSON)
