"""What every webhook route has at hand: the endpoint in the path, held or only read, and what is refused alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.requests import Request

from case_api.callers.auth import shelf_of
from case_api.door import Door
from case_api.refusals.problems import Refused, invalid
from case_api.requests.parameters import uuid_of
from case_events.core.values import Fault, Problem
from case_events.ledger.callers.keys import Caller
from case_events.ledger.connection import Connection
from case_events.ledger.webhooks import endpoints
from case_events.ledger.webhooks.endpoints import Endpoint

WEBHOOKS = "/v1/webhooks"
NOT_FOUND = Problem(code="not_found", detail="There is no such webhook endpoint.")
SPENT = Problem(code="id_reused", detail="What this key made was deleted; another one needs another key.")


@asynccontextmanager
async def writing(door: Door) -> AsyncIterator[Connection]:
    """A connection in a transaction, which is over when the block is."""
    async with door.ledger.connection() as connection, connection.transaction():
        yield connection


async def found(connection: Connection, request: Request, caller: Caller) -> Endpoint:
    """The endpoint in the path. Refused: foreign and unknown ones are not found."""
    endpoint = await endpoints.find(connection, endpoint_id_of(request), shelf_of(caller))
    if endpoint is None:
        raise Refused(NOT_FOUND)
    return endpoint


async def held(connection: Connection, request: Request, caller: Caller, *, deleted: bool = False) -> Endpoint:
    """The same, held until the transaction ends; ``deleted``: even one that was deleted."""
    endpoint = await endpoints.hold(connection, endpoint_id_of(request), shelf_of(caller), deleted=deleted)
    if endpoint is None:
        raise Refused(NOT_FOUND)
    return endpoint


def endpoint_id_of(request: Request) -> UUID:
    """The id in the path; what is no UUID is no endpoint (404)."""
    return uuid_of(str(request.path_params["endpoint_id"]))


def check(faults: list[Fault]) -> None:
    """Refuse what has any."""
    if faults:
        raise Refused(invalid(*faults))


def full(detail: str) -> Refused:
    """Refuse one more of what there may be so many of."""
    return Refused(invalid(Fault(pointer="", detail=detail)))
