"""What some types of complaint must know beside the order: the facts a filing brings (api.md, "Cases")."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.values import BASIS_POINTS, Identifier, Instant, Money, Private, Value, Word


class RefundFacts(Value, frozen=True, kw_only=True):
    """The refund of an order that never shipped in time: when it was applied for, and when it succeeded (domain F4)."""

    applied_at: Instant
    succeeded_at: Instant


class ReviewFacts(Value, frozen=True, kw_only=True):
    """The review a merchant complains about (domain F4): its rating, and whether it is in effect."""

    rating: Literal["positive", "neutral", "negative"]
    in_effect: bool


class ListingFacts(Value, frozen=True, kw_only=True):
    """The listing a report or an infringement complaint is about (domain F8, IP1)."""

    listing_id: Identifier
    title: Annotated[str, Meta(max_length=400)] | None = None
    url: Private | None = None


class RightsFacts(Value, frozen=True, kw_only=True):
    """The right that was infringed (domain IP1)."""

    kind: Word
    registration: Identifier | None = None


class ContractFacts(Value, frozen=True, kw_only=True):
    """What the contract with a carrier or an insurer says (domain L1-L11); ``accuracy`` in basis points."""

    amount: Money | None = None
    accuracy: Annotated[int, Meta(ge=0, le=BASIS_POINTS)] | None = None


class DocumentFacts(Value, frozen=True, kw_only=True):
    """The logistics document a complaint is about (domain L0)."""

    type: Word
    number: Identifier


class ExtensionFacts(Value, frozen=True, kw_only=True):
    """Why the complainant asks for a longer filing window (domain F3)."""

    reason: Word
    explanation: Private


class FilingFacts(Value, frozen=True, kw_only=True):
    """What a filing says beside the order; each type names what it needs, and what it does not know does no harm.

    ``circumstance``: what happened to the goods, as the type's formulas tell it apart (domain L6, L9, L10, B2).
    ``loss``, ``return_freight``: sums a formula may need. ``conformity_confirmed_at``: the buyer confirmed apparent
    conformity then (domain F11). ``extension``: the buyer asks for a longer window (domain F3).
    ``trusted``: the marketplace trusts this complainant with an instant refund (domain P6).
    """

    refund: RefundFacts | None = None
    review: ReviewFacts | None = None
    listing: ListingFacts | None = None
    rights: RightsFacts | None = None
    contract: ContractFacts | None = None
    document: DocumentFacts | None = None
    circumstance: Word | None = None
    loss: Money | None = None
    return_freight: Money | None = None
    conformity_confirmed_at: Instant | None = None
    extension: ExtensionFacts | None = None
    trusted: bool = False
