"""The shape of a policy: what a marketplace may say about its complaints, as values without formulas of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.values import BASIS_POINTS, Identifier, Instant, PolicyRef, Value, Word

Count = Annotated[int, Meta(ge=1, le=100_000)]
Cap = Literal["paid", "paid_plus_freight", "none"]
"""The closed set of named formulas for the most a claim may ask for (domain F6)."""
Effect = Literal["escalate", "unlock", "concede"]
"""What a respondent's silence does (domain N6)."""

Silence = Literal["owe", "lapse"]
"""What silence on a step of the return does (domain N8)."""


class Span(Value, frozen=True, kw_only=True):
    """A length of time, said in exactly one unit.

    Seconds, hours and days are elapsed time (a day is 24 h); working and calendar days leave out the day
    they start and end at 24:00 China time of the last (design, "Durations").
    """

    seconds: Count | None = None
    hours: Count | None = None
    days: Count | None = None
    working_days: Count | None = None
    calendar_days: Count | None = None

    def __post_init__(self) -> None:
        said = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError("a span says exactly one of seconds, hours, days, working_days, calendar_days")


Term = Annotated[Span, Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1})]
"""A span as a policy says it; the schema knows "exactly one" too, so that this fault is named beside all others."""


class Text(Value, frozen=True, kw_only=True):
    """The same sentence in both languages."""

    zh: Annotated[str, Meta(min_length=1)]
    en: Annotated[str, Meta(min_length=1)]


class Filing(Value, frozen=True, kw_only=True):
    """When one may file (domain F1, F2, F4): order states, and a window counted from an instant of the order.

    ``refund_after``: only where a refund was applied for longer than this after payment, and succeeded (F4).
    """

    order_states: Annotated[tuple[Word, ...], Meta(min_length=1)]
    counted_from: Literal["created_at", "paid_at", "shipped_at", "succeeded_at", "closed_at"]
    closes_after: Term
    opens_after: Term | None = None
    refund_after: Term | None = None


class Acceptance(Value, frozen=True, kw_only=True):
    """The platform answers first (domain A1); without this table the reply clock runs from filing."""

    within: Term
    again_after: Term


class EvidenceTerms(Value, frozen=True, kw_only=True):
    """How long a side has to bring what the platform asks for (domain A3), unless the platform names another time."""

    within: Term


class Reply(Value, frozen=True, kw_only=True):
    """The respondent's turn (domain N1, N2, N6).

    It lasts ``open_period`` and then ``final_period``. Amending the claim in the open period moves nothing;
    in the final period it moves the deadline to the amendment plus ``final_period``.
    """

    open_period: Term
    on_timeout: Effect
    on_refusal: Literal["escalate", "unlock"]
    final_period: Term | None = None


class Negotiation(Value, frozen=True, kw_only=True):
    """How long the parties may talk (domain N3), counted from filing."""

    stalls_after: Term
    on_stall: Literal["escalate", "unlock"]


class Intervention(Value, frozen=True, kw_only=True):
    """How long a right to call the platform in stays open before the case lapses, and where it enters (domain I1)."""

    lapses_after: Term
    department: Word


class ShareOfPaid(Value, frozen=True, kw_only=True):
    """The amount formula "a share of what was paid", rounded half up to the fen (domain R3, M1)."""

    share_of: Literal["paid"]
    basis_points: Annotated[int, Meta(ge=1, le=BASIS_POINTS)]

    def of(self, paid: int) -> int:
        return (paid * self.basis_points + BASIS_POINTS // 2) // BASIS_POINTS


class Ruling(Value, frozen=True, kw_only=True):
    """The platform's time to rule (domain I3) and what it may rule (domain R1)."""

    within: Term
    again_after: Term
    outcomes: Annotated[tuple[Word, ...], Meta(min_length=1)]
    amounts: dict[Word, ShareOfPaid] = {}  # noqa: RUF012 (msgspec copies defaults)


class Appeal(Value, frozen=True, kw_only=True):
    """The second look (domain P1, P2): how many rulings can be appealed, the window, and the time to rule again."""

    rounds: Annotated[int, Meta(ge=0, le=9)]
    window: Term
    ruling_within: Term


class ReturnLeg(Value, frozen=True, kw_only=True):
    """Sending the goods back before the refund (domain N8): the time for each step, and what silence on it does.

    ``owe``: the refund is owed at once; ``lapse``: the case closes and nothing is owed.
    """

    address_within: Term
    ship_within: Term
    receive_within: Term
    on_address_timeout: Silence
    on_shipping_timeout: Silence
    on_receipt_timeout: Silence


class Remedy(Value, frozen=True, kw_only=True):
    """The time to do what is owed (domain P4)."""

    within: Term
    again_after: Term


class ComplaintType(Value, frozen=True, kw_only=True):
    """Everything a policy says about one type of complaint."""

    title: Text
    complainants: Annotated[tuple[Word, ...], Meta(min_length=1)]
    respondents: Annotated[tuple[Word, ...], Meta(min_length=1)]
    reasons: Annotated[tuple[Word, ...], Meta(min_length=1)]
    demands: Annotated[tuple[Word, ...], Meta(min_length=1)]
    offers: tuple[Word, ...]
    cap: Cap
    department: Word
    filing: Filing
    reply: Reply
    negotiation: Negotiation
    intervention: Intervention
    ruling: Ruling
    appeal: Appeal
    remedy: Remedy
    clauses: dict[str, Text]
    acceptance: Acceptance | None = None
    evidence: EvidenceTerms | None = None
    return_leg: ReturnLeg | None = None


LADDER = ("customer_service", "consumer_protection", "platform_supervision")
"""The departments from the first line up; a case goes up one at a time (domain I1)."""


class Policy(Value, frozen=True, kw_only=True):
    """One marketplace's rules in one version; a filed case is judged by it to its end."""

    name: Word
    version: Identifier
    marketplace: Word
    effective_from: Instant
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    minimum_notice: Term
    types: Annotated[dict[Word, ComplaintType], Meta(min_length=1)]


class InForce(Value, frozen=True, kw_only=True):
    """A policy and the digest under which it is pinned."""

    policy: Policy
    ref: PolicyRef

    def type_of(self, name: str) -> ComplaintType:
        """The rules for a type this policy has; KeyError if it has none."""
        return self.policy.types[name]
