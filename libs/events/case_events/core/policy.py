"""The shape of a policy: a marketplace's rules in one version, type by type, as values."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.formulas import Formula
from case_events.core.spans import Count, Term
from case_events.core.terms import (
    Acceptance,
    AdvanceTerms,
    Appeal,
    Clause,
    Collective,
    Credit,
    Department,
    Elsewhere,
    EvidenceKinds,
    EvidenceTerms,
    Filing,
    FollowUp,
    Intervention,
    Lateness,
    Negotiation,
    Relief,
    Remedy,
    Reminders,
    Reply,
    ReturnLeg,
    Ruling,
    Words,
)
from case_events.core.values import Identifier, Instant, PolicyRef, Text, Value, Word

Cap = Literal["paid", "paid_plus_freight", "none", "nothing"]
"""The named caps of a claim (domain F6); ``nothing``: this type claims no money. Any other is a formula."""


class ComplaintType(Value, frozen=True, kw_only=True):
    """Everything a policy says about one type of complaint.

    No ``reply``: the respondent has no turn, the platform decides at once (a report). ``demands_of``: other demands
    for a reason (F10). ``entry``: the department a reason enters at (I1). ``anonymity``: whether the complainant may
    stay, or always stays, unnamed (F8). ``takedown_at``: when an infringing listing goes (IP1). ``placeholders``:
    the figures the sources do not give, by their dotted path.
    """

    title: Text
    complainants: Annotated[Words, Meta(min_length=1)]
    respondents: Annotated[Words, Meta(min_length=1)]
    reasons: Annotated[Words, Meta(min_length=1)]
    demands: Annotated[Words, Meta(min_length=1)]
    cap: Cap | Formula
    department: Word
    filing: Filing
    intervention: Intervention
    ruling: Ruling
    appeal: Appeal
    remedy: Remedy
    clauses: dict[str, Clause]
    offers: Words = ()
    kind: Word = "complaint"
    reply: Reply | None = None
    negotiation: Negotiation | None = None
    acceptance: Acceptance | None = None
    evidence: EvidenceTerms | None = None
    return_leg: ReturnLeg | None = None
    follow_up: FollowUp | None = None
    advance: AdvanceTerms | None = None
    lateness: Lateness | None = None
    reminders: Reminders = {}
    demands_of: dict[Word, Words] = {}
    entry: dict[Word, Word] = {}
    anonymity: Literal["never", "allowed", "always"] = "allowed"
    takedown_at: Literal["acceptance", "decision"] | None = None
    subtypes: dict[Word, ComplaintType] = {}
    placeholders: tuple[str, ...] = ()


LADDER = ("customer_service", "consumer_protection", "platform_supervision")
"""The departments from the first line up, where a policy names none; a case goes up one at a time (domain I1)."""


class Policy(Value, frozen=True, kw_only=True):
    """One marketplace's rules in one version; a filed case is judged by it to its end.

    ``priority_up_to``: how far clocks that run out raise the priority of a case; pressing (I2) goes on from there.
    """

    name: Word
    version: Identifier
    marketplace: Word
    effective_from: Instant
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    minimum_notice: Term
    types: Annotated[dict[Word, ComplaintType], Meta(min_length=1)]
    priority_up_to: Count | None = None
    departments: tuple[Department, ...] = ()
    collective: Collective | None = None
    credit: Credit | None = None
    evidence_kinds: EvidenceKinds | None = None
    relief: Relief | None = None
    elsewhere: dict[Word, Elsewhere] = {}
    placeholders: tuple[str, ...] = ()

    @property
    def ladder(self) -> tuple[str, ...]:
        """The departments a case goes up, one at a time."""
        return tuple(one.name for one in self.departments) or LADDER


class InForce(Value, frozen=True, kw_only=True):
    """A policy and the digest under which it is pinned."""

    policy: Policy
    ref: PolicyRef

    def type_of(self, name: str, subtype: str | None = None) -> ComplaintType:
        """The rules for a type, or for a subtype of it. Raises KeyError if this policy has none."""
        rules = self.policy.types[name]
        return rules.subtypes[subtype] if subtype is not None else rules
