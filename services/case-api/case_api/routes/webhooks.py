"""Webhooks: where a client wants to be told of events, of which, and how that goes."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created, shown
from case_api.callers.auth import shelf_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.headers import REUSED, id_by_key, idempotency_key
from case_api.requests.parameters import Query, cursor
from case_api.routes.webhook_door import (
    NOT_FOUND,
    SPENT,
    WEBHOOKS,
    check,
    found,
    full,
    held,
    writing,
)
from case_api.views.webhooks import (
    AskedWebhooks,
    NewSecret,
    NewWebhook,
    Pausing,
    SecretRotation,
    WebhookChange,
    WebhookPage,
    faults_of,
    overlap_of,
    webhook_view,
    with_secret,
    with_standing,
)
from case_events.core.values import Fault
from case_events.ledger.feed import subscriptions
from case_events.ledger.feed.rows import BeyondFeed
from case_events.ledger.webhooks import endpoints, making, secrets
from case_events.ledger.webhooks.making import Wanted

PARKED_MAX = 20


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    one = f"{WEBHOOKS}/{{endpoint_id}}"
    for path, method, endpoint in (
        (WEBHOOKS, "POST", make_webhook),
        (WEBHOOKS, "GET", list_webhooks),
        (one, "GET", get_webhook),
        (one, "PATCH", change_webhook),
        (one, "DELETE", delete_webhook),
        (f"{one}/rotate", "POST", rotate_webhook),
        (f"{one}/pause", "POST", pause_webhook),
        (f"{one}/resume", "POST", resume_webhook),
    ):
        app.add_api_route(path, endpoint, methods=[method], openapi_extra=operation(endpoint))


async def make_webhook(request: Request) -> Response:
    """Make an endpoint that is told of events; the secret it signs with is in this answer and nowhere else."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    key, body = idempotency_key(request), await bodies.read(request)
    asked, shelf = bodies.understood(body, NewWebhook), shelf_of(caller)
    wanted = Wanted(url=asked.url, description=asked.description, types=asked.types, merchants=asked.merchants)
    check(faults_of(wanted, shelf.viewer, loopback=door.loopback))
    vault, digest = door.ledger.vault, None if key is None else door.ledger.vault.asked(body)
    made = making.Origin(id=id_by_key(caller.client, "webhook", key), who=caller.who, after=asked.after, asked=digest)
    try:
        async with writing(door) as connection:
            endpoint, secret, before = await making.create(connection, vault, wanted, shelf, made)
    except making.TooMany as many:
        raise full(str(many)) from None
    except making.Deleted:
        raise Refused(SPENT) from None
    except making.OtherEndpoint:
        raise Refused(REUSED) from None
    except BeyondFeed as beyond:
        detail = f"the feed ends at {beyond.head}: this position was not given"
        raise Refused(invalid(Fault(pointer="/after", detail=detail))) from None
    return created(with_secret(endpoint, secret), f"{WEBHOOKS}/{endpoint.id}", replayed=before)


async def list_webhooks(request: Request) -> Response:
    """List your client's endpoints; ops, auditors and admins see every client's."""
    door = door_of(request)
    shelf = shelf_of(await door.caller(request, "read_webhooks"))
    query = Query(request, "state", "limit", "cursor")
    asked = AskedWebhooks(state=query.one_of("state", endpoints.STATES))
    limit, after = query.limit(), query.after("cursor", asked)
    query.check()
    async with door.ledger.connection() as connection:
        place = after[1] if after else None
        page = await endpoints.listed(connection, shelf, state=asked.state, limit=limit + 1, after=place)
    last = page[limit - 1] if len(page) > limit else None
    ends_with = cursor(asked, last.created_at, last.id) if last else None
    return shown(WebhookPage(items=tuple(webhook_view(one) for one in page[:limit]), next=ends_with))


async def get_webhook(request: Request) -> Response:
    """Read an endpoint: how far it has read, what waits, and how its receiver answered lately."""
    door = door_of(request)
    caller = await door.caller(request, "read_webhooks")
    Query(request).check()
    async with door.ledger.connection() as connection:
        endpoint = await found(connection, request, caller)
        standing = await making.standing(connection, endpoint)
        parked = await subscriptions.parked(connection, endpoint.subscription, limit=PARKED_MAX)
        signing = await secrets.known(connection, endpoint.id)
    if standing is None:
        raise Refused(NOT_FOUND)
    return shown(with_standing(endpoint, standing, parked, signing))


async def change_webhook(request: Request) -> Response:
    """Change where an endpoint is or what it is told; it goes on where it stood."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    said = msgspec.structs.asdict(bodies.understood(await bodies.read(request), WebhookChange))
    changes = {name: value for name, value in said.items() if value is not msgspec.UNSET}
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        kept = {name: getattr(endpoint, name) for name in Wanted.__struct_fields__}
        wanted = Wanted(**{**kept, **changes})
        faults = faults_of(wanted, shelf_of(caller).viewer, loopback=door.loopback)
        check([one for one in faults if one.pointer.split("/")[1] in changes])
        changed = await making.change(connection, endpoint, wanted, caller.who)
    return shown(webhook_view(changed))


async def delete_webhook(request: Request) -> Response:
    """Delete an endpoint: nothing more is sent, and its secrets are gone. Once or twice is the same."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller, deleted=True)
        return shown(webhook_view(await making.delete(connection, endpoint, caller.who)))


async def rotate_webhook(request: Request) -> Response:
    """Give an endpoint a new secret, which is in this answer and nowhere else; the old one signs for the overlap."""
    door = door_of(request)
    caller = await door.caller(request, "webhooks")
    Query(request).check()
    asked = bodies.understood(await bodies.read(request), SecretRotation)
    fault = overlap_of(asked)
    check([] if fault is None else [fault])
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        secret = await making.rotate(connection, door.ledger.vault, endpoint, asked.overlap, caller.who)
        signing = await secrets.known(connection, endpoint.id)
    return shown(NewSecret(secret=secret, signing=signing))


async def pause_webhook(request: Request) -> Response:
    """Send an endpoint nothing until it is resumed: it reads no further, and nothing is lost."""
    door = door_of(request)
    caller = await door.caller(request, "oversee_webhooks")
    Query(request).check()
    asked = bodies.understood(await bodies.read(request), Pausing)
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        await endpoints.pause(connection, endpoint.id, asked.reason, caller.who)
        return shown(webhook_view(await found(connection, request, caller)))


async def resume_webhook(request: Request) -> Response:
    """Let an endpoint go on exactly where it stood; what waits is tried at once."""
    door = door_of(request)
    caller = await door.caller(request, "oversee_webhooks")
    Query(request).check()
    async with writing(door) as connection:
        endpoint = await held(connection, request, caller)
        await endpoints.resume(connection, endpoint.id, caller.who)
        return shown(webhook_view(await found(connection, request, caller)))
