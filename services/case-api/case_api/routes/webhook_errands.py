"""Webhooks: what was sent and what came of it, a test, and events once more."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import accepted, shown
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.headers import REUSED, id_by_key, idempotency_key
from case_api.requests.parameters import POSITION_MAX, Query, cursor
from case_api.routes.webhook_door import WEBHOOKS, check, endpoint_id_of, found, full, held, writing
from case_api.views.webhooks import (
    AskedAttempts,
    AskedErrands,
    AttemptPage,
    ErrandPage,
    Redelivery,
    span_faults,
)
from case_events.core.values import Fault
from case_events.ledger.callers.keys import Caller
from case_events.ledger.connection import Connection
from case_events.ledger.webhooks import attempts, errands
from case_events.ledger.webhooks.endpoints import Endpoint


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    one = f"{WEBHOOKS}/{{endpoint_id}}"
    for path, method, endpoint in (
        (f"{one}/test", "POST", test_webhook),
        (f"{one}/redeliver", "POST", redeliver),
        (f"{one}/errands", "GET", list_errands),
        (f"{one}/attempts", "GET", list_attempts),
    ):
        app.add_api_route(path, endpoint, methods=[method], openapi_extra=operation(endpoint))


async def test_webhook(request: Request) -> Response:
    """Have a test sent, even to an endpoint that is paused; the errand's id is its webhook-id."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    key = idempotency_key(request)
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        return await _sent_on(connection, endpoint, caller, key, None)


async def redeliver(request: Request) -> Response:
    """Have events sent once more that were sent, or passed over, before: one, or a range of positions."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    key, asked = idempotency_key(request), bodies.understood(await bodies.read(request), Redelivery)
    check(span_faults(asked))
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        first, last = asked.first, asked.last
        if asked.event_id is not None:
            first = last = await attempts.position_of(connection, endpoint.id, asked.event_id)
        if first is None or last is None:
            detail = "no attempt at this event is kept; name its position in the feed as first and last"
            raise Refused(invalid(Fault(pointer="/event_id", detail=detail)))
        return await _sent_on(connection, endpoint, caller, key, (first, last))


async def list_errands(request: Request) -> Response:
    """List what was asked for at an endpoint, tests and redeliveries, and how far each has come; the latest first."""
    door = door_of(request)
    caller = await door.caller(request, "read_webhooks")
    asked = AskedErrands(endpoint=endpoint_id_of(request))
    query = Query(request, "limit", "cursor")
    limit, after = query.limit(), query.after("cursor", asked)
    query.check()
    async with door.ledger.connection() as connection:
        endpoint = await found(connection, request, caller)
        page = await errands.listed(connection, endpoint.id, limit=limit + 1, after=after[:2] if after else None)
    last = page[limit - 1] if len(page) > limit else None
    return shown(ErrandPage(items=page[:limit], next=cursor(asked, last.asked_at, last.id) if last else None))


async def list_attempts(request: Request) -> Response:
    """List what was sent to an endpoint and what came of it, the latest first; attempts are kept for 30 days."""
    door = door_of(request)
    caller = await door.caller(request, "read_webhooks")
    query = Query(request, "event_id", "case_id", "outcome", "limit", "cursor")
    asked = AskedAttempts(
        endpoint=endpoint_id_of(request),
        event_id=query.uuid("event_id"),
        case_id=query.uuid("case_id"),
        outcome=query.one_of("outcome", attempts.OUTCOMES),
    )
    limit, after = query.limit(), query.after("cursor", asked)
    before = query.number_in(after[2], POSITION_MAX) if after else None
    query.check()
    async with door.ledger.connection() as connection:
        endpoint = await found(connection, request, caller)
        page = await attempts.listed(
            connection,
            endpoint.id,
            event_id=asked.event_id,
            case_id=asked.case_id,
            outcome=asked.outcome,
            limit=limit,
            before=before,
        )
    ends_with = None if page.before is None else cursor(asked, endpoint.created_at, endpoint.id, str(page.before))
    return shown(AttemptPage(items=page.attempts, next=ends_with))


async def _sent_on(
    connection: Connection, endpoint: Endpoint, caller: Caller, key: str | None, span: tuple[int, int] | None
) -> Response:
    errand_id = id_by_key(caller.client, f"errand/{endpoint.id}", key)
    try:
        errand, before = await errands.ask(connection, endpoint, errand_id, caller.who, span=span)
    except errands.NotRead as behind:
        detail = f"the endpoint has read up to {behind.position}; what comes after it will be sent by itself"
        raise Refused(invalid(Fault(pointer="/last", detail=detail))) from None
    except errands.TooManyErrands:
        raise full(f"{errands.ERRANDS_MAX} errands wait at this endpoint already") from None
    except errands.OtherErrand:
        raise Refused(REUSED) from None
    return accepted(errand, f"{WEBHOOKS}/{endpoint.id}/errands", replayed=before)
