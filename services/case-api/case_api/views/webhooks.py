"""What clients send and are answered about webhooks; a secret stands in two answers only, those that make one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from case_api.requests.parameters import POSITION_MAX
from case_api.views.operating import Reason
from case_events.core.events import EVENTS
from case_events.core.values import Fault, Identifier, Instant, Value, Word
from case_events.core.viewer import Viewer
from case_events.ledger.callers.keys import MERCHANTS_MAX
from case_events.ledger.feed.subscriptions import Parked
from case_events.ledger.webhooks.attempts import KnownAttempt
from case_events.ledger.webhooks.endpoints import Endpoint, State
from case_events.ledger.webhooks.errands import RANGE_MAX, Errand
from case_events.ledger.webhooks.making import Standing, Wanted
from case_events.ledger.webhooks.secrets import OVERLAP, OVERLAP_MAX, KnownSecret
from case_events.ledger.webhooks.targets import URL_MAX, wrong_with
from case_events.outgoing.form import Shown

DESCRIPTION_MAX = 500
TYPES_MAX = 100
"""More than there are events."""
Url = Annotated[str, Meta(min_length=1, max_length=URL_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_MAX)]
Types = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=TYPES_MAX)]
Merchants = Annotated[tuple[Identifier, ...], Meta(min_length=1, max_length=MERCHANTS_MAX)]
Position = Annotated[int, Meta(ge=0, le=POSITION_MAX)]


class NewWebhook(Value, frozen=True, kw_only=True):
    """An endpoint to be made. ``types``: only these events; ``merchants``: only cases of these, on either side.

    ``after``: a position of the feed to begin behind, or ``now``: only what is still to come.
    """

    url: Url
    description: Description = ""
    types: Types | None = None
    merchants: Merchants | None = None
    after: Position | Literal["now"] = "now"


class WebhookChange(Value, frozen=True, kw_only=True):
    """What changes of an endpoint: what is left out stays as it is, and null takes a filter away."""

    url: Url | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    types: Types | UnsetType | None = UNSET
    merchants: Merchants | UnsetType | None = UNSET


class SecretRotation(Value, frozen=True, kw_only=True):
    """How long the secrets so far sign beside the new one: an ISO 8601 duration, 7 days at most; PT0S is at once."""

    overlap: timedelta = OVERLAP


class Pausing(Value, frozen=True, kw_only=True):
    """Why nothing is to be sent for now."""

    reason: Reason


class Redelivery(Value, frozen=True, kw_only=True):
    """What to send once more: one event that was sent before, or the positions ``first`` to ``last``."""

    event_id: UUID | None = None
    first: Position | None = None
    last: Position | None = None


class WebhookView(Shown, frozen=True, kw_only=True):
    """An endpoint, never its secret. ``types``, ``merchants``: its filters, null where there is none.

    ``shown_marketplaces`` and ``shown_merchants`` are what the key that made it is limited to. ``state``: active,
    paused (retries ended, or somebody paused it) or disabled (its receiver said 410); ``why``, and since ``state_at``.
    """

    id: UUID
    client: str
    url: str
    description: str
    types: tuple[str, ...] | None
    merchants: tuple[str, ...] | None
    shown_marketplaces: tuple[str, ...] | None
    shown_merchants: tuple[str, ...] | None
    state: State
    why: str | None
    state_at: Instant
    created_by: str
    created_at: Instant
    deleted_at: Instant | None


class WebhookWithSecret(WebhookView, frozen=True, kw_only=True):
    """An endpoint and the secret it signs with, told this once.

    The same request again tells it for ten minutes more and null after them, or when it was rotated.
    """

    secret: str | None


class NewSecret(Shown, frozen=True, kw_only=True):
    """A new secret, told this once, and which ones sign from now on, the newest first."""

    secret: str
    signing: tuple[KnownSecret, ...]


class Circuit(Shown, frozen=True, kw_only=True):
    """``failures``: attempts that failed since the last that did not; nothing is sent before ``open_until``."""

    failures: int
    open_until: Instant | None


class WebhookStanding(WebhookView, frozen=True, kw_only=True):
    """An endpoint and how it stands: it has read up to ``position``, with ``lag`` positions ahead of it up to ``head``.

    ``waiting``: events it has read that could not be delivered so far, or are later than such a one in their case.
    ``parked``: the first 20 of them that cannot be read on our side, with why; they are read again every five minutes.
    """

    position: int
    head: int
    lag: int
    waiting: int
    waiting_since: Instant | None
    parked: tuple[Parked, ...]
    circuit: Circuit
    succeeded_at: Instant | None
    failed_at: Instant | None
    signing: tuple[KnownSecret, ...]


class WebhookPage(Shown, frozen=True, kw_only=True):
    """A page of endpoints, by client, the oldest first; ``next``: the cursor of the page after it, null on the last."""

    items: tuple[WebhookView, ...]
    next: str | None


class ErrandPage(Shown, frozen=True, kw_only=True):
    """A page of what was asked for, the latest first; ``next`` as for endpoints."""

    items: tuple[Errand, ...]
    next: str | None


class AttemptPage(Shown, frozen=True, kw_only=True):
    """A page of attempts, the latest first; ``next`` as for endpoints.

    One page looks at 10,000 attempts: it may hold fewer than its limit, even none, and still go on.
    """

    items: tuple[KnownAttempt, ...]
    next: str | None


class AskedWebhooks(Value, frozen=True, kw_only=True):
    """What of the endpoints is asked for; cursors are bound to it."""

    state: str | None


class AskedErrands(Value, frozen=True, kw_only=True):
    """The errands of one endpoint; cursors are bound to it."""

    endpoint: UUID


class AskedAttempts(Value, frozen=True, kw_only=True):
    """What of an endpoint's attempts is asked for; cursors are bound to it."""

    endpoint: UUID
    event_id: UUID | None
    case_id: UUID | None
    outcome: str | None


def webhook_view(endpoint: Endpoint) -> WebhookView:
    """The endpoint as it is sent."""
    return WebhookView(**_members(endpoint))


def with_secret(endpoint: Endpoint, secret: str | None) -> WebhookWithSecret:
    """The endpoint and its secret, this once."""
    return WebhookWithSecret(**_members(endpoint), secret=secret)


def with_standing(
    endpoint: Endpoint, now: Standing, parked: tuple[Parked, ...], signing: tuple[KnownSecret, ...]
) -> WebhookStanding:
    """The endpoint, how it stands, what of it cannot be read, and which secrets sign."""
    return WebhookStanding(
        **_members(endpoint),
        position=now.position,
        head=now.head,
        lag=now.head - now.position,
        waiting=now.waiting,
        waiting_since=now.waiting_since,
        parked=parked,
        circuit=Circuit(failures=now.failures, open_until=now.open_until),
        succeeded_at=now.succeeded_at,
        failed_at=now.failed_at,
        signing=signing,
    )


def faults_of(wanted: Wanted, limits: Viewer, *, loopback: bool) -> list[Fault]:
    """Everything wrong with an endpoint that no shape can say; ``limits``: those of the key that asks for it."""
    faults = list[Fault]()
    wrong = wrong_with(wanted.url, loopback=loopback)
    if wrong is not None:
        faults.append(Fault(pointer="/url", detail=wrong))
    for number, name in enumerate(wanted.types or ()):
        if name not in EVENTS:
            faults.append(Fault(pointer=f"/types/{number}", detail=f"no such event; one of {', '.join(EVENTS)}"))
    for number, merchant in enumerate(wanted.merchants or ()):
        if limits.merchants is not None and merchant not in limits.merchants:
            faults.append(Fault(pointer=f"/merchants/{number}", detail="not a merchant this key is limited to"))
    return faults


def overlap_of(asked: SecretRotation) -> Fault | None:
    """What is wrong with an overlap, if anything is."""
    if timedelta(0) <= asked.overlap <= OVERLAP_MAX:
        return None
    return Fault(pointer="/overlap", detail=f"0 to {OVERLAP_MAX.days} days, like PT24H")


def span_faults(asked: Redelivery) -> list[Fault]:
    """What is wrong with what is to be sent once more, beside where the endpoint stands."""
    one, many = asked.event_id is not None, asked.first is not None or asked.last is not None
    if one == many:
        detail = "say either event_id, or first and last: positions of the feed"
        return [Fault(pointer=f"/{name}", detail=detail) for name in ("event_id", "first", "last")]
    if one:
        return []
    if asked.first is None or asked.last is None:
        return [Fault(pointer="/first" if asked.first is None else "/last", detail="missing")]
    if not 1 <= asked.first <= asked.last < asked.first + RANGE_MAX:
        return [Fault(pointer="/last", detail=f"first is 1 or more, and last up to {RANGE_MAX - 1} more than first")]
    return []


def _members(endpoint: Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in WebhookView.__struct_fields__}
