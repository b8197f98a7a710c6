"""What a receiver of webhooks does first: is it from Caselog, is it fresh, and which event does it tell of."""

from __future__ import annotations

import binascii
import hmac
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from caselog_client.feed import FeedEvent
from caselog_client.problems import NotGenuine, Unreadable
from caselog_client.values import View
from caselog_client.views import Event

TOLERANCE = timedelta(minutes=5)
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TRIAL = "caselog.webhook_test.v1"
NO_CASE = UUID(int=0)
SIGNATURES_MAX = 10
"""While secrets are rotated there are two."""
INSTANT_DIGITS_MAX = 11
"""Seconds since 1970, until the year 5138."""


class _Trial(View, frozen=True, kw_only=True):
    """What every webhook has, a trial too."""

    id: UUID
    source: str
    type: str
    time: datetime


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str], *, tolerance: timedelta = TOLERANCE
) -> FeedEvent:
    """The event of a webhook, once it is certain that Caselog signed it (Standard Webhooks 1.0).

    ``body``: the bytes as they came, before anything parsed them. ``headers``: of any framework, in upper or lower
    case. ``secrets``: the endpoint's (``whsec_…``), and the one before it while they are rotated. ``tolerance``: how
    old the signature may be, or how far ahead our clock behind theirs; older ones could be somebody's who listened.

    An event may come more than once, always with the same ``id``: keep the ids of those you have done. One that
    ``is_test`` was asked for to see whether this works: its ``subject`` is no case's, all zeros.

    Raises NotGenuine; Unreadable for what is genuine but from a version this client cannot read; ValueError for a
    secret that is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    identity, signed_at = given.get(ID, ""), _instant(given.get(TIMESTAMP, ""))
    if not identity.isascii() or not identity or signed_at is None:
        raise NotGenuine(f"{ID}, {TIMESTAMP} and {SIGNATURE} are not all there, or not as Standard Webhooks has them")
    if abs(time.time() - signed_at.timestamp()) > tolerance.total_seconds():
        raise NotGenuine(f"signed at {signed_at:%Y-%m-%dT%H:%M:%SZ}: too old, or this machine's clock is wrong")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotGenuine("the body is no text: it was changed on its way") from None
    wanted = [_signature(secret, identity, signed_at, text) for secret in _all(secrets)]
    # Every pair is compared to its end: how long this takes tells nothing about how near a guess came.
    matches = [hmac.compare_digest(one, said) for one in wanted for said in _said(given.get(SIGNATURE, ""))]
    if not any(matches):
        raise NotGenuine("no signature fits: another secret's, or something was changed on its way")
    try:
        said = msgspec.json.decode(text, type=_Trial)
        return _event(said) if said.type == TRIAL else msgspec.json.decode(text, type=FeedEvent)
    except msgspec.DecodeError as fault:
        raise Unreadable(f"a genuine webhook, but not an event: {fault}") from fault


def _event(trial: _Trial) -> FeedEvent:
    """A trial in the form of an event, so that a receiver need not know of trials: it is about a case nobody has."""
    tried = Event(
        event_id=trial.id, version=0, type="webhook_test", occurred_at=trial.time, effective_at=trial.time, data={}
    )
    return FeedEvent(
        id=trial.id,
        source=trial.source,
        type=trial.type,
        subject=NO_CASE,
        time=trial.time,
        position=0,
        sequence="0",
        policy="",
        data=tried,
        is_test=True,
    )


def _signature(secret: str, identity: str, at: datetime, text: str) -> bytes:
    try:
        return Webhook(secret).sign(identity, at, text).encode()
    except (binascii.Error, EmptyWebhookSecretError, ValueError):
        # Without the fault's own words, and without its cause: they may hold the secret.
        raise ValueError("a webhook's secret is whsec_ and base64, as the service told it") from None


def _all(secrets: str | Sequence[str]) -> Sequence[str]:
    several = (secrets,) if isinstance(secrets, str) else secrets
    if not several or not all(several):
        raise ValueError("a webhook cannot be verified without a secret")
    return several


def _said(header: str) -> list[bytes]:
    """The signatures in the header; of other versions than v1 there are none that fit."""
    return [one.encode(errors="replace") for one in header.split(" ", SIGNATURES_MAX - 1)]


def _instant(said: str) -> datetime | None:
    if not (said.isascii() and said.isdigit() and len(said) <= INSTANT_DIGITS_MAX):
        return None
    return datetime.fromtimestamp(int(said), UTC)
