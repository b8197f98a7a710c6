"""The small words everything else is said in: instants, money, sides, parties, evidence, problems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
INTEGER_MAX = 2**53 - 1
"""Integers stay exact in every JSON reader (RFC 8785, section 3.2.2.3)."""
TEXT_MAX = 4000
EVIDENCE_MAX = 50
BASIS_POINTS = 10_000

CaseId = UUID
EventId = UUID

Side = Literal["complainant", "respondent", "platform"]
"""Who acts in a case; events never say buyer or merchant, so that they need no names."""

ClockParty = Literal["complainant", "respondent", "platform", "both"]
Who = Literal["complainant", "respondent", "platform", "scheduler"]

# A pattern stands in the JSON Schema alone: it is asked at the door (``spelling``), not of what was stored since.
Word = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema={"pattern": r"^[a-z0-9_]+$(?!\n)"})]
"""One lower_snake word of an open enumeration."""
Identifier = Annotated[str, Meta(min_length=1, max_length=200)]
Private = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX, extra={"private": True})]
"""Text that names or may name a person: sealed wherever it is stored, ``ERASED`` once its key is destroyed."""
ERASED = "erased"
Sha256 = Annotated[str, Meta(extra_json_schema={"pattern": r"^[0-9a-f]{64}$(?!\n)"})]
Currency = Annotated[str, Meta(extra_json_schema={"pattern": r"^[A-Z]{3}$(?!\n)"})]
"""ISO 4217."""
Share = Annotated[int, Meta(ge=0, le=BASIS_POINTS)]


SHORTEST_LENGTH = len("2026-01-01T00:00:00Z")
WRITTEN_LENGTH = len("2026-01-01T00:00:00.000000Z")
"""How many characters an instant has at least, and as we write it ourselves."""


class Instant(datetime):
    """A UTC instant; written as RFC 3339 with six fraction digits, always."""

    @classmethod
    def of(cls, moment: datetime) -> Instant:
        """The same instant in UTC. Raises ValueError for a datetime without a zone."""
        if isinstance(moment, cls) and moment.tzinfo is UTC:
            return moment  # an instant and some time more or less is one
        if moment.tzinfo is None:
            raise ValueError("an instant needs a zone")
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=UTC)

    @classmethod
    def parse(cls, text: str) -> Instant:
        """An RFC 3339 instant with a zone, of the years 1970 to 2999. Raises ValueError for anything else."""
        if len(text) < SHORTEST_LENGTH or text[10] not in "Tt ":
            raise ValueError("an instant looks like 2026-01-31T08:00:00.000000Z")
        # Room on both sides, so that no zone, window or clock added to it leaves the calendar.
        if not "1970" <= text[:4] <= "2999":
            raise ValueError("an instant lies in the years 1970 to 2999")
        if len(text) == WRITTEN_LENGTH and text[-1] == "Z":
            return cls.fromisoformat(text)  # it is in UTC already
        return cls.of(datetime.fromisoformat(text))

    @lru_cache(maxsize=8192)  # noqa: B019 - it never changes; an answer, and the chain, say the same few many times
    def rfc3339(self) -> str:
        """How it is written: in UTC, with six fraction digits (RFC 3339)."""
        return self.isoformat("T", "microseconds")[:26] + "Z"


LATEST = Instant.parse("2999-12-31T23:59:59.999999Z")
"""No instant that is read lies behind it."""


class Value(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A frozen record; two with equal fields are equal, and a field nobody knows is refused.

    What is frozen when it is made holds nothing made later, so there is no cycle for the collector to look for.
    """


IMPORT = "import:"
"""How the client of everything that an import wrote begins, timeouts too; no key has one like it."""


class Text(Value, frozen=True, kw_only=True):
    """The same sentence in both languages."""

    zh: Annotated[str, Meta(min_length=1)]
    en: Annotated[str, Meta(min_length=1)]


class Money(Value, frozen=True, kw_only=True):
    """An amount in minor units (fen); never a float."""

    amount: Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
    currency: Currency


class Party(Value, frozen=True, kw_only=True):
    """One side of the complaint as the storefront knows it."""

    role: Word
    id: Annotated[str, Meta(min_length=1, max_length=200, extra={"private": True})]


class Evidence(Value, frozen=True, kw_only=True):
    """A piece of evidence (domain E1); its location is private, its digest says which file it is.

    ``region``: where a carrier's notice holds. ``shows_at``: the instant it proves: the scan of a pickup, the agreed
    day of a presale; ``moved_at``: the first movement after that scan, where there was one (domain E5).
    """

    kind: Word
    uri: Private
    sha256: Sha256
    visibility: Literal["both", "platform"] = "both"
    region: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    shows_at: Instant | None = None
    moved_at: Instant | None = None


class Goods(Value, frozen=True, kw_only=True):
    """One line of the order."""

    sku: Identifier
    title: Annotated[str, Meta(max_length=400)]
    category: Word
    quantity: Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
    price: Money


class Order(Value, frozen=True, kw_only=True):
    """The order as it stood at filing (domain F6)."""

    order_id: Identifier
    status: Word
    created_at: Instant
    paid: Money
    freight: Money
    goods: Annotated[tuple[Goods, ...], Meta(min_length=1, max_length=200)]
    paid_at: Instant | None = None
    shipped_at: Instant | None = None
    succeeded_at: Instant | None = None
    closed_at: Instant | None = None
    merchant_promises: Annotated[tuple[Word, ...], Meta(max_length=50)] = ()


class Offer(Value, frozen=True, kw_only=True):
    """What the respondent offers instead (domain N4)."""

    kind: Word
    amount: Money | None = None


class Liable(Value, frozen=True, kw_only=True):
    """A side's share of what is owed, in basis points; the shares of a ruling add up to 10,000.

    ``amount``: what the share comes to; the amounts of a ruling add up to what it grants, to the fen.
    """

    party: Side
    share: Share
    amount: Money | None = None


class Penalty(Value, frozen=True, kw_only=True):
    """What a ruling costs a side beside money (domain R2); ``points`` where the kind counts them."""

    kind: Word
    on: Literal["complainant", "respondent"] = "respondent"
    points: Annotated[int, Meta(ge=1, le=48)] | None = None


class Advance(Value, frozen=True, kw_only=True):
    """What the platform paid before anything was decided, and whom it wants it back from (domain P6).

    ``ruling``: from the respondent as far as the claim holds, from the complainant as far as it fails.
    """

    amount: Money
    ground: Literal["instant", "advance"]
    recover_from: Literal["ruling", "respondent", "complainant"]


class Recovery(Value, frozen=True, kw_only=True):
    """What a side has to pay back to the platform (domain P6)."""

    party: Literal["complainant", "respondent"]
    amount: Money


class OutsideResult(Value, frozen=True, kw_only=True):
    """What somebody outside decided (domain P5): 12315, a regulator, the police, a court."""

    authority: Word
    reference: Annotated[str, Meta(min_length=1, max_length=200)]
    result: Private


class LegalEntity(Value, frozen=True, kw_only=True):
    """Who a party is in law and where, for 12315 at its place, a regulator or a court (domain P5)."""

    name: Private
    place: Private
    registration: Private | None = None


class PolicyRef(Value, frozen=True, kw_only=True):
    """The policy in force when the case was filed, pinned for its life."""

    name: Identifier
    version: Identifier
    digest: Sha256

    def clause(self, clause: str) -> str:
        return f"{self.name}@{self.version}#{clause}"


class Clock(Value, frozen=True, kw_only=True):
    """A promise an event carries: until when, for whom, never a formula.

    ``provisional``: computed past the published calendar; it does not fire until corrected.
    ``minimum_notice``: lengthened because we wrote it late (design, "Late cascades").
    """

    kind: Word
    party: ClockParty
    due_at: Instant
    provisional: bool = False
    minimum_notice: bool = False


class Fault(Value, frozen=True, kw_only=True):
    """One thing wrong with a body: where (RFC 6901 pointer) and what."""

    pointer: str
    detail: str


class AllowedEvent(Value, frozen=True, kw_only=True):
    """An event that may be posted now, by whom, and until when where a clock runs for it."""

    type: str
    by: tuple[Side, ...]
    due_at: Instant | None = None


class Problem(Value, frozen=True, kw_only=True):
    """Why something asked was refused; the API turns the code into a status (RFC 9457).

    ``clause``: what the cited rule says, in both languages.
    """

    code: str
    detail: str
    rule: str | None = None
    clause: Text | None = None
    due_at: Instant | None = None
    opens_at: Instant | None = None
    closed_at: Instant | None = None
    current_version: int | None = None
    location: str | None = None
    allowed_events: tuple[AllowedEvent, ...] | None = None
    errors: tuple[Fault, ...] = ()
    missed: tuple[dict[str, Any], ...] | None = None
