"""What admins send and are answered about keys; a secret stands in two answers only, those that make one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from case_events.core.values import IMPORT, Fault, Identifier, Instant, Text, Value
from case_events.ledger.callers.changing import OVERLAP_DEFAULT
from case_events.ledger.callers.keys import MERCHANTS_MAX, PER_MINUTE_MAX, KeyRow, Role
from case_events.outgoing.form import Shown

Only = Annotated[tuple[Identifier, ...], Meta(min_length=1, max_length=MERCHANTS_MAX)]
PerMinute = Annotated[int, Meta(ge=1, le=PER_MINUTE_MAX)]
UNPRINTABLE = "has a character that cannot be printed"
ONCE = Text(
    zh="密钥只显示这一次，服务端仅保存其哈希；遗失请轮换或新建。",
    en="The secret is shown this once and only its hash is kept; if it is lost, make another key of the same client.",
)


class NewKey(Value, frozen=True, kw_only=True):
    """A key to be made. ``client``: whose it is, and whose idempotency keys and webhooks are.

    ``marketplaces`` and ``merchants``: only their cases exist for it; left out is no limit. ``per_minute``: requests
    it may make in a minute; left out is what the settings say.
    """

    client: Identifier
    name: Identifier
    role: Role
    marketplaces: Only | None = None
    merchants: Only | None = None
    per_minute: PerMinute | None = None


class Rotation(Value, frozen=True, kw_only=True):
    """How long the old secret works beside the new one: an ISO 8601 duration of 7 days at most; PT0S is at once."""

    overlap: timedelta = OVERLAP_DEFAULT


class KeyView(Shown, frozen=True, kw_only=True):
    """A key, never its secret. ``old_until``: the secret before the last rotation works until then.

    ``last_used_at`` is to the minute, and noted within two.
    """

    key_id: str
    client: str
    name: str
    role: Role
    marketplaces: tuple[str, ...] | None
    merchants: tuple[str, ...] | None
    per_minute: int | None
    created_at: Instant
    rotated_at: Instant | None
    old_until: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


class KeyWithSecret(Shown, frozen=True, kw_only=True):
    """A key and its new secret, which is told this once."""

    key: KeyView
    secret: str
    means: Text = ONCE


class KeyPage(Shown, frozen=True, kw_only=True):
    """A page of keys, revoked ones too, the oldest first; ``next``: the cursor of the next page, null on the last."""

    items: tuple[KeyView, ...]
    next: str | None


class AskedKeys(Value, frozen=True, kw_only=True):
    """The list of all keys; cursors are bound to it."""


def key_view(row: KeyRow) -> KeyView:
    """A key as it is sent."""
    return KeyView(**{name: getattr(row, name) for name in KeyView.__struct_fields__})


def faults_of(asked: NewKey) -> list[Fault]:
    """Everything that no shape can say of a key."""
    places = [("/client", asked.client), ("/name", asked.name)]
    for name in ("marketplaces", "merchants"):
        places += [(f"/{name}/{number}", one) for number, one in enumerate(getattr(asked, name) or ())]
    faults = [Fault(pointer=place, detail=UNPRINTABLE) for place, said in places if not said.isprintable()]
    if asked.client.startswith(IMPORT):
        detail = f"what begins with {IMPORT} was imported; no client is called so"
        faults.append(Fault(pointer="/client", detail=detail))
    return faults
