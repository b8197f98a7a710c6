"""What operators send and are answered: holds, outages and what they made late, and the journal."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from case_events.core.values import Identifier, Instant, Text, Value, Word
from case_events.ledger.clock.aftermath import Aftermath, LateTimeout
from case_events.ledger.clock.holds import Hold
from case_events.ledger.clock.journal import JournalEntry
from case_events.ledger.clock.outages import KnownOutage
from case_events.outgoing.form import Shown

REASON_MAX = 1_000
Reason = Annotated[str, Meta(min_length=1, max_length=REASON_MAX, pattern=r"\S")]
MEANS = Text(
    zh="暂缓期间调度器不写入这些超时；胜负不变：任何请求仍先按期限判定，过期即过期。",
    en="The schedulers write these timeouts later. Who wins stays the same: every request still lets what is overdue "
    "run out first.",
)
"""What a hold does and does not do, said to whoever places or reads one."""


class NewHold(Value, frozen=True, kw_only=True, rename={"lasts": "for"}):
    """A hold to be placed: of what (nothing named is all there is, and needs ``all``), why, and until when.

    ``merchant_id``: complaints against this merchant. ``until`` or ``for`` how long from now: one of them.
    """

    reason: Reason
    marketplace: Word | None = None
    merchant_id: Identifier | None = None
    kind: Word | None = None
    all: bool = False
    until: Instant | None = None
    lasts: timedelta | None = None


class Release(Value, frozen=True, kw_only=True):
    """Why a hold ends before its time."""

    reason: Reason


class PlacedHold(Shown, frozen=True, kw_only=True):
    """A hold, and what it means."""

    hold: Hold
    means: Text = MEANS


class HoldPage(Shown, frozen=True, kw_only=True):
    """Holds, the latest first."""

    items: tuple[Hold, ...]
    means: Text = MEANS


class NewOutage(Value, frozen=True, kw_only=True):
    """An outage that the schedulers could not measure: they ran, and the marketplaces could not reach us."""

    began_at: Instant
    ended_at: Instant
    reason: Reason


class OutagePage(Shown, frozen=True, kw_only=True):
    """A page of outages, what ended last coming first; ``next``: the cursor of the page after it, null on the last."""

    items: tuple[KnownOutage, ...]
    next: str | None


class OutageReport(Shown, frozen=True, kw_only=True):
    """An outage and what it made late."""

    outage: KnownOutage
    aftermath: Aftermath


class LateTimeoutPage(Shown, frozen=True, kw_only=True):
    """A page of the timeouts that an outage made late, by their legal instants; ``next`` as for outages."""

    items: tuple[LateTimeout, ...]
    next: str | None


class JournalPage(Shown, frozen=True, kw_only=True):
    """A page of the journal, the latest entry first; ``next`` as for outages."""

    items: tuple[JournalEntry, ...]
    next: str | None


class AskedOutages(Value, frozen=True, kw_only=True):
    """The list of all outages; cursors are bound to it."""


class AskedLate(Value, frozen=True, kw_only=True):
    """The timeouts that one outage made late; cursors are bound to it."""

    outage: UUID


class AskedJournal(Value, frozen=True, kw_only=True):
    """The whole journal; cursors are bound to it."""
