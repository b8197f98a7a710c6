"""What goes out beside cases: the policies, what a problem means, and whether we are ready."""

from __future__ import annotations

from datetime import date

from case_api.refusals.problems import ProblemView
from case_events.core.policy import InForce, Policy
from case_events.core.values import Instant, Text, Word
from case_events.outgoing.form import Shown


class PolicyItem(Shown, frozen=True, kw_only=True):
    """A policy as the list shows it."""

    name: Word
    version: str
    digest: str
    marketplace: Word
    effective_from: Instant
    types: tuple[Word, ...]


class PolicyPage(Shown, frozen=True, kw_only=True):
    """Every policy that is kept."""

    items: tuple[PolicyItem, ...]
    next: str | None


class PolicyView(Shown, frozen=True, kw_only=True):
    """A policy with the digest cases pin it by: the SHA-256 of the canonical JSON (RFC 8785) of the data in ``text``.

    ``text``: the TOML as it was loaded; ``policy``: what it says, spelled out.
    """

    name: Word
    version: str
    digest: str
    policy: Policy
    text: str


class ProblemWords(Shown, frozen=True, kw_only=True):
    """What a problem's code means, and ``then``: what to do about it.

    ``waiting_helps``: the same may be answered a moment later; Retry-After says when to come back.
    """

    code: str
    status: int
    title: str
    zh: str
    en: str
    then: Text
    waiting_helps: bool
    example: ProblemView | None


class Readiness(Shown, frozen=True, kw_only=True):
    """Whether requests can be answered, and what is not as it should be although they can.

    ``warnings``: ``calendar`` while published days (until ``calendar_until``) are few: load the next year's in time.
    The feed: its last position, and when events were last looked for and found.
    """

    ready: bool
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    calendar_until: date
    scheduler_seen_at: Instant | None
    overdue_s: int
    feed_head: int
    feed_ticked_at: Instant | None


def policy_item(in_force: InForce) -> PolicyItem:
    """A policy as the list shows it."""
    policy, ref = in_force.policy, in_force.ref
    return PolicyItem(
        name=ref.name,
        version=ref.version,
        digest=ref.digest,
        marketplace=policy.marketplace,
        effective_from=policy.effective_from,
        types=tuple(policy.types),
    )
