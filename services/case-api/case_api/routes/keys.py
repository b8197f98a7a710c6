"""Keys: who may call, made, rotated and revoked by admins; `caselog keys` does the same on the ledger itself."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created, shown
from case_api.callers.auth import check_sees_all
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.parameters import NO_CASE, Query, cursor
from case_api.views.keys import AskedKeys, KeyPage, KeyWithSecret, NewKey, Rotation, faults_of, key_view
from case_events.core.values import Fault, Problem
from case_events.ledger.callers import changing, keys
from case_events.ledger.callers.changing import OVERLAP_MAX, ForDevelopment, LastAdmin, StillRotating

KEYS = "/v1/keys"
KEY_ID_MAX = 200


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    for path, method, endpoint in (
        (KEYS, "GET", list_keys),
        (KEYS, "POST", create_key),
        (f"{KEYS}/{{key}}", "GET", get_key),
        (f"{KEYS}/{{key}}/rotate", "POST", rotate_key),
        (f"{KEYS}/{{key}}/revoke", "POST", revoke_key),
    ):
        app.add_api_route(path, endpoint, methods=[method], openapi_extra=operation(endpoint))


async def list_keys(request: Request) -> Response:
    """List the keys, revoked ones too, the oldest first; never a secret."""
    door = door_of(request)
    check_sees_all(await door.caller(request, "keys"))
    query, asked = Query(request, "limit", "cursor"), AskedKeys()
    limit = query.limit()
    after = query.after("cursor", asked)
    query.check()
    async with door.ledger.connection() as connection:
        place = (after[0], after[2]) if after else None
        found = await keys.listed(connection, after=place, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    ends_with = cursor(asked, last.created_at, NO_CASE, last.key_id) if last else None
    return shown(KeyPage(items=tuple(key_view(one) for one in found[:limit]), next=ends_with))


async def create_key(request: Request) -> Response:
    """Make a key; its secret is in this answer and nowhere else."""
    door = door_of(request)
    caller = await door.caller(request, "keys")
    check_sees_all(caller)
    Query(request).check()
    asked = bodies.understood(await bodies.read(request), NewKey)
    faults = faults_of(asked)
    if faults:
        raise Refused(invalid(*faults))
    async with door.ledger.connection() as connection:
        made, secret = await keys.create(
            connection,
            client=asked.client,
            name=asked.name,
            role=asked.role,
            marketplaces=asked.marketplaces,
            merchants=asked.merchants,
            per_minute=asked.per_minute,
            who=caller.who,
        )
        row = await keys.find(connection, made.key_id)
    assert row is not None, "it was made a moment ago, and no key is ever deleted"
    return created(KeyWithSecret(key=key_view(row), secret=secret), f"{KEYS}/{row.key_id}")


async def get_key(request: Request) -> Response:
    """Read a key: whose it is, what it may do, when it was last used; never its secret."""
    door = door_of(request)
    check_sees_all(await door.caller(request, "keys"))
    Query(request).check()
    return shown(key_view(await _found(door, _key_id(request))))


async def rotate_key(request: Request) -> Response:
    """Give a key a new secret, which is in this answer and nowhere else; the old one works for the overlap."""
    door = door_of(request)
    caller = await door.caller(request, "keys")
    check_sees_all(caller)
    Query(request).check()
    key_id = _key_id(request)
    asked = bodies.understood(await bodies.read(request), Rotation)
    try:
        async with door.ledger.connection() as connection:
            done = await changing.rotate(connection, key_id, asked.overlap, who=caller.who, sandbox=door.sandbox)
    except ValueError:
        fault = Fault(pointer="/overlap", detail=f"0 to {OVERLAP_MAX.days} days, like PT24H")
        raise Refused(invalid(fault)) from None
    except StillRotating as rotating:
        detail = "The secret before the last rotation still works, and a key has two at most; PT0S ends both at once."
        raise Refused(Problem(code="not_yet", detail=detail, opens_at=rotating.until)) from None
    except LastAdmin:
        raise Refused(_last_admin()) from None
    except ForDevelopment:
        raise Refused(Problem(code="forbidden", detail="The secret of a development key is its name.")) from None
    if done is None:
        raise Refused(NOT_FOUND)
    return shown(KeyWithSecret(key=key_view(done[0]), secret=done[1]))


async def revoke_key(request: Request) -> Response:
    """Revoke a key for good; it works no longer than 5 seconds more. Once or twice is the same."""
    door = door_of(request)
    caller = await door.caller(request, "keys")
    check_sees_all(caller)
    Query(request).check()
    key_id = _key_id(request)
    try:
        async with door.ledger.connection() as connection:
            row = await changing.revoke(connection, key_id, who=caller.who, sandbox=door.sandbox)
    except LastAdmin:
        raise Refused(_last_admin()) from None
    return shown(key_view(row or await _found(door, key_id)))


NOT_FOUND = Problem(code="not_found", detail="There is no such key.")


def _last_admin() -> Problem:
    detail = "This is the last valid admin key, and without it nobody could make another through the API."
    return Problem(code="last_admin", detail=detail)


async def _found(door: Door, key_id: str) -> keys.KeyRow:
    async with door.ledger.connection() as connection:
        row = await keys.find(connection, key_id)
    if row is None:
        raise Refused(NOT_FOUND)
    return row


def _key_id(request: Request) -> str:
    """The id in the path; what cannot be one is no key (404)."""
    said = str(request.path_params["key"])
    if not said.isprintable() or len(said) > KEY_ID_MAX:
        raise Refused(NOT_FOUND)
    return said
