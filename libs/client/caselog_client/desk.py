"""What the desk and the operators read, as frozen values; unknown members are ignored and every word is open."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from caselog_client.pieces import Deadline
from caselog_client.values import Evidence, Text, View


class StoredEvidence(View, frozen=True, kw_only=True):
    """A file that was put away; ``evidence`` goes as it is into what is posted."""

    evidence: Evidence
    size: int
    media_type: str


class CountedDeadline(Deadline, frozen=True, kw_only=True):
    """A running deadline, and how it was counted: the service's own words for it."""

    counting: dict[str, Any] | None = None
    moves: tuple[dict[str, Any], ...] = ()


class CountedDeadlines(View, frozen=True, kw_only=True):
    """The running deadlines of a case, what is due first coming first."""

    items: tuple[CountedDeadline, ...]


class DeadlineItem(Deadline, frozen=True, kw_only=True):
    """A running deadline and its case. ``test_clock``: the test clock it goes by; None is real time."""

    case_id: UUID
    number: str
    type: str
    marketplace: str
    status: str
    live: bool = True
    test_clock: UUID | None = None
    department: str | None = None
    assignee: str | None = None
    priority: int = 0


class ClockDue(View, frozen=True, kw_only=True):
    """A running clock of a case: it fires once its test clock has passed ``due_at``."""

    case_id: UUID
    number: str
    kind: str
    party: str
    due_at: datetime
    set_by: int


class MerchantCount(View, frozen=True, kw_only=True):
    """How often the platform was called in against a merchant, in how many cases, and what came of those."""

    merchant_id: str
    interventions: int
    cases: int
    upheld: int = 0
    partly_upheld: int = 0
    rejected: int = 0


class Counts(View, frozen=True, kw_only=True):
    """How many cases there are, and of which kinds; ``merchants``: those with the most interventions."""

    cases: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_outcome: dict[str, int]
    by_kind: dict[str, int]
    interventions: int = 0
    merchants: tuple[MerchantCount, ...] = ()


class Readiness(View, frozen=True, kw_only=True):
    """Whether requests can be answered; ``missing`` says why not, ``warnings`` what else is not as it should be."""

    ready: bool
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    calendar_until: date | None = None
    scheduler_seen_at: datetime | None = None
    overdue_s: int = 0
    feed_head: int = 0
    feed_ticked_at: datetime | None = None


class Hold(View, frozen=True, kw_only=True):
    """Timeouts that are written later, and of what: what is None is not limited."""

    id: UUID
    reason: str
    status: str
    placed_by: str
    placed_at: datetime
    marketplace: str | None = None
    merchant_id: str | None = None
    kind: str | None = None
    until: datetime | None = None
    released_at: datetime | None = None
    released_by: str | None = None


class Holds(View, frozen=True, kw_only=True):
    """Holds, the latest first, and what a hold means."""

    items: tuple[Hold, ...]
    means: Text | None = None


class Outage(View, frozen=True, kw_only=True):
    """A time in which Caselog could not be reached or did not run, measured or declared."""

    id: UUID
    began_at: datetime
    ended_at: datetime
    source: str
    reason: str
    recorded_by: str
    recorded_at: datetime


class JournalEntry(View, frozen=True, kw_only=True):
    """One thing that an operator or a scheduler did: ``what`` in the past tense, by ``who``."""

    number: int
    at: datetime
    what: str
    who: str
    data: dict[str, Any]


class Mark(View, frozen=True, kw_only=True):
    """The watermark: no live deadline before ``at`` is unprocessed, unless it says ``breached``."""

    at: datetime | None = None
    lag_s: float | None = None
    published_at: datetime | None = None
    breached: bool = False


class Scheduler(View, frozen=True, kw_only=True):
    """How the clock is, at ``now`` by the database; the members that are mappings are as the reference has them."""

    now: datetime
    watermark: Mark
    clock: dict[str, Any]
    overdue: dict[str, Any]
    lateness: dict[str, Any]
    schedulers: tuple[dict[str, Any], ...]
    calendar: dict[str, Any]
    holds: tuple[Hold, ...] = ()
    forecast: dict[str, Any] | None = None
