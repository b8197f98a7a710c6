"""Webhook endpoints: where you are told of events, how that goes, and what you may ask for once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from caselog_client.asking import Asked, Id, Pages, duration, got, keyed, read_as, said_only, segment, sent
from caselog_client.values import View

WEBHOOKS = "/v1/webhooks"


class Webhook(View, frozen=True, kw_only=True):
    """An endpoint, never its secret. ``types``, ``merchants``: its filters, None where there is none.

    ``state``: ``active``; ``paused``: retries ended, or somebody paused it; ``disabled``: its receiver said 410.
    ``why``, and since when: ``state_at``. What happens meanwhile is not lost: it goes on where it stood.
    """

    id: UUID
    client: str
    url: str
    state: str
    state_at: datetime
    created_at: datetime
    description: str = ""
    created_by: str = ""
    types: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None
    shown_marketplaces: tuple[str, ...] | None = None
    shown_merchants: tuple[str, ...] | None = None
    why: str | None = None
    deleted_at: datetime | None = None


class NewWebhook(Webhook, frozen=True, kw_only=True):
    """An endpoint and its ``secret``, which verifies what comes: told this once, and for ten minutes to the same key.

    Keep it where passwords are kept. None: it was told too long ago; rotate it.
    """

    secret: str | None = None

    def __repr__(self) -> str:
        return f"NewWebhook(id={self.id!s}, url={self.url!r}, secret=…)"


class SigningSecret(View, frozen=True, kw_only=True):
    """A secret that signs, without itself; ``until`` is None for the newest."""

    number: int
    created_at: datetime
    until: datetime | None = None


class NewSecret(View, frozen=True, kw_only=True):
    """A new secret, told this once, and which sign from now on."""

    secret: str
    signing: tuple[SigningSecret, ...] = ()

    def __repr__(self) -> str:
        return f"NewSecret(secret=…, signing={self.signing!r})"


class Circuit(View, frozen=True, kw_only=True):
    """``failures`` since the last success; nothing is sent before ``open_until``."""

    failures: int = 0
    open_until: datetime | None = None


class Parked(View, frozen=True, kw_only=True):
    """An event that Caselog cannot read for now: what is later in its case waits behind it."""

    position: int
    case_id: UUID
    version: int
    attempts: int
    error: str
    parked_at: datetime


class WebhookStanding(Webhook, frozen=True, kw_only=True):
    """An endpoint and how it stands: ``lag`` positions behind the feed; ``waiting``: events not delivered so far."""

    position: int
    head: int
    lag: int
    waiting: int
    waiting_since: datetime | None = None
    parked: tuple[Parked, ...] = ()
    circuit: Circuit = Circuit()
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    signing: tuple[SigningSecret, ...] = ()


class Errand(View, frozen=True, kw_only=True):
    """A test or a redelivery that was asked for; ``outcome`` is None until ``ended_at``."""

    id: UUID
    endpoint: UUID
    reason: str
    asked_by: str
    asked_at: datetime
    first: int | None = None
    last: int | None = None
    reached: int | None = None
    ended_at: datetime | None = None
    outcome: str | None = None


class Attempt(View, frozen=True, kw_only=True):
    """One request to your receiver and what came of it; ``event_id`` is its ``webhook-id``."""

    id: int
    endpoint: UUID
    event_id: UUID
    type: str
    reason: str
    number: int
    at: datetime
    took_ms: int
    outcome: str
    position: int | None = None
    case_id: UUID | None = None
    status: int | None = None
    detail: str | None = None


def create(
    url: str,
    *,
    description: str | None = None,
    types: Sequence[str] | None = None,
    merchants: Sequence[str] | None = None,
    after: int | None = None,
    idempotency_key: str | None = None,
) -> Asked[NewWebhook]:
    """Make an endpoint that is told of events; keep its ``secret``.

    ``types``, ``merchants``: only these. ``after``: begin behind a position of the feed; None: with what is to come.
    Raises Invalid (an address nothing is sent to, no such event), NotAllowedNow (too many), IdReused, Forbidden.
    """
    body = said_only(url=url, description=description, types=types, merchants=merchants, after=after)
    return sent(WEBHOOKS, body, read_as(NewWebhook), keyed(idempotency_key))


def all_of_them(*, state: str | None = None, limit: int = 100) -> Pages[Webhook]:
    """Your client's endpoints, or for ops, auditors and admins everybody's; ``limit`` is the size of a page.

    Raises Invalid, Forbidden.
    """
    return Pages(WEBHOOKS, Webhook, {"state": state, "limit": limit})


def get(webhook_id: Id) -> Asked[WebhookStanding]:
    """How an endpoint stands. Raises NotFound, Forbidden."""
    return got(_path(webhook_id), WebhookStanding)


def update(webhook_id: Id, changes: Mapping[str, Any]) -> Asked[Webhook]:
    """Change ``url``, ``description``, ``types`` or ``merchants``: what is left out stays, None takes a filter away.

    Raises Invalid, NotFound, Forbidden.
    """
    return sent(_path(webhook_id), dict(changes), read_as(Webhook), method="PATCH")


def delete(webhook_id: Id) -> Asked[Webhook]:
    """Delete an endpoint: nothing more is sent. Twice is the same. Raises NotFound, Forbidden."""
    return sent(_path(webhook_id), None, read_as(Webhook), method="DELETE")


def rotate(webhook_id: Id, *, overlap: timedelta | None = None) -> Asked[NewSecret]:
    """Give an endpoint a new secret; those before it sign for ``overlap`` more (a day; at most seven).

    Verify with both meanwhile. When the answer is lost this is not sent again: Unreachable; rotate once more then.
    Raises Invalid, NotFound, Forbidden.
    """
    body = {} if overlap is None else {"overlap": duration(overlap)}
    return sent(f"{_path(webhook_id)}/rotate", body, read_as(NewSecret), once=True)


def pause(webhook_id: Id, reason: str) -> Asked[Webhook]:
    """Send nothing until it is resumed; events wait. Raises NotAllowedNow, NotFound, Forbidden."""
    return sent(f"{_path(webhook_id)}/pause", {"reason": reason}, read_as(Webhook))


def resume(webhook_id: Id) -> Asked[Webhook]:
    """Go on exactly where it stood. Raises NotAllowedNow, NotFound, Forbidden."""
    return sent(f"{_path(webhook_id)}/resume", None, read_as(Webhook))


def send_test(webhook_id: Id, *, idempotency_key: str | None = None) -> Asked[Errand]:
    """Have a test event sent, once and at once, paused or not; its errand's id is the ``webhook-id``.

    Raises NotFound, Forbidden, NotAllowedNow (too many errands wait).
    """
    return sent(f"{_path(webhook_id)}/test", None, read_as(Errand), keyed(idempotency_key))


def redeliver(
    webhook_id: Id,
    *,
    event_id: Id | None = None,
    first: int | None = None,
    last: int | None = None,
    idempotency_key: str | None = None,
) -> Asked[Errand]:
    """Have one event sent again, or the positions ``first`` to ``last`` (10,000 at most), under the ids they had.

    Raises Invalid, NotFound, NotAllowedNow, IdReused, Forbidden.
    """
    body = said_only(event_id=None if event_id is None else str(event_id), first=first, last=last)
    return sent(f"{_path(webhook_id)}/redeliver", body, read_as(Errand), keyed(idempotency_key))


def errands(webhook_id: Id, *, limit: int = 100) -> Pages[Errand]:
    """The tests and redeliveries that were asked for, the latest first. Raises NotFound, Forbidden."""
    return Pages(f"{_path(webhook_id)}/errands", Errand, {"limit": limit})


def attempts(
    webhook_id: Id,
    *,
    event_id: Id | None = None,
    case_id: Id | None = None,
    outcome: str | None = None,
    limit: int = 100,
) -> Pages[Attempt]:
    """Every time something was sent in the last weeks, the latest first. Raises Invalid, NotFound, Forbidden."""
    filters = {"event_id": event_id, "case_id": case_id, "outcome": outcome, "limit": limit}
    return Pages(f"{_path(webhook_id)}/attempts", Attempt, filters)


def _path(webhook_id: Id) -> str:
    return f"{WEBHOOKS}/{segment(webhook_id)}"
