"""The small words of the contract and what is filed, as frozen values.

Unknown members are ignored, and every enumeration is open (a plain ``str``), so that a later Caselog is no fault.
Instants are aware datetimes in UTC; money is in minor units (fen).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class View(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frozen value; two with equal members are equal."""


class Money(View, frozen=True, kw_only=True):
    amount: int
    currency: str


class Party(View, frozen=True, kw_only=True):
    """A side as the storefront knows it; ``id`` is ``erased`` once its key was destroyed."""

    role: str
    id: str


class Text(View, frozen=True, kw_only=True):
    """Words in both languages."""

    zh: str
    en: str


class Evidence(View, frozen=True, kw_only=True):
    """A piece of evidence as it is submitted."""

    kind: str
    uri: str
    sha256: str
    visibility: str | None = None
    region: str | None = None
    shows_at: datetime | None = None
    moved_at: datetime | None = None


class LegalEntity(View, frozen=True, kw_only=True):
    """Who a party is in law, and where."""

    name: str
    place: str
    registration: str | None = None


class Goods(View, frozen=True, kw_only=True):
    sku: str
    title: str
    category: str
    quantity: int
    price: Money


class Order(View, frozen=True, kw_only=True):
    """The order as it stood at filing."""

    order_id: str
    status: str
    created_at: datetime
    paid: Money
    freight: Money
    goods: tuple[Goods, ...]
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    succeeded_at: datetime | None = None
    closed_at: datetime | None = None
    merchant_promises: tuple[str, ...] = ()


class Complaint(View, frozen=True, kw_only=True):
    """What is filed. A plain mapping of the same members does as well, and may have members this class lacks."""

    type: str
    reason: str
    marketplace: str
    complainant: Party
    respondent: Party
    order: Order | None = None
    demand: str | None = None
    amount: Money | None = None
    description: str | None = None
    evidence: tuple[Evidence, ...] = ()
    facts: dict[str, Any] | None = None
    subtype: str | None = None
    channel: str | None = None
    instant_refund: bool = False
    previous: UUID | None = None
    complainant_entity: LegalEntity | None = None
    respondent_entity: LegalEntity | None = None
    anonymous: bool = False
    external_ref: str | None = None
    occurred_at: datetime | None = None
    test_clock: UUID | None = None
